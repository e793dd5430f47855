-- The poster's Coco-FT: keep the detector's COCO head, train the last convolution of each head only, five epochs on KITTI.
-- It shows that a few minutes of training improve a COCO detector on roads: compare Coco-FT with Original on the dev frames.
--
--   yolua recipes/coco_ft.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR [key=value ...]
--   yolua recipes/coco_ft.lua                    on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options {
  epochs = 5, batch = 8, freeze = "body", loss = { iou_loss = "ciou" },
  optim = { name = "adam", lr = 1e-3, schedule = "cosine" },
})
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o)
yl.fit_input(o, net, data)

run:eval("Original", net, data.dev)
net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, yl.evaluate "voc", yl.keep.best "dev_loss" }
run:eval("Coco-FT", run:best(), data.dev)
run:report()
