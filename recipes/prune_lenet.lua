-- Deep Compression's first table (Han et al. 2016): LeNet-300-100 and LeNet-5 on MNIST with 8 % of their weights. Trains the network,
-- prunes it along a cubic schedule while it trains on, and scores both on the test split.
-- It shows that the error of a network that is much too large for its task does not rise when most of it is gone.
--
--   yolua recipes/prune_lenet.lua data.root=DIR [model=lenet5] [target=.96] [key=value ...]       DIR: MNIST's four idx files
--   yolua recipes/prune_lenet.lua                                                                 on drawn digits
local yl = require "yolua"

local o = yl.options({
  model = "lenet300", data = { name = "mnist" }, batch = 100, optim = { name = "adam", lr = 1.2e-3, schedule = "cosine" },
  target = 0.92, also = "head", dense = 10, rounds = 50, hold = 25,
}, { "prune" })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o)

local dense = yl.reuse { name = "dense", run = run, net = yl.load(o), options = o, yl.keep.best "dev_loss",
  with = { epochs = o.dense } }
run:eval("Dense", dense, data:list "test")

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, yl.prune(o) }
run:eval("Pruned", run:best(), data:list "test")
run:report()
