-- shortcut: the sum of two layers, of the first one's size.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

-- What the second input adds at row i, column j, channel c (from 0); nothing where the two do not meet.
local function added(a, b, n, i, j, c)
  local stride, sample = math.max(1, b.h // a.h), math.max(1, a.h // b.h)
  if c >= b.c or i % sample > 0 or j % sample > 0 then return 0 end
  return b[check.at(b, n, i // sample * stride, j // sample * stride, c)]
end

TestShortcut = check.layer {
  kind = "shortcut",
  oracle = function(inputs)
    local a, b, y = inputs[1], inputs[2], {}
    for n = 0, a.n - 1 do
      for i = 0, a.h - 1 do
        for j = 0, a.w - 1 do
          for c = 0, a.c - 1 do y[#y + 1] = a[check.at(a, n, i, j, c)] + added(a, b, n, i, j, c) end
        end
      end
    end
    return y, { a.n, a.h, a.w, a.c }
  end,
  tolerance = { forward = 1e-6, backward = 1e-5 },
  cases = {
    { input = { 2, 3, 5, 6 }, split = 2, inputs = { 1, 2 } },
    { name = "twice the same", input = { 1, 2, 2, 3 }, inputs = { 0, 0 } },
    { name = "part and itself", input = { 1, 3, 2, 9 }, split = 3, inputs = { 3, 1 } },
    { name = "fewer channels join more", input = { 2, 3, 2, 6 }, split = 2, inputs = { 0, 2 } },
    { name = "more channels join fewer", input = { 2, 3, 2, 6 }, split = 3, inputs = { 2, 0 } },
    { name = "every second of a finer one", input = { 2, 4, 6, 6 }, split = 3, deep = { [1] = 2 }, inputs = { 1, 2 } },
    { name = "a coarser one onto every third", input = { 1, 6, 3, 4 }, split = 2, deep = { [1] = 3 }, inputs = { 2, 1 } },
    { name = "finer, and more channels", input = { 2, 4, 2, 8 }, split = 8, deep = { [1] = 2 }, inputs = { 1, 0 } },
  },
}

function TestShortcut.test_one_size_is_a_whole_multiple_of_the_other()
  local function net(h, w, inputs)
    local layers = { { "maxpool", size = 2, stride_x = 2, stride_y = inputs.down or 2, name = "half" }, { "shortcut", inputs = inputs } }
    return core.net, { h = h, w = w, c = 3, layers = layers }
  end
  t.assertErrorMsgContains("input 2 is 3 x 2 (height x width); expected 5 x 4 as input 1, or one size a whole multiple of the other",
    net(5, 4, { 0, "half" }))
  t.assertErrorMsgContains("input 2 is 5 x 4", net(5, 4, { "half", 0 }))
  t.assertErrorMsgContains("the same both ways", net(4, 4, { 0, "half", down = 1 }))
end

os.exit(t.LuaUnit.run())
