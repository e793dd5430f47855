-- The progress line: share, rate, time left; on a terminal one line that fits and never scrolls, elsewhere a plain line now and then.
local t = require "luaunit"
local progress = require "yolua.terminal.progress"

TestProgress = {}

local function make(total, width, spec)
  local now, written = { 0 }, {}
  spec = spec or {}
  spec.label, spec.total, spec.clock = "epoch 1/5", total, function() return now[1] end
  spec.width = function() return now.width or width or 200 end
  if spec.terminal == nil then spec.terminal = true end
  spec.out = { write = function(_, ...) written[#written + 1] = table.concat { ... } end, flush = function() end }
  return progress.new(spec), now, written
end

local state = { loss = 1.25, lr = 0.001, wait_share = 0.07 }

function TestProgress.testLine()
  local bar, now, written = make(200)
  now[1] = 10
  bar:update(50, state)
  t.assertEquals(table.concat(written),
    "\r\27[J\27[?7lepoch 1/5 [######                  ]  25 % 5.0 images/s 0:30 left loss 1.25 lr 0.001 wait 7 %\27[?7h\r")
  local count = #written
  bar:update(51)
  t.assertEquals(#written, count) -- too soon
  now[1] = 11
  bar:update(52)
  t.assertTrue(#written > count)
  count = #written
  bar:close()
  t.assertEquals(written[count + 1], "\r\27[J")
  bar:close()
  t.assertEquals(#written, count + 1)
end

-- Whatever the width, the line leaves the last column free, and what matters most stays.
function TestProgress.testFits()
  for width = 10, 120 do
    local bar, now = make(100000, width)
    now[1] = 1000
    bar.done = 50000
    local line = bar:line(state, width - 1)
    t.assertTrue(#line < width)
    if width > 40 then t.assertStrContains(line, "loss 1.25") end
    if width > 60 then t.assertStrContains(line, "images/s") end
  end
  local bar, now = make(200)
  now[1], bar.done = 10, 50
  t.assertEquals(bar:line(state, 39), "epoch 1/5  25 % 0:30 left loss 1.25")
end

-- Whatever became of the window in between: each line is erased from its first character, where the cursor waits, and is as wide as now.
function TestProgress.testResize()
  local bar, now, written = make(200, 80)
  now[1] = 10
  bar:update(50, state)
  now[1], now.width = 11, 30
  bar:update(60, state)
  bar:clear()
  local text = table.concat(written)
  t.assertEquals(select(2, text:gsub("\r\27%[J", "")), 3)
  local first, second = text:match "^\r\27%[J\27%[%?7l([^\27]+)\27%[%?7h\r\r\27%[J\27%[%?7l([^\27]+)\27%[%?7h\r\r\27%[J$"
  t.assertTrue(#first > 60 and #first < 80)
  t.assertTrue(#second < 30)
end

function TestProgress.testEdges()
  t.assertStrContains(make(0):line({}, 80), "  0 %")
  local bar, now = make(100000)
  now[1] = 1
  bar.done = 10
  t.assertStrContains(bar:line({}, 80), "2:46:39 left")
  bar.done = 200000
  t.assertStrContains(bar:line({}, 80), "100 %")
end

-- An epoch that continues in the middle: the rate is that of what was done here.
function TestProgress.testGoesOn()
  local bar, now = make(200, 200, { done = 100 })
  now[1], bar.done = 10, 150
  t.assertStrContains(bar:line({}, 199), " 75 % 5.0 images/s 0:10 left")
end

function TestProgress.testPlainLinesElsewhere()
  local bar, now, written = make(200, 40, { terminal = false })
  now[1] = 10
  bar:update(50, state)
  t.assertEquals(written, {}) -- the job has hardly begun
  now[1] = 70
  bar:update(140, state)
  t.assertEquals(table.concat(written), "epoch 1/5  70 % 2.0 images/s 0:30 left loss 1.25 lr 0.001 wait 7 %\n")
  bar:close()
  t.assertEquals(#written, 1)
end

os.exit(t.LuaUnit.run())
