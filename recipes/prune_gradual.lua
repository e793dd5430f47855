-- Gradual pruning: weights are set to zero along a cubic schedule (many at first, few at the end) while the rest is retrained. The network
-- of each sparsity in keep= is kept on the way, and trained on for `tune` epochs with its zeros held.
-- It shows how many weights a detector needs: the report compares "90 %, tuned" with "90 %, control", the dense network trained as long.
--
--   yolua recipes/prune_gradual.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR target=.9 [key=value ...]
--   yolua recipes/prune_gradual.lua              on synthetic streets, with the bundled network
--
-- The rate is constant and the weights are averaged, so that every network on the way is one to judge, and one control serves all rows.
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, augment = "standard", statistics = "running", ema = 0.99, optim = { name = "adamw", lr = 1e-4 },
  target = 0.9, schedule = "cubic", rounds = 24, distill = { weight = 0 },
}, {
  "prune", "distill",
  { "tune", "int", 4, "epochs", "how long each kept network is trained on with its zeros held", min = 0 },
  { "control", "bool", true, "", "also train the dense network, for as many epochs as each row took" },
}), { target = 0.7, rounds = 12, ["optim.lr"] = 2e-3 })
-- A goal in FLOPs or ms names no sparsity.
o.keep = o.keep or not (o.target.flops or o.target.ms) and { o.target.sparsity }
  or error "keep is missing: expected the sparsities to keep (keep=.5,.7) beside a target in FLOPs or ms"
local run <close> = yl.run(o)
local data = yl.data(o.data)
local dense, net = yl.load(o), yl.load(o)
yl.fit_input(o, net, data)

run:eval("Start", dense, data.dev)
net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, yl.prune(o), table.unpack(yl.distill.wanted(o, dense)) }

local rows = yl.prune.kept(run)
local ends = rows:ends(o.tune) -- after how many epochs each row is done

-- The dense network after as many.
local function control()
  if not o.control then return end
  local _, _, dir = yl.reuse { name = "dense", run = run, net = dense, options = o, with = { epochs = math.max(table.unpack(ends)) },
    yl.keep.epochs(ends) }
  for i, row in ipairs(rows) do
    run:eval(row.name .. ", control", yl.load { model = ("%s/epoch-%d.safetensors"):format(dir, ends[i]), device = o.device }, data.dev)
  end
end

-- Trains on what was kept, from its full state.
local function tune(row)
  local model = yl.load { model = run:path(row.file), full = true, device = o.device }
  run:eval(row.name, model, data.dev)
  model:freeze(o.freeze)
  yl.train { net = model, data = data, run = run, options = o, table.unpack(yl.distill.wanted(o, dense)) }
  run:eval(row.name .. ", tuned", model, data.dev, { against = o.control and row.name .. ", control" or nil })
  model:save(run:path(row.tuned))
  if row.sparsest then model:save(run:path "best.safetensors") end
end

control()
o.epochs = o.tune -- from here on an epoch is no round's
rows:each(tune)
run:report()
