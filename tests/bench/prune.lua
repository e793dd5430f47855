-- What pruning costs on KITTI: YOLOv3-tiny with five classes at 416x128 (KITTI's aspect), on three folds by drive. Results stand in
-- recipes/RESULTS.md.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/prune.lua out=runs/prune       continues where it was stopped
--   yolua tests/bench/prune_table.lua runs=runs/prune                     the differences with their intervals, folds pooled
--
-- DIR holds kitti/ (KITTI's layout, with ImageSets/fold1_train.txt, fold1_pick.txt, fold1_test.txt, ...) and weights/. LIMIT=8 trains
-- on the first frames only, for one epoch each, to try all of it. With two threads and nothing else on the machine an epoch of 579
-- frames takes 23 seconds. The rows stand in the order of what they tell: all of the first fold, then the others.
--
-- The dense network is recipes/kitti.lua's. From it recipes/prune_gradual.lua prunes along a cubic schedule to 95 % in 24 epochs and
-- trains the networks of five sparsities on for four epochs each; its control is the dense network after as many epochs: 28 epochs
-- whose state is kept after each row's. The rate is constant, and all networks are judged by their averages, so that rows and control
-- are the same training but for the zeros (and for the order of the pictures in the last four epochs).
local root = os.getenv "YOLUA_DATA" or error("prune.lua: YOLUA_DATA is missing: expected the folder of the data", 0)
local limit = tonumber(os.getenv "LIMIT")

local function network(name) return ("%s/weights/%s"):format(root, name) end

local tiny, fastest = network "yolov3-tiny/yolov3-tiny", network "yolo-fastest/yolo-fastest-1.1"

local function split(fold) return { train = fold .. "_train", pick = fold .. "_pick", dev = fold .. "_test", limit = limit } end

local function dense(name, fold, files)
  return { name = name .. fold, recipe = "recipes/kitti.lua", cfg = files .. ".cfg", weights = files .. ".weights", names = "coco",
    imgsz = { 416, 128 }, data = split(fold), epochs = limit and 1 or 16 }
end

-- A training that continues from the dense network of that name. more: its other options.
local function onward(name, fold, recipe, of, more)
  more.name, more.recipe, more.from, more.data = name .. fold, recipe, { model = of .. fold }, split(fold)
  if recipe ~= "recipes/prune_poster.lua" then -- as the dense network was trained; under AdamW dense and pruned networks overfit
    more.optim, more.augment = { name = "sgd", lr = 5e-4 }, { name = "standard", mosaic = 0.5 }
  end
  if limit then more.epochs = more.epochs and 1 end
  return more
end

local function pruned(name, fold, recipe, of, more)
  more.rounds = more.rounds or 24
  if limit then more.rounds, more.tune = 6, 1 end
  return onward(name, fold, ("recipes/%s.lua"):format(recipe), of, more)
end

local marks = { .9, .5, .7, .8, .95 } -- rows are trained in this order

local function gradual(name, fold, of) return pruned(name, fold, "prune_gradual", of, { target = .95, keep = marks }) end

-- At least 60 % of the FLOPs go, in whole blocks of 16 channels, which kernels like; the dense network is the teacher.
local function channels(fold)
  return pruned("channels taught ", fold, "prune_channels", "dense ", { ["target.flops"] = .4, round_to = 16, control = false,
    score = "taylor_channel", ["distill.weight"] = 1 })
end

return {
  nms = "hard", iou = 0.45, vote = 0, -- as every recipe but kitti.lua
  protocol = { "voc", "kitti" }, data = { name = "kitti", root = root .. "/kitti" },

  dense("dense ", "fold1", tiny),
  gradual("gradual ", "fold1", "dense "),
  -- by the filters' norms, without a teacher
  pruned("channels ", "fold1", "prune_channels", "dense ", { ["target.flops"] = .37, round_to = 16, control = false }),
  -- taught by the dense network: compare its row with that of gradual
  pruned("distilled ", "fold1", "prune_gradual", "dense ", { target = .95, keep = .9, schedule = "tests/bench/prune_90.lua",
    control = false, ["distill.weight"] = 1 }),
  -- the poster's rounds of 2 % of what is left, a quarter of an epoch each: about 114 rounds to 90 %
  pruned("poster ", "fold1", "prune_gradual", "dense ", { schedule = "poster", step = .02, target = .9, keep = { .9, .5, .7, .8 },
    rounds = 114, epochs = .25, tune = 0, control = false }),

  dense("dense ", "fold2", tiny), gradual("gradual ", "fold2", "dense "),
  dense("dense ", "fold3", tiny), gradual("gradual ", "fold3", "dense "),
  channels "fold1", channels "fold2", channels "fold3",
  -- what the teacher alone does: the dense network trained on for as long, taught by its own start
  onward("dense taught ", "fold1", "tests/bench/taught.lua", "dense ", { epochs = 28, ["distill.weight"] = 1 }),

  dense("dense fastest ", "fold1", fastest), gradual("gradual fastest ", "fold1", "dense fastest "),

  -- the poster's procedure word by word, and each likely fault mended: at most 45 rounds a row
  pruned("faults ", "fold1", "prune_poster", "dense ", { ["data.limit"] = limit or 200, rounds = 45, tune = 1 }),
}
