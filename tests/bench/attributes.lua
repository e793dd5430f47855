-- Whether KITTI's labels beside the class help: recipes/kitti.lua with and without orientation, occlusion and truncation as outputs, on
-- three folds. Results stand in recipes/RESULTS.md.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/attributes.lua out=runs/attributes      continues where it was stopped
--   yolua compare runs/attributes/RUN-A runs/attributes/RUN-B protocol=kitti       the pooled folds of two trials, with intervals
--
-- DIR holds kitti/ (KITTI's layout, with ImageSets/) and weights/. The first two trials are the question; the third gives the new labels
-- less weight, the last one takes orientation alone.
local root = os.getenv "YOLUA_DATA" or error("attributes.lua: YOLUA_DATA is missing: expected the folder of the data", 0)

local all = { "orientation", "occlusion", "truncation" }

return {
  recipe = "recipes/kitti.lua", names = "coco", protocol = { "kitti", "voc" }, data = { name = "kitti", root = root .. "/kitti" },
  cfg = root .. "/weights/yolov3-tiny/yolov3-tiny.cfg", weights = root .. "/weights/yolov3-tiny/yolov3-tiny.weights",
  imgsz = { 608, 192 }, epochs = 20, folds = { "fold1", "fold2", "fold3" },

  { name = "without" },
  { name = "with all", attributes = all, protocol = { "kitti", "voc", "attributes" } },
  { name = "with all, a quarter of the weight", attributes = all, protocol = { "kitti", "voc", "attributes" },
    loss = { orientation_weight = 0.25, occlusion_weight = 0.25, truncation_weight = 0.25 } },
  { name = "with orientation", attributes = { "orientation" }, protocol = { "kitti", "voc", "attributes" } },
}
