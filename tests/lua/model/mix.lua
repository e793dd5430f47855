-- A network between two: its numbers, its masks, and what cannot be mixed.
local t = require "luaunit"
local yl = require "yolua"
local training = require "support.training"

TestMix = {}

function TestMix.testNumbers()
  local a, b = training.model "body", training.model "body"
  for name, layer in pairs(b.layers) do
    for key, values in pairs(layer) do values:copy_(a.layers[name][key] * 3 + 1) end
  end
  local before = { a:checksum(), b:checksum() }
  local made = yl.mix(a, b, 0.75)
  for _, name in ipairs { "conv1.weight", "conv2.weight" } do
    local x, got = a.net:get(name), made.net:get(name)
    for i = 1, #x do t.assertAlmostEquals(got[i], 0.75 * x[i] + 0.25 * (3 * x[i] + 1), 1e-6) end
  end
  t.assertEquals(yl.mix(a, b, 1):checksum(), before[1])
  t.assertEquals(yl.mix(a, b, 0):checksum(), before[2])
  t.assertEquals({ a:checksum(), b:checksum() }, before)
end

-- What a's mask holds at zero stays zero, whatever b has there.
function TestMix.testMasks()
  local a, b = training.model "body", training.model "body"
  local weight = a.layers.conv2.weight
  a:set("conv2.weight", weight:abs():gt(weight:abs():mean()), "mask")
  local made = yl.mix(a, b, 0.5)
  local mask, values = a.net:get("conv2.weight", "mask"), made.net:get "conv2.weight"
  local zeros = 0
  for i, keep in ipairs(mask) do
    if keep == 0 then
      t.assertEquals(values[i], 0)
      zeros = zeros + 1
    end
  end
  t.assertTrue(zeros > 0 and zeros < #mask)
end

function TestMix.testRefusals()
  local a = training.model "body"
  local other = yl.transplant(a, { "one", "two", "three", "four", "five", "six", "seven" })
  t.assertErrorMsgMatches(".*yl.mix: %S+ is [%dx]+ in .* and [%dx]+ in .*", yl.mix, a, other, 0.5)
  local moved = yl.copy(a)
  require("yolua.model.heads").set(moved, { anchors = "2,2, 3,4, 5,6" })
  t.assertErrorMsgMatches(".*yl.mix: %S+ has the anchors .* in .* and 2,2,3,4,5,6 in .*", yl.mix, a, moved, 0.5)
  t.assertErrorMsgContains("yl.mix: expected a share from 0 to 1, got 1.5", yl.mix, a, a, 1.5)
  t.assertErrorMsgContains("yl.mix: expected a model", yl.mix, a, 7, 0.5)
end

os.exit(t.LuaUnit.run())
