-- Learning-rate schedules at every step of a run, against their formulas written out.
local t = require "luaunit"
local schedule = require "yolua.train.schedule"

local defaults = {}
for _, field in ipairs(require("yolua.options.fields").groups.optim[1].fields) do defaults[field[1]] = field[3] end

local function at(which, step, o, steps)
  local given = {}
  for key, value in pairs(defaults) do given[key] = value end
  for key, value in pairs(o or {}) do given[key] = value end
  return schedule.rate(which, { step = step, steps = steps or 1000, epoch = 1, lr = 0.5, options = given })
end

TestSchedule = {}

function TestSchedule.testConstant()
  for step = 0, 1000, 50 do t.assertEquals(at("constant", step), 0.5) end
end

-- The rate falls at the first step of a share, not one after, and stays down.
function TestSchedule.testSteps()
  t.assertEquals(at("steps", 799), 0.5)
  t.assertAlmostEquals(at("steps", 800), 0.05, 1e-15)
  t.assertAlmostEquals(at("steps", 899), 0.05, 1e-15)
  t.assertAlmostEquals(at("steps", 900), 0.005, 1e-15)
  local own = { steps = { 0.1, 0.2, 0.5 }, gamma = 0.5 }
  for step, want in pairs { [99] = 0.5, [100] = 0.25, [199] = 0.25, [200] = 0.125, [500] = 0.0625, [999] = 0.0625 } do
    t.assertAlmostEquals(at("steps", step, own), want, 1e-15)
  end
  t.assertEquals(at("steps", 999, { steps = {} }), 0.5)
end

function TestSchedule.testCosine()
  t.assertAlmostEquals(at("cosine", 0), 0.5, 1e-15)
  t.assertAlmostEquals(at("cosine", 500, { final = 0 }), 0.25, 1e-15)
  t.assertAlmostEquals(at("cosine", 250, { final = 0.2 }), 0.5 * (0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2), 1e-12)
  t.assertAlmostEquals(at("cosine", 1000, { final = 0.2 }), 0.1, 1e-15)
  t.assertAlmostEquals(at("cosine", 1500), 0.005, 1e-15) -- a run that was prolonged stays at the end
  local before = 1
  for step = 0, 1000 do
    local rate = at("cosine", step)
    t.assertTrue(rate < before)
    before = rate
  end
end

-- Burn-in ends where the schedule begins; it never gives zero, and rises all the while.
function TestSchedule.testWarmup()
  local o = { warmup = 100, power = 4 }
  t.assertAlmostEquals(at("constant", 0, o), 0.5 * 0.01 ^ 4, 1e-20)
  t.assertAlmostEquals(at("constant", 49, o), 0.5 * 0.5 ^ 4, 1e-15)
  t.assertAlmostEquals(at("constant", 99, o), 0.5, 1e-15)
  t.assertEquals(at("constant", 100, o), 0.5)
  t.assertAlmostEquals(at("constant", 49, { warmup = 100, power = 1 }), 0.25, 1e-15)
  t.assertAlmostEquals(at("constant", 49, { warmup = 100 }), 0.5 * 0.5 ^ 4, 1e-15) -- Darknet's power
  for step = 1, 99 do t.assertTrue(at("constant", step, o) > at("constant", step - 1, o)) end
  t.assertAlmostEquals(at("cosine", 200, o), at("cosine", 200), 1e-15)
end

function TestSchedule.testOnesOwn()
  t.assertEquals(at(function(s) return s.lr / (1 + s.step) end, 4), 0.1)
  t.assertAlmostEquals(at(function() return 9 end, 0, { warmup = 2, power = 1 }), 0.25, 1e-15) -- burn-in goes first
end

-- A second value would be lost.
function TestSchedule.testOneValue()
  local ok, message = pcall(at, function(s) return s.lr, 5 end, 4)
  t.assertFalse(ok)
  t.assertStrMatches(message, ".*schedule%.lua:%d+: .*rate %(optim%.schedule%): expected one value for step 5 %(epoch 1%), but this "
    .. "function returned 2")
end

function TestSchedule.testUnknownNames()
  t.assertErrorMsgContains("unknown schedule 'cosin'; expected constant, steps, cosine or a function", at, "cosin", 0)
  for _, name in ipairs { "rate", "", "poly" } do
    t.assertErrorMsgContains(("unknown schedule '%s'"):format(name), at, name, 0)
  end
end

os.exit(t.LuaUnit.run())
