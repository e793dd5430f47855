-- shortcut: the sum of two layers, with the first one's channels.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

TestShortcut = check.layer {
  kind = "shortcut",
  oracle = function(inputs)
    local a, b, y = inputs[1], inputs[2], {}
    for i = 1, #a do
      local pixel, channel = (i - 1) // a.c, (i - 1) % a.c
      y[i] = a[i] + (channel < b.c and b[pixel * b.c + channel + 1] or 0)
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
  },
}

function TestShortcut.test_heights_and_widths_must_agree()
  local layers = { { "maxpool", size = 2, stride = 2, name = "half" }, { "shortcut", inputs = { "half", 0 } } }
  t.assertErrorMsgContains("expected 2 x 2 as input 1", core.net, { h = 4, w = 4, c = 3, layers = layers })
end

os.exit(t.LuaUnit.run())
