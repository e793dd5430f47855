-- Shared weights in a training: they stay shared under every optimizer, zeros stay zero, their gradients are sums, and a run that was
-- stopped ends in the same bytes.
local t = require "luaunit"
local yl = require "yolua"
local training = require "support.training"

local top, quiet = training.top, training.quietly

local function model(seed) return yl.load { cfg = top .. "/tiny.cfg", names = top .. "/tiny.names", seed = seed or 3 } end

local function train(net, o, ...)
  local all = training.options({ epochs = 2, optim = { name = "sgd", lr = 0.001 }, data = {}, clip = 50 }, o)
  return (quiet(yl.train, { net = net, data = training.data { limit = 12 }, options = all, ... }))
end

-- The different values of a parameter, zero first, and how many weights have each.
local function values(net, name, slab)
  local seen, count = {}, 0
  for _, x in ipairs(net.net:tensor(name, slab):reshape(-1):totable()) do
    if not seen[x] then count = count + 1 end
    seen[x] = (seen[x] or 0) + 1
  end
  return count, seen
end

local function weights(net)
  local list = {}
  for _, r in ipairs(net.net:ranges()) do
    if r.kind == "weight" then list[#list + 1] = r end
  end
  return list
end

TestShare = {}

function TestShare.testTheyStayShared()
  local cases = {
    { optim = { name = "sgd", lr = 0.001, momentum = 0.9 } },
    { optim = { name = "adamw", lr = 0.001, decay = 0.01 }, ema = 0.9 },
    { optim = { name = "adam", lr = 0.001 }, subdivisions = 2, clip = 1 },
  }
  for i, case in ipairs(cases) do
    local net = model()
    local before = net:checksum()
    train(net, case, yl.share { bits = { conv = 3 } })
    t.assertNotEquals(net:checksum(), before)
    for _, r in ipairs(weights(net)) do
      for _, slab in ipairs { "value", case.ema and "ema" } do
        local count = values(net, r.name, slab)
        t.assertTrue(count > 1 and count <= 8, ("case %d: %s has %d values in %s"):format(i, r.name, count, slab))
      end
    end
  end
end

-- Without a mask: a zero is a value that no gradient moves.
function TestShare.testZerosStay()
  local net = model()
  local r = weights(net)[1]
  local numbers = net.net:tensor(r.name):reshape(r.count):totable()
  for i = 1, r.count, 3 do numbers[i] = 0 end
  net:set(r.name, numbers)
  train(net, {}, yl.share { bits = { conv = 3 } })
  local after = net.net:tensor(r.name):reshape(r.count):totable()
  for i = 1, r.count do t.assertEquals(after[i] == 0, i % 3 == 1, i) end
end

-- Pruning while weights are shared: what is cut is zero, and takes no other weight of its cluster along, whichever policy comes first.
function TestShare.testPruningMeanwhile()
  for first = 1, 2 do
    local net = model()
    local policies = { yl.share { bits = { conv = 3 } }, yl.prune { score = "random", target = 0.5, rounds = 2, every = 1 } }
    train(net, { epochs = 3 }, policies[first], policies[3 - first])
    local zeros = 0
    for _, r in ipairs(weights(net)) do
      t.assertTrue(values(net, r.name) <= 8)
      local numbers, mask = net.net:tensor(r.name):reshape(-1):totable(), net.net:tensor(r.name, "mask"):reshape(-1):totable()
      for i, x in ipairs(numbers) do
        t.assertEquals(x == 0, mask[i] == 0, r.name)
        zeros = zeros + (x == 0 and 1 or 0)
      end
    end
    t.assertTrue(zeros > 1000)
  end
end

-- A frozen layer keeps its bits; it is shared when it thaws.
function TestShare.testFrozenLayers()
  local net = model():freeze "body"
  local first, frozen = weights(net)[1].name, {}
  for _, r in ipairs(weights(net)) do frozen[r.name] = r.frozen and net.net:tensor(r.name):reshape(-1):totable() or nil end
  t.assertNotNil(frozen[first])
  train(net, {}, yl.share { bits = { conv = 2 } })
  for _, r in ipairs(weights(net)) do
    if frozen[r.name] then t.assertEquals(net.net:tensor(r.name):reshape(-1):totable(), frozen[r.name])
    else t.assertTrue(values(net, r.name) <= 4) end
  end
  net = model()
  local before = values(net, first)
  local watch = { name = "watch", on = { epoch_start = function(_, tr)
    if tr.epoch == 2 then t.assertEquals(values(net, first), before) end
  end } }
  train(net, {}, watch, yl.freeze { "body", until_epoch = 1 }, yl.share { bits = { conv = 2 } })
  t.assertTrue(before > 4 and values(net, first) <= 4)
end

-- One step of plain SGD: each weight moves by the rate times the sum of its cluster's gradients.
function TestShare.testTheSumOfGradients()
  local net, grads, from = model(), {}, {}
  local name = weights(net)[2].name
  local function copy(slab) return net.net:tensor(name, slab):reshape(-1):totable() end
  local watch = { name = "watch", on = { -- handlers run in order: this one sees the gradients before they are summed
    gradient = function(_, tr) grads, from = copy "grad", copy "value"; tr.stop = true end,
  } }
  train(net, { epochs = 1, batch = 12, optim = { name = "sgd", lr = 0.01, momentum = 0, decay = 0 }, clip = 0 }, watch,
    yl.share { bits = { conv = 2 } })
  local after, sums, checked = copy "value", {}, 0
  for i, x in ipairs(from) do sums[x] = (sums[x] or 0) + grads[i] end
  for i, x in ipairs(from) do
    if x ~= 0 then
      t.assertAlmostEquals(after[i], x - 0.01 / 12 * sums[x], 1e-5 + 1e-4 * math.abs(sums[x]))
      checked = checked + 1
    end
  end
  t.assertTrue(checked > 20)
end

function TestShare.testExcept()
  local net = model()
  local first = weights(net)[1]
  train(net, {}, yl.share { bits = { conv = 2 }, except = { first.layer } })
  t.assertTrue(values(net, first.name) > 4)
  t.assertTrue(values(net, weights(net)[2].name) <= 4)
  t.assertErrorMsgContains("share: except: 'conv99' matches no parameter", train, model(), {}, yl.share { except = { "conv99" } })
  t.assertErrorMsgContains("bits.conv", yl.share, { bits = { conv = 17 } })
end

training.run(t)
