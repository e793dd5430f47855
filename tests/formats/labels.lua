-- core.labels: rows as Lua tables, and all of KITTI's label files where they are at hand.
local t = require "luaunit"
local core = require "yolua.core"

local function scratch(text)
  local path = os.tmpname()
  core.system.write(path, text)
  return path
end

TestLabels = {}

function TestLabels:testKittiRow()
  local path = scratch "Van 0.5 2 1.25 10 20 30.5 40 1 2 3 4 5 6 -0.75\n"
  local rows = core.labels.kitti(path, { width = 100, height = 50 })
  t.assertEquals(rows, { { class = "Van", truncated = 0.5, occluded = 2.0, alpha = 1.25, box = { 10.0, 20.0, 30.5, 40.0 },
    dims = { 1.0, 2.0, 3.0 }, location = { 4.0, 5.0, 6.0 }, rotation_y = -0.75, score = 1.0, line = 1 } })
  os.remove(path)
end

function TestLabels:testErrorsNameTheCaller()
  local path = scratch "Car 1 2\n"
  t.assertErrorMsgContains("labels.lua:", function() local _ = core.labels.kitti(path); return _ end)
  t.assertErrorMsgContains(path .. ":1: expected the 15 fields", function() local _ = core.labels.kitti(path); return _ end)
  t.assertErrorMsgContains("unknown class 'Cra', did you mean 'Car'", function()
    local p = scratch "Cra 0.5 2 1.25 10 20 30.5 40 1 2 3 4 5 6 -0.75\n"
    local _ = core.labels.kitti(p, { classes = { "Car", "Van" } })
    return _
  end)
  t.assertErrorMsgContains("width: expected pixels, got -3", function()
    local _ = core.labels.kitti(path, { width = -3 })
    return _
  end)
  t.assertErrorMsgContains("nothing.txt", core.labels.kitti, "/nowhere/nothing.txt")
  os.remove(path)
end

function TestLabels:testYoloRow()
  local path = scratch "1 0.5 0.25 0.25 0.5\n"
  t.assertEquals(core.labels.yolo(path, { "a", "b" }, { width = 200, height = 100 }),
    { { class = "b", box = { 75.0, 0.0, 125.0, 50.0 }, score = 1.0, line = 1 } })
  t.assertErrorMsgContains("class 2: expected a name, got number", core.labels.yolo, path, { "a", 7 })
  os.remove(path)
end

function TestLabels:testList()
  local path = scratch "000001\n\n000007 \r\n"
  t.assertEquals(core.labels.list(path), { "000001", "000007" })
  core.system.write(path, "\n")
  t.assertErrorMsgContains(path, core.labels.list, path)
  os.remove(path)
end

local data = os.getenv "YOLUA_DATA" or ((os.getenv "YOLUA_SOURCE" or ".") .. "/../shared/data")
local probe = io.open(data .. "/kitti_labels/image_sizes.txt")
if not probe then
  print("SKIP KITTI's label files: none at " .. data)
else
  probe:close()
  function TestLabels:testAllOfKitti()
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
end

os.exit(t.LuaUnit.run())
