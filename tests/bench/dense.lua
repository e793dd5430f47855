-- The dense networks that pruning starts from: what recipes/kitti.lua reaches on KITTI. Results stand in recipes/RESULTS.md.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/dense.lua out=runs/dense      continues where it was stopped
--
-- DIR holds kitti/ (KITTI's layout, with ImageSets/) and weights/. With two threads and nothing else on the machine, an epoch of 600
-- frames takes half a minute at 608x192 and a minute at 832x256. The rows stand in the order of what they tell.
local root = os.getenv "YOLUA_DATA" or error("dense.lua: YOLUA_DATA is missing: expected the folder of the data", 0)

-- A trial with the network's files.
local function of(name, trial)
  trial.cfg, trial.weights = ("%s/weights/%s.cfg"):format(root, name), ("%s/weights/%s.weights"):format(root, name)
  return trial
end

local tiny, fastest = "yolov3-tiny/yolov3-tiny", "yolo-fastest/yolo-fastest-1.1"
local folds = { "fold1", "fold2", "fold3" }
local fold1 = { train = "fold1_train", pick = "fold1_pick", dev = "fold1_test" }

return {
  recipe = "recipes/kitti.lua", names = "coco", protocol = { "kitti", "voc" }, data = { name = "kitti", root = root .. "/kitti" },

  of(tiny, { name = "three folds at 608x192", epochs = 12, folds = folds }),
  of(tiny, { name = "train.txt and dev.txt", imgsz = { 832, 256 }, epochs = 16 }),
  of(tiny, { name = "train.txt and dev.txt, several sizes", imgsz = { 832, 256 }, epochs = 20, multiscale = true,
    eval_imgsz = { 1088, 320 } }),
  of(tiny, { name = "three folds", imgsz = { 832, 256 }, epochs = 20, folds = folds }),
  of(tiny, { name = "train.txt and dev.txt at 608x192", epochs = 15 }),
  of(tiny, { name = "a random split, which flatters", epochs = 15, data = { train = "poster_train", dev = "poster_dev" } }),
  of(fastest, { name = "Yolo-Fastest, fold 1", imgsz = { 832, 256 }, epochs = 20, data = fold1 }),
  of(tiny, { name = "seed 2, fold 1", imgsz = { 832, 256 }, epochs = 20, seed = 2, data = fold1 }),
}
