-- core.layers: the field tables of every kind of layer, as help pages and editors read them.
local t = require "luaunit"
local core = require "yolua.core"
local options = require "yolua.options.table"

TestLayers = {}

function TestLayers:testEveryKindHasFieldsWithHelp()
  local kinds = core.layers.kinds()
  t.assertTrue(#kinds > 5)
  for _, kind in ipairs(kinds) do
    for _, field in ipairs(core.layers.fields(kind)) do
      t.assertIsString(field[1])
      t.assertStrMatches(field[5], ".+")
    end
  end
  t.assertNil(core.layers.fields "conv9d")
end

-- The exported table is a field table of the Lua side as well, with the same defaults and checks.
function TestLayers:testTheyCheckLikeLuas()
  local o = options.check("conv2d", core.layers.fields "conv2d", { filters = 32 })
  t.assertEquals(o.filters, 32)
  t.assertEquals(o.stride, 1)
  local ok, e = pcall(options.check, "conv2d", core.layers.fields "conv2d", { filters = -16 })
  t.assertFalse(ok)
  t.assertStrContains(tostring(e), "option 'filters': expected an integer in 1..65536, got -16")
end

os.exit(t.LuaUnit.run())
