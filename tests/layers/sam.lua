-- sam: the product of two layers of one shape.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

TestSam = check.layer {
  kind = "sam",
  oracle = function(inputs)
    local a, b, y = inputs[1], inputs[2], {}
    for i = 1, #a do y[i] = a[i] * b[i] end
    return y, { a.n, a.h, a.w, a.c }
  end,
  tolerance = { forward = 1e-6, backward = 1e-5 },
  cases = {
    { input = { 2, 3, 5, 6 }, split = 2, inputs = { 1, 2 } },
    { name = "twice the same", input = { 1, 2, 2, 3 }, inputs = { 0, 0 } },
    { mode = "infer", input = { 1, 4, 3, 38 }, split = 2, inputs = { 2, 1 } },
  },
}

function TestSam.test_shapes_must_agree()
  local layers = { { "maxpool", size = 2, stride = 2, name = "half" }, { "sam", inputs = { "half", 0 } } }
  t.assertErrorMsgContains("sam1: input 1 is 2 x 2 x 3 (height x width x channels); expected 4 x 4 x 3 as input 2", core.net,
    { h = 4, w = 4, c = 3, layers = layers })
end

os.exit(t.LuaUnit.run())
