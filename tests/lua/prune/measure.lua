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

-- Zeros that make nothing faster are called that.
function TestMeasure.testVerdict()
  local function said(masked, compact, params)
    return measure.verdict { dense = { ms = 10 }, masked = { ms = masked, params = 100, nonzero = 20 },
      compact = compact and { ms = compact, params = params } }
  end
  t.assertEquals(said(10, nil), "80.0 % of all numbers are zero; a forward pass takes 10.00 ms, and dense 10.00 ms: smaller, not faster")
  t.assertStrContains(said(9.9, 4, 40), "smaller, not faster; compacted, with the 40.0 % of the numbers that whole channels leave, "
    .. "4.00 ms, 2.50 times as fast (yolua compact writes it)")
  t.assertStrContains(said(10, 9.9, 90), "channels leave, 9.90 ms, smaller, not faster")
  t.assertStrContains(said(5, nil), "2.00 times as fast")
  t.assertStrContains(said(10, 10, 100), "smaller, not faster; no channel is zero as a whole, so compacting removes nothing")
  t.assertEquals(measure.verdict { dense = { ms = 1 }, masked = { ms = 1, params = 5, nonzero = 5 } }, "no number is zero")
end

training.run(t)
