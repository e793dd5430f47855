-- Deep Compression (Han, Mao and Dally, ICLR 2016), whole: a network is pruned, its weights are shared, the shared weights are trained on,
-- and it is written to a file with relative indices and Huffman codes.
-- It shows how small a network's file can be: compare Compressed, which is what the file holds, with Dense.
--
--   yolua recipes/compress.lua data.root=DIR [model=lenet5] [share.bits.conv=8] [key=value ...]      DIR: MNIST's four idx files
--   yolua recipes/compress.lua                                                                       on drawn digits
--
-- The run directory holds compressed.safetensors: a model like any other (model=FILE).
local yl = require "yolua"

local o = yl.options({
  model = "lenet300", data = { name = "mnist" }, batch = 100, optim = { name = "adam", lr = 1.2e-3, schedule = "cosine" },
  target = 0.92, also = "head", dense = 10, rounds = 50, hold = 25, share = { bits = { conv = 6, connected = 4 } },
}, {
  "prune", "share",
  { "tune", "int", 8, "epochs", "how long the shared weights are trained on", min = 0 },
  { "tune_lr", "number", 1e-5, "", "their learning rate: a shared weight's gradient is the sum of many", min = 0 },
})
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o)

local dense = yl.reuse { name = "dense", run = run, net = yl.load(o), options = o, yl.keep.best "dev_loss",
  with = { epochs = o.dense } }
run:eval("Dense", dense, data:list "test")

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, yl.prune(o) }
net = run:best()
run:eval("Pruned", net, data:list "test")

o.epochs, o.optim.lr = o.tune, o.tune_lr
yl.train { net = net, data = data, run = run, options = o, yl.share(o.share) }
run:eval("Shared", net, data:list "test")

local file = yl.compress(net, { out = run:path "compressed.safetensors", bits = o.share.bits })
run:say("%s", file)
run:eval("Compressed", yl.load { model = file.file }, data:list "test")
run:report()
