-- reorg: Darknet's permutation, by its definition on flat memory, and a case worked out by hand.
local t = require "luaunit"
local check = require "support.layercheck"
local counted = require "support.reorg"
local core = require "yolua.core"

-- A flat array in (c, h, w) order and back.
local function to_chw(x, n)
  local out = {}
  for c = 0, x.c - 1 do
    for h = 0, x.h - 1 do
      for w = 0, x.w - 1 do out[#out + 1] = x[check.at(x, n, h, w, c)] end
    end
  end
  return out
end

local function append_nhwc(y, flat, c, h, w)
  for i = 0, h - 1 do
    for j = 0, w - 1 do
      for k = 0, c - 1 do y[#y + 1] = flat[(k * h + i) * w + j + 1] end
    end
  end
end

local function permuted(v, C, H, W, s)
  local z, part = {}, C // (s * s)
  for k = 0, C - 1 do
    for j = 0, H - 1 do
      for i = 0, W - 1 do
        local q = k // part
        z[#z + 1] = v[((k % part) * H * s + j * s + q // s) * W * s + i * s + q % s + 1]
      end
    end
  end
  return z
end

local function oracle(inputs, _, o)
  local x, s, y = inputs[1], o.stride, {}
  for n = 0, x.n - 1 do append_nhwc(y, permuted(to_chw(x, n), x.c, x.h, x.w, s), x.c * s * s, x.h // s, x.w // s) end
  return y, { x.n, x.h // s, x.w // s, x.c * s * s }
end

TestReorg = check.layer {
  kind = "reorg",
  oracle = oracle,
  tolerance = { forward = 0, backward = 1e-5 },
  cases = {
    { options = { stride = 2 }, input = { 2, 4, 6, 8 } },
    { options = { stride = 3 }, input = { 1, 3, 6, 9 } },
    { options = { stride = 2 }, input = { 1, 2, 2, 4 } },
    { options = { stride = 1 }, input = { 1, 2, 3, 4 } },
  },
}

-- c = 4, h = w = 2: the memory 0..15 read as one 4 x 4 image; its even rows' even columns come first.
function TestReorg.test_by_hand()
  t.assertEquals(counted("reorg", 4, 2, 2, 2), { 0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15 })
end

function TestReorg.test_refusals()
  t.assertErrorMsgContains("divisible by stride^2 = 4, got 6", core.net, { h = 4, w = 4, c = 6, layers = { { "reorg", stride = 2 } } })
  t.assertErrorMsgContains("divisible by stride = 2, got 4 x 5", core.net, { h = 4, w = 5, c = 4, layers = { { "reorg", stride = 2 } } })
end

os.exit(t.LuaUnit.run())
