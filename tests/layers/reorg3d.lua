-- reorg3d: space to depth.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function oracle(inputs, _, o)
  local x, s, y = inputs[1], o.stride, {}
  for n = 0, x.n - 1 do
    for j = 0, x.h // s - 1 do
      for i = 0, x.w // s - 1 do
        for k = 0, x.c * s * s - 1 do
          local q = k // x.c
          y[#y + 1] = x[check.at(x, n, j * s + q // s, i * s + q % s, k % x.c)]
        end
      end
    end
  end
  return y, { x.n, x.h // s, x.w // s, x.c * s * s }
end

TestReorg3d = check.layer {
  kind = "reorg3d",
  oracle = oracle,
  tolerance = { forward = 0, backward = 1e-5 },
  cases = {
    { options = { stride = 2 }, input = { 2, 4, 6, 3 } },
    { options = { stride = 3 }, input = { 1, 3, 6, 5 } },
  },
}

function TestReorg3d.test_refusal()
  t.assertErrorMsgContains("divisible by stride = 2", core.net, { h = 4, w = 5, c = 4, layers = { { "reorg3d", stride = 2 } } })
end

os.exit(t.LuaUnit.run())
