-- What a training changes in heads: losses' options, and anchors, none of which may move a box before the first step.
local t = require "luaunit"
local yl = require "yolua"
local core = require "yolua.core"
local heads = require "yolua.model.heads"
local Model = require "yolua.model"

-- A coarse and a fine yolo head that share an anchor; the list's first is nobody's. 2 classes, input 64 x 32.
local LIST = "2,3, 6,5, 10,12, 14,20, 30,18, 60,30"
local function yolo(options)
  local function head(mask, more)
    local o = { "yolo", classes = 2, num = 6, mask = mask, anchors = LIST }
    for key, value in pairs(more or {}) do o[key] = value end
    return o
  end
  local net = core.net { h = 32, w = 64, c = 3, seed = 4, layers = {
    { "conv2d", filters = 6, size = 3, stride = 4, pad = true }, { "activation", name = "act" },
    { "conv2d", name = "down", filters = 6, size = 3, stride = 2, pad = true }, { "activation", name = "down.act" },
    { "conv2d", name = "coarse", filters = 21, size = 1 }, head("3,4,5", options),
    { "conv2d", name = "fine", filters = 21, size = 1, inputs = { "act" } }, head("1,2,3", options),
  } }
  return Model.new { net = net, names = { "car", "person" }, path = "two.cfg" }
end

local function region(anchors)
  local net = core.net { h = 32, w = 64, c = 3, seed = 4, layers = {
    { "conv2d", filters = 14, size = 3, stride = 8, pad = true }, { "region", classes = 2, num = 2, anchors = anchors or "1,1, 3,2" } } }
  return Model.new { net = net, names = { "car", "person" }, path = "one.cfg" }
end

local picture = yl.rand({ 32, 64, 3, seed = 2 }):mul_(255):to "u8"

local function boxes(model) return model:detect(picture, { conf = 0.001, iou = 1 }) end

