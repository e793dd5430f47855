-- scale_channels: the second input times one factor per channel, or with scale_wh one per pixel, from the first.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function oracle(inputs, _, o)
  local f, x, y = inputs[1], inputs[2], {}
  for n = 0, x.n - 1 do
    for i = 0, x.h - 1 do
      for j = 0, x.w - 1 do
        for c = 0, x.c - 1 do
          local at = o.scale_wh and check.at(f, n, i, j, 0) or check.at(f, n, 0, 0, c)
          y[#y + 1] = x[check.at(x, n, i, j, c)] * f[at]
        end
      end
    end
  end
  return y, { x.n, x.h, x.w, x.c }
end

TestScaleChannels = check.layer {
  kind = "scale_channels",
  oracle = oracle,
  tolerance = { forward = 1e-6, backward = 1e-5 },
  cases = {
    { name = "one pixel", input = { 3, 1, 1, 10 }, split = 2, inputs = { 1, 2 } },
    { name = "twice the same", input = { 2, 1, 1, 5 }, inputs = { 0, 0 } },
    { name = "per pixel", options = { scale_wh = true }, input = { 2, 3, 5, 2 }, split = 2, inputs = { 1, 2 } },
  },
}

-- Squeeze, excitation and scaling as a network, whose gradient is held against differences of its loss.
local function block(scale_wh, channels)
  local squeeze = scale_wh and { "conv2d", filters = 1, size = 1, name = "gate" } or { "avgpool", name = "mean" }
  local layers = { { "conv2d", filters = channels, size = 3, pad = true, name = "x" }, squeeze }
  if not scale_wh then layers[#layers + 1] = { "conv2d", filters = channels, size = 1, name = "gate" } end
  layers[#layers + 1] = { "activation", activation = "logistic", name = "factor" }
  layers[#layers + 1] = { "scale_channels", inputs = { "factor", "x" }, scale_wh = scale_wh, name = "y" }
  return core.net { h = 5, w = 7, c = 3, layers = layers, seed = 1 }
end

local function dot(a, b)
  local sum = 0
  for i = 1, #a do sum = sum + a[i] * b[i] end
  return sum
end

local function gradient_of_block(scale_wh, channels)
  local net, random = block(scale_wh, channels), check.random(3)
  local function draw(count)
    local out = {}
    for i = 1, count do out[i] = random() end
    return out
  end
  local x, dy = draw(2 * 5 * 7 * 3), draw(2 * 5 * 7 * channels)
  local plan <close> = net:plan { mode = "train", batch = 2, keep = true }
  local function value()
    plan:input(x)
    plan:forward {}
    return dot(plan:output "y", dy)
  end
  value()
  net:zero "grad"
  plan:backward(dy)
  for _, name in ipairs { "x.weight", "gate.weight", "gate.bias" } do
    local got, w = net:get(name, "grad"), net:get(name)
    for i = 1, #w, math.max(1, #w // 7) do
      local function at(shift)
        w[i] = w[i] + shift
        net:set(name, w)
        return value()
      end
      local up = at(1e-2)
      local want = (up - at(-2e-2)) / 2e-2
      at(1e-2)
      t.assertAlmostEquals(got[i], want, 2e-3 * math.max(1, math.abs(want)), name .. " " .. i)
    end
  end
end

function TestScaleChannels.test_block()
  gradient_of_block(false, 6)
  gradient_of_block(false, 150) -- more channels than one thread sums at once
  gradient_of_block(true, 6)
end

-- The arithmetic over several pixels, against the formula.
function TestScaleChannels.test_repeats_the_factors()
  for _, case in ipairs { { false, { 1, 1, 4 } }, { true, { 5, 7, 1 } } } do
    local net = block(case[1], 4)
    local plan <close> = net:plan { mode = "infer", batch = 2, keep = true }
    local x, random = {}, check.random(4)
    for i = 1, 2 * 5 * 7 * 3 do x[i] = random() end
    plan:input(x)
    plan:forward {}
    local function shaped(name, h, w, c)
      local values = plan:output(name)
      values.n, values.h, values.w, values.c = 2, h, w, c
      return values
    end
    local inputs = { shaped("factor", table.unpack(case[2])), shaped("x", 5, 7, 4) }
    check.compare(plan:output "y", (oracle(inputs, {}, { scale_wh = case[1] })), 1e-6, "y")
  end
end

function TestScaleChannels.test_shapes()
  local function net(options)
    local layer = { "scale_channels", inputs = { 0, 0 } }
    for key, value in pairs(options) do layer[key] = value end
    return core.net { h = 4, w = 3, c = 2, layers = { layer } }
  end
  t.assertErrorMsgContains("scale1: input 1, the factors, is 4 x 3 x 2 (height x width x channels); expected 1 x 1 x 2 for one per channel",
    net, {})
  t.assertErrorMsgContains("expected 4 x 3 x 1 for one per pixel", net, { scale_wh = true })
end

os.exit(t.LuaUnit.run())
