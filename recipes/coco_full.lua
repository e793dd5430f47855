-- The poster's Coco-Full: starting from Coco-FT, every layer is trained at a tenth of the rate; COCO's head is kept. There are few
-- frames, so they are augmented, the rate falls along a cosine, and the running average of the weights is the result.
-- It shows what training the body adds to training the last layer: compare Coco-Full with Coco-FT and Original on the dev frames.
--
--   yolua recipes/coco_full.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR [key=value ...]
--   yolua recipes/coco_full.lua                  on synthetic streets, with the bundled network, in 30 epochs
local yl = require "yolua"

local o = yl.embedded(yl.options({
  epochs = 50, batch = 8, freeze = "none", augment = "standard", ema = 0.998,
  statistics = "running", loss = { iou_loss = "ciou" },
  optim = { name = "adamw", lr = 1e-4, schedule = "cosine", warmup = 50 },
}, {
  { "ft", "table", help = "Coco-FT, from which this recipe starts; a finished run of it is reused", fields = {
    { "epochs", "int", 5, "epochs", "how long Coco-FT trains", min = 0 },
    { "lr", "number", 1e-3, "1/step", "Coco-FT's learning rate", min = 0 },
    { "schedule", "enum", "cosine", "", "Coco-FT's learning-rate schedule", choices = { "constant", "cosine" } },
  } },
}), { epochs = 30, ema = 0.99, ["optim.lr"] = 1e-3 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o)
yl.fit_input(o, net, data)

run:eval("Original", net, data.dev)
net = yl.reuse { name = "coco_ft", run = run, net = net, options = o, yl.evaluate "voc", yl.keep.best "dev_loss",
  with = { epochs = o.ft.epochs, freeze = "body", statistics = "batch", augment = "none", ema = 0,
    optim = { name = "adam", lr = o.ft.lr, schedule = o.ft.schedule, warmup = 0 } } }
run:eval("Coco-FT", net, data.dev)

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, yl.evaluate "voc", yl.keep.best "dev_loss" }
run:eval("Coco-Full", run:best(), data.dev)
run:report()
