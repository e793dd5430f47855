-- The whole experiment without shortcuts, for a machine with a GPU: the poster's three ways and its 500 epochs of KITTI-FT without early
-- stop, recipes/kitti.lua with and without KITTI's labels beside the class; two networks, all folds, three seeds.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/full.lua out=runs/full                 continues where it was stopped
--   YOLUA_DATA=DIR YOLUA_SMOKE=1 yolua sweep tests/bench/full.lua out=runs/smoke  every trial with a few frames, one epoch, one seed
--   yolua compare runs/full/RUN-A runs/full/RUN-B                                 two of them, with intervals
--
-- DIR holds kitti/ (KITTI's layout, with ImageSets/) and weights/. YOLUA_DEVICE names the device (default: auto, a GPU where there is
-- one). The rows stand in the order of what they tell; what was run so far, and on what, is in recipes/RESULTS.md.
local root = os.getenv "YOLUA_DATA" or error("full.lua: YOLUA_DATA is missing: expected the folder of the data", 0)
local smoke = os.getenv "YOLUA_SMOKE" == "1"

local folds, attributes = { "fold1", "fold2", "fold3" }, { "orientation", "occlusion", "truncation" }
local splits = { { name = "random split", train = "poster_train", dev = "poster_dev" },
  { name = "split by drive", train = "train", dev = "dev" } }
local trials = { names = "coco", protocol = { "kitti", "voc", "poster" }, device = os.getenv "YOLUA_DEVICE" or "auto",
  data = { name = "kitti", root = root .. "/kitti", limit = smoke and 6 or nil } }

local function add(network, recipe, name, trial)
  trial.recipe, trial.name = ("recipes/%s.lua"):format(recipe), ("%s: %s"):format(network.name, name)
  trial.cfg, trial.weights = ("%s/weights/%s.cfg"):format(root, network.file), ("%s/weights/%s.weights"):format(root, network.file)
  if smoke then
    trial.epochs, trial.seeds, trial.batch, trial.imgsz = 1, nil, 2, { 320, 96 }
    trial.folds = trial.folds and { "fold1", "fold2" }
    trial.own, trial.ft = trial.own and { epochs = 1, patience = 0 },
      (recipe == "poster_table" or recipe == "kitti_ft") and { epochs = 1 } or nil
  end
  trials[#trials + 1] = trial
end

for _, network in ipairs { { name = "YOLOv3-tiny", file = "yolov3-tiny/yolov3-tiny" },
  { name = "Yolo-Fastest", file = "yolo-fastest/yolo-fastest-1.1" } } do
  for seed = 1, smoke and 1 or 3 do
    for _, split in ipairs(splits) do
      add(network, "poster_table", ("the poster's table, %s, seed %d"):format(split.name, seed), { seed = seed,
        own = { epochs = 500, patience = 0 }, data = { train = split.train, dev = split.dev } })
    end
  end
  add(network, "coco_ft", "Coco-FT", { folds = folds, seeds = 3 })
  add(network, "coco_full", "Coco-Full", { folds = folds, seeds = 3, epochs = 50 })
  add(network, "kitti_ft", "KITTI-FT, 500 epochs", { folds = folds, seeds = 3, epochs = 500, patience = 0 })
  add(network, "kitti", "KITTI's classes", { folds = folds, seeds = 3, epochs = 60, imgsz = { 832, 256 } })
  add(network, "kitti", "KITTI's classes and labels", { folds = folds, seeds = 3, epochs = 60, imgsz = { 832, 256 },
    attributes = attributes, protocol = { "kitti", "voc", "poster", "attributes" } })
end

return trials
