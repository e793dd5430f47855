-- The prompt: sessions through a pipe and on a terminal.
local t = require "luaunit"

local program = os.getenv "YOLUA_PROGRAM"

local function temporary(text)
  local path = os.tmpname()
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
  return path
end

TestPipe = {}

-- Returns what the program prints on a pipe, what it complains about, and its exit status.
local function piped(text, words)
  local input, errors = temporary(text), os.tmpname()
  local p = assert(io.popen(("'%s' %s <%s 2>%s"):format(program, words or "", input, errors)))
  local out = p:read "a"
  local _, _, status = p:close()
  local f <close> = assert(io.open(errors))
  local err = f:read "a"
  os.remove(input)
  os.remove(errors)
  return out, err, status or 0
end

function TestPipe:testValues()
  t.assertEquals({ piped "1+1" }, { "2\n", "", 0 })
  t.assertEquals({ piped "x = 20\nlocal y = 1\nx + y\n" }, { "21\n", "", 0 })
  t.assertEquals({ piped "for i = 1, 2 do\n  print(i)\nend\n{ 1, { 2 } }\n" }, { "1\n2\n{ 1, { 2 } }\n", "", 0 })
  t.assertEquals({ piped "#!/usr/bin/yolua\nio.write('hi\\n')\nnil\n1, 2" }, { "hi\nnil\n1\t2\n", "", 0 })
  t.assertEquals({ piped "yl.zeros { 2 }" }, { "f32 {2}\n  0  0\n", "", 0 })
  t.assertEquals({ piped "" }, { "", "", 0 })
end

-- Nothing runs where a part cannot be read; the first failure ends the input.
function TestPipe:testFaults()
  local out, err, status = piped "print(1)\nprint(2\n"
  t.assertEquals({ out, status }, { "", 1 })
  t.assertStrContains(err, "stdin:2:")
  out, err, status = piped "print(1)\nundeclared_name\nprint(2)"
  t.assertEquals({ out, status }, { "1\n", 1 })
  t.assertEquals(err, "yolua: stdin:2: undeclared global 'undeclared_name'\n")
end

TestTerminal = {}

local DUMB = "TERM=dumb"

-- `script` gives the program a terminal. Returns what it shows, and the history that it leaves.
local function session(lines, environment, words)
  local input = temporary(lines)
  local command = "(cat %s; sleep 0.3) | env YOLUA_HISTORY=%s.h %s script -qec \"'%s' %s\" /dev/null"
  local p = assert(io.popen(command:format(input, input, environment or DUMB, program, words or "")))
  local out = p:read "a":gsub("\27%[[?%d;]*%a", ""):gsub("\r", "")
  p:close()
  local h = io.open(input .. ".h")
  local history = h and h:read "a" or ""
  if h then h:close() end
  os.remove(input)
  os.remove(input .. ".h")
  return out, history
end

local has_script = os.execute "command -v script >/dev/null"

local function needs_script()
  if not has_script then print "SKIP the session on a terminal: there is no `script`" end
  return has_script
end

function TestTerminal:testSession()
  if not needs_script() then return end
  local out, history = session 'x = 41\nx + 1\nfor i = 1, 2 do\nprint("line " .. i)\nend\nundeclared_name\nerror "boom"\n'
  t.assertStrContains(out, "\n42\n")
  t.assertStrContains(out, "\nline 1\nline 2\n")
  t.assertStrContains(out, "undeclared global 'undeclared_name'")
  t.assertStrContains(out, "prompt:1: boom\n> ") -- no traceback: there is nothing between the line and the error
  t.assertStrContains(history, "undeclared_name") -- libedit writes blanks as \\040
end

function TestTerminal:testFileThenPrompt()
  if not needs_script() then return end
  local path = temporary "local answer = 42\nlocal t = { answer }\n"
  local out = session("answer + 1\n#t\n", DUMB, "-i " .. path)
  t.assertStrContains(out, "\n43\n")
  t.assertStrContains(out, "\n1\n")
  os.remove(path)
  path = temporary "local answer = 42\nerror 'halfway'\n"
  out = session("answer + 1\n", DUMB, "-i " .. path)
  t.assertStrContains(out, "halfway")
  t.assertStrContains(out, "\n43\n")
  os.remove(path)
end

-- What a terminal sends for pasted text: marks around it, carriage returns in it.
function TestTerminal:testPaste()
  if not needs_script() then return end
  local xterm = "TERM=xterm"
  local function paste(text) return "\27[200~" .. text:gsub("\n", "\r") .. "\27[201~" end
  t.assertStrContains(session(paste "6 *" .. " 7\n", xterm), "\n42\n")
  local out, history = session(paste "local x = 3\nfor i = 1, 2 do\n  print('line', i * x)\nend\n", xterm)
  t.assertStrContains(out, "\nline\t3\nline\t6\n")
  t.assertNil(out:match "Ctrl%-D leaves(.*)":find("~", 1, true))
  t.assertStrContains(history, "for")
  out = session(paste "y = 5\ny * 2" .. " + 1\n", xterm)
  t.assertStrContains(out, "\n11\n")
  out = session("z = " .. paste "{ 1,\n2,\n" .. "3 }\n#z + 10\n", xterm)
  t.assertStrContains(out, "\n13\n")
  out = session(paste "print 'one'\nundeclared_name\nprint 'two'\n", xterm)
  t.assertStrContains(out, "\none\n")
  t.assertNil(out:find "\ntwo\n")
  out = session("\27[201~1 + 2\n", xterm) -- a stray mark
  t.assertStrContains(out, "\n3\n")
end

os.exit(t.LuaUnit.run())
