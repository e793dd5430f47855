-- tensor_train: y = W x + b, where W is put together out of its cores number by number.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

-- The digits of `index` (from 0) in the modes, row-major.
local function digits(index, modes)
  local out = {}
  for k = #modes, 1, -1 do
    out[k] = index % modes[k]
    index = index // modes[k]
  end
  return out
end

local function product(list)
  local all = 1
  for _, m in ipairs(list) do all = all * m end
  return all
end

-- The number of W for these digits: a row vector times one matrix {before, behind} after the other.
local function entry(p, o, i, j)
  local row, before = { 1 }, 1
  for k = 1, #o.in_modes do
    local behind, n, next_row = o.ranks[k] or 1, o.in_modes[k], {}
    for b = 0, behind - 1 do
      local sum = 0
      for a = 0, before - 1 do sum = sum + row[a + 1] * p["core" .. k][((i[k] * behind + b) * before + a) * n + j[k] + 1] end
      next_row[b + 1] = sum
    end
    row, before = next_row, behind
  end
  return row[1]
end

local function oracle(inputs, p, o)
  local x, y = inputs[1], {}
  local ins, outs = product(o.in_modes), product(o.out_modes)
  local w = {}
  for i = 0, outs - 1 do
    for j = 0, ins - 1 do w[i * ins + j] = entry(p, o, digits(i, o.out_modes), digits(j, o.in_modes)) end
  end
  for n = 0, x.n - 1 do
    for i = 0, outs - 1 do
      local sum = p.bias and p.bias[i + 1] or 0
      for j = 0, ins - 1 do sum = sum + w[i * ins + j] * x[n * ins + j + 1] end
      y[#y + 1] = sum
    end
  end
  return y, { x.n, 1, 1, outs }
end

TestTensorTrain = check.layer {
  kind = "tensor_train",
  oracle = oracle,
  tolerance = { forward = 5e-6, backward = 5e-5 },
  roundings = 3, -- one per core
  cases = {
    { options = { in_modes = { 2, 3 }, out_modes = { 3, 2 }, ranks = { 4 } }, input = { 3, 1, 2, 3 } },
    { options = { in_modes = { 2, 3, 4 }, out_modes = { 3, 2, 2 }, ranks = { 3, 2 } }, input = { 2, 2, 3, 4 } },
    { options = { in_modes = { 2, 1, 3, 2 }, out_modes = { 1, 4, 2, 1 }, ranks = { 2, 5, 2 }, bias = false }, input = { 2, 1, 1, 12 } },
    { options = { in_modes = { 6, 1 }, out_modes = { 1, 5 }, ranks = { 1 } }, input = { 1, 1, 1, 6 } },
    { options = { in_modes = { 2, 2, 2, 2, 2, 2, 2 }, out_modes = { 1, 2, 1, 2, 1, 2, 1 }, ranks = { 2, 2, 2, 2, 2, 2 } },
      input = { 2, 2, 8, 8 } },
    { mode = "infer", options = { in_modes = { 2, 3, 2 }, out_modes = { 2, 2, 3 }, ranks = { 2, 3 } }, input = { 3, 1, 3, 4 } },
  },
}

local function net(options)
  return core.net { h = 1, w = 2, c = 6, layers = { { "tensor_train", table.unpack(options), in_modes = options.in_modes,
    out_modes = options.out_modes, ranks = options.ranks } }, seed = 1 }
end

function TestTensorTrain.test_refuses()
  for sentence, o in pairs {
    ["expected 2 to 7 in_modes, as many out_modes and one rank fewer, got 1, 1 and 1"] = { in_modes = { 12 }, out_modes = { 3 },
      ranks = { 1 } },
    ["as many out_modes and one rank fewer, got 2, 3 and 1"] = { in_modes = { 3, 4 }, out_modes = { 3, 1, 1 }, ranks = { 1 } },
    ["as many out_modes and one rank fewer, got 2, 2 and 2"] = { in_modes = { 3, 4 }, out_modes = { 3, 1 }, ranks = { 1, 2 } },
    ["in_modes: expected a product of 12, the inputs, got 15"] = { in_modes = { 3, 5 }, out_modes = { 3, 1 }, ranks = { 1 } },
    ["in_modes: expected whole numbers, got 1.5"] = { in_modes = { 1.5, 8 }, out_modes = { 3, 1 }, ranks = { 1 } },
    ["ranks: expected at most 8 between modes 1 and 2, got 9"] = { in_modes = { 3, 4 }, out_modes = { 4, 2 }, ranks = { 9 } },
    ["out_modes: expected a product of at most 16777216"] = { in_modes = { 3, 4 }, out_modes = { 1 << 20, 1 << 20 }, ranks = { 1 } },
    ["ranks"] = { in_modes = { 3, 4 }, out_modes = { 4, 2 }, ranks = { 0 } },
  } do t.assertErrorMsgContains(sentence, net, o) end
end

-- The weight that the cores begin with is spread as a fully connected layer's would be.
function TestTensorTrain.test_start()
  local made = core.net { h = 1, w = 8, c = 32, seed = 3, layers = { { "tensor_train", in_modes = { 4, 8, 8 }, out_modes = { 8, 8, 4 },
    ranks = { 8, 8 }, bias = false } } }
  local plan, sum, count = made:plan { batch = 1 }, 0, 0
  for i = 1, 256, 5 do
    local x = {}
    for j = 1, 256 do x[j] = i == j and 1 or 0 end
    plan:input(x)
    plan:forward()
    for _, y in ipairs(plan:output "tt1") do sum, count = sum + y * y, count + 1 end
  end
  t.assertAlmostEquals((sum / count) / (2 / 256), 1, 0.35)
end

os.exit(t.LuaUnit.run())
