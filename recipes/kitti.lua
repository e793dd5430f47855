-- A strong detector for KITTI out of COCO's: the head keeps the rows of the five classes that KITTI's map knows (person, bicycle, car,
-- train, truck), the input has KITTI's aspect, and every layer is trained with an IoU loss. Boxes that overlap lose score and vote, for
-- objects on roads hide each other.
-- It shows what a COCO detector can reach on roads, and is the dense network that pruning starts from. Mixed with the network at the start
-- (mixed.safetensors), it has more of the cars that COCO had taught it. It finds more at a larger input than it was trained at (eval_imgsz;
-- Touvron et al. 2019, "Fixing the train-test resolution discrepancy"), which costs time at inference but none in training.
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
  { "eval_imgsz", "size", nil, "px", "every stage is evaluated at this size too, width first", min = 8, max = 8192 },
}), { imgsz = { 416, 128 }, epochs = 12 })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local coco = yl.load(o)

local function evaluate(stage, model)
  run:eval(stage, model, data.dev)
  if o.eval_imgsz then
    run:eval(("%s, %dx%d"):format(stage, o.eval_imgsz[1], o.eval_imgsz[2]), model, data.dev, { imgsz = o.eval_imgsz })
  end
end

local function mix(trained, start)
  if o.anchors == "auto" then return end -- fitted anchors give the numbers of the head another meaning
  local mixed = yl.mix(trained, start, o.mix)
  mixed:save(run:path "mixed.safetensors")
  evaluate("KITTI, mixed", mixed)
end

evaluate("Original", coco)

local net, lines = yl.transplant(coco, { "person", "bicycle", "car", "train", "truck" },
  { attributes = o.attributes, anchors = o.anchors, seed = o.seed })
run:say("%s", table.concat(lines, "\n"))
net:freeze(o.freeze)
local start = yl.copy(net)
yl.train { net = net, data = data, run = run, options = o, yl.evaluate "kitti", yl.keep.best "dev_ap" }
local trained = run:best()
evaluate("KITTI", trained)
mix(trained, start)
run:report()
