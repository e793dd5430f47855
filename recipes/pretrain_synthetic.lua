-- Trains the bundled network, from which recipes start if you name no other, from scratch on synthetic scenes of the source style.
-- It stands in for a COCO detector: it knows people, bicycles, cars, trains and trucks, but not the streets it will be used on.
--
--   yolua recipes/pretrain_synthetic.lua [key=value ...]        (from the top of the source tree; leaves street.weights in its run)
local yl = require "yolua"

local o = yl.options {
  cfg = "recipes/models/street.cfg", names = "recipes/models/street.names",
  data = { name = "synthetic", style = "source", frames = 500, seed = 11, picture = { 416, 128 } },
  epochs = 30, batch = 16, augment = "standard",
  optim = { name = "adam", lr = 2e-3, schedule = "cosine" },
}
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o)

yl.train { net = net, data = data, run = run, options = o, yl.keep.best "dev_loss" }
local best = run:best()
run:eval("Source", best, data.dev)
best:save(run:path "street.weights")
run:report()
