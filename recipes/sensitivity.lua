-- How sensitive each layer is: each alone is cut to several sparsities, without training, and the network is scored. Then the network is
-- pruned twice to the same number of zeros, with each layer alike and as the scan says, to show what knowing that is worth.
--
--   yolua recipes/sensitivity.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR target=.8 [key=value ...]
--   yolua recipes/sensitivity.lua                on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, augment = "standard", epochs = 1, optim = { name = "adam", lr = 1e-3 }, target = 0.8, rounds = 6, schedule = "sensitivity",
}, { "prune" }), { ["optim.lr"] = 2e-3 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net, other = yl.load(o):freeze(o.freeze), yl.load(o):freeze(o.freeze)
yl.fit_input(o, net, data)
local alike = { target = o.target.sparsity, rounds = o.rounds, every = o.epochs, scope = "layer", judge = o.judge }

run:eval("Original", net, data.dev)
yl.train { net = other, data = data, run = run, options = o, yl.prune(alike) }
run:eval("Each layer alike", run:best(), data.dev)

yl.train { net = net, data = data, run = run, options = o, yl.prune(o) } -- begins with the scan
run:eval("As the scan says", run:best(), data.dev)
run:report()
