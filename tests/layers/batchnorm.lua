-- batchnorm: the batch's statistics, the running ones, their movement, and a frozen layer.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function moments(x, c)
  local mean, var, rows = {}, {}, #x // c
  for k = 1, c do
    mean[k], var[k] = 0, 0
    for i = k, #x, c do mean[k] = mean[k] + x[i] / rows end
    for i = k, #x, c do var[k] = var[k] + (x[i] - mean[k]) ^ 2 / rows end
  end
  return mean, var
end

local function oracle(inputs, p, o, info)
  local x, y = inputs[1], {}
  local mean, var = p.mean, p.var
  if info.mode == "train" then mean, var = moments(x, x.c) end
  for i = 1, #x do
    local k = (i - 1) % x.c + 1
    y[i] = p.scale[k] * (x[i] - mean[k]) / math.sqrt(var[k] + (o.eps or 1e-5)) + p.bias[k]
  end
  return y, { x.n, x.h, x.w, x.c }
end

TestBatchnorm = check.layer {
  kind = "batchnorm",
  oracle = oracle,
  tolerance = { forward = 1e-5, backward = 1e-3 },
  cases = {
    { options = {}, input = { 2, 3, 5, 4 } },
    { name = "many rows", options = {}, input = { 3, 9, 11, 2 } },
    { name = "more channels than a vector", options = {}, input = { 2, 2, 3, 37 } },
    { name = "large eps", options = { eps = 0.5 }, input = { 2, 4, 3, 5 } },
    { name = "infer", mode = "infer", options = {}, input = { 2, 3, 5, 20 } },
  },
}

