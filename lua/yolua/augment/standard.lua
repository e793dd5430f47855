-- Flip, jittered crop and scale, and colour changes, with the ranges that Darknet's YOLO configurations use.
return { help = "flip, jittered crop and scale, colour", fields = require("yolua.options.structs").fields "augment" }
