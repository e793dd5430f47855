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
  t.assertErrorMsgContains("labels: option 'width': expected an integer of at least 0 (px), got -3", function()
    local _ = core.labels.kitti(path, { width = -3 })
    return _
  end)
  t.assertErrorMsgContains("labels: unknown option 'widht', did you mean 'width'?", core.labels.kitti, path, { widht = 3 })
  t.assertErrorMsgContains("class: expected a list of texts, got Car", core.labels.kitti, path, { classes = "Car" })
  t.assertErrorMsgContains("nothing.txt", core.labels.kitti, "/nowhere/nothing.txt")
  os.remove(path)
end

function TestLabels:testYoloRow()
  local path = scratch "1 0.5 0.25 0.25 0.5\n"
  t.assertEquals(core.labels.yolo(path, { "a", "b" }, { width = 200, height = 100 }),
    { { class = "b", index = 2, box = { 75.0, 0.0, 125.0, 50.0 }, score = 1.0, line = 1 } })
  t.assertErrorMsgContains("class 2: expected a text, got number", core.labels.yolo, path, { "a", 7 })
  os.remove(path)
end

function TestLabels:testList()
  local path = scratch "000001\n\n000007 \r\n"
  t.assertEquals(core.labels.list(path), { "000001", "000007" })
  core.system.write(path, "\n")
  t.assertErrorMsgContains(path, core.labels.list, path)
  os.remove(path)
end

os.exit(t.LuaUnit.run())
