-- Strict globals, which this test runs under itself.
local t = require "luaunit"

TestStrict = {}

function TestStrict:testReadingAndWriting()
  local ok, e = pcall(function() return pritn end) -- luacheck: ignore
  t.assertFalse(ok)
  t.assertStrContains(e, "undeclared global 'pritn', did you mean 'print'?")
  ok, e = pcall(function() answer = 42 end) -- luacheck: ignore
  t.assertFalse(ok)
  t.assertStrContains(e, "assignment to undeclared global 'answer'")
  t.assertNil(rawget(_G, "answer"))
end

function TestStrict:testSuggestionsAreNear()
  local _, e = pcall(function() return xy end) -- luacheck: ignore
  t.assertNotStrContains(e, "did you mean")
end

-- At the prompt, where the library is `yl`, its names are suggested with it.
function TestStrict:testNamesOfTheLibrary()
  rawset(_G, "yl", require "yolua")
  local _, e = pcall(function() return zeros end) -- luacheck: ignore
  rawset(_G, "yl", nil)
  t.assertStrContains(e, "undeclared global 'zeros', did you mean 'yl.zeros'?")
end

function TestStrict:testDeclaredGlobals()
  rawset(_G, "declared", 1)
  t.assertEquals(declared, 1) -- luacheck: ignore
  rawset(_G, "declared", nil)
end

os.exit(t.LuaUnit.run())
