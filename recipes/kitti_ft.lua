-- The poster's KITTI-FT: a new last layer for KITTI's own classes replaces Coco-FT's, and only that layer is trained, for up to 500
-- epochs. Training stops when the dev loss stops falling; the averaged weights with the lowest dev loss are the result.
-- It shows what your own classes are worth: a van is not a car. Coco-FT is scored twice: as it was trained (car and van are `car`),
-- and class by class against KITTI's labels, like KITTI-FT.
--
--   yolua recipes/kitti_ft.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR [key=value ...]
--   yolua recipes/kitti_ft.lua                   on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options({
  epochs = 500, patience = 25, batch = 8, freeze = "body", ema = 0.998, data = { map = "identity" }, loss = { iou_loss = "ciou" },
  optim = { name = "adam", lr = 1e-3 },
}, {
  { "ft", "table", help = "Coco-FT, from which this recipe starts; a finished run of it is reused", fields = {
    { "epochs", "int", 5, "epochs", "how long Coco-FT trains", min = 0 },
    { "lr", "number", 1e-3, "1/step", "Coco-FT's learning rate", min = 0 },
    { "map", "string", "auto", "", "Coco-FT's class map" },
  } },
}))
local run <close> = yl.run(o)
local data = yl.data(o.data)
local original = yl.load(o)
yl.fit_input(o, original, data)

local coco, seen = yl.reuse { name = "coco_ft", run = run, net = original, options = o, yl.evaluate "voc", yl.keep.best "dev_loss",
  with = { attributes = "none", epochs = o.ft.epochs, patience = 0, freeze = "body", statistics = "batch", augment = "none", ema = 0,
    data = { map = o.ft.map }, optim = { name = "adam", lr = o.ft.lr, schedule = "cosine", warmup = 0 } } }
run:eval("Coco-FT, COCO's classes", coco, seen.dev)

local names, like = data:head_classes(coco.names)
local net, lines = yl.transplant(coco, names or coco.names, { like = like, attributes = o.attributes, seed = o.seed })
coco.names = data:own_names(coco.names)
run:eval("Coco-FT", coco, data.dev)
run:say("%s", table.concat(lines, "\n"))

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o,
  yl.evaluate { "voc", every = 5 }, yl.keep.best "dev_loss", yl.stop { "dev_loss", patience = o.patience } }
run:eval("KITTI-FT", run:best(), data.dev)
run:report()
