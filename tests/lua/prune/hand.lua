-- Cuts by hand: exact, held, undone one by one, and refused with the network as it was.
local t = require "luaunit"
local yl = require "yolua"
local ranges = require "yolua.prune.ranges"

local training = require "support.training"

local function sparsity(model) return (select(2, ranges.sparsity(model, ranges.of(model, {})))) end

TestHand = {}

function TestHand.testCutAndUndo()
  local model = training.model()
  local sums, zeros, count = {}, {}, select(3, ranges.sparsity(model, ranges.of(model, {})))
  sums[0] = model:checksum()
  for i, target in ipairs { 0.3, 0.5, 0.9 } do
    local shown = yl.prune.cut(model, { target = target })
    zeros[i], sums[i] = sparsity(model), model:checksum()
    t.assertEquals(zeros[i], math.floor(target * count + 0.5))
    t.assertStrContains(tostring(shown), "conv2")
  end
  for i = 2, 0, -1 do
    yl.prune.undo(model)
    t.assertEquals(model:checksum(), sums[i])
  end
  t.assertErrorMsgContains("no cut that could be undone", yl.prune.undo, model)
  model.layers.conv2.weight:fill_(1) -- nothing is held any more
  t.assertEquals(sparsity(model), 0)
end

-- Half of 2:4 is all that the pattern allows.
function TestHand.testHalfOf2To4()
  local street = yl.load { model = "street" }
  yl.prune.cut(street, { target = 0.5, pattern = "2:4" })
  t.assertEquals(street:counts().params - street:counts().nonzero, 149904)
end

-- A cut says what it did and the share of the prunable numbers, an undo what it took back and how many cuts are left.
function TestHand.testTold()
  local model = training.model()
  local count = select(3, ranges.sparsity(model, ranges.of(model, {})))
  local half = math.floor(0.5 * count + 0.5)
  local text = tostring(yl.prune.cut(model, 0.5))
  t.assertStrMatches(text, (".*\nprunable +%d  #+%%.+  50%%.0 %%%%\ncut 1: %d more numbers became zero"):format(count, half))
  text = tostring(yl.prune.cut(model, 0.5))
  t.assertStrContains(text, "\ncut 2: no number became zero, since so many were zero already")
  text = tostring(yl.prune.undo(model))
  t.assertStrMatches(text, ".*50%.0 %%\ncut 2 is undone, and changed no number: it had found as many zeros; 1 cut left to undo")
  text = tostring(yl.prune.undo(model))
  t.assertStrMatches(text, ".*\nprunable +%d+  %.+  0%.0 %%\ncut 1 is undone; none left to undo")
  t.assertNil(tostring(yl.look(model)):find("prunable", 1, true))
end

-- What was cut stays zero whatever is written, and an undo goes back to what the cut found.
function TestHand.testHeld()
  local model = training.model()
  yl.prune.cut(model, 0.5)
  local half = sparsity(model)
  model.layers.conv3.weight:fill_(2)
  t.assertTrue(sparsity(model) > 0 and sparsity(model) <= half)
  yl.prune.cut(model, { target = 0.8, scope = "layer", pattern = "none" })
  local after = model:checksum()
  yl.prune.undo(model)
  t.assertNotEquals(model:checksum(), after)
  t.assertEquals(model.net:get("conv3.weight")[1] == 2 or model.net:get("conv3.weight")[1] == 0, true)
end

-- Whole channels: their batch-norm goes and comes back with them.
function TestHand.testChannels()
  local model = training.model()
  local before = model:checksum()
  local shown = yl.prune.cut(model, { target = 0.5, pattern = "channel", score = "filter_l2" })
  local dead = 0
  for _, l in ipairs(shown) do dead = dead + l.dead end
  t.assertTrue(dead > 10, dead)
  t.assertTrue(yl.compact(model):counts().params < model:counts().params)
  yl.prune.undo(model)
  t.assertEquals(model:checksum(), before)
  for _, r in ipairs(model.net:ranges()) do
    if r.kind ~= "statistic" then t.assertEquals(model.net:tensor(r.name, "mask"):min(), 1, r.name) end
  end
end

-- The network in hand is kept beside it, and training continues from a cut.
function TestHand.testKeptAndTrained()
  local model = training.model()
  local kept = yl.copy(model)
  yl.prune.cut(model, 0.6)
  local zeros = sparsity(model)
  training.quietly(yl.train, { net = model, data = training.data { limit = 4 }, options = training.options { epochs = 1 } })
  t.assertEquals(sparsity(model), zeros)
  t.assertEquals(sparsity(kept), 0)
  yl.prune.undo(model)
  t.assertEquals(sparsity(model), 0)
end

function TestHand.testRefusals()
  local model = training.model()
  yl.prune.cut(model, 0.5)
  local before = model:checksum()
  t.assertErrorMsgContains("are zero already, got 0.4 (yl.prune.undo takes back a cut)", yl.prune.cut, model, 0.4)
  for _, target in ipairs { 50, 1, -.1 } do
    t.assertErrorMsgContains(("yl.prune.cut: target: expected a share of zeros from 0 to below 1 (.9 is 90 %%), got %g"):format(target),
      yl.prune.cut, model, { target = target })
  end
  t.assertErrorMsgContains("yl.prune.cut has no option 'sparsity', did you mean 'target'?", yl.prune.cut, model, { sparsity = 0.5 })
  t.assertErrorMsgContains("option 'target' is missing", yl.prune.cut, model, {})
  t.assertErrorMsgContains("yl.prune.cut: target: expected a share of zeros below 1, as .5 (budgets of flops and ms are yl.prune's and "
    .. "yolua prune's), got a table", yl.prune.cut, model, { target = { flops = 0.5 } })
  t.assertErrorMsgContains("looks at gradients", yl.prune.cut, model, { target = 0.9, score = "taylor" })
  t.assertErrorMsgContains("hand.lua:", function() yl.prune.cut(model, { target = 0.9, score = "taylor" }) end)
  t.assertErrorMsgContains("needs data to look at", yl.prune.cut, model, { target = 0.9, scope = "sensitivity" })
  t.assertErrorMsgContains("'conv9' matches no parameter", yl.prune.cut, model, { target = 0.9, only = { "conv9" } })
  t.assertErrorMsgContains("yl.prune.cut: expected a model (of yl.load), got 3", yl.prune.cut, 3, 0.5)
  t.assertErrorMsgContains("is frozen", yl.prune.cut, training.model "conv2", { target = 0.5, only = { "conv2" } })
  t.assertEquals(model:checksum(), before)
end

training.run(t)
