-- The options data.*: which data set, what of it, and how its pictures are loaded. The group `data` of yolua.options.fields.
local structs = require "yolua.options.structs"

return {
  { "data", "table", variants = "yolua.datasets", help = "the data set", of_path = function(path)
    return require("yolua.data.kind").of_path(path)
  end, fields = {
    { "name", "string", nil, "", "which data set: kitti, coco, voc, yolo, synthetic, ...; or the file that describes it",
      aliases = { "dataset" } },
    { "file", "string", nil, "", "the file that describes it: data.yaml, obj.data, COCO's .json (data=FILE sets it, name and root)",
      aliases = { "yaml" } },
    { "root", "string", nil, "", "its folder", aliases = { "path", "dir", "folder" } },
    { "train", "string", nil, "", "training split: a name or a list file" },
    { "dev", "string", nil, "", "development split: a name or a list file", aliases = { "valid", "validation" } },
    { "pick", "string", nil, "", "the split that choices are made on (best epoch, early stop, thresholds): a name or a list file "
      .. "(default: dev)" },
    { "split", "string", nil, "", "the split to evaluate: a name or a list file" },
    { "limit", "int", nil, "frames", "use the first frames of each split only", min = 1, aliases = { "max_images", "fraction" } },
    { "map", "string", "auto", "", "class map: auto (the checkpoint's, else what fits), identity, poster, or a YAML file",
      aliases = { "classmap", "class_map" } },
    { "images", "bool", true, "", "images are needed (false: labels are enough)" },
    structs.field("loader", "exif", { help = "apply: turn pictures as their EXIF orientation says; labels are those of the turned "
      .. "pictures" }),
    structs.field("loader", "strict"),
    structs.field("loader", "cache"),
    structs.field("loader", "device_cache", { default = structs.NONE, help = "device=cuda: the GPU's memory for decoded frames (default: "
      .. "half of what is free); 0: off" }),
    { "features", "number", nil, "MiB", "memory for a frozen body's cached output (default: a quarter of the machine's); 0: off", min = 0 },
    structs.field("loader", "cache_dir"),
    structs.field("scene", "seed", { help = "seed of the data: the dev tenth if there are no split files, drawn scenes; separate from the "
      .. "run's seed" }),
    structs.field("loader", "workers"),
  } },
}
