-- Gradual pruning: weights are set to zero along a cubic schedule (many at first, few at the end) while the rest is retrained, then the
-- sparsest network is trained on with its zeros held.
-- It shows how many weights a detector needs: compare Pruned with Dense, which was trained for as long.
--
--   yolua recipes/prune_gradual.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR target=.9 [key=value ...]
--   yolua recipes/prune_gradual.lua              on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, augment = "standard", optim = { name = "adam", lr = 1e-3, schedule = "cosine" },
  target = 0.9, schedule = "cubic", rounds = 24, hold = 4,
}, { "prune" }), { target = 0.7, rounds = 12, ["optim.lr"] = 2e-3 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o)

run:eval("Original", net, data.dev)
local dense = yl.reuse { name = "dense", run = run, net = yl.load(o), options = o, yl.keep.best "dev_loss",
  with = { epochs = math.ceil(o.rounds * o.epochs) } }
run:eval("Dense", dense, data.dev)

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, yl.prune(o) }
run:eval("Pruned", run:best(), data.dev)
run:report()
