-- From what is asked for (a sparsity, FLOPs, milliseconds) to a number of zeros.
local t = require "luaunit"
local target = require "yolua.prune.target"

TestTarget = {}

local function goal(given, coarse)
  local found = target.goal({ target = given }, coarse)
  return { found.key, found.value }
end

function TestTarget:testGoal()
  t.assertEquals(goal { sparsity = 0.5 }, { "sparsity", 0.5 })
  t.assertEquals(goal {}, { "sparsity", 0.9 })
  t.assertEquals(target.goal({}).value, 0.9)
  t.assertEquals(goal { flops = 0.5 }, { "flops", 0.5 })
  t.assertEquals(goal({ ms = 3 }, true), { "ms", 3 })
  for _, bad in ipairs { 1, 90, -0.1 } do
    t.assertErrorMsgContains("prune: target: expected a share of zeros from 0 to below 1 (.9 is 90 %), got " .. ("%g"):format(bad), goal,
      { sparsity = bad })
  end
  t.assertErrorMsgContains("prune: target.flops and target.ms: expected one of them", goal, { flops = 1, ms = 1 }, true)
  t.assertErrorMsgContains("prune: target.sparsity and target.ms: expected one of them", goal, { sparsity = 0.7, ms = 3 }, true)
  for _, bad in ipairs { 0, -2, 1 } do
    t.assertErrorMsgContains("prune: target.flops: expected a share above 0 and below 1 of the dense network's, or so many FLOPs, got "
      .. ("%g"):format(bad), goal, { flops = bad })
  end
  t.assertErrorMsgContains("prune: target.ms: expected pattern=channel", goal, { ms = 3 })
  t.assertErrorMsgContains("prune: target.table: expected target.ms", goal, { flops = 0.5, table = "phone.json" })
end

-- Of a recipe's goal and the user's, the user's holds.
function TestTarget:testWhoseGoal()
  local options = require "yolua.options.table"
  local field = require("yolua.options.fields").pick("prune", "target")
  local recipe = options.new({ field }, "here")
  options.merge(recipe, { target = { flops = 0.4 } }, { where = "recipe.lua:3" })
  options.set(recipe, "target", 0.7, { where = "command line", outside = ".7" })
  local found = target.goal(options.check("yl.prune", { field }, recipe))
  t.assertEquals({ found.key, found.value }, { "sparsity", 0.7 })
end

function TestTarget:testZeros()
  local cut = { count = 1000 }
  t.assertEquals(target.zeros(cut, 0.5), 500)
  t.assertEquals(target.zeros(cut, 0.0004), 0)
  t.assertEquals(target.zeros(cut, 0.0006), 1)
  t.assertErrorMsgContains("prune: 3 ms cannot be reached: expected pattern=channel", target.zeros, cut, { ms = 3 }, {})
  local asked = {}
  function cut.zeros_for(_, budget, s) -- a pattern that knows better
    asked[1], asked[2] = budget, s
    return 7
  end
  t.assertEquals(target.zeros(cut, { ms = 3 }, "s"), 7)
  t.assertEquals(asked, { { ms = 3 }, "s" })
end

-- Shares are of what the goal counts; at the goal its own number is asked for.
function TestTarget:testShares()
  local dense = { flops = 1e9, ms = 10 }
  t.assertEquals(target.share({ key = "sparsity", value = 0.7 }, dense), 0.7)
  t.assertAlmostEquals(target.share({ key = "flops", value = 4e8 }, dense), 0.6, 1e-12)
  t.assertAlmostEquals(target.share({ key = "flops", value = 0.4 }, dense), 0.6, 1e-12)
  t.assertAlmostEquals(target.share({ key = "ms", value = 4 }, dense), 0.6, 1e-12)
  t.assertEquals(target.wanted({ key = "sparsity", value = 0.7 }, 0.3, dense), 0.3)
  t.assertAlmostEquals(target.wanted({ key = "flops", value = 0.4 }, 0.3, dense).flops, 7e8, 1e-3)
  t.assertEquals(target.wanted({ key = "flops", value = 0.4 }, 0.6, dense), { flops = 0.4 * 1e9 })
  t.assertEquals(target.wanted({ key = "ms", value = 4 }, 0.6, dense), { ms = 4 })
end

os.exit(t.LuaUnit.run())
