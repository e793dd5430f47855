-- pattern=channel: which channels each score takes, how scopes share them out, and rounds of a training.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local Channel = require "yolua.prune.patterns.channel"
local ranges = require "yolua.prune.ranges"
local training = require "support.training"

local function network()
  local net = core.net { h = 8, w = 8, c = 1, seed = 1, layers = {
    { "conv2d", filters = 4, size = 1, bias = false }, { "batchnorm" }, { "activation" },
    { "conv2d", filters = 4, size = 1 }, { "activation" }, { "conv2d", filters = 7, size = 1 },
    { "region", classes = 2, num = 1, anchors = { 1, 1 } } } }
  net:set("conv1.weight", { 4, -1, 2, 3 })
  net:set("bn1.scale", { 0.1, 3, -2, 4 })
  net:set("conv2.weight", { 1, 1, 1, 1, 2, 2, 2, 2, 0.5, -0.5, 0.5, 0.5, 8, 8, 8, 8 })
  return require("yolua.model").new { net = net, names = { "a", "b" }, path = "here" }
end

-- The channels of a layer that a cut to so many zeros takes, as a text "2 3".
local function gone(model, o, zeros, layer)
  local cut = Channel.rules(o):open(model, ranges.of(model, o), { seed = 1, rate = 0 })
  local mask, list = cut:masks(zeros)[layer .. ".weight"], {}
  for i = 1, mask and mask:shape()[1] or 0 do
    if mask[{ i, 1, 1, 1 }] == 0 then list[#list + 1] = i end
  end
  return table.concat(list, " ")
end

TestScores = {}

function TestScores.test_filters()
  for _, score in ipairs { "filter_l1", "filter_l2", "magnitude" } do
    local model = network()
    t.assertEquals(gone(model, { score = score, except = { "conv2" } }, 2, "conv1"), "2 3", score)
    t.assertEquals(gone(model, { score = score, except = { "conv1" } }, 8, "conv2"), "1 3", score)
  end
end

function TestScores.test_scales()
  t.assertEquals(gone(network(), { score = "bn_scale" }, 2, "conv1"), "1 3")
  t.assertEquals(gone(network(), { score = "bn_scale" }, 2, "conv2"), "") -- no batch-norm ranks it
end

-- What lies in the middle of the others goes: 2 of {-1, 2, 3, 4}, then 3.
function TestScores.test_geometric_median()
  t.assertEquals(gone(network(), { score = "geometric_median", except = { "conv2" } }, 1, "conv1"), "3")
end

function TestScores.test_taylor()
  local model = network()
  local score = require "yolua.prune.scores.taylor_channel"
  model.net:set("conv2.weight", { 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4 }, "grad")
  for _, name in ipairs { "conv1.weight", "conv2.weight" } do
    local p = { value = model.net:tensor(name), gradient = model.net:tensor(name, "grad"), saliency = model.net:tensor(name, "saliency") }
    score.gather(p)
    score.gather(p)
    local out = core.tensor.zeros { 4 }
    score.channel(p, out, 4)
    t.assertEquals(out:totable(), name == "conv1.weight" and { 0, 0, 0, 0 } or { 2, 32, 4.5, 2048 })
  end
end

-- Your own, of single weights or of channels.
function TestScores.test_your_own()
  local one = { score = function(p, score) p.value:neg(score) end }
  t.assertEquals(gone(network(), { score = one, except = { "conv2" } }, 1, "conv1"), "1")
  local whole = { channel = function(p, score) p.value:reshape(4, -1):sum(2, score) end }
  t.assertEquals(gone(network(), { score = whole, except = { "conv2" } }, 1, "conv1"), "2")
end

function TestScores.test_scopes()
  local model = network()
  t.assertEquals(gone(model, { scope = "layer" }, 10, "conv1") .. "|" .. gone(model, { scope = "layer" }, 10, "conv2"), "2 3|1 3")
  t.assertEquals(gone(model, { scope = "uniform" }, 8, "conv1") .. "|" .. gone(model, { scope = "uniform" }, 8, "conv2"), "|1 3")
end

-- Of equal groups the first; what was masked stays so, whatever its score.
function TestScores.test_masked_channels_stay_masked()
  local model = network()
  model:set("conv1.weight", { 0, 1, 1, 1 }, "mask")
  t.assertEquals(gone(model, { score = "random", except = { "conv2" } }, 1, "conv1"), "1")
  model = network()
  model:set("conv2.weight", { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1 }, "mask") -- one weight of a channel that stays
  local cut = Channel.rules({}):open(model, ranges.of(model, { except = { "conv1" } }), { seed = 1, rate = 0 })
  t.assertEquals(cut:masks(4)["conv2.weight"]:sum(), 16 - 4 - 1)
end

-- Single zeros of before count: no more channels go than it takes.
function TestScores.test_single_zeros_count()
  local model = training.model()
  yl.prune.cut(model, 0.5)
  yl.prune.cut(model, { target = 0.7, pattern = "channel" })
  local list = ranges.of(model, {})
  local got = ranges.sparsity(model, list)
  t.assertTrue(got >= 0.7 and got < 0.78, got)
end

TestTargets = {}

function TestTargets.test_flops_and_ms()
  local model = network()
  local cut = Channel.rules({}):open(model, ranges.of(model, {}), { seed = 1, rate = 0 })
  local s = { flops_dense = model:flops(), h = 8, w = 8 }
  for _, share in ipairs { 0.8, 0.6, 0.45 } do
    for name, mask in pairs(cut:masks(cut:zeros_for({ flops = share }, s))) do model:set(name, mask, "mask") end
    local left = Channel.rules({}):flops(model, 8, 8)
    t.assertTrue(left <= share * s.flops_dense)
    t.assertEquals(left, yl.compact(model):flops())
  end
  t.assertErrorMsgContains("prune: 1e-09 ms cannot be reached", cut.zeros_for, cut, { ms = 1e-9 }, s)
  t.assertEquals(cut:zeros_for({ ms = 1e9 }, s) >= 0, true)
end

TestRounds = {}

local function run_with(out, spec, o)
  return training.quietly(function()
    local run <close> = yl.run(yl.options { out = training.top .. "/" .. out })
    local tr = yl.train { net = training.model(), data = training.data { limit = 8 }, run = run, yl.prune(spec),
      options = training.options({ epochs = 1, optim = { name = "adam", lr = 1e-3 } }, o) }
    return { tr = tr, pruning = run.pruning }
  end)
end

-- Each round's FLOPs are those of the network that is left, on the schedule's way to the target; the result compacts.
function TestRounds.test_flops()
  local made = run_with("flops", { pattern = "channel", target = { flops = 0.4 }, schedule = "linear", rounds = 3, hold = 1, judge = "none",
    recalibrate = 4, bn_decay = 1e-4 })
  local p, model = made.pruning, made.tr.model
  t.assertTrue(p.rounds[1].flops <= 0.7 * p.dense.flops and p.rounds[1].flops > 0.4 * p.dense.flops)
  t.assertTrue(p.rounds[2].flops <= 0.4 * p.dense.flops)
  t.assertEquals(p.rounds[3].flops, p.rounds[2].flops)
  core.prune.check(model.net)
  local small = yl.compact(model)
  t.assertEquals(small:flops(), p.rounds[3].flops)
  t.assertTrue(require("yolua.prune.compact").report(model, small).max_error <= 1e-4)
end

function TestRounds.test_sparsity()
  local made = run_with("sparsity", { pattern = "channel", score = "taylor_channel", probe = 1, target = 0.5, schedule = "linear",
    rounds = 2, judge = "none" })
  t.assertTrue(made.pruning.rounds[1].sparsity >= 0.25 and made.pruning.rounds[2].sparsity >= 0.5)
  t.assertTrue(made.pruning.rounds[2].sparsity < 0.7)
end

-- The scales shrink by bn_decay * lr a step where nothing else moves them.
function TestRounds.test_bn_decay()
  local function scales(decay)
    local made = run_with("decay" .. decay, { pattern = "channel", target = 0, rounds = 1, judge = "none", bn_decay = decay },
      { optim = { name = "sgd", lr = 0.01, momentum = 0, decay = 0 } })
    local sum = 0
    for _, r in ipairs(made.tr.model.net:ranges()) do
      if r.kind == "scale" then sum = sum + made.tr.model.net:tensor(r.name):abs():mean() end
    end
    return sum
  end
  t.assertTrue(scales(1) < scales(0) - 0.01)
end

function TestRounds.test_refused()
  local function bad(sentence, spec)
    spec.rounds, spec.judge = 1, "none"
    local ok, message = pcall(run_with, "refused", spec)
    t.assertFalse(ok)
    t.assertStrContains(message, sentence)
  end
  bad("scope=erk: expected global, layer or uniform with pattern=channel", { pattern = "channel", scope = "erk" })
  bad("score=filter_l1 ranks whole channels: expected pattern=channel", { score = "filter_l1" })
  bad("FLOPs cannot be reached: ", { pattern = "channel", target = { flops = 10 } })
  bad("zeros cannot be reached: all ", { pattern = "channel", target = 0.999 })
  bad("round_to=5000 is more than the ", { pattern = "channel", target = 0.5, round_to = 5000 })
  bad("score: got NaN for channel 1 of ", { pattern = "channel", target = 0.5,
    score = { channel = function() end } })
end

training.run(t)
