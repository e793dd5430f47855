-- Convolutions on tensor cores against the CPU's f32. Pictures, weights and gradients are small whole numbers, which every type holds and
-- whose sums are exact, so that a fragment or a tile's edge that is mixed up is seen, and rounding does not hide it.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"

-- {h, w, channels, options}: odd sizes, more than one tile each way, strides, dilation, groups, and outputs that are no multiple of 8
local CASES = {
  { 9, 11, 8, { filters = 16, size = 3, pad = true } },
  { 13, 7, 16, { filters = 70, size = 1 } },
  { 8, 9, 16, { filters = 8, size = 3, stride = 2, pad = true } },
  { 7, 10, 8, { filters = 8, size = 3, dilation = 2, pad = true } },
  { 6, 5, 32, { filters = 16, size = 3, groups = 2, pad = true } },
  { 5, 6, 72, { filters = 136, size = 1 } },
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
    precision = spec.precision, algorithm = spec.algorithm }
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

-- 16-bit types hold the sums where these are small enough, and round them otherwise.
local UNIT = { bf16 = 2 ^ -8, f16 = 2 ^ -11 }

for precision, unit in pairs(UNIT) do
  TestMma["test_" .. precision] = function()
    local seen = 0
    for i, case in ipairs(CASES) do
      local want = step(case, "cpu", {})
      local got, used = step(case, "cuda", { precision = precision, algorithm = "mma" })
      for _, algorithm in ipairs(used) do seen = seen + (algorithm == "mma" and 1 or 0) end
      for name, values in pairs(want) do
        check.compare(got[name], values, name == "weights" and 1e-6 or math.max(unit, 1e-6), ("case %d, %s"):format(i, name))
      end
    end
    t.assertEquals(seen, 3 * #CASES - 2) -- 70 output channels are no multiple of 8, nor of 4
  end
end

os.exit(t.LuaUnit.run())
