-- The set that the protocols look at: what it takes, what it refuses.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"
local truth, det = boxes.truth, boxes.det

TestSet = {}

function TestSet:testCountsAndText()
  local set = core.eval_set()
  t.assertIs(set:add("a", { truth("Car", 0, 0, 1, 1) }, {}), set)
  set:add("b", {}, { det("Car", 0.5, 0, 0, 1, 1), det("Van", 0.5, 0, 0, 1, 1) })
  t.assertEquals({ #set, tostring(set) }, { 2, "eval_set of 2 frames, 1 truths, 2 detections" })
end

function TestSet:testRefusals()
  local set = core.eval_set()
  local function refuses(sentence, ...)
    local arguments = { ... }
    t.assertErrorMsgContains(sentence, function() set:add(table.unpack(arguments)) end)
    t.assertEquals(#set, 0)
  end
  refuses("truth 1: box: expected {x1, y1, x2, y2}, got nil", "a", { { class = "Car" } }, {})
  refuses("truth 2: box: expected 4 numbers, got nil", "a", { truth("Car", 0, 0, 1, 1), { class = "Car", box = { 1, 2, 3 } } }, {})
  refuses("detection 1: class: expected a name, got number", "a", {}, { { class = 1, box = { 1, 2, 3, 4 } } })
  refuses("detection 1: expected a table, got string", "a", {}, { "Car" })
  refuses("detection 1: score: expected a number, got boolean", "a", {}, { det("Car", true, 0, 0, 1, 1) })
  refuses("frame a, detection 1: expected finite numbers", "a", {}, { det("Car", 0 / 0, 0, 0, 1, 1) })
  refuses("frame a, truth 1: expected finite numbers", "a", { truth("Car", 0, 0, 1 / 0, 1) }, {})
  set:add("a", {}, {})
  t.assertErrorMsgContains("frame a was added before", function() set:add("a", {}, {}) end)
end

function TestSet:testLoadOptions()
  local set = core.eval_set()
  t.assertErrorMsgContains("eval_set: unknown option 'spilt', did you mean 'split'?", set.load, set, "labels", "dets", { spilt = "x.txt" })
  t.assertErrorMsgContains("name 2: expected a text, got number", set.load, set, "labels", "dets", { names = { "Car", 7 } })
  t.assertErrorMsgContains("name: expected a list of texts, got Car", set.load, set, "labels", "dets", { names = "Car" })
end

function TestSet:testMissingFieldsHaveDefaults()
  local set = core.eval_set()
  set:add("a", { { class = "Car", box = { 0, 0, 50, 50 } } }, { { class = "Car", box = { 0, 0, 50, 50 } } })
  local easy = set:kitti { curves = true }.classes.Car.easy
  t.assertEquals({ easy.n_gt, easy.thresholds, easy.aos }, { 1, { 1.0 }, core.null }) -- visible, score 1, no angle
end

function TestSet:testClosed()
  local closed
  do
    local set <close> = core.eval_set()
    closed = set
  end
  t.assertErrorMsgContains("is closed", function() closed:kitti() end)
  t.assertEquals(tostring(closed), "eval_set (closed)")
end

-- More names than the first hash table holds, in any case.
function TestSet:testManyNames()
  local set, names = core.eval_set(), {}
  for i = 1, 300 do
    names[i] = "Class" .. i
    set:add("frame" .. i, { truth(names[i]:lower(), 0, 0, 50, 50) }, { det(names[i]:upper(), 0.9, 0, 0, 50, 50) })
  end
  local row = set:voc { classes = names }
  t.assertEquals({ row.map, row.classes.Class1.tp, row.classes.Class300.tp, #set }, { 1.0, 1, 1, 300 })
end

function TestSet:testEmpty()
  local set = core.eval_set()
  t.assertEquals({ set:kitti().map, set:voc().map, set:poster().map, set:coco().ap }, { core.null, core.null, core.null, -1 })
  t.assertEquals(set:confusion { classes = { "a" } }.matrix, { { 0, 0 }, { 0, 0 } })
  t.assertEquals(set:curves { classes = { "a" } }.a.score, {})
end

os.exit(t.LuaUnit.run())
