-- Layers written in Lua that leave backward out: their gradients against differences, and against those of the same layers with a backward.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
require "support.own_layers" -- with a backward

-- The same layers, in operations that can be walked back.
yl.layer { name = "gelu_noted", channels = "each", forward = function(_, x, y) y:copy_((x * 1.702):sigmoid() * x) end }

yl.layer {
  name = "scale_noted",
  parameters = function(_, x) return { { "scale", "scale", { x.c } } } end,
  forward = function(l, x, y) x:mul(l.parameters.scale, y) end,
}

yl.layer {
  name = "squeeze_noted",
  parameters = function(_, x)
    local s = x.c // 2
    return { { "w1", "weight", { s, x.c } }, { "b1", "bias", { s } }, { "w2", "weight", { x.c, s } }, { "b2", "bias", { x.c } } }
  end,
  forward = function(l, x, y)
    local p, n, c = l.parameters, #x, x:shape()[4]
    local hidden = (x:mean { 2, 3 }:matmul(p.w1:transpose()) + p.b1):relu()
    x:mul((hidden:matmul(p.w2:transpose()) + p.b2):sigmoid():reshape(n, 1, 1, c), y)
  end,
}

yl.layer { name = "product_noted", inputs = { 2, 2 }, forward = function(l, x, y) x:mul(l.inputs[2], y) end }

-- Writes its output in parts, and reads what it has written.
yl.layer {
  name = "halves_noted",
  forward = function(_, x, y)
    local c = x:shape()[4] // 2
    y[{ {}, {}, {}, { 1, c } }] = x[{ {}, {}, {}, { c + 1, 2 * c } }]:tanh()
    y[{ {}, {}, {}, { c + 1, 2 * c } }] = y[{ {}, {}, {}, { 1, c } }] * 2 + x[{ {}, {}, {}, { 1, c } }]
  end,
}

yl.layer {
  name = "count_noted", parts = { "count", "extra" },
  shape = function() return { h = 1, w = 1, c = 1 } end,
  forward = function(_, x, y) y:copy_(x:sum { 2, 3, 4 }:reshape(-1, 1, 1, 1)) end,
  loss = function(_, y, truth)
    local d = y:reshape(-1) - yl.tensor(truth.counts)
    return { count = 0.5 * (d * d):sum(), extra = d:sigmoid():sum() }
  end,
}

yl.layer { name = "decay_noted", parts = { "decay" }, loss = function(_, y) return { decay = (y ^ 2):sum() } end }

TestNoted = {}

function TestNoted.testGradcheck()
  for _, kind in ipairs { "gelu_noted", "scale_noted", "squeeze_noted", "halves_noted" } do
    local report = yl.gradcheck { kind, input = { 2, 3, 4, 6 }, tolerance = 3e-3 }
    t.assertTrue(report.places > 40, kind)
  end
  t.assertTrue(yl.gradcheck { "product_noted", inputs = 2, input = { 2, 3, 4, 6 } }.places > 40)
  local car = { 0.5, 0.5, 0.2, 0.2, 0, 0 }
  t.assertTrue(yl.gradcheck { "count_noted", input = { 2, 2, 2, 1 }, truth = { { car, car }, {} } }.places > 5)
  t.assertTrue(yl.gradcheck { "decay_noted", input = { 2, 2, 2, 3 }, truth = { { car, car }, {} } }.places > 10)
end

