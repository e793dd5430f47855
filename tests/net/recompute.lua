-- Activations that backward makes once more: the same bits in less memory.
local t = require "luaunit"
local core = require "yolua.core"

local MIB = 2 ^ 20

-- Convolutions with batch-norm, activations that read their input and their output, dropout, pools, a route, a shortcut, two heads.
local function network(frozen)
  local layers = {}
  local function add(...) table.move({ ... }, 1, select("#", ...), #layers + 1, layers) end
  local function block(name, activation, filters)
    add({ "conv2d", name = name, filters = filters, size = 3, pad = true, bias = false }, { "batchnorm", name = name .. ".bn" },
      { "activation", name = name .. ".act", activation = activation })
  end
  block("conv1", "leaky", 16)
  block("conv2", "relu", 16)
  add { "maxpool", size = 2, stride = 2 }
  for i = 3, 6 do block("conv" .. i, "leaky", 32) end
  add({ "dropout", name = "drop", probability = 0.3 }, { "shortcut", inputs = { "drop", "conv3.act" } },
    { "activation", name = "shortcut1.act", activation = "mish" })
  block("conv7", "swish", 24)
  add({ "conv2d", filters = 14, size = 1 }, { "region", name = "head1", classes = 2, num = 2, anchors = { 1, 1, 3, 2 } },
    { "upsample", stride = 2, inputs = { "conv7.act" } }, { "route", inputs = { "upsample1", "conv2.act" } })
  block("conv9", "leaky", 16)
  add({ "conv2d", filters = 7, size = 1 }, { "region", name = "head2", classes = 2, num = 1, anchors = { 2, 2 } })
  local net = core.net { h = 64, w = 96, c = 3, seed = 5, layers = layers }
  if frozen then net:freeze(frozen) end
  return net
end

local truth = {}
for i = 1, 4 do truth[i] = { { 0.1 + 0.2 * i, 0.3, 0.3, 0.5, i % 2, 0 }, { 0.8, 0.7, 0.2, 0.2, 1, 0 } } end

local function pixels(n)
  local x = {}
  for i = 1, n * 64 * 96 * 3 do x[i] = 0.5 + 0.5 * math.sin(0.37 * i) end
  return x
end

-- Three steps; returns every parameter's value, running statistics among them, and the plan's bytes.
local function train(recompute, spec, frozen)
  local net = network(frozen)
  local own = { mode = "train", batch = 4, algorithm = "predicted", recompute = recompute }
  for key, value in pairs(spec or {}) do own[key] = value end
  local plan = net:plan(own)
  for step = 1, 3 do
    plan:input(pixels(4))
    plan:forward { seed = 3, step = step }
    plan:loss(truth)
    plan:backward()
    core.step(net, { lr = 1e-3, images = 4 })
  end
  local values = {}
  for _, range in ipairs(net:ranges()) do values[range.name] = net:get(range.name) end
  return values, (plan:memory()), net
end

TestRecompute = {}

local function compare(spec, frozen, spared)
  local kept, most = train("off", spec, frozen)
  local again, less = train("auto", spec, frozen)
  t.assertEquals(again, kept)
  t.assertTrue(less < spared * most, ("%.2f of the memory"):format(less / most))
  return kept, less
end

function TestRecompute.test_auto_gives_the_same_bits() compare({}, nil, 0.85) end

function TestRecompute.test_frozen_layers_below() compare({}, "conv1,conv1.bn", 0.9) end

function TestRecompute.test_a_limit_is_kept_and_gives_the_same_bits()
  local kept, auto = compare({}, nil, 0.85)
  local least = nil
  for limit = math.ceil(auto / MIB), 1, -1 do
    local ok, values, bytes = pcall(train, tostring(limit))
    if not ok then
      t.assertStrContains(values, "takes at least about " .. least)
      break
    end
    t.assertEquals(values, kept)
    t.assertTrue(bytes <= limit * MIB)
    least = limit
  end
  t.assertTrue(least < 0.9 * auto / MIB, ("%d of %.1f MiB"):format(least, auto / MIB)) -- convolutions too
end

-- Batch-norms with their activations: what training does unless told otherwise.
function TestRecompute.test_elementwise_is_the_default()
  local kept, most = train "off"
  local usual, less = train()
  t.assertEquals(usual, kept)
  t.assertTrue(less < 0.9 * most, ("%.2f of the memory"):format(less / most))
  local _, named = train "elementwise"
  t.assertEquals(named, less)
end

function TestRecompute.test_a_generous_limit_drops_nothing()
  local _, most = train "off"
  local _, bytes = train(tostring(math.ceil(most / MIB)))
  t.assertEquals(bytes, most)
end

function TestRecompute.test_refused()
  local net = network()
  local function refused(spec, words)
    t.assertErrorMsgContains(words, net.plan, net, spec)
  end
  refused({ mode = "infer", recompute = "auto" }, "recompute=auto is for training")
  refused({ mode = "train", keep = true, recompute = "auto" }, "expected one of them")
  refused({ mode = "train", recompute = "much" }, "expected off, elementwise, auto or a whole number of MiB, got 'much'")
  refused({ mode = "train", recompute = "-3" }, "expected off, elementwise, auto or a whole number of MiB, got '-3'")
end

os.exit(t.LuaUnit.run())
