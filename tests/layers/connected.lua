-- connected: y = W x + b over the flattened input.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function oracle(inputs, p, o)
  local x, y = inputs[1], {}
  local count = x.h * x.w * x.c
  for n = 0, x.n - 1 do
    for k = 0, o.output - 1 do
      local sum = p.bias and p.bias[k + 1] or 0
      for i = 1, count do sum = sum + p.weight[k * count + i] * x[n * count + i] end
      y[#y + 1] = sum
    end
  end
  return y, { x.n, 1, 1, o.output }
end

TestConnected = check.layer {
  kind = "connected",
  oracle = oracle,
  tolerance = { forward = 2e-6, backward = 2e-5 },
  cases = {
    { options = { output = 7 }, input = { 3, 2, 3, 4 } },
    { options = { output = 1 }, input = { 1, 1, 1, 5 } },
    { options = { output = 33 }, input = { 2, 1, 1, 19 } },
    { options = { output = 6, bias = false }, input = { 3, 2, 2, 2 } },
    { mode = "infer", options = { output = 4 }, input = { 2, 3, 2, 2 } },
  },
}

function TestConnected.test_one_size_only()
  local net = core.net { h = 4, w = 4, c = 2, layers = { { "connected", output = 3 } }, seed = 1 }
  local before = net:layers()[1].options
  t.assertErrorMsgContains("connected1: its weight has the sizes {3, 32}, and an input of this plan's size would take {3, 40}: a network "
    .. "with this layer runs at one size only", net.plan, net, { mode = "infer", batch = 1, h = 5, w = 4 })
  t.assertEquals(net:ranges()[1].dims, { 3, 32 })
  t.assertEquals(net:layers()[1].options, before)
  local same = net:plan { batch = 5, h = 2, w = 8 } -- as many inputs: the weights fit
  same:input((function(x) for i = 1, 160 do x[i] = 1 end return x end) {})
  same:forward()
  t.assertEquals(#same:output "connected1", 15)
end

os.exit(t.LuaUnit.run())
