-- data=kitti on real data: the counts that its description gives, both layouts, and labels at full scale.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local root = os.getenv "YOLUA_DATA" or os.getenv "YOLUA_SOURCE" .. "/../shared/data"

TestKitti = {}

local function here(name)
  if core.files.kind(root .. "/" .. name) == "folder" then return true end
  print("SKIP " .. name .. " is not here")
  return false
end

local function counts(list)
  local found = {}
  for _, frame in ipairs(list.frames) do
    for _, object in ipairs(frame.objects) do found[object.class] = (found[object.class] or 0) + 1 end
  end
  return found
end

function TestKitti:testFrames()
  if not here "kitti" then return end
  local data = yl.data { name = "kitti", root = root .. "/kitti" }
  t.assertEquals({ #data.train, #data.dev }, { 903, 98 })
  t.assertEquals(counts(data.train), { Car = 3008, Cyclist = 1334, Pedestrian = 1189, Van = 229, Tram = 82, Person_sitting = 68,
    Truck = 53, Misc = 53, DontCare = 1809 })
  t.assertEquals(counts(data.dev), { Car = 408, Pedestrian = 202, Cyclist = 118, Van = 67, Tram = 19, DontCare = 209 })
  local sizes = {}
  for _, list in ipairs { data.train, data.dev } do
    for _, frame in ipairs(list.frames) do sizes[frame.width .. "x" .. frame.height] = true end
  end
  t.assertEquals(sizes, { ["1242x375"] = true, ["1224x370"] = true, ["1238x374"] = true })
  local poster = yl.data { name = "kitti", root = root .. "/kitti", train = "poster_train", dev = "poster_dev", limit = 30 }
  t.assertEquals({ #poster.train, #poster.dev, #poster:list "poster_dev" }, { 30, 30, 30 })
  t.assertEquals({ poster.train.frames[1].id, poster.dev.frames[1].id }, { "000007", "000001" })
end

function TestKitti:testFoldersUnderTheRoot()
  if not here "kitti_png" then return end
  local data = yl.data { name = "kitti", root = root .. "/kitti_png/" }
  t.assertEquals({ #data:list(), data:list().name, data.root }, { 17, "all", root .. "/kitti_png/" })
end

function TestKitti:testAllLabels()
  if not here "kitti_labels" then return end
  local data = yl.data { name = "kitti", root = root .. "/kitti_labels", images = false }
  t.assertEquals(data.source:archive().faults, {}) -- each class has as many labels as the official archive
  local list = data:list()
  local total = 0
  for _, count in pairs(counts(list)) do total = total + count end
  t.assertEquals({ #list, total }, { 7481, 51865 })
  t.assertEquals({ list.frames[1].id, list.frames[1].width, list.frames[1].height }, { "000000", 1224, 370 })
end

os.exit(t.LuaUnit.run())
