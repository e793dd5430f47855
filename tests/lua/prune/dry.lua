-- A dry run of pruning: the rounds that a run makes, its refusals, and what is assumed.
local t = require "luaunit"
local core = require "yolua.core"
local measure = require "yolua.prune.measure"
local yl = require "yolua"

-- 30 prunable numbers, or, with another convolution in front of the head, 110.
local function network(more)
  local layers = { { "conv2d", filters = 10, size = 1 }, { "conv2d", filters = 7, size = 1 },
    { "region", classes = 2, num = 1, anchors = { 1, 1 } } }
  if more then table.insert(layers, 2, { "conv2d", filters = 8, size = 1 }) end
  local net = core.net { h = 8, w = 8, c = 3, seed = 2, layers = layers }
  return require("yolua.model").new { net = net, names = { "car", "person" }, path = "here.cfg" }
end

TestDryRun = {}

function TestDryRun.testRounds()
  local net = network()
  local before = net:checksum()
  local r = yl.prune.dry_run(net, { target = { sparsity = 0.5 }, schedule = "linear", rounds = 2, keep = { 0.4 } })
  t.assertEquals({ r.prunable, r.rounds[1].zeros, r.rounds[2].zeros, r.rounds[2].sparsity }, { 30, 8, 12, 0.4 })
  t.assertEquals({ #r.kept, r.kept[1].round, r.kept[1].epoch, r.kept[1].file }, { 1, 2, 2, "sparsity-40.safetensors" })
  t.assertEquals({ net:checksum(), core.has_slab(net.net, "mask") }, { before, false })
  t.assertStrContains(tostring(r), "40.00 %  12")
  t.assertStrContains(tostring(r), "assumed: AP and dev loss stay 1")
  t.assertErrorMsgContains("yl.prune.dry_run: expected a model (of yl.load), got nothing", yl.prune.dry_run)
end

-- FLOPs of single zeros fall along the schedule, to within one weight of the goal.
function TestDryRun.testFlops()
  local net = network(true)
  local flops, one = measure.flops(net, 8, 8), 2 * 64
  for _, scope in ipairs { "global", "layer" } do
    local r = yl.prune.dry_run(net, { target = { flops = 0.6 }, schedule = "linear", rounds = 4, scope = scope })
    for i, gone in ipairs { 0.1, 0.2, 0.3, 0.4 } do
      local left = (1 - gone) * flops
      t.assertTrue(r.rounds[i].flops <= left and r.rounds[i].flops > left - one, ("%s %d: %g"):format(scope, i, r.rounds[i].flops))
    end
  end
  local r = yl.prune.dry_run(net, { target = { flops = 0.6 }, schedule = "poster", step = 0.1, rounds = 3 })
  t.assertTrue(r.rounds[1].flops <= 0.9 * flops and r.rounds[1].flops > 0.9 * flops - one)
  t.assertTrue(r.rounds[3].flops < r.rounds[2].flops and r.rounds[2].flops < r.rounds[1].flops)
end

-- A round that is taken back begins again, and takes the training's time.
function TestDryRun.testRollback()
  local r = yl.prune.dry_run(network(), { schedule = function(s)
    return s.round == 2 and s.try == 1 and s.history[1].try == 1 and #s.history == 1 and s:rollback { epochs = 2 } or 0.3
  end, rounds = 3 })
  t.assertEquals({ #r.rounds, r.rounds[1].round, r.rounds[2].action, r.rounds[3].round, r.rounds[3].zeros },
    { 3, 1, "roll back, 2 epochs", 1, 9 })
  r = yl.prune.dry_run(network(), { schedule = function(s) return s.round == 2 and s:rollback { epochs = 3 } or 0.3 end, rounds = 3 })
  t.assertEquals({ #r.rounds, r.rounds[3].zeros }, { 3, 9 })
  t.assertStrContains(tostring(r), "round 1 does not end: the training has 3 epochs")
  r = yl.prune.dry_run(network(), { schedule = function(s) return s.round == 2 and s:stop() or 0.3 end, rounds = 3 })
  t.assertEquals({ #r.rounds, r.rounds[2].action }, { 2, "stop" })
end

-- What AP would do to a schedule and to a gate is shown where it is assumed to fall.
function TestDryRun.testAssumed()
  local o = { schedule = function(s) return s.ap < 0.9 and s:stop() or s.sparsity + 0.1 end, rounds = 4, assume = { ap = { 0.95, 0.8 } } }
  local r = yl.prune.dry_run(network(), o)
  t.assertEquals({ #r.rounds, r.rounds[2].zeros, r.rounds[3].round, r.rounds[3].action }, { 3, 6, 3, "stop" })
  t.assertEquals(o.assume, { ap = { 0.95, 0.8 } })
  t.assertStrContains(tostring(r):gsub("%s+", " "), "assumed: after the rounds the AP is 0.95, 0.8 and the dev loss 1 (dense: 1)")
  r = yl.prune.dry_run(network(), { target = 0.5, schedule = "linear", rounds = 4, max_drop = 0.1, gate = "halve",
    assume = { ap = { 1, 0.5, 1 }, dev_loss = { 3 } } })
  local rows = {}
  for i, row in ipairs(r.rounds) do rows[i] = { row.round, row.zeros, row.rolled_back or false } end
  t.assertEquals(rows, { { 1, 4, false }, { 2, 8, true }, { 2, 6, false }, { 3, 8, false } })
  t.assertStrContains(tostring(r), "rolled back")
  t.assertErrorMsgContains("yl.prune.dry_run has no option 'assume.loss'", yl.prune.dry_run, network(), { assume = { loss = { 1 } } })
end

-- 2:4 to one half: all that the pattern allows, though the picture's three channels make no group of four.
function TestDryRun.testHalfOf2To4()
  local street = yl.load { model = "street" }
  local r = yl.prune.dry_run(street, { pattern = "2:4", target = 0.5, rounds = 20 })
  local most = (299952 - 432) // 2 + 432 // 3 -- of conv1, {16, 3, 3, 3}, one weight of three
  t.assertEquals({ r.rounds[19].zeros, r.rounds[20].zeros }, { most, most })
  t.assertErrorMsgContains(("at most %d of 299952 numbers"):format(most), yl.prune.dry_run, street, { pattern = "2:4", target = 0.51 })
end

-- Frozen parameters are none of those that are cut.
function TestDryRun.testFrozen()
  t.assertEquals(yl.prune.dry_run(network(true), { rounds = 1 }).prunable, 110)
  t.assertEquals(yl.prune.dry_run(network(true):freeze "conv1", { rounds = 1 }).prunable, 80)
end

function TestDryRun.testStandIns()
  local r = yl.prune.dry_run(network(), { score = "movement", target = 0.5, rounds = 1 })
  t.assertEquals(r.rounds[1].zeros, 15)
  t.assertStrContains(tostring(r), "zeros are put where score=magnitude scope=global pattern=none would: the score")
end

-- What a run refuses, in the same sentences.
function TestDryRun.testRefusals()
  local function refused(sentence, o) t.assertErrorMsgContains(sentence, yl.prune.dry_run, network(), o) end
  local function scheduled(f) return { schedule = f, rounds = 2 } end
  refused("expected at least the sparsity of now, 0.3", scheduled(function(s) return s.round == 2 and 0.1 or 0.3 end))
  refused("rolled back in round 1, but there is no earlier round to return to", scheduled(function(s) return s:rollback() end))
  refused("s.memory.f is a function", scheduled(function(s) s.memory.f = print return 0.3 end))
  refused("(flops): expected a share above 0 and below 1, or fewer FLOPs than the dense network's", scheduled(function()
    return { flops = 1 }
  end))
  refused("prune: target.flops: the network has 1.28e+04 already: expected less, got 9.9e+10", { target = { flops = 99e9 } })
  refused("prune: max_drop: there is no AP to judge by with judge=none", { max_drop = 0.1, judge = "none" })
  refused("prune: target.flops: 1.28 FLOPs cannot be reached", { target = { flops = 0.0001 } })
  refused("prune: target.ms: 1e-06 ms cannot be reached", { target = { ms = 1e-6 }, pattern = "channel" })
  refused("prune: target.ms: expected pattern=channel", { target = { ms = 1 } })
  refused("prune: target: conv1.weight: ", { pattern = "2:4", target = 0.9, scope = "layer" })
  refused("yl.prune has no option 'taget', did you mean 'target'?", { taget = 0.5 })
end

os.exit(t.LuaUnit.run())
