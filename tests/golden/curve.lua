-- Ten-step loss curves of small detectors, trained by the program in single precision and by plain Lua in double precision with
-- numeric gradients: forward, loss, backward and the optimizer in one.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"

local H, W, HIDDEN, STEPS = 3, 4, 5, 10
local OPTIM = { rule = "sgd", lr = 0.05, momentum = 0.9, decay = 0.02, images = 2 }
local TRUTH = {
  { { 0.3, 0.4, 0.3, 0.5, 1, 0 }, { 0.8, 0.7, 0.2, 0.3, 0, 0 } },
  { { 0.6, 0.2, 0.5, 0.3, 0, 0 }, { 0.1, 0.9, 0.2, 0.2, -1, 1 } },
}

-- y[p][o] = bias[o] + sum over k of w[o][k] x[p][k]: a 1x1 convolution on flat arrays.
local function mix(x, weight, bias, inputs, outputs)
  local y = {}
  for p = 0, #x // inputs - 1 do
    for o = 0, outputs - 1 do
      local sum = bias[o + 1]
      for k = 1, inputs do sum = sum + weight[o * inputs + k] * x[p * inputs + k] end
      y[#y + 1] = sum
    end
  end
  return y
end

local function oracle_loss(x, params, head, info)
  local y = mix(x, params["conv1.weight"], params["conv1.bias"], 3, HIDDEN)
  for i = 1, #y do y[i] = math.max(y[i], 0.1 * y[i]) end
  y = mix(y, params["conv2.weight"], params["conv2.bias"], HIDDEN, head.channels)
  y.n, y.h, y.w, y.c = 2, H, W, head.channels
  local sum = 0
  for _, part in pairs(head.oracle.loss(y, TRUTH, head.options, info)) do sum = sum + part end
  return sum
end

local function keeper()
  local kept = {}
  return function(key, value)
    if kept[key] == nil then kept[key] = value end
    return kept[key]
  end
end

local function oracle_gradient(x, params, head, info)
  local out = {}
  for name, values in pairs(params) do
    out[name] = {}
    for i, old in ipairs(values) do
      values[i] = old + 1e-5
      local up = oracle_loss(x, params, head, info)
      values[i] = old - 1e-5
      out[name][i] = (up - oracle_loss(x, params, head, info)) / 2e-5
      values[i] = old
    end
  end
  return out
end

-- v = momentum * v + g / images; w = w - lr * (decay * w + v), biases without decay.
local function oracle_step(params, gradient, velocity)
  for name, values in pairs(params) do
    velocity[name] = velocity[name] or {}
    for i, g in ipairs(gradient[name]) do
      local v = OPTIM.momentum * (velocity[name][i] or 0) + g / OPTIM.images
      velocity[name][i] = v
      values[i] = values[i] - OPTIM.lr * ((name:find "weight" and OPTIM.decay * values[i] or 0) + v)
    end
  end
end

local function oracle_curve(x, params, head)
  local curve, velocity = {}, {}
  for step = 1, STEPS do
    local info = { step = 0, net_h = H, net_w = W, keep = keeper() }
    curve[step] = oracle_loss(x, params, head, info)
    oracle_step(params, oracle_gradient(x, params, head, info), velocity)
  end
  return curve
end

local function network(head)
  local last = { head.kind, name = "head" }
  for k, v in pairs(head.options) do last[k] = v end
  local first, second = { "conv2d", name = "conv1", filters = HIDDEN }, { "conv2d", name = "conv2", filters = head.channels }
  local layers = { first, { "activation" }, second, last }
  return core.net { h = H, w = W, c = 3, layers = layers, seed = 3 }
end

local function program_curve(net, x)
  local plan <close> = net:plan { mode = "train", batch = 2 }
  local curve = {}
  for step = 1, STEPS do
    plan:input(x)
    plan:forward { seed = 1, step = 0 }
    curve[step] = 0
    for _, part in pairs(plan:loss(TRUTH).head) do curve[step] = curve[step] + part end
    plan:backward()
    core.step(net, OPTIM)
  end
  return curve
end

local function compare(head)
  local net, random, x, params = network(head), check.random(2), {}, {}
  for i = 1, 2 * H * W * 3 do x[i] = string.unpack("f", string.pack("f", random())) end
  for _, range in ipairs(net:ranges()) do params[range.name] = net:get(range.name) end
  local want, got = oracle_curve(x, params, head), program_curve(net, x)
  t.assertTrue(want[STEPS] < 0.8 * want[1], "it learns")
  check.compare(got, want, 2e-5, head.kind .. ": losses")
  for name, values in pairs(params) do check.compare(net:get(name), values, 1e-3, head.kind .. ": " .. name) end
end

TestCurve = {}

function TestCurve.test_region()
  compare { kind = "region", channels = 14, oracle = require "support.region_oracle",
    options = { anchors = { 1, 1.5, 2, 1 }, num = 2, classes = 2, softmax = true, bias_match = true, rescore = true, object_scale = 5,
      thresh = 0.6 } }
end

function TestCurve.test_yolo()
  compare { kind = "yolo", channels = 14, oracle = require "support.yolo_oracle",
    options = { anchors = { 1, 1.5, 2, 1 }, num = 2, classes = 2, iou_loss = "ciou", iou_thresh = 0.213, scale_x_y = 1.05 } }
end

os.exit(t.LuaUnit.run())
