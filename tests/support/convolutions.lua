-- Convolutions whose numbers are small and whole, for the algorithms of a GPU.
local core = require "yolua.core"
local check = require "support.layercheck"

local convolutions = {}

-- {h, w, channels, options}: odd sizes, more than one tile each way, strides, dilation, groups, and outputs that are no multiple of 8 or 4
convolutions.CASES = {
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
function convolutions.step(case, device, spec)
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

-- 16-bit types hold the sums where these are small enough, and round them otherwise; those of TF32 stay f32.
convolutions.UNIT = { bf16 = 2 ^ -8, f16 = 2 ^ -11, tf32 = 0, f32 = 0 }

-- Compares every case on the GPU with the CPU's f32; `precision` may be tf32. Returns how many of the three directions of each ran with the
-- algorithm.
function convolutions.check(algorithm, precision)
  local spec = { precision = convolutions.UNIT[precision] == 0 and "f32" or precision, tf32 = precision == "tf32", algorithm = algorithm }
  local seen = 0
  for i, case in ipairs(convolutions.CASES) do
    local want = convolutions.step(case, "cpu", {})
    local got, used = convolutions.step(case, "cuda", spec)
    for _, name in ipairs(used) do seen = seen + (name == algorithm and 1 or 0) end
    for name, values in pairs(want) do
      local bound = name == "weights" and not algorithm:find "cudnn" and 0 or convolutions.UNIT[precision]
      check.compare(got[name], values, math.max(bound, 1e-6), ("case %d, %s"):format(i, name))
    end
  end
  return seen
end

return convolutions
