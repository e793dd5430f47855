-- Flip, jittered crop and scale, and colour changes, with the ranges that Darknet's YOLO configurations use.
return {
  help = "flip, jittered crop and scale, colour",
  fields = {
    { "flip", "bool", true, "", "mirror half of the samples left to right", aliases = { "fliplr", "hflip" } },
    { "jitter", "number", 0.2, "", "share of the side by which each border of the view moves", min = 0, max = 0.49,
      aliases = { "crop", "scale", "translate" } },
    { "hue", "number", 0.1, "turns", "largest shift of the hue", min = 0, max = 1, aliases = { "hsv_h" } },
    { "saturation", "number", 1.5, "", "largest factor on the saturation; 1: off", min = 1, max = 10, aliases = { "hsv_s" } },
    { "exposure", "number", 1.5, "", "largest factor on the brightness; 1: off", min = 1, max = 10, aliases = { "hsv_v", "brightness" } },
  },
}
