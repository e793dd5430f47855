-- Help pages: there is one for every verb, layer and key, and each line fits what the field says.
local t = require "luaunit"
local core = require "yolua.core"
local fields = require "yolua.fields"
local help = require "yolua.help"

TestHelp = {}

function TestHelp:testOverviewListsEveryVerb()
  local page = help.page()
  for _, name in ipairs(core.options.modules "lua/yolua/verbs/") do t.assertStrMatches(page, ".*\n  " .. name .. " +%S.*") end
end

function TestHelp:testVerbsAndLayers()
  for _, name in ipairs(core.options.modules "lua/yolua/verbs/") do
    local page = help.page(name)
    t.assertStrContains(page, "yolua " .. name .. " [key=value ...]")
    for _, field in ipairs(fields.get(require("yolua.verbs." .. name).fields or {})) do t.assertStrContains(page, "\n  " .. field[1]) end
  end
  for _, kind in ipairs(core.layers.kinds()) do t.assertStrContains(help.page(kind), "layer " .. kind) end
end

function TestHelp:testEveryKey()
  for _, field in ipairs(fields.all()) do t.assertStrContains(help.page(field[1]), field[1]) end
  t.assertStrContains(help.page "optim.lr", "learning rate")
  t.assertStrContains(help.page "lr", "optim.lr")
end

function TestHelp:testTable()
  local lines = help.table {
    { "count", "int", 3, "images", "how many", min = 1, max = 10 }, { "rate", "number", nil, "", "how fast", min = 0 },
    { "kind", "enum", "a", "", "which", choices = { "a", "b" } }, { "names", "list", nil, "", "who", choices = { "x", "y" } },
    { "steps", "numbers", { 0.5, 0.75 }, "", "when" },
    { "inner", "table", help = "more", fields = { { "deep", "bool", true, "", "deeper" } } },
  }
  t.assertEquals(lines, table.concat({
    "  count       int 1..10    3         [images] how many",
    "  rate        number >= 0            how fast",
    "  kind        a|b          a         which",
    "  names       x,y                    who",
    "  steps       numbers      0.5,0.75  when",
    "  inner                              more",
    "  inner.deep  bool         true      deeper",
  }, "\n"))
end

function TestHelp:testUnknownTopics()
  local ok, e = pcall(help.page, "trian")
  t.assertFalse(ok)
  t.assertEquals(tostring(e), "there is no help on 'trian', did you mean 'train'?")
  ok, e = pcall(help.page, "/nowhere/none.lua")
  t.assertFalse(ok)
  t.assertStrContains(tostring(e), "none.lua")
end

os.exit(t.LuaUnit.run())
