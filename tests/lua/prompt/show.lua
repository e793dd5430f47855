-- How values are shown at the prompt: texts, objects, tables of all kinds, never wider than the terminal.
local t = require "luaunit"
local show = require "yolua.prompt.show"
local terminal = require "yolua.terminal"

TestShow = {}

function TestShow:setUp()
  self.width = terminal.width
  terminal.width = function() return 80 end
end

function TestShow:tearDown() terminal.width = self.width end

function TestShow:testValues()
  t.assertEquals(show "text", "text")
  t.assertEquals(show { 1, "two", { a = 3 } }, '{ 1, "two", { a = 3 } }')
  t.assertEquals(show { "a\nb" }, '{ "a\\nb" }')
  t.assertEquals(show {}, "{}")
  t.assertEquals(show { ["not a name"] = 1, [10] = 2 }, '{ [10] = 2, ["not a name"] = 1 }')
  t.assertEquals(show { { { { 1 } } } }, "{ { { { 1 } } } }")
  t.assertEquals(show { { { { { 1 } } } } }, "{ { { {...} } } }")
  t.assertEquals(show { { { { 1, 2, 3, 4, 5, 6, 7 } } } }, "{ { { {...} } } }")
  t.assertStrContains(show(setmetatable({}, { __tostring = function() return "an object" end })), "an object")
end

function TestShow:testLongAndCyclicTables()
  local long = {}
  for i = 1, 300 do long[i] = i end
  local text = show(long)
  t.assertStrContains(text, " 100, ... (300 in all),\n}")
  for line in text:gmatch "[^\n]+" do t.assertTrue(#line <= 80) end
  local cycle = {}
  cycle.me = cycle
  t.assertEquals(show(cycle), "{ me = { me = { me = {...} } } }")
end

function TestShow:testNarrow()
  terminal.width = function() return 20 end
  t.assertEquals(show { 1, 2, 3 }, "{ 1, 2, 3 }")
  t.assertEquals(show { 1111, 2222, 3333, 4444, 5555 }, "{\n  1111, 2222, 3333,\n  4444, 5555,\n}")
  t.assertEquals(show { a = 1, b = { 1111, 2222, 3333 } }, "{\n  a = 1,\n  b = {\n    1111, 2222,\n    3333,\n  },\n}")
end

os.exit(t.LuaUnit.run())
