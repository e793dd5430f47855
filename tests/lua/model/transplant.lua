-- A new head for other classes: every number of the new convolution is looked at, for both kinds of heads and several anchors.
local t = require "luaunit"
local core = require "yolua.core"
local Model = require "yolua.model"
local transplant = require "yolua.model.transplant"

-- A region head with 3 anchors and a yolo head with 2, each behind a 1x1 convolution over 4 channels.
local function detector(names, attributes, extra)
  local rows = 5 + #names + (extra or 0)
  local net = core.net { h = 8, w = 8, c = 3, seed = 6, layers = {
    { "conv2d", filters = 4, size = 3, pad = true, bias = false }, { "batchnorm", name = "conv1.bn" }, { "activation", name = "conv1.act" },
    { "conv2d", filters = 3 * rows, size = 1 }, { "region", classes = #names, num = 3, attributes = attributes, anchors = "1,1, 2,3, 4,2" },
    { "conv2d", filters = 2 * rows, size = 1, inputs = { "conv1.act" } },
    { "yolo", classes = #names, num = 4, attributes = attributes, mask = "1,3", anchors = "1,1, 2,3, 4,2, 5,6" },
  } }
  -- every number says where it came from: thousands the row, units the column
  for _, conv in ipairs { "conv2", "conv3" } do
    local weight, bias = {}, {}
    for r = 1, #net:get(conv .. ".bias") do
      bias[r] = -r
      for c = 1, 4 do weight[#weight + 1] = 1000 * r + c end
    end
    net:set(conv .. ".weight", weight)
    net:set(conv .. ".bias", bias)
  end
  return Model.new { net = net, names = names, path = "old.cfg", pretrained = true }
end

-- from[k]: the number of the old class that the new class k must have come from, or nil; kept[k]: the same for the numbers of the
-- attributes behind the classes, of which the old head has so many.
local function check(old, new, conv, anchors, from, kept, had)
  local weight, bias = new.net:get(conv .. ".weight"), new.net:get(conv .. ".bias")
  local fresh = require("yolua.model.structure").build(new.structure, nil, 1)
  local drawn, drawn_bias = fresh:get(conv .. ".weight"), fresh:get(conv .. ".bias")
  local extra, classes = kept and kept.n or 0, #new.names
  local size, old_size = 5 + classes + extra, 5 + #old.names + (had or 0)
  t.assertEquals(#bias, anchors * size)
  for a = 0, anchors - 1 do
    for k = 1, size do
      local row, source = a * size + k, k
      if k > 5 + classes then source = kept[k - 5 - classes] and 5 + #old.names + kept[k - 5 - classes]
      elseif k > 5 then source = from[k - 5] and 5 + from[k - 5] end
      source = source and a * old_size + source
      t.assertEquals(bias[row], source and -source or drawn_bias[row], ("%s: bias of row %d"):format(conv, row))
      for c = 1, 4 do
        local at = 4 * (row - 1) + c
        t.assertEquals(weight[at], source and 1000 * source + c or drawn[at], ("%s: row %d, column %d"):format(conv, row, c))
      end
    end
  end
end

TestTransplant = {}

function TestTransplant.testEveryRowLandsWhereItShould()
  local old = detector { "person", "bicycle", "car" }
  local new, lines = transplant(old, { "Car", "tram", "PERSON", "Cyclist" }, { like = { Cyclist = "bicycle" } })
  local from = { 3, nil, 1, 2 }
  check(old, new, "conv2", 3, from)
  check(old, new, "conv3", 2, from)
  t.assertEquals(lines, { "head: 3 classes become 4; boxes and objectness are kept", "  Car: moved from car", "  tram: initialized",
    "  PERSON: moved from person", "  Cyclist: moved from bicycle" })
end

-- A head gets attributes beside its classes, keeps those that it has, or loses them.
function TestTransplant.testAttributes()
  local plain = detector { "person", "car" }
  local new, lines = transplant(plain, { "car", "tram" }, { attributes = { "truncation", "orientation" } })
  local none = { n = 3 }
  check(plain, new, "conv2", 3, { 2 }, none)
  check(plain, new, "conv3", 2, { 2 }, none)
  t.assertEquals({ new.structure.layers[5].options.attributes, new.structure.layers[7].options.attributes },
    { "orientation,truncation", "orientation,truncation" })
  t.assertEquals(lines, { "head: 2 classes become 2; boxes and objectness are kept", "  car: moved from car", "  tram: initialized",
    "  attribute orientation: initialized", "  attribute truncation: initialized" })

  local all = detector({ "person", "car" }, "orientation,occlusion,truncation", 7) -- numbers 1-2, 3-6, 7
  check(all, transplant(all, { "car" }), "conv2", 3, { 2 }, { 1, 2, 3, 4, 5, 6, 7, n = 7 }, 7)
  local less
  less, lines = transplant(all, { "car" }, { attributes = "truncation,orientation" })
  check(all, less, "conv3", 2, { 2 }, { 1, 2, 7, n = 3 }, 7)
  t.assertEquals({ lines[3], lines[4], lines[5] },
    { "  attribute orientation: kept", "  attribute truncation: kept", "  attribute occlusion: taken away" })
  check(all, transplant(all, { "car" }, { attributes = "none" }), "conv3", 2, { 2 }, { n = 0 }, 7)
  t.assertErrorMsgContains("there is no 'colour'", transplant, all, { "car" }, { attributes = { "occlusion", "colour" } })
  local digits = Model.new { net = core.net { h = 4, w = 4, c = 1, layers = { { "connected", output = 2 }, { "softmax" } } },
    names = { "a", "b" }, path = "digits.cfg" }
  t.assertErrorMsgContains("attributes=occlusion: digits.cfg has no detection head", transplant, digits, { "a", "b" },
    { attributes = "occlusion" })
end

function TestTransplant.testFewerClasses()
  local old = detector { "person", "bicycle", "car" }
  local new = transplant(old, { "car" })
  check(old, new, "conv2", 3, { 3 })
  check(old, new, "conv3", 2, { 3 })
end

-- Two new classes may come from one old one; `like` goes before the same name, and an unknown `like` falls back to it.
function TestTransplant.testLike()
  local old = detector { "person", "truck", "car" }
  local new = transplant(old, { "Van", "car", "person" }, { like = { Van = "car", car = "TRUCK", person = "child" } })
  check(old, new, "conv2", 3, { 3, 2, 1 })
end

-- Anchor 2 (4x2) and anchor 0 (1x1) belong to no head: they get rows that start as those of the nearest shape.
function TestTransplant.testAnchorsWithoutRowsGetSome()
  local old = detector { "person", "bicycle", "car" }
  local new, lines = transplant(old, { "car", "tram" }, { anchors = "all" })
  check(old, new, "conv2", 3, { 3, nil }) -- a region head predicts all of its list
  t.assertEquals(lines[2], "yolo1: rows of their own for anchors that no head predicts: 1x1 (from those of 2x3), 4x2 (from those of 2x3)")
  local weight, bias = new.net:get "conv3.weight", new.net:get "conv3.bias"
  t.assertEquals(#bias, 4 * 7)
  for i, shape in ipairs { { 1, 1 }, { 4, 2 } } do
    local row = (1 + i) * 7
    for k = 1, 6 do
      local shift = k == 3 and math.log(2 / shape[1]) or k == 4 and math.log(3 / shape[2]) or 0
      local source = k <= 5 and k or 5 + 3
      t.assertAlmostEquals(bias[row + k], -source + shift, 1e-6)
      for c = 1, 4 do t.assertEquals(weight[4 * (row + k - 1) + c], 1000 * source + c) end
    end
  end
  local o = new.structure.layers[7].options
  t.assertEquals(o.mask, "1,3,0,2")
  t.assertEquals(#new.heads, 2)
  t.assertEquals(new.heads[2].anchors, 4)
end

function TestTransplant.testTheBodyStaysAndTheOldModelToo()
  local old = detector { "person", "car" }
  local body = function(r) return r.layer:find "^conv1" end
  local before, whole = old:checksum(body), old:checksum()
  local new = transplant(old, { "car", "van", "tram" })
  t.assertEquals(new:checksum(body), before)
  t.assertEquals({ old:checksum(), old.names }, { whole, { "person", "car" } })
  t.assertEquals({ new.names, new.pretrained, new.path }, { { "car", "van", "tram" }, true, "old.cfg" })
  t.assertEquals({ new.heads[1].classes, new.heads[2].classes, new.heads[1].anchors, new.heads[2].anchors }, { 3, 3, 3, 2 })
end

-- Rows that are initialized depend on the seed alone, and are no zeros.
function TestTransplant.testSeed()
  local function drawn(seed) return transplant(detector { "person" }, { "tram" }, { seed = seed }).net:get "conv2.weight" end
  t.assertEquals(drawn(3), drawn(3))
  local a, b = drawn(3), drawn(4)
  for row = 1, 3 * 6 do
    for c = 4 * row - 3, 4 * row do
      if (row - 1) % 6 < 5 then t.assertEquals(a[c], b[c]) else t.assertTrue(a[c] ~= b[c] and a[c] ~= 0) end
    end
  end
end

-- A class that keeps its rows is found where it was found before.
function TestTransplant.testSameClassesSameOutput()
  local names = { "person", "bicycle", "car" }
  local old = detector(names)
  local new = transplant(old, { "car", "person", "bicycle" })
  local function head(model)
    local plan, x = model:plan { mode = "infer", batch = 1 }, {}
    for i = 1, 8 * 8 * 3 do x[i] = math.sin(i) * 1e-3 end
    plan:input(x)
    plan:forward()
    return plan:output "yolo1"
  end
  local a, b, to = head(old), head(new), { 2, 3, 1 }
  t.assertEquals(#a, #b)
  for cell = 0, #a // 8 - 1 do
    for k = 1, 8 do
      local k_new = k <= 5 and k or 5 + to[k - 5]
      t.assertAlmostEquals(b[8 * cell + k_new], a[8 * cell + k], 1e-6, ("cell %d, number %d"):format(cell, k))
    end
  end
end

function TestTransplant.testSize()
  local old = detector { "person" }
  local new = transplant(old, { "car" }, { size = { 64, 32 } })
  t.assertEquals({ new.w, new.h, old.w == 64 and old.h == 32 }, { 64, 32, false })
end

function TestTransplant.testNoClassesAreRefused()
  local ok, sentence = pcall(transplant, detector { "person" }, {})
  t.assertFalse(ok)
  t.assertNil(tostring(sentence):find "\n")
end

os.exit(t.LuaUnit.run())