-- Losses and gradients of two steps, and what a layer that is frozen passes on.
local function run(suffix, freeze)
  local net <close> = core.net { h = 6, w = 8, c = 3, seed = 5, layers = { { "conv2d", filters = 8, size = 3, pad = 1 },
    { "gelu" .. suffix }, { "squeeze" .. suffix }, { "scale" .. suffix },
    { "product" .. suffix, inputs = { "squeeze" .. suffix .. "1", "scale" .. suffix .. "1" } }, { "count" } } }
  if freeze then net:freeze(freeze:gsub("%*", suffix .. "1")) end
  local plan <close> = net:plan { mode = "train", batch = 2 }
  local out = {}
  for step = 1, 2 do
    plan:input(yl.randn { 2, 6, 8, 3, seed = step }:reshape(-1):totable())
    plan:forward { step = step }
    out[#out + 1] = plan:loss({ { { 0.5, 0.5, 0.2, 0.2, 0, 0 } }, {} }).counter1.count
    plan:backward()
  end
  for _, r in ipairs(net:ranges()) do out[#out + 1] = net:tensor(r.name, "grad"):clone() end
  return out
end

function TestNoted.testAgainstAHandWrittenOne()
  for _, freeze in ipairs { false, "scale*", "conv1", "conv1,scale*" } do
    local got, want = run("_noted", freeze), run("", freeze)
    t.assertEquals(#got, #want)
    for i = 1, #want do
      if i <= 2 then t.assertAlmostEquals(got[i], want[i], 1e-4 * math.abs(want[i]))
      else t.assertTrue((got[i] - want[i]):abs():max() <= 1e-4 * math.max(1, want[i]:abs():max()), i) end
    end
  end
end

-- Without a backward pass, or before it has come, nothing is lost or kept.
function TestNoted.testForwardAlone()
  local net <close> = core.net { h = 4, w = 4, c = 2, seed = 5, layers = { { "conv2d", filters = 2 },
    { "scale_noted" }, { "gelu_noted" } } }
  local plan <close> = net:plan { mode = "train", batch = 1, keep = true }
  local x = yl.randn { 32, seed = 1 }:totable()
  for _ = 1, 3 do
    plan:input(x)
    plan:forward {}
  end
  net:zero "grad"
  plan:backward(yl.ones { 32 }:totable())
  local once = net:get("scale_noted1.scale", "grad")
  plan:input(x)
  plan:forward {}
  net:zero "grad"
  plan:backward(yl.ones { 32 }:totable())
  t.assertEquals(net:get("scale_noted1.scale", "grad"), once)
  local infer <close> = net:plan { mode = "infer", batch = 1 }
  infer:input(x)
  infer:forward {}
end

local function message(descriptor, truth)
  descriptor.name = "faulty"
  yl.layer(descriptor)
  local net <close> = core.net { h = 2, w = 2, c = 2, seed = 5, layers = { { "conv2d", filters = 2 }, { "faulty" } } }
  local plan <close> = net:plan { mode = "train", batch = 1 }
  plan:input { 1, 2, 3, 4, 5, 6, 7, 8 }
  local ok, e = pcall(function()
    plan:forward {}
    if truth then plan:loss(truth) end
    plan:backward(not truth and yl.ones { 8 }:totable() or nil)
  end)
  t.assertFalse(ok)
  return e
end

function TestNoted.testErrors()
  t.assertStrContains(message { forward = function(_, x, y) x:mul(2, y):sigmoid_():mul_(x) end },
    "faulty1: backward: the gradient of 'mul' needs a value that was changed in place by it")
  t.assertStrContains(message { forward = function(_, x, y) y:copy_(x // 1) end }, "faulty1: backward: 'floordiv' has no gradient")
  t.assertStrContains(message { forward = function(_, x, y) y:copy_(x:detach()) end },
    "faulty1: backward: this f32 {1, 2, 2, 2} was computed from no tensor that requires a gradient")
  t.assertStrMatches(message({ parts = { "p" }, loss = function(_, y) return { p = y:detach():sum() } end }, { {} }),
    ".*layer_tape%.lua:%d+: no part was computed from y by operations of tensors.*")
  local ok, e = pcall(yl.layer, { name = "faulty", reads = "x", forward = function() end })
  t.assertFalse(ok)
  t.assertStrContains(e, "'reads' says what backward reads")
end

os.exit(t.LuaUnit.run())
