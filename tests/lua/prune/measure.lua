-- What a pruned network is worth: the smaller network that its zeros allow, times in turn, and the sentence about them.
local t = require "luaunit"
local yl = require "yolua"
local measure = require "yolua.prune.measure"

local training = require "support.training"

local function halved()
  local model = training.model()
  local mask = yl.ones { 32, 3, 3, 16, dtype = "u8" }
  mask[{ { 1, 16 } }] = 0
  model:set("conv3.weight", mask, "mask")
  for _, name in ipairs { "scale", "bias" } do -- filters are dead where what follows is a constant, too
    model:set("conv3.bn." .. name, yl.tensor(model.net:get("conv3.bn." .. name)):mul_(0))
  end
  return model
end

TestMeasure = {}

function TestMeasure.testCompacted()
  local model = halved()
  local before = model:checksum()
  local small, times = measure.compacted(model, 96, 160)
  local counts = model:counts()
  t.assertTrue(small.params < counts.params and small.flops < model:flops() and small.bytes == 4 * small.params)
  t.assertTrue(times.masked > 0 and times.compact > 0)
  t.assertEquals(model:checksum(), before)
  local whole = measure.compacted(training.model(), 96, 160)
  t.assertEquals(whole.params, training.model():counts().params)
end

function TestMeasure.testSpeed()
  local model = halved()
  local s = measure.speed(model, 96, 160)
  t.assertEquals({ s.dense.params, s.masked.params }, { model:counts().params, model:counts().params })
  t.assertEquals(s.dense.nonzero > s.masked.nonzero and s.compact.params < s.masked.params, true)
  for _, one in pairs(s) do t.assertAlmostEquals(one.images_per_s * one.ms, 1000, 1e-6) end
end

-- A network that cannot be compacted further is not timed a second time.
function TestMeasure.testNothingRemoved()
  local model = training.model()
  model.layers.conv2.weight[{ { 1, 4 }, 1 }] = 0
  local s = measure.speed(model, 96, 160)
  t.assertEquals({ s.compact.ms, s.compact.speedup }, { s.masked.ms, s.masked.speedup })
  local _, times = measure.compacted(model, 96, 160)
  t.assertEquals(times.compact, times.masked)
end

-- Times that overlap are called no difference, whatever their medians are.
function TestMeasure.testVerdict()
  local function said(masked, compact, params)
    local function speedup(of) return of and { median = of[2], low = of[1], high = of[3], turns = 9 } end
    return measure.verdict { dense = { ms = 10 }, masked = { ms = 10, params = 100, nonzero = 20, speedup = speedup(masked) },
      compact = params and { ms = 4, params = params, speedup = speedup(compact) } }
  end
  t.assertEquals(said { 0.8, 1.2, 1.3 }, "80.0 % of all numbers are zero; a forward pass takes 10.00 ms, and dense 10.00 ms, in 9 turns: "
    .. "smaller, not faster: no difference seen (between 0.80 and 1.30 times as fast)")
  t.assertStrContains(said({ 0.5, 0.6, 0.9 }, { 2.1, 2.5, 3 }, 40), ": 0.60 times as fast (between 0.50 and 0.90), slower; compacted, with "
    .. "the 40.0 % of the numbers that whole channels leave, 4.00 ms: 2.50 times as fast (between 2.10 and 3.00), faster (yolua compact "
    .. "writes it)")
  t.assertStrContains(said({ 0.8, 1, 1.1 }, nil, 100), "smaller, not faster: no difference seen (between 0.80 and 1.10 times as "
    .. "fast); no channel is zero as a "
    .. "whole, so compacting removes nothing")
  t.assertEquals(measure.verdict { dense = { ms = 1 }, masked = { ms = 1, params = 5, nonzero = 5 } }, "no number is zero")
end

training.run(t)
