-- The prompt: how values are shown, when a chunk is whole, and a session on a terminal.
local t = require "luaunit"
local prompt = require "yolua.prompt"

TestShow = {}

function TestShow:testValues()
  t.assertEquals(prompt.show "text", "text")
  t.assertEquals(prompt.show { 1, "two", { a = 3 } }, '{ 1, "two", { a = 3 } }')
  t.assertEquals(prompt.show {}, "{}")
  t.assertEquals(prompt.show { ["not a name"] = 1, [10] = 2 }, '{ [10] = 2, ["not a name"] = 1 }')
  t.assertEquals(prompt.show { { { { 1 } } } }, "{ { { {...} } } }")
  t.assertStrContains(prompt.show(setmetatable({}, { __tostring = function() return "an object" end })), "an object")
end

function TestShow:testLongAndCyclicTables()
  local long = {}
  for i = 1, 300 do long[i] = i end
  local text = prompt.show(long)
  t.assertStrContains(text, "100,\n  ... (300 in all),\n}")
  local cycle = {}
  cycle.me = cycle
  t.assertEquals(prompt.show(cycle), "{ me = { me = { me = {...} } } }")
end

TestChunks = {}

function TestChunks:testExpressionsAndStatements()
  t.assertEquals(prompt.compile "1 + 1" (), 2)
  t.assertEquals(prompt.compile "local x = 3 return x" (), 3)
  local chunk, message, unfinished = prompt.compile "for i = 1, 3 do"
  t.assertNil(chunk)
  t.assertStrContains(message, "<eof>")
  t.assertTrue(unfinished)
  t.assertTrue(select(3, prompt.compile "x = [[two\n"))
  t.assertFalse(select(3, prompt.compile "x = = 1"))
end

TestCompletion = {}

function TestCompletion:testCandidates()
  local complete = require "yolua.complete"
  rawset(_G, "sample", { alpha = 1, alpine = { deep = {} }, beta = require "yolua".zeros { 1 } })
  rawset(_G, "yl", require "yolua")
  local function is(line, expected) t.assertEquals((complete.candidates(line)), expected) end
  is("sample.al", { "alpha", "alpine" })
  is("x = 1 + sample.alpine.", { "deep" })
  is("sample.beta:resh", { "reshape" })
  is("print(yl.zer", { "zeros" })
  is("string.rep", { "rep" })
  is("pri", { "print" })
  is("whi", { "while" })
  is("nothing.at.all", {})
  is("sample.alpha.b", {})
  t.assertEquals(complete.tab "sample.a", "lp")
  t.assertEquals(complete.tab "sample.b", "eta")
  t.assertNil(complete.tab "sample.q")
  rawset(_G, "sample", nil)
end

TestTerminal = {}

-- `script` gives the program a terminal.
local function session(lines)
  local program, input = os.getenv "YOLUA_PROGRAM", os.tmpname()
  local f <close> = assert(io.open(input, "w"))
  f:write(lines)
  f:close()
  local command = "(cat %s; sleep 0.3) | YOLUA_HISTORY=%s.h TERM=dumb script -qec '%s' /dev/null"
  local p = assert(io.popen(command:format(input, input, program)))
  local out = p:read "a":gsub("\r", "")
  p:close()
  local h = io.open(input .. ".h")
  local history = h and h:read "a" or ""
  if h then h:close() end
  os.remove(input)
  os.remove(input .. ".h")
  return out, history
end

function TestTerminal:testSession()
  if not os.execute "command -v script >/dev/null" then
    print "SKIP the session on a terminal: there is no `script`"
    return
  end
  local out, history = session 'x = 41\nx + 1\nfor i = 1, 2 do\nprint("line " .. i)\nend\nundeclared_name\nerror "boom"\n'
  t.assertStrContains(out, "\n42\n")
  t.assertStrContains(out, "\nline 1\nline 2\n")
  t.assertStrContains(out, "undeclared global 'undeclared_name'")
  t.assertStrContains(out, "prompt:1: boom")
  t.assertStrContains(history, "undeclared_name") -- libedit writes blanks as \\040
end

os.exit(t.LuaUnit.run())
