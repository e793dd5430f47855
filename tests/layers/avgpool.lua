-- avgpool: the whole image, and windows that count only pixels of the image.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function mean(x, n, i, j, c, o)
  local sum, count = 0, 0
  local pad = o.padding or o.size - 1
  for u = 0, o.size - 1 do
    for v = 0, o.size - 1 do
      local r, s = i * (o.stride_y or o.stride or 1) - pad // 2 + u, j * (o.stride_x or o.stride or 1) - pad // 2 + v
      if r >= 0 and r < x.h and s >= 0 and s < x.w then sum, count = sum + x[check.at(x, n, r, s, c)], count + 1 end
    end
  end
  return sum / count
end

local function oracle(inputs, _, o)
  local x, y = inputs[1], {}
  local oh, ow = 1, 1
  local windows = o.size and o or { size = math.max(x.h, x.w), padding = 0 }
  if o.size then
    local pad = o.padding or o.size - 1
    oh, ow = (x.h + pad - o.size) // (o.stride_y or o.stride or 1) + 1, (x.w + pad - o.size) // (o.stride_x or o.stride or 1) + 1
  end
  for n = 0, x.n - 1 do
    for i = 0, oh - 1 do
      for j = 0, ow - 1 do
        for c = 0, x.c - 1 do y[#y + 1] = mean(x, n, i, j, c, windows) end
      end
    end
  end
  return y, { x.n, oh, ow, x.c }
end

TestAvgpool = check.layer {
  kind = "avgpool",
  oracle = oracle,
  tolerance = { forward = 2e-6, backward = 2e-5 },
  cases = {
    { name = "whole image", input = { 3, 4, 6, 5 } },
    { options = { size = 2, stride = 2 }, input = { 2, 6, 7, 3 } },
    { name = "over the edge", options = { size = 3, stride = 1 }, input = { 1, 5, 4, 17 } },
    { options = { size = 3, stride = 2, padding = 0 }, input = { 1, 7, 9, 2 } },
    { name = "two strides", options = { size = 3, stride_x = 3, stride_y = 2 }, input = { 2, 7, 8, 3 } },
    { mode = "infer", input = { 1, 2, 3, 4 } },
  },
}

function TestAvgpool.test_refusal()
  t.assertErrorMsgContains("does not fit", core.net, { h = 2, w = 2, c = 1, layers = { { "avgpool", size = 4, padding = 0 } } })
end

os.exit(t.LuaUnit.run())
