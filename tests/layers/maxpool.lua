-- maxpool: windows over the edge, strides, Darknet's padding.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function oracle(inputs, _, o)
  local x = inputs[1]
  local size, down, right = o.size or o.stride or 1, o.stride_y or o.stride or 1, o.stride_x or o.stride or 1
  local pad = o.padding or size - 1
  local oh, ow = (x.h + pad - size) // down + 1, (x.w + pad - size) // right + 1
  local y = {}
  for n = 0, x.n - 1 do
    for i = 0, oh - 1 do
      for j = 0, ow - 1 do
        for c = 0, x.c - 1 do
          local best = -math.huge
          for u = 0, size - 1 do
            for v = 0, size - 1 do
              local r, s = i * down - pad // 2 + u, j * right - pad // 2 + v
              if r >= 0 and r < x.h and s >= 0 and s < x.w then best = math.max(best, x[check.at(x, n, r, s, c)]) end
            end
          end
          y[#y + 1] = best
        end
      end
    end
  end
  return y, { x.n, oh, ow, x.c }
end

TestMaxpool = check.layer {
  kind = "maxpool",
  oracle = oracle,
  tolerance = { forward = 0, backward = 1e-5 },
  cases = {
    { options = { size = 2, stride = 2 }, input = { 2, 6, 8, 3 } },
    { name = "odd sides", options = { size = 2, stride = 2 }, input = { 1, 7, 5, 17 } },
    { name = "same size", options = { size = 2, stride = 1 }, input = { 1, 4, 5, 2 } },
    { name = "overlap", options = { size = 5, stride = 1 }, input = { 2, 6, 7, 3 } },
    { name = "wider than the image", options = { size = 9, stride = 1 }, input = { 1, 5, 4, 2 } },
    { options = { size = 3, stride = 2, padding = 0 }, input = { 1, 9, 8, 4 } },
    { options = { size = 3, stride = 2, padding = 3 }, input = { 1, 9, 8, 4 } },
    { name = "two strides", options = { size = 3, stride_x = 1, stride_y = 2 }, input = { 2, 7, 8, 3 } },
    { name = "one stride of its own", options = { size = 2, stride = 2, stride_x = 3 }, input = { 1, 6, 9, 2 } },
    { name = "size is the stride", options = { stride = 3 }, input = { 1, 7, 8, 2 } },
    { mode = "infer", options = { size = 2, stride = 2 }, input = { 2, 6, 8, 3 } },
  },
}

local function run(x, options, h, w)
  local net = core.net { h = h, w = w, c = 1, layers = { { "maxpool", size = options.size, stride = options.stride } }, seed = 1 }
  local plan = net:plan { mode = "train", batch = 1, keep = true, whole_gradient = true }
  plan:input(x)
  plan:forward {}
  return plan
end

function TestMaxpool.test_first_of_equals_takes_the_gradient()
  local plan = run({ 1, 1, 1, 1 }, { size = 2, stride = 2 }, 2, 2)
  plan:backward { 5 }
  t.assertEquals(plan:gradient(0), { 5, 0, 0, 0 })
end

function TestMaxpool.test_nan_is_not_hidden()
  local nan = 0 / 0
  for place = 1, 4 do
    local x = { 1, 2, 3, 4 }
    x[place] = nan
    local y = run(x, { size = 2, stride = 2 }, 2, 2):output(1)
    t.assertEquals(#y, 1)
    t.assertTrue(y[1] ~= y[1], place)
  end
  t.assertEquals(run({ 1, 2, 3, 4 }, { size = 2, stride = 2 }, 2, 2):output(1), { 4 })
end

function TestMaxpool.test_sizes_that_do_not_fit()
  t.assertErrorMsgContains("does not fit", core.net, { h = 2, w = 2, c = 1, layers = { { "maxpool", size = 4, padding = 0 } } })
  t.assertErrorMsgContains("without a pixel", core.net, { h = 4, w = 4, c = 1, layers = { { "maxpool", size = 2, padding = 9 } } })
end

os.exit(t.LuaUnit.run())
