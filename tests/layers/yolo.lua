-- yolo: output, loss and gradient against the oracle in support/yolo_oracle.lua.
local t = require "luaunit"
local check = require "support.layercheck"
local boxes = require "support.overlap"
local oracle = require "support.yolo_oracle"
local core = require "yolua.core"

-- The network's input is the head's grid here (6 x 4 pixels), so anchors are a few pixels.
local TRUTH = {
  { { 0.31, 0.52, 0.42, 0.35, 0, 0 }, { 0.33, 0.54, 0.40, 0.36, 2, 0 }, { 0.29, 0.53, 0.44, 0.34, 2, 0 }, { 1, 1, 0.1, 0.15, 1, 0 },
    { 0.7, 0.3, 0.5, 0.5, -1, 1 } },
  { { 0.9, 0.1, 0.01, 0.004, 1, 0 }, { 0.25, 0.25, 0.3, 0.4, -1, 2 }, { 0.6, 0.8, 0.3, 0.2, 2, 0 }, { 0.6, 0.8, 0.6, 0.7, 0, 0 } },
}
local INPUT = { 2, 4, 6, 16 }
-- With alpha, occluded and truncated, each unknown somewhere, and all three in a row that is no object.
local LABELLED = {
  { { 0.31, 0.52, 0.42, 0.35, 0, 0, -2.9, 0, 0 }, { 0.33, 0.54, 0.40, 0.36, 2, 0, 1.2, 3, 0.4 }, { 1, 1, 0.1, 0.15, 1, 0, -10, 2, 1 },
    { 0.7, 0.3, 0.5, 0.5, -1, 1, -10, -1, -1 } },
  { { 0.9, 0.1, 0.01, 0.004, 1, 0, 0.5, -1, 0.75 }, { 0.25, 0.25, 0.3, 0.4, -1, 2, 2, 1, 0.5 }, { 0.6, 0.8, 0.3, 0.2, 2, 0, 3, 1, -1 } },
}
local ALL = { "orientation", "occlusion", "truncation" }
local function with(options)
  local o = { anchors = { 1.2, 0.8, 2.5, 1.4, 3.5, 3.1 }, mask = { 2, 1 }, num = 3, classes = 3 }
  for k, v in pairs(options) do o[k] = v end
  return o
end

