-- README's tour of the prompt, played through a pipe, on a pseudo-terminal, and in tmux at 80 and 40 columns; what comes out is held
-- against README. Numbers may differ in their last digit (machines add in different orders); timings are masked.
local t = require "luaunit"
local core = require "yolua.core"
local Pty = require "support.pty"
local Terminal = require "support.terminal"

local program, source = os.getenv "YOLUA_PROGRAM", os.getenv "YOLUA_SOURCE" or "."
local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

local function shell(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

-- An empty folder in which a tour begins.
local function folder(name)
  local path = top .. "/" .. name
  core.files.make_folder(path)
  return path
end

-- What runs the program there with a history of its own.
local function command(path, extra)
  return ("cd '%s' && exec env YOLUA_HISTORY='%s/history' %s '%s'"):format(path, path, extra or "", program)
end

-- ---- README ----------------------------------------------------------------------------------------------------------------

local readme = core.system.read(source .. "/README.md")
local block = assert(readme:match "\n## A tour of the prompt\n.-\n```\n(.-)```", "README has no tour")

-- A session's text as steps: {input = lines typed, output = lines that came}.
local function steps_of(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do
    local typed, more = line:match "^> ?(.*)$", line:match "^>> ?(.*)$"
    if more then table.insert(list[#list].input, more)
    elseif typed then list[#list + 1] = { input = { typed }, output = {} }
    elseif #list > 0 then table.insert(list[#list].output, line) end
  end
  while #list > 0 and list[#list].input[1] == "" do list[#list] = nil end -- the last prompt
  for _, step in ipairs(list) do
    while step.output[#step.output] == "" do step.output[#step.output] = nil end
  end
  return list
end

local tour = steps_of(block)

-- ---- comparing -------------------------------------------------------------------------------------------------------------

local function masked(text)
  return (text:gsub("[%d.]+%s+images/s", "N images/s"):gsub("[%d.]+ s %(%d+ %%", "N s (N %%"):gsub("[%d.]+%s+s%s+%(%d+%s+%%", "N s (N %%"))
end

local function words(text)
  local list = {}
  for word in masked(text):gmatch "%S+" do list[#list + 1] = word end
  return list
end

-- Equal, or numbers with equal text around them that differ by 2 % or two units of the last digit.
local function same(a, b)
  if a == b then return true end
  local x, y = a:match "%-?%d[%d.]*", b:match "%-?%d[%d.]*"
  if not x or not y or a:gsub("%-?%d[%d.]*", "", 1) ~= b:gsub("%-?%d[%d.]*", "", 1) then return false end
  local digits = math.max(#(x:match "%.(%d*)" or ""), 0)
  x, y = tonumber((x:gsub("%.$", ""))), tonumber((y:gsub("%.$", "")))
  return x ~= nil and y ~= nil and math.abs(x - y) <= math.max(2.01 * 10 ^ -digits, 0.02 * math.abs(x))
end

local function assert_same(got, want, where)
  local a, b = words(got), words(want)
  for i = 1, math.max(#a, #b) do
    if not a[i] or not b[i] or not same(a[i], b[i]) then
      t.fail(("%s: expected '%s', got '%s' in:\n%s"):format(where, b[i], a[i], got))
    end
  end
end

-- The wide lines of a table hold every word of the narrow ones, in their order: columns were left out, nothing else.
local function assert_within(got, want, where)
  local a, b, at = words(got), words(want), 0
  for _, word in ipairs(a) do
    if word ~= "..." then
      repeat at = at + 1 until at > #b or same(word, b[at])
      if at > #b then t.fail(("%s: '%s' is not in README's:\n%s\nbut in:\n%s"):format(where, word, want, got)) end
    end
  end
end

-- ---- tests -----------------------------------------------------------------------------------------------------------------

TestTour = {}

function TestTour.testComparison()
  t.assertTrue(same("0.707", "0.708") and same("12.79,", "12.80,") and same("x=5", "x=5"))
  t.assertFalse(same("0.707", "0.807") or same("12.79,", "12.79") or same("car", "train") or same("512", "612") or same("a1", "b1"))
  t.assertEquals(words "3.5 images/s, 0.1 s (0 % waiting", words "99 images/s, 7.7 s (12 % waiting")
  t.assertError(assert_same, "a b", "a c", "")
  t.assertError(assert_within, "a c b", "a b c", "")
  assert_within("a c", "a b c", "")
end

function TestTour.testReadmeHasOne()
  t.assertTrue(#tour >= 10)
  for _, line in ipairs(steps_of("> a\n1\n\n> b {\n>> c }\n2\n3\n>\n")) do t.assertNotNil(line.input) end
  t.assertEquals(steps_of "> a\n1\n\n> b {\n>> c }\n2\n3\n>\n", { { input = { "a" }, output = { "1" } },
    { input = { "b {", "c }" }, output = { "2", "3" } } })
  for line in block:gmatch "[^\n]+" do t.assertTrue(#line <= 80, line) end
end

-- Through a pipe values come without the prompts, and sentences on standard error; the first failure ends the input.
function TestTour.testThroughAPipe()
  local path = folder "pipe"
  local typed, out, err = {}, {}, {}
  for _, step in ipairs(tour) do
    typed[#typed + 1] = table.concat(step.input, "\n")
    local text = table.concat(step.output, "\n")
    table.insert(text:find "^yolua:" and err or out, text)
  end
  core.system.write(path .. "/typed", table.concat(typed, "\n") .. "\n")
  local got = shell(command(path, "COLUMNS=80") .. " <typed 2>errors")
  assert_same(got, table.concat(out, "\n"), "through a pipe")
  local said = core.system.read(path .. "/errors")
  t.assertEquals(select(2, said:gsub("yolua: ", "")), #err)
  assert_same(said:gsub("stdin:%d+:", "prompt:1:"), table.concat(err, "\n"), "on standard error")
end

-- Every step of the session does what README's does; `narrow`: tables may lack columns.
local function compare(text, where, narrow)
  local got = steps_of(text)
  t.assertEquals(#got, #tour, where)
  for i, step in ipairs(tour) do
    local name = ("%s, %s"):format(where, step.input[1])
    t.assertEquals((table.concat(got[i].input):gsub("%s", "")), (table.concat(step.input):gsub("%s", "")), name);
    (narrow and assert_within or assert_same)(table.concat(got[i].output, "\n"), table.concat(step.output, "\n"), name)
    t.assertEquals(#got[i].output > 0, #step.output > 0, name)
  end
end

function TestTour.testOnAPseudoTerminal()
  if not Pty.present() then return print "SKIP the tour on a pseudo-terminal: there is no `script`" end
  local pty <close> = Pty.open(command(folder "pty", "TERM=dumb"), 80)
  for _, step in ipairs(tour) do pty:type(table.unpack(step.input)) end
  compare((pty:leave():gsub("^.-leaves\n", ""):gsub("\n> %^D.*$", "\n")), "on a pseudo-terminal")
end

local function play(columns)
  local path = folder("tmux" .. columns)
  local terminal <close> = Terminal.open(command(path), columns, 50)
  terminal:prompted(1)
  local count = 1
  for _, step in ipairs(tour) do
    for _, line in ipairs(step.input) do
      terminal:type(line, count)
      count = count + 1
    end
  end
  local joined, shown = terminal:text(true), terminal:text()
  terminal:key "C-d"
  Terminal.wait(function() return not terminal:running() end, "the end after Ctrl-D")
  return joined:gsub(" +\n", "\n"), shown
end

local function needs_tmux()
  if Terminal.present() then return true end
  print "SKIP the tour on a terminal: there is no tmux"
end

function TestTour.testAt80Columns()
  if not needs_tmux() then return end
  compare(play(80), "at 80 columns")
end

-- Nothing but what was typed is broken at the edge.
function TestTour.testAt40Columns()
  if not needs_tmux() then return end
  local joined, shown = play(40)
  compare(joined, "at 40 columns", true)
  for _, step in ipairs(steps_of(joined)) do
    for _, line in ipairs(step.output) do t.assertTrue(utf8.len(line) <= 40, line) end
  end
  for line in shown:gmatch "[^\n]+" do t.assertTrue(utf8.len(line) <= 40, line) end
end

TestTraining = {}

-- A prompt in tmux with a training that would take for ever.
local function training(name, columns)
  local path = folder(name)
  local terminal = Terminal.open(command(path), columns, 30)
  terminal:prompted(1)
  core.system.write(path .. "/start.lua", [[
    net = yl.load { model = "street" }
    data = yl.data { name = "synthetic", frames = 12, root = "runs/streets" }
    t = yl.trainer { net = net, data = data, batch = 1, epochs = 1000 }]])
  terminal:type 'dofile "start.lua"'
  return terminal
end

-- Ctrl-C gives the prompt back; net, optimizer and data live on, and the training goes on where it was.
function TestTraining.testCtrlC()
  if not needs_tmux() then return end
  local terminal <close> = training("ctrlc", 80)
  local count = terminal:prompts()
  terminal:tmux "send-keys -l 't:run()'"
  terminal:key "Enter"
  Terminal.wait(function() return terminal:text():find "epoch 2/1000" end, "the second epoch")
  terminal:key "C-c"
  terminal:prompted(count + 1, "Ctrl-C")
  local epoch, step = terminal:text(true):match "stopped by the user in epoch (%d+) after step (%d+)"
  t.assertTrue(tonumber(epoch) >= 2)
  terminal:type "print(t.epoch, #data.train, t.record.epoch)"
  terminal:type "t:step()"
  t.assertStrMatches(terminal:text(true), (".*\nstep %d: loss .*"):format(step + 1))
  terminal:type "print(net.layers.conv1.weight:abs():mean() > 0)"
  t.assertStrMatches(terminal:text(), ".*\ntrue\n.*")
end

-- The progress line stays one line while the window shrinks and grows, and leaves nothing behind.
function TestTraining.testProgressNeverScrolls()
  if not needs_tmux() then return end
  local terminal <close> = training("progress", 80)
  local count = terminal:prompts()
  terminal:tmux "send-keys -l 't:run()'"
  terminal:key "Enter"
  local function bars()
    local list = {}
    for line in terminal:text():gmatch "[^\n]+" do
      if line:find "^epoch %d+/1000" then list[#list + 1] = line end
    end
    return list
  end
  Terminal.wait(function() return terminal:text():find "epoch %d+/1000 [^\n]*loss" end, "a line")
  local most = 0
  for _, columns in ipairs { 40, 80, 30, 60, 20, 80 } do
    terminal:resize(columns)
    for _ = 1, 6 do
      os.execute "sleep 0.1"
      most = math.max(most, #bars())
    end
  end
  t.assertEquals(most, 1)
  terminal:key "C-c"
  terminal:prompted(count + 1, "Ctrl-C")
  t.assertTrue(#bars() <= 1) -- the one that Ctrl-C was typed into
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
