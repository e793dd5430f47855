-- Flip, jittered crop and scale, and colour changes, with the ranges that Darknet's YOLO configurations use; mosaics on request.
return { help = "flip, jittered crop and scale, colour, mosaic on request",
  fields = require("yolua.options.structs").fields "augment" }
