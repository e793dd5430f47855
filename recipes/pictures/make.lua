-- Makes the README's pictures from yolua's output on synthetic streets: a frame with its detections, two curves, a contact sheet.
--
--   yolua recipes/coco_full.lua out=runs/pictures/coco_full
--   yolua doctor data=synthetic sheet=runs/pictures/sheet.png frames=12
--   yolua recipes/pictures/make.lua
local yl = require "yolua"

local o = yl.options({}, {
  { "from", "string", "runs/pictures", "", "the folder of the run and of the sheet" },
  { "to", "string", "recipes/pictures", "", "where the pictures are written" },
  { "frame", "string", "000196", "", "which of the drawn frames" },
  { "class", "string", "car", "", "whose precision over recall" },
})
local image, system = yl.core.image, yl.core.system
local run = o.from .. "/coco_full"

local frame = image.load(("%s/detections/%s.png"):format(run, o.frame))
system.write(o.to .. "/detections.jpg", frame:fit(760, 760):jpeg(72))

local sheet = image.load(o.from .. "/sheet.png")
system.write(o.to .. "/sheet.jpg", sheet:fit(760, 760):jpeg(60))

system.write(o.to .. "/ap.svg", system.read(run .. "/plots/ap.svg"))
system.write(o.to .. "/precision.svg", system.read(("%s/plots/pr-%s.svg"):format(run, o.class)))
print(("pictures of %s are in %s"):format(o.from, o.to))
