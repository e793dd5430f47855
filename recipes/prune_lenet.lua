-- Deep Compression's first table (Han et al. 2016): LeNet-300-100 and LeNet-5 on MNIST with 8 % of their weights. Trains the network,
-- prunes it along a cubic schedule while it trains on, trains each kept network on with its zeros held, and scores all on the test split.
-- It shows that the error of a network that is much too large for its task does not rise when most of it is gone.
--
--   yolua recipes/prune_lenet.lua data.root=DIR [model=lenet5] [target=.97 keep=.92,.96,.97] [key=value ...]    DIR: MNIST's four idx files
--   yolua recipes/prune_lenet.lua                                                                               on drawn digits
local yl = require "yolua"

local o = yl.options({
  model = "lenet300", data = { name = "mnist" }, batch = 100, optim = { name = "adam", lr = 1e-3, schedule = "constant" },
  target = 0.92, also = "head", rounds = 12,
}, {
  "prune",
  { "pretrain", "int", 10, "epochs", "how long the network is trained before anything is pruned", min = 0 },
  { "tune", "int", 8, "epochs", "how long each kept network is trained on with its zeros held", min = 0 },
})
local run <close> = yl.run(o)
o.keep = o.keep or { o.target.sparsity }
local data = yl.data(o.data)

-- Moves each training picture by up to two pixels, each time anew.
local function shift()
  local function move(_, t)
    local n, h, w = table.unpack(t.pixels:shape())
    local by = (yl.rand { n, 2, seed = t.options.seed * 1000003 + t.epoch * 10007 + t.batch_done } * 5):floor() - 2
    for i, pair in ipairs(by:totable()) do
      local picture, y, x = t.pixels[i], math.tointeger(pair[1]), math.tointeger(pair[2])
      local kept = picture[{ { 1 + math.max(0, -y), h - math.max(0, y) }, { 1 + math.max(0, -x), w - math.max(0, x) } }]:clone()
      picture:fill_(0)
      picture[{ { 1 + math.max(0, y), h - math.max(0, -y) }, { 1 + math.max(0, x), w - math.max(0, -x) } }]:copy_(kept)
    end
  end
  return { name = "shift", on = { batch = move } }
end

local net = yl.reuse { name = "dense", run = run, net = yl.load(o), options = o, shift(), yl.keep.best "dev_loss",
  with = { epochs = o.pretrain, optim = { schedule = "cosine" } } }
run:eval("Dense", net, data:list "test")

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, shift(), yl.prune(o) }

o.epochs, o.optim.schedule = o.tune, "cosine" -- from here on an epoch is no round's
yl.prune.kept(run):each(function(row)
  local model = yl.load { model = run:path(row.file), full = true, device = o.device }
  yl.train { net = model:freeze(o.freeze), data = data, run = run, options = o, shift() }
  run:eval(row.name .. " zeros", model, data:list "test")
end)
run:report()
