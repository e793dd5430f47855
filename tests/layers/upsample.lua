-- upsample: every pixel repeated.
local t = require "luaunit"
local check = require "support.layercheck"

local function oracle(inputs, _, o)
  local x, s, y = inputs[1], o.stride or 2, {}
  for n = 0, x.n - 1 do
    for i = 0, x.h * s - 1 do
      for j = 0, x.w * s - 1 do
        for c = 0, x.c - 1 do y[#y + 1] = (o.scale or 1) * x[check.at(x, n, i // s, j // s, c)] end
      end
    end
  end
  return y, { x.n, x.h * s, x.w * s, x.c }
end

TestUpsample = check.layer {
  kind = "upsample",
  oracle = oracle,
  tolerance = { forward = 1e-6, backward = 1e-5 },
  cases = {
    { input = { 2, 3, 4, 5 } },
    { options = { stride = 3, scale = 0.25 }, input = { 1, 2, 3, 4 } },
    { options = { stride = 1 }, input = { 1, 2, 3, 4 } },
  },
}

os.exit(t.LuaUnit.run())
