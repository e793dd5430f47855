-- Networks timed in turn: medians, the ratios of each turn, and what may be said of them.
local t = require "luaunit"
local timing = require "yolua.prune.timing"

local training = require "support.training"

TestTiming = {}

-- The ratio is that of one turn, so a machine that slows down for both changes neither median nor spread.
function TestTiming.testBeside()
  local dense, masked = {}, {}
  for i = 1, 11 do dense[i], masked[i] = 10 * i, 5 * i end
  local found = timing.beside({ dense = dense, masked = masked }, "dense")
  t.assertEquals(found, { dense = { ms = 60 }, masked = { ms = 30, speedup = { median = 2, low = 2, high = 2, turns = 11 } } })
  for i = 1, 11 do dense[i], masked[i] = i, 1 end -- ratios 1 to 11: without the outer tenths 2 to 10
  local speedup = timing.beside({ dense = dense, masked = masked }, "dense").masked.speedup
  t.assertAlmostEquals(speedup.low, 2, 1e-12)
  t.assertAlmostEquals(speedup.high, 10, 1e-12)
  t.assertEquals({ speedup.median, speedup.turns }, { 6, 11 })
  speedup = timing.beside({ dense = { 1, 2, 3, 4 }, masked = { 1, 1, 1, 1 } }, "dense").masked.speedup
  t.assertEquals(speedup.median, 2.5)
  t.assertAlmostEquals(speedup.low, 1.3, 1e-12)
  t.assertAlmostEquals(speedup.high, 3.7, 1e-12)
end

function TestTiming.testWords()
  local function said(low, median, high) return timing.words { low = low, median = median, high = high } end
  t.assertEquals(said(0.8, 1.1, 1.3), "no difference seen (between 0.80 and 1.30 times as fast)")
  t.assertStrContains(said(1, 1.5, 2), "no difference seen")
  t.assertEquals(said(0.1, 1.1, 5), "other work leaves no figure (between 0.10 and 5.00 times as fast)")
  t.assertStrContains(said(0.5, 0.9, 1), "no difference seen")
  t.assertEquals(said(1.2, 1.5, 2), "1.50 times as fast (between 1.20 and 2.00), faster")
  t.assertEquals(said(0.5, 0.6, 0.7), "0.60 times as fast (between 0.50 and 0.70), slower")
end

function TestTiming.testCompare()
  local model = training.model()
  local found = timing.compare({ a = model, b = model }, "a", 96, 160)
  t.assertTrue(found.a.ms > 0 and found.b.speedup.turns >= 5 and found.b.speedup.turns <= 41)
  t.assertTrue(found.b.speedup.low <= found.b.speedup.median and found.b.speedup.median <= found.b.speedup.high)
  t.assertNil(found.a.speedup)
end

training.run(t)
