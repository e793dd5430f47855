-- Channel pruning: whole channels go, round by round, until the network needs the FLOPs that are asked for; then it is made smaller.
-- It shows what speed costs: Compact computes what Pruned does, in less time; compare it with Dense, which was trained for as long.
--
--   yolua recipes/prune_channels.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR target.flops=.4
--   yolua recipes/prune_channels.lua              on synthetic streets, with the bundled network
--
-- The run directory holds compact/model.cfg, .weights and .names, which Darknet reads too, and compact.safetensors.
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, augment = "standard", optim = { name = "adam", lr = 1e-3, schedule = "cosine" },
  pattern = "channel", score = "filter_l2", target = { flops = 0.4 }, schedule = "cubic", rounds = 24, hold = 8,
  round_to = 4, recalibrate = 64,
}, { "prune" }), { ["target.flops"] = 0.5, rounds = 8, hold = 4, ["optim.lr"] = 2e-3 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o)

run:eval("Original", net, data.dev)
local dense = yl.reuse { name = "dense", run = run, net = yl.load(o), options = o, yl.keep.best "dev_loss",
  with = { epochs = math.ceil(o.rounds * o.epochs) } }
run:eval("Dense", dense, data.dev)

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, yl.prune(o) }
local pruned = run:best()
run:eval("Pruned", pruned, data.dev)

local compact = yl.compact(pruned)
run:eval("Compact", compact, data.dev)
compact:save(run:path "compact/")
compact:save(run:path "compact.safetensors")
run:report()
