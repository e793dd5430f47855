-- The progress line: share, rate, time left; drawn on terminals only and not more often than it can be read.
local t = require "luaunit"
local progress = require "yolua.progress"

TestProgress = {}

local function make(total)
  local now, written = { 0 }, {}
  local bar = progress.new { label = "epoch 1/5", total = total, clock = function() return now[1] end,
    out = { write = function(_, ...) written[#written + 1] = table.concat { ... } end, flush = function() end } }
  return bar, now, written
end

function TestProgress.testLine()
  local bar, now, written = make(200)
  now[1] = 10
  bar:update(50, "loss 1.25")
  t.assertEquals(written[1], "\r\27[Kepoch 1/5 [######                  ]  25 % 5.0 images/s, 0:30 left, loss 1.25")
  bar:update(51)
  t.assertEquals(#written, 1) -- too soon
  now[1] = 11
  bar:update(52)
  t.assertEquals(#written, 2)
  bar:close()
  t.assertEquals(written[3], "\r\27[K")
end

function TestProgress.testEdges()
  t.assertStrContains(make(0):line(), "  0 %")
  local bar, now = make(100000)
  now[1] = 1
  bar.done = 10
  t.assertStrContains(bar:line(), "2:46:39 left")
  bar.done = 200000
  t.assertStrContains(bar:line(), "100 %")
end

function TestProgress.testSilentElsewhere()
  local bar = progress.new { label = "x", total = 3 }
  if not require("yolua.core").files.is_terminal() then t.assertNil(bar.out) end
  bar:update(1)
  bar:close()
end

os.exit(t.LuaUnit.run())
