-- All of KITTI's label files, where they are at hand: each loads against its image's size, and nothing is lost.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"

local data = boxes.data("kitti_labels/image_sizes.txt", "KITTI's label files")
if not data then os.exit(0) end

TestAll = {}

function TestAll:testAllOfKitti()
  local folder, began = data .. "/kitti_labels/", core.system.clock()
  local frames, objects, classes = 0, 0, {}
  for id, w, h in core.system.read(folder .. "image_sizes.txt"):gmatch "(%d+) (%d+) (%d+)" do
    frames = frames + 1
    local size = { width = tonumber(w), height = tonumber(h) }
    for _, row in ipairs(core.labels.kitti(folder .. "label_2/" .. id .. ".txt", size)) do
      objects = objects + 1
      classes[row.class] = (classes[row.class] or 0) + 1
    end
  end
  t.assertEquals({ frames, objects }, { 7481, 51865 })
  t.assertEquals(classes, { Car = 28742, Van = 2914, Truck = 1094, Pedestrian = 4487, Person_sitting = 222, Cyclist = 1627,
    Tram = 511, Misc = 973, DontCare = 11295 })
  print(("7481 label files in %.2f s"):format(core.system.clock() - began))
end

os.exit(t.LuaUnit.run())
