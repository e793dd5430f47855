-- Values that are drawn: within their ranges, the same for the same seed, and every sentence that refuses a range.
local t = require "luaunit"
local random = require "yolua.sweep.random"

local function draw(values, more)
  local spec = { trials = 200, seed = 1, values = values }
  for key, value in pairs(more or {}) do spec[key] = value end
  return random.draw(spec, "file.lua")
end

TestRandom = {}

-- The share of a column's values below a limit.
local function below(list, key, limit)
  local n = 0
  for _, one in ipairs(list) do n = n + (one[key] < limit and 1 or 0) end
  return n / #list
end

function TestRandom.testRanges()
  local list = draw { rate = { from = 1e-4, to = 1e-2, log = true }, share = { from = 0.2, to = 0.6 },
    whole = { from = 3, to = 5, whole = true }, kind = { "a", "b" } }
  t.assertEquals(#list, 200)
  local kinds, wholes = {}, {}
  for _, one in ipairs(list) do
    t.assertTrue(one.rate >= 1e-4 and one.rate <= 1e-2 and one.share >= 0.2 and one.share <= 0.6)
    t.assertEquals(math.type(one.whole), "integer")
    kinds[one.kind], wholes[one.whole] = true, true
  end
  t.assertEquals({ kinds, wholes }, { { a = true, b = true }, { [3] = true, [4] = true, [5] = true } })
  t.assertAlmostEquals(below(list, "rate", 1e-3), 0.5, 0.12) -- the middle of the logarithms
  t.assertAlmostEquals(below(list, "share", 0.4), 0.5, 0.12)
end

-- A value depends on the seed, the trial and the option alone.
function TestRandom.testAnotherTrialChangesNothing()
  local share = { from = 0, to = 1 }
  local few, more, other = draw({ a = share }, { trials = 3 }), draw { a = share, b = share }, draw({ a = share }, { seed = 2 })
  for i = 1, 3 do
    t.assertEquals(few[i].a, more[i].a)
    t.assertNotEquals(few[i].a, other[i].a)
    t.assertNotEquals(more[i].a, more[i].b)
  end
  t.assertNil(random.draw(nil, "file.lua"))
end

function TestRandom.testRefusals()
  local function refused(sentence, values, more) t.assertErrorMsgContains("file.lua: random" .. sentence, draw, values, more) end
  refused(": expected { trials = 8, seed = 1, values =", { a = { 1 } }, { trials = 0 })
  refused(": expected { trials = 8, seed = 1, values =", { a = { 1 } }, { seed = 1.5 })
  refused(" 'a': expected a list or a range", { a = 3 })
  refused(" 'a': expected a list of values, or { from = 1, to = 2, log = true, whole = true }, got 'form'", { a = { form = 1, to = 2 } })
  refused(" 'a': expected a list of values, or { from = 1, to = 2, log = true, whole = true }, got 'to'", { a = { from = 1, to = "2" } })
  refused(" 'a': expected from below to, got 2 and 1", { a = { from = 2, to = 1 } })
  refused(" 'a': expected from below to, both above 0 (log), got 0 and 1", { a = { from = 0, to = 1, log = true } })
end

os.exit(t.LuaUnit.run())
