-- Overlaps of boxes, and the thing that lies where another one does.
local t = require "luaunit"
local overlap = require "yolua.data.overlap"

TestOverlap = {}

function TestOverlap.testIou()
  t.assertEquals(overlap.both({ 0, 0, 10, 10 }, { 5, 5, 15, 15 }), 25)
  t.assertEquals(overlap.iou({ 0, 0, 10, 10 }, { 5, 0, 15, 10 }), 50 / 150)
  t.assertEquals(overlap.iou({ 0, 0, 10, 10 }, { 10, 0, 20, 10 }), 0)
  t.assertEquals(overlap.iou({ 3, 3, 3, 3 }, { 3, 3, 3, 3 }), 0) -- no area
end

function TestOverlap.testBest()
  local car = { class = "car", box = { 0, 0, 10, 10 } }
  local function thing(class, x, ignore) return { class = class, box = { x, 0, x + 10, 10 }, ignore = ignore } end
  local list = { thing("van", 0), thing("car", 3), thing("car", 1), thing("car", 0, true) }
  t.assertEquals({ overlap.best(car, list, {}) }, { 3, 90 / 110 })
  t.assertEquals({ overlap.best(car, list, { [3] = true }) }, { 2, 70 / 130 })
  t.assertNil((overlap.best(car, { thing("car", 4) }, {}))) -- 60 / 140
end

os.exit(t.LuaUnit.run())
