-- The prompt: sessions through a pipe and on a terminal.
local t = require "luaunit"
local Pty = require "support.pty"

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

-- A session on a pseudo-terminal: f types; returns what was shown, and the history that was left.
local function session(f, words, term)
  local history = os.tmpname()
  os.remove(history)
  local pty <close> = Pty.open(("exec env YOLUA_HISTORY='%s' TERM=%s '%s' %s"):format(history, term or "dumb", program, words or ""))
  f(pty)
  local text = pty:leave()
  local h <close> = assert(io.open(history))
  os.remove(history)
  return text, h:read "a"
end

local function needs_script()
  if Pty.present() then return true end
  print "SKIP the session on a terminal: `script` is missing"
end

function TestTerminal:testSession()
  if not needs_script() then return end
  local out, history = session(function(pty)
    pty:type("x = 41", "x + 1", "for i = 1, 2 do", 'print("line " .. i)', "end", "undeclared_name", 'error "boom"')
  end)
  t.assertStrContains(out, "\n42\n")
  t.assertStrContains(out, "\nline 1\nline 2\n")
  t.assertStrContains(out, "undeclared global 'undeclared_name'")
  t.assertStrContains(out, "prompt:1: boom\n> ") -- no traceback: there is nothing between the line and the error
  t.assertStrContains(history, "undeclared_name") -- libedit writes blanks as \\040
end

function TestTerminal:testFileThenPrompt()
  if not needs_script() then return end
  local path = temporary "local answer = 42\nlocal t = { answer }\n"
  local out = session(function(pty) pty:type("answer + 1", "#t") end, "-i " .. path)
  t.assertStrContains(out, "\n43\n")
  t.assertStrContains(out, "\n1\n")
  os.remove(path)
  path = temporary "local answer = 42\nerror 'halfway'\n"
  out = session(function(pty) pty:type "answer + 1" end, "-i " .. path)
  t.assertStrContains(out, "halfway")
  t.assertStrContains(out, "\n43\n")
  os.remove(path)
end

-- Ctrl-C drops what is half typed, also of a chunk of several lines.
function TestTerminal:testCtrlCDropsTheLine()
  if not needs_script() then return end
  local out = session(function(pty)
    local function drop(typed)
      local before = pty:prompts()
      pty:send(typed)
      os.execute "sleep 0.2"
      pty:send "\3"
      pty:prompted(before + 1, "Ctrl-C")
    end
    drop "half typed"
    drop ""
    pty:type "for i = 1, 2 do"
    drop "print"
    pty:type "20 + 3"
  end)
  t.assertStrContains(out, "\n23\n")
  t.assertNil(out:find "yolua: prompt")
end

-- What a terminal sends for pasted text: marks around it, carriage returns in it.
function TestTerminal:testPaste()
  if not needs_script() then return end
  local function pasted(...)
    local pieces = { ... }
    return session(function(pty)
      for _, bytes in ipairs(pieces) do
        local before = pty:prompts()
        pty:send(bytes)
        pty:prompted(before + 1, bytes)
      end
    end, nil, "xterm")
  end
  local function paste(text) return "\27[200~" .. text:gsub("\n", "\r") .. "\27[201~" end
  t.assertStrContains(pasted(paste "6 *" .. " 7\n"), "\n42\n")
  local out, history = pasted(paste "local x = 3\nfor i = 1, 2 do\n  print('line', i * x)\nend\n")
  t.assertStrContains(out, "\nline\t3\nline\t6\n")
  t.assertNil(out:match "Ctrl%-D quits(.*)":find("~", 1, true))
  t.assertStrContains(history, "for")
  t.assertStrContains(pasted(paste "y = 5\ny * 2" .. " + 1\n"), "\n11\n")
  t.assertStrContains(pasted("z = " .. paste "{ 1,\n2,\n", "3 }\n", "#z + 10\n"), "\n13\n")
  out = pasted(paste "print 'one'\nundeclared_name\nprint 'two'\n")
  t.assertStrContains(out, "\none\n")
  t.assertNil(out:find "\ntwo\n")
  t.assertStrContains(pasted "\27[201~1 + 2\n", "\n3\n") -- a stray mark
end

os.exit(t.LuaUnit.run())
