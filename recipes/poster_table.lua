-- The poster's whole table: its three ways of training a COCO detector on KITTI (finished runs of the first and the last are reused), in
-- the poster's own metric (precision and recall at score 0.5) and in AP, with 95 % intervals over the frames.
-- It shows where our figures differ from the poster's beyond chance. Give it the poster's random split and then the split by drive: the
-- first has frames of the same drives in both lists, and flatters.
--
--   yolua recipes/poster_table.lua cfg=FILE.cfg weights=FILE.weights names=coco data=kitti data.root=DIR data.train=LIST data.dev=LIST
--   yolua recipes/poster_table.lua               on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options({
  epochs = 50, batch = 8, freeze = "none", augment = "standard", ema = 0.998, statistics = "running", loss = { iou_loss = "ciou" },
  optim = { name = "adamw", lr = 1e-4, schedule = "cosine", warmup = 50 },
}, {
  { "ft", "table", help = "Coco-FT, the first way", fields = {
    { "epochs", "int", 5, "epochs", "how long it trains", min = 0 }, { "lr", "number", 1e-3, "1/step", "its learning rate", min = 0 },
  } },
  { "own", "table", help = "KITTI-FT, the third way", fields = {
    { "epochs", "int", 500, "epochs", "how long it trains at most", min = 0 },
    { "patience", "int", 25, "epochs", "it stops when dev loss has not fallen for as long", min = 0 },
  } },
}), { epochs = 30, ema = 0.99, ["optim.lr"] = 1e-3, ["own.epochs"] = 40 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local original = yl.load(o)
yl.fit_input(o, original, data)
run:eval("Original", original, data.dev)

local last_layer = { name = "adam", lr = o.ft.lr, schedule = "cosine", warmup = 0 }
local ft = yl.reuse { name = "coco_ft", run = run, net = original, options = o, yl.evaluate "voc", yl.keep.best "dev_loss",
  with = { epochs = o.ft.epochs, freeze = "body", statistics = "batch", augment = "none", ema = 0, optim = last_layer } }
run:eval("Coco-FT", ft, data.dev)

local function new_head(own)
  local names, like = own:head_classes(ft.names)
  return (yl.transplant(ft, names or ft.names, { like = like, seed = o.seed }))
end
local net, own = yl.reuse { name = "kitti_ft", run = run, net = new_head, options = o,
  yl.evaluate { "voc", every = 5 }, yl.keep.best "dev_loss", yl.stop { "dev_loss", patience = o.own.patience },
  with = { epochs = o.own.epochs, patience = o.own.patience, freeze = "body", statistics = "batch", augment = "none",
    data = { map = "identity" }, optim = { name = "adam", lr = 1e-3, schedule = "constant", warmup = 0 } } }
run:eval("KITTI-FT", net, own.dev)

yl.train { net = ft, data = data, run = run, options = o, yl.evaluate "voc", yl.keep.best "dev_loss" }
run:eval("Coco-Full", run:best(), data.dev)
run:table(yl.poster_table(run))
run:report()