local function cases()
  local list = {}
  for i, kind in ipairs { "mse", "iou", "giou", "diou", "ciou" } do
    list[#list + 1] = { name = kind, options = with { iou_loss = kind }, input = INPUT, truth = TRUTH, seed = 20 + i, scale = 1 }
    list[#list + 1] = { name = kind .. ", several anchors", input = INPUT, truth = TRUTH, seed = 30 + i, scale = 1,
      options = with { iou_loss = kind, iou_thresh = 0.213, iou_normalizer = 0.07, scale_x_y = 1.2 } }
  end
  list[#list + 1] = { name = "truth_thresh", input = INPUT, truth = TRUTH, seed = 40, scale = 1,
    options = with { iou_loss = "giou", truth_thresh = 0.3, ignore_thresh = 0.2 } }
  list[#list + 1] = { name = "weights, smoothing", input = INPUT, truth = TRUTH, seed = 41, scale = 1,
    options = with { obj_normalizer = 0.4, cls_normalizer = 0.5, label_smooth_eps = 0.1, iou_thresh = 0.4, ignore_thresh = 0.3 } }
  for i, kind in ipairs { "mse", "ciou" } do
    list[#list + 1] = { name = "rescore, " .. kind, input = INPUT, truth = TRUTH, seed = 44 + i, scale = 1,
      options = with { iou_loss = kind, rescore = true, iou_thresh = 0.4 } }
  end
  local unsure, random = {}, check.random(43)
  for i = 1, 768 do unsure[i] = string.unpack("f", string.pack("f", random() - 1)) end
  list[#list + 1] = { name = "classes below 1/4", input = INPUT, truth = TRUTH, x = unsure, options = with { ignore_thresh = 0.1 } }
  for i, kind in ipairs { "mse", "giou", "ciou" } do
    local inside = {}
    for k = 1, 768 do inside[k] = string.unpack("f", string.pack("f", 0.5 + random() / 2)) end
    list[#list + 1] = { name = "new_coords, " .. kind, input = INPUT, truth = TRUTH, seed = 50 + i, x = inside,
      options = with { new_coords = true, iou_loss = kind, iou_thresh = 0.3, scale_x_y = 2, ignore_thresh = 0.3 } }
  end
  list[#list + 1] = { name = "attributes", input = { 2, 4, 6, 30 }, truth = LABELLED, seed = 60, scale = 1,
    options = with { attributes = ALL } }
  list[#list + 1] = { name = "some attributes, weighted, several anchors", input = { 2, 4, 6, 26 }, truth = LABELLED, seed = 61, scale = 1,
    options = with { iou_loss = "ciou", iou_thresh = 0.213, attributes = { "truncation", "occlusion" }, occlusion_weight = 3,
      truncation_weight = 0.5 } }
  list[#list + 1] = { name = "attributes, truth without", input = { 2, 4, 6, 20 }, truth = TRUTH, seed = 62, scale = 1,
    options = with { attributes = { "orientation" } } }
  list[#list + 1] = { name = "no mask", input = { 2, 4, 6, 24 }, truth = TRUTH, seed = 42, scale = 1,
    options = { anchors = { 1.2, 0.8, 2.5, 1.4, 3.5, 3.1 }, num = 3, classes = 3 } }
  list[#list + 1] = { name = "no truth", input = { 1, 3, 2, 16 }, truth = { {} }, options = with {} }
  return list
end

TestYolo = check.loss { kind = "yolo", oracle = oracle.loss, tolerance = { forward = 2e-6, backward = 2e-5 }, cases = cases() }

local function run(options, x, truth, size)
  local layer = { "yolo", name = "head" }
  for k, v in pairs(options) do layer[k] = v end
  local net = core.net { h = size[2], w = size[3], c = size[4], layers = { layer }, seed = 1 }
  local plan = net:plan { mode = "train", batch = size[1], keep = true, whole_gradient = true }
  plan:input(x)
  plan:forward {}
  return plan:loss(truth).head, plan
end

local function filled(count, value)
  local out = {}
  for i = 1, count do out[i] = value end
  return out
end

function TestYolo.test_output()
  local random, x, want = check.random(3), {}, {}
  for i = 1, 96 do x[i] = random() * 4 end
  local _, plan = run(with {}, x, { {} }, { 1, 2, 3, 16 })
  for i = 1, 96 do
    local entry = (i - 1) % 8
    want[i] = (entry == 2 or entry == 3) and x[i] or boxes.logistic(x[i])
  end
  check.compare(plan:output(1), want, 1e-6, "output")
end

-- Darknet's gradient of the IoU losses: the derivatives of the similarity with respect to the box, hardly chained.
function TestYolo.test_loose_gradient()
  local o, random, x = with { iou_loss = "ciou", iou_normalizer = 0.07 }, check.random(6), { n = 1, h = 4, w = 6, c = 16 }
  for i = 1, 384 do x[i] = string.unpack("f", string.pack("f", random())) end
  local function gradient(kind)
    o.box_gradient = kind
    local _, plan = run(o, x, { { TRUTH[1][1] } }, { 1, 4, 6, 16 })
    plan:backward()
    return plan:gradient(0)
  end
  local exact, loose = gradient "exact", gradient "darknet"
  local found = 0
  for at = 0, 383 do
    local entry, base = at % 8, at - at % 8
    if exact[at + 1] ~= loose[at + 1] then
      found = found + 1
      local anchor = o.mask[base // 8 % 2 + 1]
      local p, size = boxes.logistic(x[at + 1]), o.anchors[2 * anchor + 1 + (entry == 3 and 1 or 0)] / (entry == 3 and 4 or 6)
      local slope = entry < 2 and p * (1 - p) / (entry == 0 and 6 or 4) or size
      t.assertAlmostEquals(loose[at + 1] * slope, exact[at + 1], 1e-6)
      t.assertTrue(entry < 4)
    end
  end
  t.assertEquals(found, 4)
end

local function extreme(value, options)
  local x = filled(96, value)
  for i = 1, 96, 3 do x[i] = -value end
  local parts, plan = run(options, x, { TRUTH[1] }, { 1, 2, 3, 16 })
  for part, v in pairs(parts) do t.assertTrue(v == v and v >= 0, ("%s of %s at %g: %g"):format(part, options.iou_loss, value, v)) end
  plan:backward()
  for _, v in ipairs(plan:gradient(0)) do t.assertTrue(v == v, "gradient at " .. value) end
end

function TestYolo.test_extreme_inputs_stay_finite()
  for _, value in ipairs { 0, 1e4, -1e4, 3e38, -3e38 } do
    for _, kind in ipairs { "mse", "iou", "giou", "diou", "ciou" } do
      extreme(value, with { iou_loss = kind, iou_thresh = 0.2 })
      extreme(value, with { iou_loss = kind, iou_thresh = 0.2, new_coords = true })
    end
  end
end

-- Numbers of the attributes too, however far off.
function TestYolo.test_attributes_stay_finite_and_show_nan()
  local o, row = with { attributes = ALL }, { LABELLED[1][1] }
  for _, value in ipairs { 1e4, -1e4, 3e38, -3e38 } do
    local x = filled(180, value)
    for i = 1, 180, 3 do x[i] = -value end
    local parts, plan = run(o, x, { row }, { 1, 2, 3, 30 })
    for part, v in pairs(parts) do t.assertTrue(v == v and v >= 0, ("%s at %g: %g"):format(part, value, v)) end
    plan:backward()
    for _, v in ipairs(plan:gradient(0)) do t.assertTrue(v == v, "gradient at " .. value) end
  end
  local x = filled(180, 0.1)
  x[15] = 0 / 0 -- the last of an entry: truncation
  t.assertTrue(tostring(run(o, x, { row }, { 1, 2, 3, 30 }).noobject):find "nan" ~= nil)
end

function TestYolo.test_nan_shows()
  for _, at in ipairs { 1, 3, 5, 8, 90 } do
    local x = filled(96, 0.1)
    x[at] = 0 / 0
    local parts = run(with {}, x, { TRUTH[2] }, { 1, 2, 3, 16 })
    local sum = parts.box + parts.object + parts.noobject + parts.class
    t.assertTrue(sum ~= sum, "NaN at " .. at)
  end
end

function TestYolo.test_two_heads_share_their_anchors()
  local options = { anchors = { 1.2, 0.8, 2.5, 1.4, 3.5, 3.1 }, num = 3, classes = 3 }
  local first, second = { "yolo", name = "a", mask = { 0 }, inputs = { 0 } }, { "yolo", name = "b", mask = { 2 }, inputs = { 0 } }
  for k, v in pairs(options) do first[k], second[k] = v, v end
  local net = core.net { h = 4, w = 6, c = 8, layers = { first, second }, seed = 1 }
  local plan = net:plan { mode = "train", batch = 1, keep = true, whole_gradient = true }
  plan:input(filled(192, 0.1))
  plan:forward {}
  local parts = plan:loss { { { 0.5, 0.5, 0.2, 0.2, 1, 0 }, { 0.2, 0.2, 0.33, 0.33, 1, 0 } } } -- nearest: the first, and the second
  t.assertTrue(parts.a.object > 0 and parts.a.box > 0)
  t.assertEquals(parts.b.object, 0)
  t.assertEquals(parts.b.box, 0)
end

function TestYolo.test_refusals()
  local function message(c, options)
    local layer = { "yolo" }
    for k, v in pairs(options) do layer[k] = v end
    return select(2, pcall(core.net, { h = 4, w = 4, c = c, layers = { layer } }))
  end
  t.assertStrContains(message(16, { anchors = { 1, 2 }, num = 1, classes = 3 }), "expected 8 input channels")
  t.assertStrContains(message(8, { anchors = { 1, 2 }, num = 1, mask = { 1 }, classes = 3 }), "mask entries in 0..0, got 1")
  t.assertStrContains(message(8, { anchors = { 1, 2 }, num = 2, classes = 3 }), "expected 2 anchors")
  t.assertStrContains(message(8, { anchors = { 1, 2 }, num = 1, classes = 3, iou_loss = "siou" }), "mse")
  local head = { anchors = { 1, 2 }, num = 1, classes = 3 }
  head.attributes = "orientation,truncation"
  t.assertStrContains(message(8, head),
    "expected 11 input channels (anchors of the mask * (5 + classes + numbers of the attributes)), got 8")
  head.new_coords = true
  t.assertStrContains(message(11, head), "yolo1: attributes and new_coords exclude each other")
  head.attributes, head.new_coords = "none", nil
  t.assertEquals(select("#", message(8, head)), 1) -- a network
  for _, word in ipairs { "orientation, oclusion", { "orientation", "oclusion" } } do
    head.attributes = word
    t.assertStrContains(message(8, head), "option 'attributes': expected none, or some of orientation|occlusion|truncation (a,b), got "
      .. "'" .. (type(word) == "table" and table.concat(word, ",") or word) .. "': there is no 'oclusion', did you mean 'occlusion'?")
  end
  head.attributes = "oclusion"
  t.assertStrContains(message(8, head), "got 'oclusion', did you mean 'occlusion'?")
  head.attributes = { 1, 2 }
  t.assertStrContains(message(8, head), "some of orientation|occlusion|truncation (a,b), got 1,2")
end

os.exit(t.LuaUnit.run())
