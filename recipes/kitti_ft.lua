-- The poster's KITTI-FT: Coco-FT's last layer makes way for one of KITTI's own classes, and only that layer learns, for up to 500
-- epochs; training stops where the dev loss no longer falls, and the averaged weights of the least dev loss count.
-- It proves what classes of one's own are worth: a van is no car. Coco-FT is scored twice, as it was trained (car and van are `car`)
-- and class by class against KITTI's labels, as KITTI-FT is.
--
--   yolua recipes/kitti_ft.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR [key=value ...]
--   yolua recipes/kitti_ft.lua                   on synthetic streets, with a small network that comes along
local yl = require "yolua"

local o = yl.embedded(yl.options({
  epochs = 500, patience = 25, batch = 8, freeze = "body", ema = 0.998, data = { map = "identity" },
  optim = { name = "adam", lr = 1e-3 },
}, {
  { "ft", "table", help = "Coco-FT, where this recipe begins: a finished run of it is reused", fields = {
    { "epochs", "int", 5, "epochs", "how long Coco-FT trains", min = 0 },
    { "lr", "number", 1e-3, "1/step", "Coco-FT's learning rate", min = 0 },
    { "map", "string", "auto", "", "Coco-FT's class map" },
  } },
}))
local run <close> = yl.run(o)
local data = yl.data(o.data)
local original = yl.load { cfg = o.cfg, weights = o.weights, partial = o.partial, names = o.names, model = o.model, device = o.device }

local coco, seen = yl.reuse { name = "coco_ft", run = run, net = original, options = o, yl.evaluate "voc", yl.keep.best "dev_loss",
  with = { epochs = o.ft.epochs, patience = 0, freeze = "body", statistics = "batch", augment = "none", ema = 0,
    data = { map = o.ft.map }, optim = { name = "adam", lr = o.ft.lr, schedule = "constant", warmup = 0 } } }
run:eval("Coco-FT, COCO's classes", coco, seen.dev)

local names, like = data:head_classes(coco.names)
local net, lines = yl.transplant(coco, names or coco.names, { like = like, seed = o.seed })
coco.names = data:own_names(coco.names)
run:eval("Coco-FT", coco, data.dev)
run:say("%s", table.concat(lines, "\n"))

net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o,
  yl.evaluate { "voc", every = 5 }, yl.keep.best "dev_loss", yl.stop { "dev_loss", patience = o.patience } }
run:eval("KITTI-FT", run:best(), data.dev)
run:report()
