-- What counts as a chunk at the prompt: expressions, statements, unfinished ones, and texts of many lines.
local t = require "luaunit"
local chunks = require "yolua.prompt.chunks"

TestChunks = {}

function TestChunks:testExpressionsAndStatements()
  t.assertEquals(chunks.compile "1 + 1" (), 2)
  t.assertEquals(chunks.compile "local x = 3 return x" (), 3)
  local chunk, message, unfinished = chunks.compile "for i = 1, 3 do"
  t.assertNil(chunk)
  t.assertStrContains(message, "<eof>")
  t.assertTrue(unfinished)
  t.assertTrue(select(3, chunks.compile "x = [[two\n"))
  t.assertFalse(select(3, chunks.compile "x = = 1"))
end

-- Names that `local` declares outlive their line, values of several names and functions too.
function TestChunks:testLocalsLiveOn()
  local function kept(text, ...)
    assert(chunks.compile(text))()
    local values = {}
    for i, name in ipairs { ... } do
      values[i] = rawget(_G, name)
      rawset(_G, name, nil)
    end
    return values
  end
  t.assertEquals(kept("local test_a = 1", "test_a"), { 1 })
  t.assertEquals(kept("local test_a, test_b = 1, 2", "test_a", "test_b"), { 1, 2 })
  t.assertEquals(kept("local function test_f() return 7 end", "test_f")[1](), 7)
  t.assertEquals(kept("local function test_f(n) return n == 0 and 1 or n * test_f(n - 1) end", "test_f")[1](5), 120)
  t.assertEquals(kept("local test_a <close> = nil", "test_a"), {})
  t.assertEquals(kept("local test_a = 1 return test_a", "test_a"), {})
end

function TestChunks:testMessagesNameTheLine()
  local ok, message = pcall(chunks.compile("error 'here'", "=stdin", 7))
  t.assertFalse(ok)
  t.assertEquals(message, "stdin:7: here")
  t.assertStrContains(select(2, chunks.compile("x = = 1", "=stdin", 3)), "stdin:3:")
end

-- An expression is no tail call: what it calls sees its line, and names of the user are as they were.
function TestChunks:testAnExpressionHasItsLine()
  local at = rawset(_G, "test_at", function() return debug.getinfo(2, "Sl") end) and chunks.compile("test_at()", nil, 3)()
  rawset(_G, "test_at", nil)
  t.assertEquals({ at.short_src, at.currentline }, { "prompt", 3 })
  t.assertEquals(table.pack(chunks.compile "1, nil, 3, nil" ()), { 1, nil, 3, nil, n = 4 })
end

local function texts(text)
  local list = {}
  for i, part in ipairs(chunks.split(text)) do list[i] = part.text end
  return list
end

function TestChunks:testSplit()
  t.assertEquals(texts "", {})
  t.assertEquals(texts "a = 1\n\nb = 2\n", { "a = 1", "b = 2" })
  t.assertEquals(texts "a = 1\r\nb = 2\rc", { "a = 1", "b = 2", "c" })
  t.assertEquals(texts "for i = 1, 2 do\n  f(i)\nend\ng()", { "for i = 1, 2 do\n  f(i)\nend", "g()" })
  t.assertEquals(texts "net\n  :freeze('body')\n  :save('x')\nnet", { "net\n  :freeze('body')\n  :save('x')", "net" })
  t.assertEquals(texts "x = 1\n  + 2\n  - 3\nx", { "x = 1\n  + 2\n  - 3", "x" })
  t.assertEquals(texts "x = 1\n-- a comment\ny = 2", { "x = 1", "-- a comment", "y = 2" })
  t.assertEquals(texts "ok = a\n  and b\nandroid = 1", { "ok = a\n  and b", "android = 1" })
end

-- A local reaches to the end of the text, where that can be one chunk.
function TestChunks:testSplitKeepsLocals()
  t.assertEquals(texts "f()\nlocal x = 1\nprint(x)\nprint(x)", { "f()", "local x = 1\nprint(x)\nprint(x)" })
  t.assertEquals(texts "local x = 1\nx + 1", { "local x = 1", "x + 1" })
  t.assertEquals(texts "localx = 1\ny = 2", { "localx = 1", "y = 2" })
end

function TestChunks:testSplitNamesLinesAndFaults()
  local list = chunks.split "a = 1\n\nx = = 2\nb = 3"
  t.assertEquals({ list[2].line, list[2].text, list[3].line }, { 3, "x = = 2", 4 })
  t.assertEquals(chunks.last "a = 1\nfor i = 1, 2 do\n  f()", "for i = 1, 2 do\n  f()")
  t.assertEquals(chunks.last "", "")
end

os.exit(t.LuaUnit.run())
