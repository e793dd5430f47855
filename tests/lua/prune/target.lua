-- From what is asked for (a sparsity, FLOPs, milliseconds) to a number of zeros.
local t = require "luaunit"
local target = require "yolua.prune.target"

TestTarget = {}

local function check(given) return target.check { target = given } end

function TestTarget:testCheck()
  t.assertEquals({ check { sparsity = 0.5 } }, { 0.5 })
  t.assertEquals({ check {} }, { 0.9 })
  t.assertEquals({ target.check {} }, { 0.9 })
  t.assertEquals({ check { flops = 0.5 } }, { 0.9, { flops = 0.5 } })
  t.assertEquals({ check { sparsity = 0.7, ms = 3 } }, { 0.7, { ms = 3 } })
  for _, bad in ipairs { 1, 90, -0.1 } do
    t.assertErrorMsgContains("prune: target: expected a share of zeros from 0 to below 1 (.9 is 90 %), got " .. ("%g"):format(bad), check,
      { sparsity = bad })
  end
  t.assertErrorMsgContains("prune: target.flops and target.ms: expected one of them", check, { flops = 1, ms = 1 })
  t.assertErrorMsgContains("prune: target.flops: expected a number above 0, got 0", check, { flops = 0 })
end

function TestTarget:testZeros()
  local cut = { count = 1000 }
  t.assertEquals(target.zeros(cut, 0.5), 500)
  t.assertEquals(target.zeros(cut, 0.0004), 0)
  t.assertEquals(target.zeros(cut, 0.0006), 1)
  t.assertErrorMsgContains("prune: target.ms: 3 ms cannot be reached: single zeros make nothing faster (a forward pass takes 5 ms with any "
    .. "of them)", target.zeros, cut, { ms = 3 }, { ms = 5 })
  t.assertErrorMsgContains("takes the same time with any of them", target.zeros, cut, { ms = 3 }, {})
  local asked = {}
  function cut.zeros_for(_, budget, s) -- a pattern that knows better
    asked[1], asked[2] = budget, s
    return 7
  end
  t.assertEquals(target.zeros(cut, { ms = 3 }, "s"), 7)
  t.assertEquals(asked, { { ms = 3 }, "s" })
end

-- A budget moves from the dense network's cost to the goal as the sparsity moves from its start to the target.
function TestTarget:testOnTheWay()
  local s = { start = 0.2, target = 0.8, flops_dense = 1e9, ms_dense = 10 }
  t.assertEquals(target.on_the_way({ flops = 4e8 }, 0.2, s), { flops = 1e9 })
  t.assertEquals(target.on_the_way({ flops = 4e8 }, 0.8, s), { flops = 4e8 })
  t.assertAlmostEquals(target.on_the_way({ flops = 4e8 }, 0.5, s).flops, 7e8, 1)
  t.assertAlmostEquals(target.on_the_way({ flops = 0.4 }, 0.5, s).flops, 7e8, 1) -- at most 1: a share of the dense network's
  t.assertAlmostEquals(target.on_the_way({ ms = 4 }, 0.5, s).ms, 7, 1e-9)
  t.assertEquals(target.on_the_way({ ms = 4 }, 0.9, s), { ms = 4.0 }) -- never beyond
  t.assertEquals(target.on_the_way({ ms = 4 }, 0.1, s), { ms = 10.0 })
end

os.exit(t.LuaUnit.run())