local function net_of(x, c, options)
  local net = core.net { h = 1, w = #x // c, c = c, layers = { { "batchnorm", name = "bn", momentum = options.momentum } }, seed = 1 }
  local plan = net:plan { mode = "train", batch = 1, keep = true, whole_gradient = true }
  plan:input(x)
  return net, plan
end

-- A mean far from zero loses no digits of the variance.
function TestBatchnorm.test_offset()
  local random, x = check.random(3), {}
  for i = 1, 4000 do x[i] = string.unpack("f", string.pack("f", 1000 + random())) end
  local _, plan = net_of(x, 2, {})
  plan:forward {}
  local want = oracle({ { n = 1, h = 1, w = 2000, c = 2, table.unpack(x) } }, { scale = { 1, 1 }, bias = { 0, 0 } }, {}, { mode = "train" })
  check.compare(plan:output(1), want, 2e-4, "offset")
end

function TestBatchnorm.test_running_statistics()
  local x = { 1, 10, 2, 20, 3, 30, 6, 60 }
  local net, plan = net_of(x, 2, { momentum = 0.25 })
  plan:forward { hold_statistics = true }
  t.assertEquals(net:get "bn.mean", { 0, 0 })
  plan:forward {}
  local mean, var = moments(x, 2)
  for k = 1, 2 do
    t.assertAlmostEquals(net:get("bn.mean")[k], 0.25 * mean[k], 1e-5)
    t.assertAlmostEquals(net:get("bn.var")[k], 0.75 + 0.25 * var[k] * 4 / 3, 1e-3) -- n - 1
  end
end

-- One value per channel: the variance is 0 and the running estimate does not divide by n - 1 = 0.
function TestBatchnorm.test_single_value()
  local net, plan = net_of({ 5, 7 }, 2, {})
  plan:forward {}
  t.assertEquals(plan:output(1), { 0, 0 })
  t.assertAlmostEquals(net:get("bn.var")[1], 0.9, 1e-6)
end

function TestBatchnorm.test_frozen_keeps_statistics()
  local net = core.net { h = 1, w = 4, c = 1, layers = { { "batchnorm", name = "bn" }, { "conv2d", name = "last" } }, seed = 1 }
  net:freeze "bn"
  local plan = net:plan { mode = "train", batch = 1, keep = true }
  plan:input { 1, 2, 3, 4 }
  plan:forward {}
  t.assertEquals(net:get "bn.mean", { 0 })
  t.assertAlmostEquals(plan:output("bn")[4], 4 / math.sqrt(1 + 1e-5), 1e-5)
end

local ACTIVATIONS = { "linear", "leaky", "relu", "logistic", "swish", "mish", "relu6", "hardswish", "hard_mish", "tanh", "elu", "selu",
  "gelu", "hardtan", "ramp", "loggy", "relie" }

-- Three steps of convolution, batch-norm, activation, convolution; apart: what lies between the two is shown, so that they are not fused.
local function steps(activation, c, apart, frozen)
  local net = core.net { h = 5, w = 7, c = 3, seed = 4, layers = { { "conv2d", name = "conv1", filters = c, size = 3, pad = true,
    bias = false }, { "batchnorm", name = "bn" }, { "activation", name = "act", activation = activation },
    { "conv2d", name = "conv2", filters = 2, size = 1 } } }
  if frozen then net:freeze(frozen) end
  local plan = net:plan { mode = "train", batch = 3, recompute = "off", outputs = apart and "bn" or nil }
  local random, values = check.random(5), {}
  for step = 1, 3 do
    local x, dy = {}, {}
    for i = 1, 3 * 5 * 7 * 3 do x[i] = 2 * random() end
    for i = 1, 3 * 5 * 7 * 2 do dy[i] = random() end
    plan:input(x)
    plan:forward { seed = 1, step = step }
    plan:backward(dy)
    core.step(net, { lr = 0.01, images = 3 })
  end
  for _, range in ipairs(net:ranges()) do values[range.name] = net:get(range.name) end
  return values, (plan:memory())
end

-- With its activation it trains as the two layers do, and keeps one number where they keep two; 2100 channels: more than a piece holds.
function TestBatchnorm.test_fused_with_an_activation()
  local function compare(activation, c, frozen)
    local one, less = steps(activation, c, false, frozen)
    local two, more = steps(activation, c, true, frozen)
    for name, values in pairs(two) do check.compare(one[name], values, 1e-5, activation .. " " .. name) end
    t.assertTrue(less < more)
  end
  for _, activation in ipairs(ACTIVATIONS) do compare(activation, 8) end
  for _, c in ipairs { 1, 37, 2100 } do compare("mish", c) end
  for _, frozen in ipairs { "conv1", "*.mean,*.var" } do compare("leaky", 8, frozen) end
end

-- Frozen statistics: scale and bias learn on the running ones, which stay. dscale = sum dy xhat, dbias = sum dy, dx = dy scale / sigma.
function TestBatchnorm.test_frozen_statistics()
  local x, dy = { 1, 10, 2, 20, 3, 30, 6, 60 }, { 1, -1, 2, 0.5, -3, 2, 0.25, 4 }
  local net = core.net { h = 1, w = 4, c = 2, layers = { { "batchnorm", name = "bn" } }, seed = 1 }
  local mean, var, scale = { 2, 25 }, { 4, 16 }, { 1.5, -2 }
  for name, values in pairs { mean = mean, var = var, scale = scale } do net:set("bn." .. name, values) end
  net:freeze "*.mean,*.var"
  local plan = net:plan { mode = "train", batch = 1, keep = true, whole_gradient = true }
  plan:input(x)
  plan:forward {}
  plan:backward(dy)
  t.assertEquals({ net:get "bn.mean", net:get "bn.var" }, { mean, var })
  local y, dscale, dbias, dx = {}, { 0, 0 }, { 0, 0 }, {}
  for i = 1, 8 do
    local k = (i - 1) % 2 + 1
    local inverse = 1 / math.sqrt(var[k] + 1e-5)
    local xhat = (x[i] - mean[k]) * inverse
    y[i], dx[i] = scale[k] * xhat, dy[i] * scale[k] * inverse
    dscale[k], dbias[k] = dscale[k] + dy[i] * xhat, dbias[k] + dy[i]
  end
  check.compare(plan:output "bn", y, 1e-5, "y")
  check.compare(net:get("bn.scale", "grad"), dscale, 1e-5, "dscale")
  check.compare(net:get("bn.bias", "grad"), dbias, 1e-5, "dbias")
  check.compare(plan:gradient(0), dx, 1e-5, "dx")
end

os.exit(t.LuaUnit.run())
