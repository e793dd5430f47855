-- A strong detector for KITTI out of COCO's: the head keeps the rows of the five classes that KITTI's map knows (person, bicycle, car,
-- train, truck), the input has KITTI's aspect, and every layer is trained with an IoU loss. Boxes that overlap lose score and vote, for
-- objects on roads hide each other.
-- It shows what a COCO detector can reach on roads, and is the dense network that pruning starts from. Mixed with the network at the start
-- (mixed.safetensors), it has more of the cars that COCO had taught it.
--
--   yolua recipes/kitti.lua cfg=FILE.cfg weights=FILE.weights names=coco data=kitti data.root=DIR [key=value ...]
--   yolua recipes/kitti.lua                      on synthetic streets, with the bundled network
local yl = require "yolua"

local o = yl.embedded(yl.options({
  epochs = 20, batch = 8, imgsz = { 608, 192 }, statistics = "running", augment = { name = "standard", mosaic = 0.5 }, ema = 0.99,
  loss = { iou_loss = "ciou", rescore = true }, data = { map = "poster" },
  optim = { name = "sgd", lr = 1e-3, schedule = "cosine", warmup = 100, power = 1 }, nms = "soft", iou = 0.4, vote = 0.65,
}, {
  { "mix", "number", 0.85, "", "share of the trained network in the mixed one; the rest is the network at the start", min = 0, max = 1 },
}), { imgsz = { 416, 128 }, epochs = 12 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local coco = yl.load(o)
run:eval("Original", coco, data.dev)

local function mix(trained, start)
  if o.anchors == "auto" then return end -- fitted anchors give the numbers of the head another meaning
  local mixed = yl.mix(trained, start, o.mix)
  mixed:save(run:path "mixed.safetensors")
  run:eval("KITTI, mixed", mixed, data.dev)
end

local net, lines = yl.transplant(coco, { "person", "bicycle", "car", "train", "truck" },
  { attributes = o.attributes, anchors = o.anchors, seed = o.seed })
run:say("%s", table.concat(lines, "\n"))
net:freeze(o.freeze)
local start = yl.copy(net)
yl.train { net = net, data = data, run = run, options = o, yl.evaluate "kitti", yl.keep.best "dev_ap" }
local trained = run:best()
run:eval("KITTI", trained, data.dev)
mix(trained, start)
run:report()
