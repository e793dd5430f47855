-- core.options: C's parser as Lua sees it, with every kind of value that a table, a file or a command line can hold.
local t = require "luaunit"
local core = require "yolua.core"

local check = core.options.check

local function refuses(sentence, ...)
  local ok, e = pcall(check, ...)
  t.assertFalse(ok)
  t.assertEquals(e, sentence) -- whole: no Lua position before it
end

TestCheck = {}

function TestCheck:testTypesOfResults()
  local integer = { "n", "int", nil, "px", "", min = 1, max = 8 }
  for _, value in ipairs { 3, 3.0, "3", " 3 ", "3e0" } do
    t.assertEquals(check(integer, nil, value), 3)
    t.assertEquals(math.type(check(integer, nil, value)), "integer")
  end
  t.assertEquals(math.type(check({ "x", "number" }, nil, 3)), "float")
  t.assertEquals(check({ "x", "number" }, nil, ".5e-3"), 5e-4)
  t.assertIs(check({ "b", "bool" }, nil, "off"), false)
  t.assertIs(check({ "b", "bool" }, nil, 1), true)
  t.assertEquals(check({ "s", "string" }, nil, ("long "):rep(100)), ("long "):rep(100))
  t.assertEquals(check({ "e", "enum", choices = { "a", "bc" } }, nil, "bc"), "bc")
  t.assertEquals(check({ "e", "enum", choices = { "1", "2" } }, nil, 2), "2")
  t.assertEquals(check({ "l", "numbers" }, nil, "1, 2.5"), { 1, 2.5 })
  t.assertEquals(check({ "l", "numbers" }, nil, {}), {})
  t.assertEquals(check({ "l", "numbers" }, nil, 4), { 4 })
  t.assertEquals(math.type(check({ "z", "size" }, nil, "416x128")[1]), "integer")
end

function TestCheck:testSentences()
  local integer = { "n", "int", nil, "px", "", min = 1, max = 8 }
  refuses("x.yaml:3: option 'n': expected an integer in 1..8 (px), got 9", integer, "x.yaml:3", 9)
  refuses("option 'n': expected an integer in 1..8 (px), got 'nine'", integer, nil, "nine")
  refuses("here: option 'a.n': expected an integer in 1..8 (px), got 0.5", integer, "here", 0.5, "a.n")
  refuses("option 'x': expected a number of at least 0, got -1", { "x", "number", min = 0 }, nil, -1)
  refuses("option 'x': expected a number of at most 0, got 1", { "x", "number", max = 0 }, nil, 1)
  refuses("option 'x': expected a number, got nan", { "x", "number" }, nil, 0 / 0)
  refuses("option 'x': expected a number, got infinity", { "x", "number" }, nil, math.huge)
  refuses("option 'e': expected one of a|bc, got 'b'", { "e", "enum", choices = { "a", "bc" } }, nil, "b")
  refuses("option 's': expected a text, got true", { "s", "string" }, nil, true)
  refuses("option 'l': expected numbers (1,2,3), got '1;2'", { "l", "numbers" }, nil, "1;2")
  refuses("option 'l': expected numbers (1,2,3), each in 0..1, got 0.5,2", { "l", "numbers", min = 0, max = 1 }, nil, { 0.5, 2 })
end

function TestCheck:testValuesThatAreNone()
  for _, value in ipairs { print, io.stdout, coroutine.create(print) } do
    t.assertStrContains(select(2, pcall(check, { "n", "int" }, nil, value)), "is not a valid option value")
  end
  t.assertStrContains(select(2, pcall(check, { "n", "numbers" }, nil, { "a", "b" })), "expected numbers (1,2,3), got 'a,b'")
  t.assertStrContains(select(2, pcall(check, { "n", "numbers" }, nil, { 1, "b" })), "expected numbers, got a string as number 2")
  local many = {}
  for i = 1, 65 do many[i] = i end
  t.assertStrContains(select(2, pcall(check, { "n", "numbers" }, nil, many)), "expected at most 64 numbers, got 65")
end

function TestCheck:testFlags()
  local field = { "f", "flags", choices = { "left", "right", "up" } }
  for _, given in ipairs { "up,left", { "up", "left" }, "[left, up]", " up left,up" } do
    t.assertEquals(check(field, nil, given), { "left", "up" })
  end
  for _, given in ipairs { "none", {}, "", "[]" } do t.assertEquals(check(field, nil, given), {}) end
  refuses("option 'f': expected none, or some of left|right|up (a,b), got 'lefd', did you mean 'left'?", field, nil, "lefd")
  refuses("option 'f': expected none, or some of left|right|up (a,b), got 'up,lefd': there is no 'lefd', did you mean 'left'?", field,
    nil, { "up", "lefd" })
  refuses("option 'f': expected none, or some of left|right|up (a,b), got 1", field, nil, 1)
  t.assertStrContains(select(2, pcall(check, field, nil, { "up", 2 })), "expected texts, got a number as text 2")
  t.assertStrContains(select(2, pcall(check, { "f", "flags" }, nil, "up")), "field 'f' is flags without choices")
end

function TestCheck:testBrokenFields()
  t.assertFalse(pcall(check, { "n", "integer" }, nil, 1))
  t.assertFalse(pcall(check, { "n", "enum" }, nil, 1))
  t.assertFalse(pcall(check, {}, nil, 1))
  t.assertFalse(pcall(check))
end

TestWords = {}

function TestWords:testDistance()
  local d = core.options.distance
  t.assertEquals(d("", "abc"), 3)
  t.assertEquals(d("batch-size", "BATCH_SIZE"), 0)
  t.assertEquals(d("fitlers", "filters"), 1) -- two letters that changed places
  t.assertEquals(d("kitten", "sitting"), 3)
end

function TestWords:testModules()
  local names, seen = core.options.modules "lua/yolua/verbs/", {}
  for _, name in ipairs(names) do seen[name] = true end
  t.assertTrue(seen.version and seen.eval)
  t.assertNil(seen.init)
  t.assertEquals(core.options.modules "lua/nowhere/", {})
end

os.exit(t.LuaUnit.run())
