-- Topologies from what remains: a detector is pruned, a smaller one is proposed whose layers are as wide as what the pruned one still uses,
-- and that is trained twice: from the filters that stayed, and from scratch, as the control. All stand side by side in the report.
--
--   yolua recipes/propose_topology.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR budget=.4 [...]
--   yolua recipes/propose_topology.lua           on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, augment = "standard", epochs = 1, optim = { name = "adam", lr = 1e-3 }, target = 0.7, rounds = 6,
}, { "prune", { "budget", "number", 0.4, "FLOPs", "FLOPs of the proposed network; up to 1: a share of the network's", min = 0 } }),
  { ["optim.lr"] = 2e-3 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o):freeze(o.freeze)
yl.fit_input(o, net, data)

run:eval("Original", net, data.dev)
yl.train { net = net, data = data, run = run, options = o, yl.prune(o) }
run:eval("Pruned", run:best(), data.dev)

local proposal = yl.propose(run:best(), { flops = o.budget, round_to = 4, min_channels = 4, seed = o.seed })
run:say("%s", tostring(proposal))
run:say("written to %s", proposal:save(run:path "topology"))

o.epochs = math.max(1, math.ceil(o.rounds * o.epochs)) -- as long as the pruning took
yl.train { net = proposal.net, data = data, run = run, options = o, yl.keep.best "dev_loss" }
run:eval("Filters that stayed", run:best(), data.dev)
yl.train { net = proposal.fresh, data = data, run = run, options = o, yl.keep.best "dev_loss" }
run:eval("From scratch", run:best(), data.dev)
run:report()
