-- The layer table: a line per convolution with its batch-norm and activation, sums that add up, columns that fit.
local t = require "luaunit"
local core = require "yolua.core"
local describe = require "yolua.model.describe"
local Model = require "yolua.model"

TestDescribe = {}

local function model()
  return Model.new { names = { "car", "person" }, path = "here.cfg", net = core.net { h = 8, w = 12, c = 3, seed = 2, layers = {
    { "conv2d", filters = 4, size = 3, stride = 2, pad = true, bias = false }, { "batchnorm", name = "conv1.bn" },
    { "activation", name = "conv1.act" }, { "conv2d", filters = 7, size = 1 }, { "region", classes = 2, num = 1, anchors = { 1, 1 } },
  } } }
end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

-- 4 * 27 weights and 4 * 4 of batch-norm; 7 * 4 + 7.
function TestDescribe.testLines()
  local m = model()
  local list = lines(describe(m, 80))
  t.assertStrMatches(list[1], "layer +kind +h x w x c +params +FLOPs")
  t.assertStrMatches(list[2], "input +8x12x3")
  t.assertStrMatches(list[3], "conv1 +conv2d 3x3/2 bn %w+ +4x6x4 +124 +[%d.]+k")
  t.assertStrMatches(list[4], "conv2 +conv2d 1x1 +4x6x7 +35 +[%d.]+k")
  t.assertStrMatches(list[5], "region1 +region +4x6x7")
  t.assertStrMatches(list[6], "total +159 +[%d.]+k")
  t.assertEquals(#list, 6)
  t.assertEquals(tostring(m), describe(m))
end

function TestDescribe.testFrozen()
  local m = model():freeze "body"
  local list = lines(describe(m, 80))
  t.assertStrContains(list[1], "frozen")
  t.assertStrMatches(list[3], "conv1 .* frozen")
  t.assertNil(list[4]:find "frozen")
  t.assertStrMatches(lines(describe(model():freeze "conv1.bn", 80))[3], "conv1 .* partly")
end

-- Which algorithm runs is known once there is a plan.
function TestDescribe.testAlgorithm()
  local m = model()
  t.assertNil(describe(m, 80):find "algorithm")
  local plan = m:plan { batch = 1 }
  local list = lines(describe(m, 90))
  t.assertStrContains(list[1], "algorithm")
  t.assertStrMatches(list[3], "conv1 .* " .. plan:algorithm "conv1":gsub("%p", "%%%0"))
end

function TestDescribe.testNarrow()
  local m = model():freeze "body"
  m:plan { batch = 1 }
  for width = 20, 80 do
    for _, line in ipairs(lines(describe(m, width))) do t.assertTrue(#line <= width) end
  end
  t.assertStrMatches(lines(describe(m, 40))[3], "conv1 +4x6x4 +124 +%S+")
end

os.exit(t.LuaUnit.run())
