-- Schedules, and those made of others: what they ask for, round by round, of a network that does what it is told.
local t = require "luaunit"
local yl = require "yolua"
local schedule = require "yolua.prune.schedule"
local state = require "yolua.prune.state"

-- The sparsities that a schedule asks for. o: rounds, ramp, target; losses: the dev loss after each round.
local function asked(f, o, losses)
  f = schedule.of(f)
  local now, list, memory = o.start or 0, {}, {}
  for round = 1, o.rounds do
    local s = state.view { round = round, rounds = o.rounds, ramp = o.ramp or o.rounds, sparsity = now, start = o.start or 0,
      target = o.target or 0.9, one = 1e-6, memory = memory, options = { step = o.step or 0.02 },
      dev_loss = losses and losses[round - 1] or round > 1 and 1 or nil }
    now = schedule.value(f, s)
    list[round] = math.floor(now * 1e4 + 0.5) / 1e4
  end
  return list
end

TestSchedules = {}

function TestSchedules.testFormulas()
  t.assertEquals(asked("oneshot", { rounds = 3 }), { 0.9, 0.9, 0.9 })
  t.assertEquals(asked("linear", { rounds = 5, ramp = 3 }), { 0.3, 0.6, 0.9, 0.9, 0.9 })
  t.assertEquals(asked("linear", { rounds = 2, start = 0.3 }), { 0.6, 0.9 })
  t.assertEquals(asked("cubic", { rounds = 3 }), { 0.6333, 0.8667, 0.9 }) -- .9 (1 - (2/3)^3), .9 (1 - (1/3)^3)
  t.assertEquals(asked("poster", { rounds = 3, step = 0.5 }), { 0.5, 0.75, 0.875 })
  t.assertEquals(asked("poster", { rounds = 3, step = 0.5, target = 0.6 }), { 0.5, 0.6, 0.6 })
  local left = 1
  for _ = 1, 45 do left = left * 0.98 end
  t.assertAlmostEquals(asked("poster", { rounds = 45 })[45], 1 - left, 1e-3)
end

TestCombine = {}

function TestCombine.testUntil()
  t.assertEquals(asked(yl.prune.until_("linear", 0.45), { rounds = 4, target = 0.8 }), { 0.1125, 0.225, 0.3375, 0.45 })
  t.assertEquals(asked(yl.prune.until_("poster", 0.6), { rounds = 4, step = 0.5 }), { 0.5, 0.6, 0.6, 0.6 })
  local two = yl.prune.until_(function(s) return s.sparsity + 0.1 end, function(s) return s.round > 2 end)
  t.assertEquals(asked(two, { rounds = 4 }), { 0.1, 0.2, 0.2, 0.2 })
end

function TestCombine.testThen()
  local both = yl.prune.then_(yl.prune.until_("poster", 0.5), "linear") -- from .5 on, linear over the four rounds that are left
  t.assertEquals(asked(both, { rounds = 5, step = 0.5 }), { 0.5, 0.6, 0.7, 0.8, 0.9 })
  local three = yl.prune.then_(yl.prune.then_(yl.prune.until_("poster", 0.5), yl.prune.until_("oneshot", 0.6)), "oneshot")
  t.assertEquals(asked(three, { rounds = 4, step = 0.5 }), { 0.5, 0.6, 0.9, 0.9 })
end

function TestCombine.testRepeat()
  t.assertEquals(asked(yl.prune.repeat_("linear", 2), { rounds = 6 }), { 0.3, 0.3, 0.6, 0.6, 0.9, 0.9 })
end

function TestCombine.testStalled()
  local f = yl.prune.when_stalled(function(s) return s.sparsity + 0.1 end, 2)
  t.assertEquals(asked(f, { rounds = 7 }, { 9, 8, 8, 8, 7, 7, 7 }), { 0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2 })
end

function TestCombine.testRefusals()
  local function refused(sentence, f, ...)
    local ok, message = pcall(f, ...)
    t.assertFalse(ok, sentence)
    t.assertStrContains(message, sentence)
    t.assertStrContains(message, "combine.lua:")
  end
  refused("until_: expected a sparsity from 0 to below 1, or a function, got 90", yl.prune.until_, "linear", 90)
  refused("then_: expected a schedule that ends first, as until_(f, limit) makes it", yl.prune.then_, "linear", "cubic")
  refused("repeat_: expected a whole number of at least 1, got 0", yl.prune.repeat_, "linear", 0)
  refused("yl.prune has no 'untill', did you mean 'until_'? (ablation, cut, ", function() return yl.prune.untill end)
  refused("when_stalled: there is no dev loss to follow", function()
    local s = { round = 2, memory = { cuts = 1, best = 1, waited = 0 } }
    return yl.prune.when_stalled("linear", 1)(s)
  end)
  refused("for round 1, but this function returned nan", asked, yl.prune.repeat_(function() return 0 / 0 end, 2),
    { rounds = 1 }) -- with the user's own line
end

os.exit(t.LuaUnit.run())
