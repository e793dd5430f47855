-- Channel pruning: whole channels go, round by round, until the network needs the FLOPs that are asked for; it is trained on for `tune`
-- epochs, and then made smaller.
-- It shows what speed costs: Compact computes what Pruned does, in less time; compare it with Control, trained for as long.
--
--   yolua recipes/prune_channels.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR target.flops=.4
--   yolua recipes/prune_channels.lua              on synthetic streets, with the bundled network
--
-- The run directory holds compact/model.cfg, .weights and .names, which Darknet reads too, and compact.safetensors.
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, augment = "standard", statistics = "running", ema = 0.99, optim = { name = "adamw", lr = 1e-4 },
  pattern = "channel", score = "filter_l2", target = { flops = 0.4 }, schedule = "cubic", rounds = 24, round_to = 4,
  distill = { weight = 0 },
}, {
  "prune", "distill",
  { "tune", "int", 4, "epochs", "how long the pruned network is trained on", min = 0 },
  { "control", "bool", true, "", "also train the dense network, for as many epochs" },
}), { ["target.flops"] = 0.5, rounds = 8, ["optim.lr"] = 2e-3 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local dense, net = yl.load(o), yl.load(o)
yl.fit_input(o, net, data)

run:eval("Start", dense, data.dev)
net:freeze(o.freeze)
local pruning = yl.train { net = net, data = data, run = run, options = o, yl.prune(o), table.unpack(yl.distill.wanted(o, dense)) }
o.epochs = o.tune -- from here on an epoch is no round's
yl.train { net = net, data = data, run = run, options = o, table.unpack(yl.distill.wanted(o, dense)) }

-- The dense network after as many epochs.
local function control(length)
  if not o.control then return end
  local _, _, dir = yl.reuse { name = "dense", run = run, net = dense, options = o, with = { epochs = length }, yl.keep.epochs { length } }
  run:eval("Control", yl.load { model = ("%s/epoch-%d.safetensors"):format(dir, length), device = o.device }, data.dev)
end

control(pruning.epochs + o.tune)
local pruned = yl.copy(net)
run:eval("Pruned", pruned, data.dev)
pruned:save(run:path "best.safetensors")
local compact = yl.compact(pruned)
run:eval("Compact", compact, data.dev)
compact:save(run:path "compact/")
compact:save(run:path "compact.safetensors")
run:report()
