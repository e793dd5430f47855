-- What makes a COCO detector good at KITTI: one change at a time, on the first fold by drive. Choices (the best epoch) are made on its
-- `pick` list, figures are those of its `test` list. Results stand in recipes/RESULTS.md.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/ablation.lua out=runs/ablation      continues where it was stopped
--
-- DIR holds kitti/ (KITTI's layout, with ImageSets/fold1_train.txt, fold1_pick.txt, fold1_test.txt) and weights/yolov3-tiny/.
-- The rows stand in the order of what they tell: the first ones are worth most.
local root = os.getenv "YOLUA_DATA" or error("ablation.lua: YOLUA_DATA is missing: expected the folder of the data", 0)
local network = root .. "/weights/yolov3-tiny/yolov3-tiny"

-- The recipe of before as far as recipes/kitti.lua can say it: squared errors, AdamW at a low rate, a long average, no mosaics.
local plain = { name = "standard", mosaic = 0 }
local old = { ema = 0.998, loss = { iou_loss = "mse", rescore = false }, optim = { name = "adamw", lr = 1e-4 }, augment = plain }

local function with(base, changes)
  local o = {}
  for key, value in pairs(base) do o[key] = value end
  for key, value in pairs(changes) do o[key] = value end
  return o
end

local ciou = { iou_loss = "ciou", rescore = false }

return {
  recipe = "recipes/kitti.lua", cfg = network .. ".cfg", weights = network .. ".weights", names = "coco", epochs = 12, imgsz = { 608, 192 },
  protocol = { "kitti", "voc" },
  data = { name = "kitti", root = root .. "/kitti", train = "fold1_train", pick = "fold1_pick", dev = "fold1_test" },

  { name = "the recipe" },
  { name = "Coco-FT and Coco-Full of before", recipe = "recipes/coco_full.lua", loss = { iou_loss = "mse" },
    ft = { schedule = "constant" } },
  -- from there to the recipe, step by step
  with(old, { name = "no frozen stage, five classes" }),
  with(old, { name = "+ CIoU", loss = ciou }),
  with(old, { name = "+ rate 2e-4, a shorter average", loss = ciou, optim = { name = "adamw", lr = 2e-4 }, ema = 0.99 }),
  { name = "+ SGD", augment = plain, loss = ciou },
  { name = "+ mosaics", loss = ciou },
  -- from the recipe, one thing otherwise
  { name = "AdamW, 2e-4", optim = { name = "adamw", lr = 2e-4 } },
  { name = "squared errors", loss = { iou_loss = "mse" } },
  { name = "first five convolutions frozen", freeze = "conv1,conv2,conv3,conv4,conv5" },
  { name = "every sample a mosaic", augment = { name = "standard", mosaic = 1 } },
  { name = "jitter .3", augment = { name = "standard", mosaic = 0.5, jitter = 0.3 } },
  { name = "jitter .1", augment = { name = "standard", mosaic = 0.5, jitter = 0.1 } },
  { name = "no augmentation", augment = "none" },
  { name = "rate 3e-3", optim = { lr = 3e-3 } },
  { name = "rate 3e-4", optim = { lr = 3e-4 } },
  { name = "constant rate", optim = { schedule = "constant" } },
  { name = "several sizes", multiscale = true },
  { name = "square input of the same area", imgsz = { 352, 352 } },
  { name = "832x256", imgsz = { 832, 256 } },
  { name = "all anchors of IoU .3", loss = { iou_thresh = 0.3 } },
  { name = "boxes weigh 3", loss = { iou_normalizer = 3 } },
  { name = "no average", ema = 0 },
  { name = "regions are background", regions = false },
  { name = "statistics of the batch", statistics = "batch" },
  { name = "unpredicted anchors left out", anchors = "predicted" },
  { name = "rows for unpredicted anchors", anchors = "all" },
  { name = "24 epochs", epochs = 24 },
  { name = "fitted anchors, 24 epochs", anchors = "auto", epochs = 24 },
  { name = "seed 2", seed = 2 },
}
