-- How a detector is evaluated: options of recipes, `yolua val` and whatever else looks at detections.
local structs = require "yolua.options.structs"
local struct = structs.field

return {
  { "protocol", "list", nil, "", "evaluation protocols", choices = { "kitti", "voc", "coco", "poster", "attributes", "top1" },
    aliases = { "metric", "metrics" } },
  struct("detect", "conf", { default = structs.NONE }),
  struct("detect", "iou"), struct("detect", "nms"), struct("detect", "vote"), struct("loader", "resize", { default = structs.NONE,
    help = "how an image is fitted to the input size (default: as trained; else letterbox if the cfg has letter_box=1, or stretch)" }),
}
