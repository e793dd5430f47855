-- Layers as functions of tensors: the gradient of each kind against differences, and what a call may get wrong.
local t = require "luaunit"
local core = require "yolua.core"
local sanitizer = require "support.sanitizer"
local yl = require "yolua"
local nn = yl.nn

local function fails(sentence, f, ...)
  local ok, e = pcall(f, ...)
  t.assertFalse(ok, sentence)
  t.assertStrContains(tostring(e), sentence)
end

local function numbers(seed, low, high, ...)
  return yl.rand { low = low, high = high, seed = seed, ... }
end

-- Numbers in any order with at least 0.1 between two of them, so that a small step changes no maximum.
local function apart(...)
  local x = yl.zeros { ... }
  local flat, n = x:reshape(-1), x:count()
  for i = 1, n do flat[i] = ((i * 7919) % n - n / 2 + 0.25) * 0.1 end
  return x
end

local function weighted(y)
  local shape = y:shape()
  return (y * numbers(99, 0.5, 1.5, table.unpack(shape))):sum()
end

-- f: of the tensors in `arguments`. The slopes of some elements of each against differences of two step sizes: a linear function's error is
-- that of f32, anyone's falls with the step.
local function check(name, f, arguments)
  local gradients = { yl.grad(function(...) return weighted(f(...)) end)(table.unpack(arguments)) }
  for k, x in ipairs(arguments) do
    local flat, count, worst, top = x:reshape(-1), x:count(), 0, 1e-3
    local found = gradients[k]:reshape(-1)
    local function at(i, value)
      local old = flat[i]
      flat[i] = value
      local sum = weighted(f(table.unpack(arguments)))
      flat[i] = old
      return sum
    end
    for i = 1, count, math.max(1, count // 40) do
      local old, h = flat[i], 2e-2
      local wide = (at(i, old + h) - at(i, old - h)) / (2 * h)
      local narrow = (at(i, old + h / 2) - at(i, old - h / 2)) / h
      local slope = (4 * narrow - wide) / 3
      worst, top = math.max(worst, math.abs(slope - found[i])), math.max(top, math.abs(slope))
    end
    t.assertTrue(worst <= 5e-3 * top, ("%s: argument %d: off by %g of %g"):format(name, k, worst, top))
    t.assertTrue(top > 0.01, name .. ": no slope to look at")
  end
end

-- kind -> list of { f, arguments }
local cases = {
  conv2d = {
    { function(x, w, b) return nn.conv2d(x, { weight = w, bias = b, pad = true }) end,
      { numbers(1, -1, 1, 2, 5, 4, 3), numbers(2, -1, 1, 4, 3, 3, 3), numbers(3, -1, 1, 4) } },
    { function(x, w) return nn.conv2d(x, { weight = w, stride = 2, bias = false }) end,
      { numbers(4, -1, 1, 1, 7, 7, 2), numbers(5, -1, 1, 3, 3, 3, 2) } },
    { function(x, w) return nn.conv2d(x, { weight = w, groups = 4, padding = 1 }) end,
      { numbers(6, -1, 1, 1, 4, 4, 4), numbers(7, -1, 1, 4, 3, 3, 1) } },
  },
  maxpool = { { function(x) return nn.maxpool(x, { size = 2, stride = 2 }) end, { apart(2, 4, 4, 3) } } },
  avgpool = { { function(x) return nn.avgpool(x) end, { numbers(8, -1, 1, 2, 3, 4, 3) } } },
  batchnorm = {
    { function(x, s, b) return nn.batchnorm(x, { scale = s, bias = b, mode = "train" }) end,
      { numbers(9, -1, 1, 2, 3, 4, 3), numbers(10, 0.5, 1.5, 3), numbers(11, -1, 1, 3) } },
    { function(x, s, b)
      return nn.batchnorm(x, { scale = s, bias = b, mean = yl.full { 3, value = 0.2 }, var = yl.full { 3, value = 2 } })
    end,
      { numbers(12, -1, 1, 2, 3, 4, 3), numbers(13, 0.5, 1.5, 3), numbers(14, -1, 1, 3) } },
  },
  activation = {},
  connected = { { function(x, w, b) return nn.connected(x, { weight = w, bias = b }) end,
    { numbers(15, -1, 1, 3, 2, 2, 3), numbers(16, -1, 1, 4, 12), numbers(17, -1, 1, 4) } } },
  route = { { function(a, b) return nn.route { a, b } end, { numbers(18, -1, 1, 2, 3, 3, 2), numbers(19, -1, 1, 2, 3, 3, 3) } },
    { function(a) return nn.route(a, { groups = 2, group_id = 1 }) * a[{ {}, {}, {}, { 1, 2 } }] end,
      { numbers(20, -1, 1, 2, 3, 3, 4) } } },
  shortcut = { { function(a, b) return nn.shortcut { a, b } end, { numbers(21, -1, 1, 2, 3, 3, 2), numbers(22, -1, 1, 2, 3, 3, 2) } } },
  scale_channels = { { function(a, b) return nn.scale_channels { a, b } end,
    { numbers(23, -1, 1, 2, 1, 1, 3), numbers(24, -1, 1, 2, 3, 3, 3) } } },
  sam = { { function(a, b) return nn.sam { a, b } end, { numbers(25, -1, 1, 2, 3, 3, 3), numbers(26, -1, 1, 2, 3, 3, 3) } } },
  upsample = { { function(x) return nn.upsample(x, { stride = 2 }) end, { numbers(27, -1, 1, 2, 3, 2, 3) } } },
  dropout = { { function(x) return nn.dropout(x, { probability = 0.4, mode = "train", seed = 3, step = 5 }) end,
      { numbers(28, 1, 2, 2, 3, 4, 3) } },
    { function(x) return nn.dropout(x) end, { numbers(29, -1, 1, 2, 3, 4, 3) } } },
  reorg = { { function(x) return nn.reorg(x, { stride = 2 }) end, { numbers(30, -1, 1, 2, 4, 4, 4) } } },
  reorg3d = { { function(x) return nn.reorg3d(x, { stride = 2 }) end, { numbers(31, -1, 1, 2, 4, 4, 3) } } },
}
for _, name in ipairs { "leaky", "relu", "logistic", "swish", "mish", "tanh", "gelu", "linear" } do
  table.insert(cases.activation, { function(x) return nn.activation(x, { activation = name }) end, { apart(1, 3, 3, 2) * 3 } })
end
cases.tensor_train = { { function(x, first, second, b)
  return nn.tensor_train(x, { core1 = first, core2 = second, bias = b, in_modes = { 2, 3 }, out_modes = { 3, 2 }, ranks = { 2 } })
end, { numbers(32, -1, 1, 3, 1, 1, 6), numbers(33, -1, 1, 3, 2, 1, 2), numbers(34, -1, 1, 2, 1, 2, 3), numbers(35, -1, 1, 6) } } }

yl.layer {
  name = "bent", help = "x^2 a, without a backward",
  parameters = function(_, x) return { { "a", "scale", { x.c } } } end,
  forward = function(l, x, y) x:mul(x * l.parameters.a, y) end,
}
cases.bent = { { function(x, a) return nn.bent(x, { a = a }) end, { numbers(36, -1, 1, 2, 3, 3, 2), numbers(37, -1, 1, 2) } } }

TestNn = {}

function TestNn.testEveryKind()
  local checked = 0
  for _, kind in ipairs(core.layers.kinds()) do
    local names = core.layers.kind(kind)
    if not names.loss then
      t.assertNotNil(cases[kind], kind .. " has no case in tests/tensor/nn.lua")
      for _, case in ipairs(cases[kind]) do
        check(kind, case[1], case[2])
        checked = checked + 1
      end
    end
  end
  t.assertTrue(checked > 25, checked)
end

-- A view that is not contiguous, an input that is read twice, and what follows.
function TestNn.testComposes()
  check("transposed", function(x, w) return nn.conv2d(x:permute(1, 3, 2, 4), { weight = w:permute(1, 3, 2, 4), pad = true }) end,
    { numbers(40, -1, 1, 2, 5, 4, 3), numbers(41, -1, 1, 4, 3, 3, 3) })
  check("twice", function(x) return nn.sam { x, nn.activation(x * 2, { activation = "logistic" }) } end, { numbers(42, -1, 1, 1, 3, 3, 2) })
  check("conv, bn, leaky, pool", function(x, w, s)
    local y = nn.batchnorm(nn.conv2d(x, { weight = w, pad = true }), { scale = s, mode = "train" })
    return (nn.avgpool(nn.activation(y, { activation = "swish" })) * 20):softmax(4)
  end, { numbers(43, -1, 1, 2, 4, 4, 3), numbers(44, -1, 1, 4, 3, 3, 3), numbers(45, 0.5, 1.5, 4) })
end

function TestNn.testRunningStatistics()
  local x, mean, var = yl.tensor { { { { 1 } }, { { 3 } } } }, yl.zeros { 1 }, yl.ones { 1 }
  t.assertAlmostEquals(nn.batchnorm(x):sum(), 4 / math.sqrt(1 + 1e-5), 1e-5) -- what is left out: 0 and 1
  local y = nn.batchnorm(x, { mean = mean, var = var, mode = "train", momentum = 0.5, eps = 0 })
  t.assertEquals(y:reshape(-1):totable(), { -1, 1 })
  t.assertEquals({ mean[1], var[1] }, { 1, 1.5 }) -- half of the batch's 2 and (with n - 1) 2
  mean.requires_grad = true
  fails("not changed in place", nn.batchnorm, x, { mean = mean, var = var, mode = "train" })
  x.requires_grad = true -- the walk back reads what forward found, whatever the running statistics are by then
  local loss = (nn.batchnorm(x, { var = var }) * yl.tensor { 1, 10 }:reshape(1, 2, 1, 1)):sum()
  var:fill_(100)
  loss:backward()
  t.assertAlmostEquals(x.grad[{ 1, 2, 1, 1 }], 10 / math.sqrt(1.5), 1e-4)
end

function TestNn.testErrors()
  local x, w = numbers(50, -1, 1, 1, 4, 4, 2), numbers(51, -1, 1, 3, 3, 3, 2)
  fails("yl.nn: there is no layer 'conv', did you mean 'conv2d'?", function() return nn.conv end)
  fails("conv2d: 'weight' is missing", nn.conv2d, x, { filters = 3 })
  fails("conv2d: it has no parameter 'weigth', did you mean 'weight'?", nn.conv2d, x, { weigth = w })
  fails("conv2d: unknown option 'strid', did you mean 'stride'?", nn.conv2d, x, { weight = w, strid = 2 })
  fails("conv2d: expected f32 {3, 3, 3, 2} as weight, got f32 {3, 3, 1, 2}", nn.conv2d, x, { weight = w[{ {}, {}, { 1, 1 } }] })
  fails("conv2d: expected f32 {n, h, w, c} as input 1, got f64 {1, 4, 4, 2}", nn.conv2d, x:to "f64", { weight = w })
  fails("conv2d: expected f32 {n, h, w, c} as input 1, got f32 {4, 4, 2}", nn.conv2d, x[1], { weight = w })
  fails("sam: expected 2 to 2 inputs, got 1", nn.sam, x)
  fails("shortcut: input 2 has 2 images, and the first 1", nn.shortcut, { x, yl.zeros { 2, 4, 4, 2 } })
  fails("expected a tensor f32 {n, h, w, c}, or a list of them, got 3", nn.maxpool, 3)
  fails("expected a table of parameters and options, got 2", nn.maxpool, x, 2)
  fails("expected nothing after the options, got 2", nn.maxpool, x, {}, 2)
  fails("yl.layer makes a layer of your own", function() nn.mine = 1 end)
  fails("backward: 'softmax' has no gradient", yl.grad(function(a) return nn.softmax(nn.avgpool(a)):sum() end), x)
  local y = x * 1
  y.requires_grad = true
  local squares = nn.conv2d(y, { weight = w })
  yl.no_grad(function() y:fill_(1) end)
  w.requires_grad = true
  local loss = nn.conv2d(x, { weight = w }):sum()
  yl.no_grad(function() w:fill_(1) end)
  fails("the gradient of 'conv2d' needs a value that was changed in place afterwards", function() loss:backward() end)
  fails("'conv2d' needs a value", function() squares:sum():backward() end)
end

-- What a call holds goes with its result: 100 calls of 2 MB each.
function TestNn.testMemory()
  sanitizer.skip(t, "keeps what is freed")
  local x, w = numbers(60, -1, 1, 1, 64, 64, 16), numbers(61, -1, 1, 32, 3, 3, 16)
  w.requires_grad = true
  local function resident()
    collectgarbage()
    collectgarbage()
    return tonumber(core.system.read("/proc/self/statm"):match "^%d+ (%d+)") * 4096
  end
  local function run() nn.maxpool(nn.conv2d(x, { weight = w, pad = true }), { size = 2, stride = 2 }):sum():backward() end
  for _ = 1, 10 do run() end
  local before = resident()
  for _ = 1, 100 do run() end
  t.assertTrue(resident() - before < 30e6, ("%d bytes more"):format(resident() - before))
end

os.exit(t.LuaUnit.run())
