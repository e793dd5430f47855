-- README's tour of the prompt, played through a pipe and on a pseudo-terminal; tour_screen.lua plays it on a real screen.
local t = require "luaunit"
local core = require "yolua.core"
local Pty = require "support.pty"
local tour = require "support.tour"
local wait = require "support.wait"

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

TestTour = {}

function TestTour.testComparison()
  t.assertTrue(tour.same("0.707", "0.708") and tour.same("12.79,", "12.80,") and tour.same("x=5", "x=5"))
  for _, pair in ipairs { { "0.707", "0.807" }, { "12.79,", "12.79" }, { "car", "train" }, { "512", "612" }, { "a1", "b1" } } do
    t.assertFalse(tour.same(table.unpack(pair)))
  end
  t.assertEquals(tour.words "3.5 images/s, 0.1 s (0 % waiting", tour.words "99 images/s, 7.7 s (12 % waiting")
  t.assertError(tour.assert_same, "a b", "a c", "")
  t.assertError(tour.assert_within, "a c b", "a b c", "")
  tour.assert_within("a c", "a b c", "")
end

function TestTour.testReadmeHasOne()
  t.assertTrue(#tour.steps >= 10)
  t.assertEquals(tour.steps_of "> a\n1\n\n> b {\n>> c }\n2\n3\n>\n", { { input = { "a" }, output = { "1" } },
    { input = { "b {", "c }" }, output = { "2", "3" } } })
  for line in tour.block:gmatch "[^\n]+" do t.assertTrue(#line <= 80, line) end
end

-- Through a pipe values come without the prompts, and sentences on standard error; the first failure ends the input.
function TestTour.testThroughAPipe()
  local path = tour.folder "pipe"
  local typed, out, err = {}, {}, {}
  for _, step in ipairs(tour.steps) do
    typed[#typed + 1] = table.concat(step.input, "\n")
    local text = table.concat(step.output, "\n")
    table.insert(text:find "^yolua:" and err or out, text)
  end
  core.system.write(path .. "/typed", table.concat(typed, "\n") .. "\n")
  local got = shell(tour.command(path, "COLUMNS=80") .. " <typed 2>errors")
  tour.assert_same(got, table.concat(out, "\n"), "through a pipe")
  local said = core.system.read(path .. "/errors")
  t.assertEquals(select(2, said:gsub("yolua: ", "")), #err)
  tour.assert_same(said:gsub("stdin:%d+:", "prompt:1:"), table.concat(err, "\n"), "on standard error")
end

function TestTour.testOnAPseudoTerminal()
  if not Pty.present() then return print "SKIP the tour on a pseudo-terminal: `script` is missing" end
  local pty <close> = Pty.open(tour.command(tour.folder "pty", "TERM=dumb"), 80)
  for _, step in ipairs(tour.steps) do pty:type(table.unpack(step.input)) end
  tour.compare((pty:leave():gsub("^.-leaves\n", ""):gsub("\n> %^D.*$", "\n")), "on a pseudo-terminal")
end

-- Between the prompt and the moment from which the terminal leaves it to the program to show what is typed, nothing is shown twice.
function TestTour.testKeysPressedAtOnceAreSeenOnce()
  local library = os.getenv "YOLUA_FAULTS_LIBRARY"
  if not Pty.present() or not library then return print "SKIP a slow terminal: `script` or the library of faults is missing" end
  local slow = ("TERM=xterm YOLUA_FAULT_SLOW=900 LD_PRELOAD='%s'"):format(library)
  local pty <close> = Pty.open("stty echo; " .. tour.command(tour.folder "slow", slow), 80)
  pty:type "6 * 7"
  local text = pty:text()
  pty:send "os.exit()\n" -- Ctrl-D is no end before the program has the terminal
  wait(function() return pty:ended() end, "the end")
  t.assertEquals(select(2, text:gsub("6 %* 7", "")), 1, text)
end

local status = t.LuaUnit.run()
tour.clean()
os.exit(status)
