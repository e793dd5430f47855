-- yolua.options.trim, and that files with long runs of blanks are read as fast as others.
local t = require "luaunit"
local trim = require "yolua.options.trim"

TestTrim = {}

function TestTrim:testEnds()
  for text, expected in pairs { [""] = "", [" \t\r\n"] = "", a = "a", [" a b\t c\r\n"] = "a b\t c", ["a "] = "a", [" a"] = "a" } do
    t.assertEquals(trim(text), expected)
  end
end

function TestTrim:testLongRuns()
  local started, run = os.clock(), (" "):rep(400000)
  t.assertEquals({ trim(run), trim("a" .. run), #trim("a" .. run .. "b") }, { "", "a", 400002 })
  t.assertTrue(os.clock() - started < 2)
end

os.exit(t.LuaUnit.run())