local function assert_same_boxes(before, after)
  t.assertTrue(#before > 20)
  t.assertEquals(#after, #before)
  for i, b in ipairs(before) do
    t.assertAlmostEquals(after[i].score, b.score, 1e-6)
    for k = 1, 4 do t.assertAlmostEquals(after[i].box[k], b.box[k], 2e-3) end
  end
end

-- Loss of one object, {cx, cy, w, h} in shares: its parts, of both heads together.
local function loss(model, box)
  local plan = model:plan { mode = "train", batch = 1, keep = true }
  plan:input(picture:to("f32"):mul_(1 / 255):reshape(-1):totable())
  plan:forward {}
  local sum = {}
  for _, parts in pairs(plan:loss { { { box[1], box[2], box[3], box[4], 0, 0 } } }) do
    for part, value in pairs(parts) do sum[part] = (sum[part] or 0) + value end
  end
  return sum
end

local SIZES = {}
for i = 1, 60 do SIZES[i] = { 2 + i % 7 * 6, 3 + i % 5 * 4 } end
local TALL = {}
for i = 1, 30 do TALL[i] = { 3 + i % 3, 9 + i } end

TestHeads = {}

-- The defect: the anchor nearest to a small object is no head's, so the object is background.
function TestHeads.testObjectsOfAnUnpredictedAnchor()
  local model, small = yolo(), { 0.3, 0.4, 2 / 64, 3 / 32 }
  local before = boxes(model)
  t.assertEquals(loss(model, small).object, 0)
  local three, what = { { 2, 3 }, { 3, 3 }, { 30, 18 } }, "anchors: 1 of 6 are predicted by no head, and nearest to 2 of 3 boxes, which "
  t.assertErrorMsgContains("anchors=all needs a recipe whose yl.transplant is given", heads.need_all, model, three, 64, 32)
  t.assertEquals(heads.keep(model, three, 64, 32), { what .. "are background (anchors=predicted: others learn them)" })
  t.assertEquals(loss(model, small).object, 0)
  t.assertEquals(heads.drop_unpredicted(model, three, 64, 32), { what .. "others learn now" })
  t.assertTrue(loss(model, small).object > 0)
  assert_same_boxes(before, boxes(model))
  local coarse, fine = model.structure.layers[6].options, model.structure.layers[8].options
  t.assertEquals({ coarse.mask, fine.mask, coarse.num, fine.num }, { "2,3,4", "0,1,2", "5", "5" })
  t.assertEquals(fine.anchors, coarse.anchors)
  t.assertEquals({ heads.keep(model, SIZES, 64, 32), heads.drop_unpredicted(model, SIZES, 64, 32) }, { {}, {} })
end

function TestHeads.testFittedAnchorsMoveNoBox()
  for _, make in ipairs { yolo, region } do
    local model = make()
    local before = boxes(model)
    local lines = heads.fit(model, TALL, 64, 32)
    t.assertEquals(#lines, 1)
    t.assertStrMatches(lines[1], "anchors: mean best IoU of 30 boxes at 64x32: 0%.%d+ %(.*%), fitted 0%.%d+ %(.*%)")
    local old, new = lines[1]:match "64x32: ([%d.]+)", lines[1]:match "fitted ([%d.]+)"
    t.assertTrue(tonumber(new) > tonumber(old) + 0.05)
    assert_same_boxes(before, boxes(model))
    local fitted = model.structure
    t.assertStrMatches(heads.fit(model, TALL, 64, 32)[1], ".*; k%-means finds no better ones")
    t.assertEquals(model.structure, fitted)
  end
end

-- Each slot has its own anchor, smaller ones on the finer grid; within a head the shapes decide (testFittedAnchorsKeepTheirShapes).
function TestHeads.testFittedAnchorsOfTwoHeads()
  local model = yolo()
  heads.fit(model, SIZES, 64, 32)
  local coarse, fine = model.structure.layers[6].options, model.structure.layers[8].options
  t.assertEquals({ coarse.mask, fine.mask, coarse.num }, { "4,5,3", "0,2,1", "6" })
  t.assertEquals(coarse.anchors, fine.anchors)
  local sides, last = {}, 0
  for number in coarse.anchors:gmatch "[%d.]+" do sides[#sides + 1] = tonumber(number) end
  for k = 1, 6 do
    t.assertTrue(sides[2 * k - 1] * sides[2 * k] >= last)
    last = sides[2 * k - 1] * sides[2 * k]
  end
end

-- A row keeps the kind of shape that it has learned, although the flat objects are the smaller ones here.
function TestHeads.testFittedAnchorsKeepTheirShapes()
  local model = region "1,3.2, 4,0.9" -- tall, then flat
  local sizes = {}
  for i = 1, 40 do sizes[2 * i - 1], sizes[2 * i] = { 24 + i % 3, 4 + i % 2 }, { 9 + i % 2, 29 + i % 3 } end
  heads.fit(model, sizes, 64, 32)
  local options = model.structure.layers[#model.structure.layers].options
  local w1, h1, w2, h2 = options.anchors:match "([%d.]+)[,%s]+([%d.]+)[,%s]+([%d.]+)[,%s]+([%d.]+)"
  t.assertTrue(tonumber(w1) < tonumber(h1) and tonumber(w2) > tonumber(h2), options.anchors)
end

function TestHeads.testOptionsOfTheLoss()
  local model = yolo()
  local before = loss(model, { 0.5, 0.5, 0.3, 0.5 })
  t.assertEquals(heads.set(model, { iou_loss = "ciou", obj_normalizer = 2 }), {})
  local after = loss(model, { 0.5, 0.5, 0.3, 0.5 })
  t.assertAlmostEquals(after.object, 2 * before.object, 1e-5)
  t.assertNotEquals(after.box, before.box)
  t.assertEquals(model.structure.layers[6].options.iou_loss, "ciou")
  t.assertEquals(heads.set(region(), { iou_loss = "ciou" }), { { "iou_loss", "region" } })
end

-- What the network refuses leaves it as it was.
function TestHeads.testOptionsThatDoNotFit()
  local model = yolo()
  local before = model.structure.layers[6].options
  local function refused(sentence, layer, values) t.assertErrorMsgContains(sentence, model.net.options, model.net, layer, values) end
  refused("the options of a layer with parameters cannot be changed", "coarse", { stride = 2 })
  refused("yolo1: expected 14 input channels (anchors of the mask * (5 + classes)), got 21", "yolo1", { mask = "0,1" })
  refused("expected 6 anchors (two numbers each, num = 6), got 2 numbers", "yolo1", { anchors = "3,4" })
  refused("yolo1: unknown option 'mosk', did you mean 'mask'?", "yolo1", { mosk = "3,4,5" })
  refused("'iou_loss'", "yolo1", { iou_loss = "smooth" })
  refused("the network has no layer 'yolo9'", "yolo9", {})
  t.assertEquals(model.net:layers()[6].options, before)
end

os.exit(t.LuaUnit.run())
