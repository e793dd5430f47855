-- Proposed networks: widths follow the rank of what is left, budgets are met, and what is written can be read again.
local t = require "luaunit"
local yl = require "yolua"

local training = require "support.training"
local top = training.top

-- conv2 has 16 filters, of which only `rank` directions are different.
local function flat(rank)
  local model = training.model()
  local w = model.layers.conv2.weight
  for i = rank + 1, 16 do w[i]:copy_(w[(i - 1) % rank + 1]) end
  return model
end

local function of(proposal, name)
  for _, l in ipairs(proposal.layers) do
    if l.name == name then return l end
  end
end

TestPropose = {}

function TestPropose.testRank()
  local model = training.model()
  for i = 1, 16 do -- orthogonal filters of one size: the rank is their number
    model.layers.conv2.weight[i]:fill_(0)
    model.layers.conv2.weight:reshape(16, -1)[{ i, i }] = 2
  end
  t.assertAlmostEquals(of(yl.propose(model, { flops = 0.5 }), "conv2").rank, 16, 1e-4)
  for i = 1, 16 do model.layers.conv2.weight[i]:copy_(model.layers.conv2.weight[1]) end
  local one = of(yl.propose(model, { flops = 0.5 }), "conv2")
  t.assertAlmostEquals(one.rank, 1, 1e-4)
  t.assertEquals(one.alive, 16)
  model.layers.conv3.weight[{ { 1, 20 } }] = 0
  t.assertEquals(of(yl.propose(model, { flops = 0.5 }), "conv3").alive, 12)
end

-- A layer of low rank becomes narrower than in a network where it is not.
function TestPropose.testWidthsFollowTheRank()
  local whole, low = yl.propose(flat(16), { flops = 0.5, round_to = 1, min_channels = 1 }),
    yl.propose(flat(3), { flops = 0.5, round_to = 1, min_channels = 1 })
  t.assertTrue(of(low, "conv2").after < of(whole, "conv2").after)
  t.assertTrue(of(low, "conv3").after >= of(whole, "conv3").after)
end

function TestPropose.testBudgets()
  local model = training.model()
  local before = model:checksum()
  local flops, params = model:flops(), model:counts().params
  local a = yl.propose(model, { flops = 0.4, round_to = 4, min_channels = 4 })
  t.assertTrue(a.flops <= 0.4 * flops and a.flops > 0.2 * flops, a.flops / flops)
  for _, l in ipairs(a.layers) do t.assertTrue(l.after == l.before or l.after % 4 == 0, l.name) end
  local b = yl.propose(model, { params = params // 3, round_to = 1, min_channels = 1 })
  t.assertTrue(b.params <= params // 3 and b.params > params // 5, b.params)
  local c = yl.propose(model, { ms = 1e3, round_to = 1 })
  t.assertTrue(c.params > params // 2)
  t.assertEquals(model:checksum(), before)
  t.assertStrContains(tostring(a), "parameters (of ")
end

-- Both networks have one structure; one has the filters that stay, the other is drawn anew.
function TestPropose.testFresh()
  local p = yl.propose(training.model(), { flops = 0.5 })
  t.assertEquals(p.fresh.structure, p.net.structure)
  t.assertNotEquals(p.fresh:checksum(), p.net:checksum())
  t.assertEquals(p.fresh:checksum(), yl.propose(training.model(), { flops = 0.5 }).fresh:checksum())
  local o = training.options { epochs = 1 }
  local trained = training.quietly(yl.train, { net = p.fresh, data = training.data { limit = 4 }, options = o })
  t.assertEquals(trained.step, 1)
end

function TestPropose.testFiles()
  local p = yl.propose(training.model(), { flops = 0.5 })
  t.assertEquals(p:save(top .. "/made"), top .. "/made/")
  local read = yl.load { cfg = top .. "/made/model.cfg", weights = top .. "/made/model.weights", names = top .. "/made/model.names" }
  t.assertEquals(read:checksum(), p.net:checksum())
  local net = dofile(top .. "/made/topology.lua")
  t.assertEquals(#net:ranges(), #p.net.net:ranges())
  for i, r in ipairs(net:ranges()) do t.assertEquals({ r.name, r.dims }, { p.net.net:ranges()[i].name, p.net.net:ranges()[i].dims }) end
end

function TestPropose.testRefusals()
  local model = training.model()
  t.assertErrorMsgContains("expected one budget, flops, params or ms, got none", yl.propose, model, {})
  t.assertErrorMsgContains("expected one budget, flops, params or ms, got 2", yl.propose, model, { flops = 0.5, ms = 1 })
  t.assertErrorMsgContains("propose: params: no network of this kind fits into 20", yl.propose, model, { params = 20 })
  t.assertErrorMsgContains("propose: flops:", yl.propose, model, { flops = 1e-6 })
  t.assertErrorMsgContains("option 'round_to': expected an integer", yl.propose, model, { flops = 0.5, round_to = 0.5 })
  t.assertErrorMsgContains("round_to", yl.propose, model, { flops = 0.5, round_to = 512 })
  t.assertErrorMsgContains("yl.propose: expected a model (of yl.load), got 3", yl.propose, 3, { flops = 0.5 })
end

training.run(t)
