-- Convolutions on tensor cores against the CPU's f32. Pictures, weights and gradients are small whole numbers, which every type holds and
-- whose sums are exact, so that a fragment or a tile's edge that is mixed up is seen, and rounding does not hide it.
local t = require "luaunit"
local core = require "yolua.core"
local convolutions = require "support.convolutions"

TestMma = {}

-- 70 output channels are no multiple of 8, nor of 4: two directions run otherwise; 12 are one of 4, and two more do with 16 bits.
for precision, others in pairs { bf16 = 4, f16 = 4, tf32 = 2 } do
  TestMma["test_" .. precision] = function() t.assertEquals(convolutions.check("mma", precision), 3 * #convolutions.CASES - others) end
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
