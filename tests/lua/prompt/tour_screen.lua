-- README's tour of the prompt on a screen of 80 and of 40 columns, which tmux gives, and what a person does there besides: Ctrl-C in a
-- training, a window that changes its size.
local t = require "luaunit"
local core = require "yolua.core"
local wait = require "support.wait"
local Terminal = require "support.terminal"
local tour = require "support.tour"

TestTour = {}

local function play(columns)
  local path = tour.folder("tmux" .. columns)
  local terminal <close> = Terminal.open(tour.command(path), columns, 50)
  terminal:prompted(1)
  local count = 1
  for _, step in ipairs(tour.steps) do
    for _, line in ipairs(step.input) do
      terminal:type(line, count)
      count = count + 1
    end
  end
  local joined, shown = terminal:text(true), terminal:text()
  terminal:key "C-d"
  wait(function() return not terminal:running() end, "the end after Ctrl-D")
  return joined:gsub(" +\n", "\n"), shown
end

local function needs_tmux()
  if Terminal.present() then return true end
  print "SKIP the tour on a terminal: tmux is missing"
end

function TestTour.testAt80Columns()
  if not needs_tmux() then return end
  tour.compare(play(80), "at 80 columns")
end

-- Nothing but what was typed is broken at the edge.
function TestTour.testAt40Columns()
  if not needs_tmux() then return end
  local joined, shown = play(40)
  tour.compare(joined, "at 40 columns", true)
  for _, step in ipairs(tour.steps_of(joined)) do
    for _, line in ipairs(step.output) do t.assertTrue(utf8.len(line) <= 40, line) end
  end
  for line in shown:gmatch "[^\n]+" do t.assertTrue(utf8.len(line) <= 40, line) end
end

TestTraining = {}

-- A prompt in tmux with a training that would take for ever.
local function training(name, columns)
  local path = tour.folder(name)
  local terminal = Terminal.open(tour.command(path), columns, 30)
  terminal:prompted(1)
  core.system.write(path .. "/start.lua", [[
    net = yl.load { model = "street" }
    data = yl.data { name = "synthetic", frames = 12, root = "runs/streets" }
    t = yl.trainer { net = net, data = data, batch = 1, epochs = 1000 }]])
  terminal:type 'dofile "start.lua"'
  return terminal
end

-- Ctrl-C gives the prompt back; net, optimizer and data stay, and the training continues where it was.
function TestTraining.testCtrlC()
  if not needs_tmux() then return end
  local terminal <close> = training("ctrlc", 80)
  local count = terminal:prompts()
  terminal:tmux "send-keys -l 't:run()'"
  terminal:key "Enter"
  -- On a busy machine a look at the screen can come after the second epoch is over.
  wait(function() return (tonumber(terminal:text():match ".*epoch (%d+)/1000") or 0) >= 2 end, "the second epoch or a later one")
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
  wait(function() return terminal:text():find "epoch %d+/1000 [^\n]*loss" end, "a line")
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
tour.clean()
os.exit(status)
