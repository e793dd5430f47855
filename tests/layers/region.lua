-- region: output, loss and gradient against the oracle in support/region_oracle.lua.
local t = require "luaunit"
local check = require "support.layercheck"
local boxes = require "support.overlap"
local oracle = require "support.region_oracle"
local core = require "yolua.core"

-- Two images: objects (two in one cell with one anchor, one at the edge, one tiny), an ignore region, a neighbour.
local TRUTH = {
  { { 0.31, 0.52, 0.42, 0.35, 0, 0 }, { 0.33, 0.54, 0.40, 0.36, 2, 0 }, { 1, 1, 0.1, 0.15, 1, 0 }, { 0.7, 0.3, 0.5, 0.5, -1, 1 } },
  { { 0.9, 0.1, 0.01, 0.004, 1, 0 }, { 0.25, 0.25, 0.3, 0.4, -1, 2 }, { 0.6, 0.8, 0.3, 0.2, 2, 0 } },
}
-- With alpha, occluded and truncated, each unknown somewhere, and all three in a row that is no object.
local LABELLED = {
  { { 0.31, 0.52, 0.42, 0.35, 0, 0, -2.9, 0, 0 }, { 0.33, 0.54, 0.40, 0.36, 2, 0, 1.2, 3, 0.4 }, { 1, 1, 0.1, 0.15, 1, 0, -10, 2, 1 },
    { 0.7, 0.3, 0.5, 0.5, -1, 1, -10, -1, -1 } },
  { { 0.9, 0.1, 0.01, 0.004, 1, 0, 0.5, -1, 0.75 }, { 0.25, 0.25, 0.3, 0.4, -1, 2, 2, 1, 0.5 }, { 0.6, 0.8, 0.3, 0.2, 2, 0, 3, 1, -1 } },
}
local ALL = { "orientation", "occlusion", "truncation" }
local function with(options)
  local o = { anchors = { 1.2, 0.8, 2.5, 2.1 }, num = 2, classes = 3 }
  for k, v in pairs(options) do o[k] = v end
  return o
end
local INPUT = { 2, 4, 6, 16 }

TestRegion = check.loss {
  kind = "region",
  oracle = oracle.loss,
  tolerance = { forward = 2e-6, backward = 2e-5 },
  cases = {
    { name = "plain", options = with {}, input = INPUT, truth = TRUTH },
    { name = "Darknet's own scales", input = INPUT, truth = TRUTH, seed = 12,
      options = with { softmax = true, bias_match = true, rescore = true, object_scale = 5, thresh = 0.6 } },
    { name = "predicted shapes, thresh 0.2", input = INPUT, truth = TRUTH, seed = 13,
      options = with { softmax = true, thresh = 0.2, noobject_scale = 0.5, class_scale = 2, coord_scale = 3 } },
    { name = "prior", input = INPUT, truth = TRUTH, seed = 14, options = with { bias_match = true, prior_images = 7, prior_scale = 0.3 } },
    { name = "prior over", input = INPUT, truth = TRUTH, seed = 14, options = with { bias_match = true, prior_images = 6 } },
    { name = "attributes", input = { 2, 4, 6, 30 }, truth = LABELLED, seed = 15, options = with { attributes = ALL } },
    { name = "some attributes, weighted", input = { 2, 4, 6, 22 }, truth = LABELLED, seed = 16, options = with { softmax = true,
      bias_match = true, attributes = { "truncation", "orientation" }, orientation_weight = 3, truncation_weight = 0.5 } },
    { name = "attributes, truth without", input = { 2, 4, 6, 24 }, truth = TRUTH, seed = 17,
      options = with { attributes = { "occlusion" } } },
    { name = "truth with attributes that no head predicts", input = INPUT, truth = LABELLED, seed = 18, options = with {} },
    { name = "no truth", input = { 1, 3, 2, 16 }, truth = { {} }, options = with {} },
  },
}

