-- Convolutions on tensor cores against the CPU's f32. Pictures, weights and gradients are small whole numbers, which every type holds and
-- whose sums are exact, so that a fragment or a tile's edge that is mixed up is seen, and rounding does not hide it.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"

-- {h, w, channels, options}: odd sizes, more than one tile each way, strides, dilation, groups, and outputs that are no multiple of 8 or 4
local CASES = {
  { 9, 11, 8, { filters = 16, size = 3, pad = true } },
  { 13, 7, 16, { filters = 70, size = 1 } },
  { 8, 9, 16, { filters = 8, size = 3, stride = 2, pad = true } },
  { 7, 10, 8, { filters = 8, size = 3, dilation = 2, pad = true } },
  { 6, 5, 32, { filters = 16, size = 3, groups = 2, pad = true } },
  { 5, 6, 72, { filters = 136, size = 1 } },
  { 5, 6, 16, { filters = 12, size = 3, stride = 2, pad = true } },
}

local function whole(count, seed)
  local random, list = check.random(seed), {}
  for i = 1, count do list[i] = math.floor(2.99 * random()) + 0.0 end
  return list
end

-- One step: {output, gradients of weights and input}, and which algorithms made them.
local function step(case, device, spec)
  local options = { "conv2d", name = "c", bias = false, inputs = { 0 } }
  for key, value in pairs(case[4]) do options[key] = value end
  local net = core.net { h = case[1], w = case[2], c = case[3], device = device, layers = { options } }
  net:set("c.weight", whole(net:ranges()[1].count, 1))
  local plan <close> = net:plan { mode = "train", batch = 2, keep = true, whole_gradient = true,
    precision = spec.precision, tf32 = spec.tf32, algorithm = spec.algorithm }
  local s = plan:shape "c"
  plan:input(whole(2 * case[1] * case[2] * case[3], 2))
  plan:forward {}
  local y = plan:output "c"
  plan:backward(whole(s[1] * s[2] * s[3] * s[4], 3))
  local used = {}
  for _, direction in ipairs { "forward", "data", "weights" } do used[#used + 1] = plan:algorithm(1, direction) end
  return { y = y, weights = net:get("c.weight", "grad"), input = plan:gradient(0) }, used
end

TestMma = {}

-- 16-bit types hold the sums where these are small enough, and round them otherwise; those of TF32 stay f32.
local UNIT = { bf16 = 2 ^ -8, f16 = 2 ^ -11, tf32 = 0 }

for precision, unit in pairs(UNIT) do
  TestMma["test_" .. precision] = function()
    local spec = { precision = precision, algorithm = "mma" }
    if precision == "tf32" then spec.precision, spec.tf32 = "f32", true end
    local seen = 0
    for i, case in ipairs(CASES) do
      local want = step(case, "cpu", {})
      local got, used = step(case, "cuda", spec)
      for _, algorithm in ipairs(used) do seen = seen + (algorithm == "mma" and 1 or 0) end
      for name, values in pairs(want) do
        check.compare(got[name], values, name == "weights" and 1e-6 or math.max(unit, 1e-6), ("case %d, %s"):format(i, name))
      end
    end
    t.assertEquals(seen, 3 * #CASES - (precision == "tf32" and 2 or 4)) -- 70 output channels are no multiple of 8, nor of 4; 12 are of 4
  end
end

-- A convolution of 1x1 pixels by weights of 1: x[1] + x[2] + ..., each rounded to TF32.
local function sum(values, spec)
  local net = core.net { h = 1, w = 1, c = #values, device = "cuda", layers = { { "conv2d", name = "c", filters = 4, bias = false,
    inputs = { 0 } } } }
  local ones = {}
  for i = 1, 4 * #values do ones[i] = 1 end
  net:set("c.weight", ones)
  spec.mode, spec.batch = "infer", 1
  local plan <close> = net:plan(spec)
  plan:input(values)
  plan:forward {}
  return plan:output(1)[1], plan:algorithm(1, "forward")
end

-- To the nearest number of 10 bits behind the point, of two the one farther from zero; not at all where tf32=false says so, nor if the
-- channels are no multiple of 4.
function TestMma.test_rounding()
  for value, rounded in pairs { [1 + 2 ^ -11] = 1 + 2 ^ -10, [1 + 2 ^ -11 - 2 ^ -20] = 1.0, [-1 - 2 ^ -11] = -1 - 2 ^ -10, [3.0] = 3.0,
    [1 + 3 * 2 ^ -11] = 1 + 2 ^ -9, [math.huge] = math.huge } do
    local got, algorithm = sum({ value, 0, 0, 0 }, {})
    t.assertEquals({ got, algorithm }, { rounded, "mma" })
    got, algorithm = sum({ value, 0, 0, 0 }, { tf32 = false })
    t.assertEquals({ got, algorithm }, { value, "gemm" })
    t.assertEquals((sum({ value, 0, 0 }, {})), value)
  end
  local nan = sum({ 0 / 0, 0, 0, 0 }, {})
  t.assertTrue(nan ~= nan)
end

os.exit(t.LuaUnit.run())
