-- What makes a COCO detector good at KITTI: one change at a time, on the first fold by drive. Choices (the best epoch) are made on its
-- `pick` list, figures are those of its `test` list. Results stand in recipes/RESULTS.md.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/ablation.lua out=runs/ablation      continues where it was stopped
--
-- DIR holds kitti/ (KITTI's layout, with ImageSets/fold1_train.txt, fold1_pick.txt, fold1_test.txt) and weights/yolov3-tiny/.
-- The rows stand in the order of what they tell: the first ones are worth most.
local root = os.getenv "YOLUA_DATA" or error("ablation.lua: YOLUA_DATA is missing: expected the folder of the data", 0)
local network = root .. "/weights/yolov3-tiny/yolov3-tiny"

-- Yesterday's recipe as far as recipes/kitti.lua can say it: squared errors, a long average, a low rate.
local old = { ema = 0.998, loss = { iou_loss = "mse" }, optim = { lr = 1e-4 } }

local function with(base, changes)
  local o = {}
  for key, value in pairs(base) do o[key] = value end
  for key, value in pairs(changes) do o[key] = value end
  return o
end

return {
  recipe = "recipes/kitti.lua", cfg = network .. ".cfg", weights = network .. ".weights", names = "coco", epochs = 12, imgsz = { 608, 192 },
  protocol = { "kitti", "voc" },
  data = { name = "kitti", root = root .. "/kitti", train = "fold1_train", pick = "fold1_pick", dev = "fold1_test" },

  { name = "the recipe" },
  { name = "Coco-FT and Coco-Full of before", recipe = "recipes/coco_full.lua", loss = { iou_loss = "mse" },
    ft = { schedule = "constant" } },
  -- from there to the recipe, step by step
  with(old, { name = "no frozen stage, five classes" }),
  with(old, { name = "+ CIoU", loss = { iou_loss = "ciou" } }),
  with(old, { name = "+ rate 2e-4", loss = { iou_loss = "ciou" }, optim = { lr = 2e-4 } }),
  -- from the recipe, one thing otherwise
  { name = "unpredicted anchors left out", anchors = "predicted" },
  { name = "squared errors", loss = { iou_loss = "mse" } },
  { name = "jitter .1", augment = { jitter = 0.1 } },
  { name = "jitter .3", augment = { jitter = 0.3 } },
  { name = "no augmentation", augment = "none" },
  { name = "several sizes", multiscale = true },
  { name = "square input of the same area", imgsz = { 352, 352 } },
  { name = "832x256", imgsz = { 832, 256 } },
  { name = "all anchors of IoU .3", loss = { iou_thresh = 0.3 } },
  { name = "boxes weigh 3", loss = { iou_normalizer = 3 } },
  { name = "no average", ema = 0 },
  { name = "regions are background", regions = false },
  { name = "statistics of the batch", statistics = "batch" },
  { name = "rate 5e-4", optim = { lr = 5e-4 } },
  { name = "constant rate", optim = { schedule = "constant" } },
  { name = "24 epochs", epochs = 24 },
  { name = "fitted anchors", anchors = "auto" },
  { name = "fitted anchors, 24 epochs", anchors = "auto", epochs = 24 },
  { name = "seed 2", seed = 2 },
}