local function run(options, x, truth, size)
  local layers = { { "region", anchors = options.anchors, num = options.num, classes = options.classes, softmax = options.softmax } }
  local net = core.net { h = size[2], w = size[3], c = size[4], layers = layers, seed = 1 }
  local plan = net:plan { mode = "train", batch = size[1], keep = true, whole_gradient = true }
  plan:input(x)
  plan:forward {}
  return plan:loss(truth).region1, plan
end

local function filled(count, value)
  local out = {}
  for i = 1, count do out[i] = value end
  return out
end

function TestRegion.test_output()
  for _, soft in ipairs { true, false } do
    local o, random = with { softmax = soft }, check.random(3)
    local x, size = { n = 1, h = 2, w = 3, c = 16 }, { 1, 2, 3, 16 }
    for i = 1, 96 do x[i] = random() * 4 end
    local _, plan = run(o, x, { {} }, size)
    local want = {}
    for cell = 0, 5 do
      for a = 0, 1 do
        local e = oracle.entry_of(x, o, 0, cell // 3, cell % 3, a)
        local first = { boxes.logistic(e[0]), boxes.logistic(e[1]), e[2], e[3], boxes.logistic(e[4]) }
        for k, v in ipairs(first) do want[(cell * 2 + a) * 8 + k] = v end
        for k, v in ipairs(oracle.classes(e, o)) do want[(cell * 2 + a) * 8 + 5 + k] = v end
      end
    end
    check.compare(plan:output(1), want, 1e-6, "output")
  end
end

function TestRegion.test_extreme_inputs_stay_finite()
  for _, value in ipairs { 0, 1e4, -1e4, 3e38, -3e38 } do
    for _, soft in ipairs { true, false } do
      local x = filled(96, value)
      for i = 1, 96, 3 do x[i] = -value end
      local parts, plan = run(with { softmax = soft }, x, { TRUTH[1] }, { 1, 2, 3, 16 })
      for part, v in pairs(parts) do t.assertTrue(v == v and v >= 0, part .. " at " .. value) end
      plan:backward()
      for _, v in ipairs(plan:gradient(0)) do t.assertTrue(v == v, "gradient at " .. value) end
    end
  end
end

function TestRegion.test_nan_shows()
  for _, at in ipairs { 1, 3, 5, 8, 90 } do
    local x = filled(96, 0.1)
    x[at] = 0 / 0
    local parts = run(with {}, x, { TRUTH[2] }, { 1, 2, 3, 16 })
    local sum = parts.box + parts.object + parts.noobject + parts.class
    t.assertTrue(sum ~= sum, "NaN at " .. at)
  end
end

function TestRegion.test_rows_that_teach_nothing()
  local x = filled(96, 0.1)
  local none = run(with {}, x, { {} }, { 1, 2, 3, 16 })
  local idle = { { 0.5, 0.5, 0, 0.1, 0, 0 }, { 0.5, 0.5, 0.1, -1, 0, 0 }, { 1.5, 0.5, 0.1, 0.1, 0, 0 },
    { 0.5, 0.5, 0.1, 0.1, 3, 0 }, { 0.5, 0.5, 0.1, 0.1, -1, 0 }, { 0 / 0, 0.5, 0.1, 0.1, 0, 0 } }
  for _, row in ipairs(idle) do
    t.assertEquals(run(with {}, x, { { row } }, { 1, 2, 3, 16 }), none)
  end
end

function TestRegion.test_refusals()
  local function message(options, c)
    return select(2, pcall(core.net, { h = 4, w = 4, c = c, layers = { options } }))
  end
  t.assertStrContains(message({ "region", anchors = { 1, 2 }, num = 1, classes = 3 }, 9), "expected 8 input channels")
  t.assertStrContains(message({ "region", anchors = { 1, 2, 3 }, num = 2, classes = 3 }, 16), "expected 2 anchors")
  t.assertStrContains(message({ "region", anchors = { 1, 0 }, num = 1, classes = 3 }, 8), "anchors above 0")
  t.assertStrContains(message({ "region", anchor = { 1, 0 } }, 8), "did you mean 'anchors'")
end

os.exit(t.LuaUnit.run())
