-- What explains that boxes of a head's anchors come out too large or too small.
local t = require "luaunit"
local explain = require "yolua.eval.explain"

local LIST = { { 10, 14 }, { 23, 27 }, { 37, 58 }, { 81, 82 }, { 135, 169 }, { 344, 319 } }

-- A head that uses the anchors of `mask` (from 0), whose weights were trained with `trained` ({w, h} each).
local function head_of(mask, trained, boxes, list)
  local head = { list = {}, slots = {} }
  list = list or LIST
  for i, a in ipairs(list) do head.list[i] = { w = a[1], h = a[2] } end
  for i, k in ipairs(mask) do
    local a, logs = list[k + 1], {}
    for b = 1, boxes and boxes[i] or 30 do logs[b] = 0 end
    -- predictions are exp(t) * anchor: with another anchor than the trained one they are off by the quotient
    head.slots[i] = { index = k, w = a[1], h = a[2], logs = { w = logs, h = logs },
      f = { w = math.log(a[1] / trained[i][1]), h = math.log(a[2] / trained[i][2]) } }
  end
  return head
end

local function explained(mask, trained, boxes, list)
  local head = head_of(mask, trained, boxes, list)
  return explain(head, head.slots)
end

TestExplain = {}

function TestExplain:testNothingIsWrong()
  t.assertNil(explained({ 0, 1, 2 }, { LIST[1], LIST[2], LIST[3] }))
  t.assertNil(explained({ 0, 1 }, { { 12, 17 }, { 19, 22 } })) -- within 1.25: another way of boxing
end

function TestExplain:testOrder()
  local way = explained({ 3, 4, 5 }, { LIST[6], LIST[5], LIST[4] })
  t.assertEquals(way.mask, { 5, 4, 3 })
  t.assertAlmostEquals(way.left, 0, 1e-9)
  t.assertEquals(explained({ 0, 1, 2 }, { LIST[2], LIST[3], LIST[4] }).mask, { 1, 2, 3 }) -- another mask
end

-- A slot that was not measured moves along where the others agree.
function TestExplain:testSlotsThatWereNotMeasured()
  local head = head_of({ 0, 1, 2 }, { LIST[2], LIST[3], LIST[4] })
  t.assertEquals(explain(head, { head.slots[1], head.slots[2] }).mask, { 1, 2, 3 })
  head = head_of({ 0, 1, 3 }, { LIST[2], LIST[1], LIST[4] }) -- they disagree: it keeps its own
  t.assertEquals(explain(head, { head.slots[1], head.slots[2] }).mask, { 1, 0, 3 })
end

function TestExplain:testScale()
  local half = {}
  for i, k in ipairs { 0, 2, 4 } do half[i] = { LIST[k + 1][1] / 1.6, LIST[k + 1][2] / 1.6 } end
  local way = explained({ 0, 2, 4 }, half)
  t.assertAlmostEquals(way.scale, 1 / 1.6, 1e-9)
  t.assertNil(way.mask)
end

-- The factor is the mean over boxes: an anchor with many counts for more.
function TestExplain:testScaleByBoxes()
  local way = explained({ 0, 4 }, { { 10 / 1.5, 14 / 1.5 }, { 135 / 1.7, 169 / 1.7 } }, { 10, 90 })
  t.assertAlmostEquals(way.scale, math.exp(-(0.1 * math.log(1.5) + 0.9 * math.log(1.7))), 1e-9)
end

function TestExplain:testTurned()
  local way = explained({ 2, 0 }, { { 58, 37 }, { 14, 10 } })
  t.assertTrue(way.turned)
end

-- One anchor alone fits something by chance: only a large factor is explained by another anchor of the list.
function TestExplain:testOneAnchor()
  t.assertNil(explained({ 3, 4 }, { { 81 * 1.4, 82 * 1.4 }, LIST[5] }))
  t.assertNil(explained({ 3, 4 }, { { 300, 20 }, LIST[5] })) -- nothing fits
  t.assertEquals(explained({ 3, 4 }, { LIST[6], LIST[5] }).mask, { 5, 4 })
  t.assertNil(explained({ 3, 4 }, { { 81 / 1.6, 82 / 1.6 }, LIST[5] })) -- some factor fits always
  local near = { { 100, 100 }, { 140, 140 }, { 300, 300 } }
  t.assertNil(explained({ 0, 2 }, { near[2], near[3] }, nil, near))
end

function TestExplain:testTheBestOfSeveral()
  local list = { { 100, 100 }, { 200, 205 }, { 390, 390 } }
  local way = explained({ 0, 1 }, { list[2], list[3] }, nil, list) -- a factor of 2 would nearly do
  t.assertEquals(way.mask, { 1, 2 })
  t.assertAlmostEquals(way.left, 0, 1e-9)
end

-- What would make a good anchor bad is no explanation.
function TestExplain:testOthersStayRight()
  t.assertNil(explained({ 3, 4 }, { LIST[5], LIST[5] }))
  t.assertNil(explained({ 0, 2, 4 }, { { 10 / 1.4, 14 / 1.4 }, { 37 / 1.4, 58 / 1.4 }, { 135 * 1.2, 169 * 1.2 } }))
end

os.exit(t.LuaUnit.run())
