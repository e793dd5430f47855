-- The poster's pruning, as literally as its text allows: set the smallest 2 % of what is left of all weights to zero, retrain for a moment,
-- repeat. It reports poor detections. Each likely fault is then mended alone, and all of them together; a table says which one kills it.
--
--   yolua recipes/prune_poster.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR data.limit=200 [...]
--   yolua recipes/prune_poster.lua               on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 1, freeze = "none", statistics = "batch", optim = { name = "adam", lr = 1e-4 }, step = 0.02, rounds = 45, epochs = 0.25,
}, {
  "prune", { "tune", "int", 5, "epochs", "fine-tuning before anything is pruned", min = 0 },
}), { tune = 30, step = 0.06, rounds = 15, ["optim.lr"] = 1e-3 })
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load(o)
yl.fit_input(o, net, data)

local dense, _, from = yl.reuse { name = "poster-dense", run = run, net = net, options = o, yl.keep.best "dev_loss",
  with = { epochs = o.tune, batch = 8, statistics = "running", augment = "standard" } }
run:eval("Dense", dense, data.dev)

-- One training. with: options that differ from the literal ones; spec: the same for the pruning.
local function row(name, with, spec)
  local all = { every = o.epochs, rounds = o.rounds, step = o.step, judge = o.judge, masks = "once", also = { "head", "bn", "bias" },
    schedule = function(s) return 1 - (1 - s.options.step) ^ s.round end }
  for key, value in pairs(spec) do all[key] = value end
  with.epochs = 1 -- the rounds decide how long it is
  local model, _, dir = yl.reuse { name = "poster-" .. name:gsub("%W+", "-"), run = run, options = o, with = with,
    net = yl.load { model = from .. "/best.safetensors" }, yl.prune(all) }
  run:eval(name, model, data.dev)
  return { name, dir }
end

local long, spared = 4 * o.epochs, { "bias" }
run:table(yl.prune.ablation(run, {
  row("literal", {}, {}),
  row("masks held", {}, { masks = "hold" }),
  row("gradients masked, Adam", {}, { masks = "gradient" }),
  row("gradients masked, SGD", { optim = { name = "sgd", lr = o.optim.lr, momentum = 0 } }, { masks = "gradient" }),
  row("head and batch-norm spared", {}, { also = spared }),
  row("batch of 8", { batch = 8 }, {}),
  row("running statistics", { statistics = "running" }, {}),
  row("four times the retraining", {}, { every = long }),
  row("all mended", { statistics = "running", batch = 8 }, { masks = "hold", also = {}, every = long }),
}))
run:report()
