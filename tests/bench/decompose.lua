-- What low rank costs on KITTI: YOLOv3-tiny with five classes at 416x128, its four widest layers (nine tenths of its parameters) at half of
-- their numbers, on three folds by drive. Results stand in recipes/RESULTS.md.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/decompose.lua out=runs/decompose      continues where it was stopped
--   yolua tests/bench/prune_table.lua runs=runs/decompose                        the differences with their intervals, folds pooled
--
-- DIR holds kitti/ (KITTI's layout, with ImageSets/fold1_train.txt, fold1_pick.txt, fold1_test.txt, ...) and weights/. DENSE=DIR1,DIR2,DIR3
-- takes the dense networks of three runs instead of training them. The control is the dense network, trained for as long.
local root = os.getenv "YOLUA_DATA" or error("decompose.lua: YOLUA_DATA is missing: expected the folder of the data", 0)
local network = root .. "/weights/yolov3-tiny/yolov3-tiny"
local given = {}
for dir in (os.getenv "DENSE" or ""):gmatch "[^,]+" do given[#given + 1] = dir .. "/best.safetensors" end

local rows = { protocol = { "voc", "kitti" }, data = { name = "kitti", root = root .. "/kitti" } }

local function split(fold) return { train = fold .. "_train", pick = fold .. "_pick", dev = fold .. "_test" } end

for n, fold in ipairs { "fold1", "fold2", "fold3" } do
  if not given[n] then
    rows[#rows + 1] = { name = "dense " .. fold, recipe = "recipes/kitti.lua", cfg = network .. ".cfg", weights = network .. ".weights",
      names = "coco", imgsz = { 416, 128 }, data = split(fold), epochs = 16 }
  end
  for _, method in ipairs { "tucker2", "tt" } do
    rows[#rows + 1] = { name = method .. " " .. fold, recipe = "recipes/decompose.lua", model = given[n], data = split(fold), epochs = 8,
      from = not given[n] and { model = "dense " .. fold } or nil, augment = { name = "standard", mosaic = 0.5 },
      decompose = { method = method, ratio = 0.5, layers = { "conv6", "conv7", "conv9", "conv12" } } }
  end
end

return rows
