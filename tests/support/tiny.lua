-- A tiny data set in KITTI's layout, a tiny network and a config.yaml that brings them together: what a machine without any data
-- runs a recipe on. Coloured rectangles on noise, a colour and a shape per class; the same bytes every time.
--
--   yolua tests/support/tiny.lua out=FOLDER && yolua recipes/coco_ft.lua config=FOLDER/config.yaml
local yl = require "yolua"
local core = yl.core

local WIDTH, HEIGHT, TRAIN, DEV = 160, 96, 24, 8
local KINDS = { -- class, size range, colour
  { "Car", { 28, 44 }, { 14, 22 }, { 220, 60, 40 } },
  { "Pedestrian", { 8, 14 }, { 24, 36 }, { 40, 200, 60 } },
  { "Cyclist", { 18, 24 }, { 22, 30 }, { 50, 70, 230 } },
}

local CFG = [[
[net]
width=160
height=96
channels=3
momentum=0.9
decay=0.0005
]] .. ([[
[convolutional]
batch_normalize=1
filters=%d
size=3
stride=2
pad=1
activation=leaky
]]):rep(4):format(8, 16, 32, 32) .. [[
[convolutional]
filters=24
size=1
stride=1
pad=1
activation=linear
[region]
anchors=2.2,1.1, 0.7,1.9, 1.3,1.6
classes=3
num=3
coords=4
softmax=1
absolute=1
thresh=.5
]]

local o = yl.options {}
local top = o.out or error("tiny.lua: expected out=FOLDER", 0)

local state = 12345
local function draw(low, high) -- a number of low..high: the minimal standard generator of Park and Miller
  state = state * 48271 % 2147483647
  return low + state % (high - low + 1)
end

local function noise()
  local rows = {}
  for i = 1, WIDTH * HEIGHT do
    local grey = draw(60, 120)
    rows[i] = string.char(grey, grey, grey)
  end
  return rows
end

local function paint(pixels, colour, x1, y1, x2, y2)
  local dot = string.char(table.unpack(colour))
  for y = y1, y2 - 1 do
    for x = x1, x2 - 1 do pixels[y * WIDTH + x + 1] = dot end
  end
end

local function make_frame(id)
  local pixels, rows = noise(), {}
  for third = 0, 2 do -- one object in each third, so that none covers another
    local kind = KINDS[draw(1, #KINDS)]
    local w, h = draw(table.unpack(kind[2])), draw(table.unpack(kind[3]))
    local x, y = draw(third * WIDTH // 3, (third + 1) * WIDTH // 3 - w), draw(0, HEIGHT - h)
    paint(pixels, kind[4], x, y, x + w, y + h)
    rows[#rows + 1] = ("%s 0.00 0 0.00 %.2f %.2f %.2f %.2f 1.50 1.60 3.90 0.00 1.70 20.00 0.00\n"):format(kind[1], x, y, x + w, y + h)
  end
  core.image.new(WIDTH, HEIGHT, table.concat(pixels)):save(("%s/data/training/image_2/%s.png"):format(top, id))
  core.system.write(("%s/data/training/label_2/%s.txt"):format(top, id), table.concat(rows))
end

local function make_split(name, first, last)
  local ids = {}
  for i = first, last do
    ids[#ids + 1] = ("%06d\n"):format(i)
    make_frame(("%06d"):format(i))
  end
  core.system.write(("%s/data/ImageSets/%s.txt"):format(top, name), table.concat(ids))
end

for _, folder in ipairs { "training/image_2", "training/label_2", "ImageSets" } do
  core.files.make_folder(top .. "/data/" .. folder)
end
make_split("train", 0, TRAIN - 1)
make_split("dev", TRAIN, TRAIN + DEV - 1)
core.system.write(top .. "/tiny.cfg", CFG)
core.system.write(top .. "/tiny.names", "Car\nPedestrian\nCyclist\n")
core.system.write(top .. "/config.yaml", ([[
cfg: TOP/tiny.cfg
names: TOP/tiny.names
freeze: none
epochs: 20
batch: 4
optim: {lr: 0.003}
data: {name: kitti, root: TOP/data}
out: TOP/run
]]):gsub("TOP", function() return top end))
print(("%d + %d frames, a network and config.yaml in %s"):format(TRAIN, DEV, top))
