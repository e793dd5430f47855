-- Real detectors: the published cfg of YOLOv3-tiny has a mask that its weights were not trained with, and is warned of; detectors that are
-- right are not, on their own data and on others. Skipped where the data are not at hand.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local anchors = require "yolua.eval.anchors"
local boxes = require "support.boxes"

local DATA = boxes.data("weights/yolov3-tiny/yolov3-tiny.weights", "anchors of real detectors on real frames")
if not DATA then os.exit(0) end

local paths = { ["yolov3-tiny"] = "yolov3-tiny", ["yolo-fastest"] = "yolo-fastest-1.1", ["yolo-lite"] = "coco" }

local function detector(name, cfg)
  local path = ("%s/weights/%s/%s"):format(DATA, name, paths[name])
  return yl.load { cfg = cfg or path .. ".cfg", weights = path .. ".weights", names = DATA .. "/weights/coco.names" }
end

local sets = { coco = { name = "yolo", root = DATA .. "/coco128", split = "all" },
  kitti = { name = "kitti", root = DATA .. "/kitti", dev = "dev" } }

local function heads(model, set)
  local data = yl.data(sets[set])
  local list, fit = data:list(), anchors.new(model)
  yl.detect(model, list.frames, { views = { anchors.view }, resize = "letterbox" }, function(i, found)
    fit:add(data:mapped(list.frames[i], model.names), found)
  end)
  return fit:result()
end

TestRealAnchors = {}

function TestRealAnchors.testPublishedCfg()
  local cfg = os.tmpname()
  local text, changed = core.system.read(DATA .. "/weights/yolov3-tiny/yolov3-tiny.cfg"):gsub("mask = 1,2,3", "mask = 0,1,2")
  t.assertEquals(changed, 1)
  core.system.write(cfg, text)
  local result = heads(detector("yolov3-tiny", cfg), "coco")
  os.remove(cfg)
  t.assertNil(result[1].fault)
  t.assertEquals(result[2].fault.mask, { 1, 2, 3 })
  for i, want in ipairs { { 0.42, 0.51 }, { 0.58, 0.47 }, { 0.46, 0.71 } } do
    local a = result[2].anchors[i]
    t.assertEquals(a.index, i - 1)
    t.assertAlmostEquals(a.factor_w, want[1], 0.03)
    t.assertAlmostEquals(a.factor_h, want[2], 0.03)
  end
end

function TestRealAnchors.testThoseThatAreRight()
  for name in pairs(paths) do
    local model, measured = detector(name), 0
    for set in pairs(sets) do
      for _, head in ipairs(heads(model, set)) do
        t.assertNil(head.fault, name .. " on " .. set)
        for _, a in ipairs(head.anchors) do measured = measured + (a.factor_w and 1 or 0) end
      end
    end
    t.assertTrue(measured >= 3, name)
    model:close()
  end
end

os.exit(t.LuaUnit.run())
