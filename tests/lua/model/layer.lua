-- Layers written in Lua: held against oracles and differences like those in C, in networks, files, freezing and steps; what their
-- functions may do wrong, and what the network is worth afterwards.
local t = require "luaunit"
local yl = require "yolua"
local check = require "support.layercheck"
local core = yl.core

require("yolua.options.required").load((os.getenv "YOLUA_SOURCE" or ".") .. "/tests/support/own_layers.lua")

-- ---- against oracles -----------------------------------------------------------------------------------------------------------

local function map(x, f)
  local y = {}
  for i = 1, #x do y[i] = f(x[i], i) end
  return y, { x.n, x.h, x.w, x.c }
end

local function logistic(x) return 1 / (1 + math.exp(-x)) end

TestGelu = check.layer {
  kind = "gelu", allocates = true, tolerance = { forward = 1e-6, backward = 1e-4 },
  oracle = function(inputs, _, o) return map(inputs[1], function(x) return x * logistic((o.k or 1.702) * x) end) end,
  cases = { { input = { 2, 3, 4, 5 }, scale = 3 }, { input = { 1, 2, 2, 3 }, options = { k = 0.5 } },
    { input = { 2, 3, 3, 2 }, mode = "infer" } },
}

TestScale = check.layer {
  kind = "scale", allocates = true, tolerance = { forward = 1e-6, backward = 1e-4 },
  oracle = function(inputs, params)
    local x = inputs[1]
    return map(x, function(v, i) return v * params.scale[(i - 1) % x.c + 1] end)
  end,
  cases = { { input = { 2, 3, 4, 5 } }, { input = { 1, 1, 1, 1 } } },
}

local function squeeze(inputs, p, o)
  local x = inputs[1]
  local n, hw, c, s = x.n, x.h * x.w, x.c, math.max(1, x.c // (o.ratio or 2))
  local y = {}
  for image = 0, n - 1 do
    local mean, hidden, gate = {}, {}, {}
    for k = 1, c do
      mean[k] = 0
      for i = 0, hw - 1 do mean[k] = mean[k] + x[(image * hw + i) * c + k] / hw end
    end
    for j = 1, s do
      hidden[j] = p.b1[j]
      for k = 1, c do hidden[j] = hidden[j] + p.w1[(j - 1) * c + k] * mean[k] end
      hidden[j] = math.max(0, hidden[j])
    end
    for k = 1, c do
      gate[k] = p.b2[k]
      for j = 1, s do gate[k] = gate[k] + p.w2[(k - 1) * s + j] * hidden[j] end
    end
    for i = 0, hw - 1 do
      for k = 1, c do y[(image * hw + i) * c + k] = x[(image * hw + i) * c + k] * logistic(gate[k]) end
    end
  end
  return y, { x.n, x.h, x.w, x.c }
end

TestSqueeze = check.layer {
  kind = "squeeze", allocates = true, tolerance = { forward = 1e-5, backward = 1e-3 }, oracle = squeeze,
  cases = { { input = { 2, 3, 4, 6 } }, { input = { 1, 2, 2, 3 }, options = { ratio = 3 } } },
}

TestProduct = check.layer {
  kind = "product", allocates = true, tolerance = { forward = 1e-6, backward = 1e-4 },
  oracle = function(inputs) return map(inputs[1], function(x, i) return x * inputs[2][i] end) end,
  cases = { { input = { 2, 3, 2, 4 }, split = 2, inputs = { 1, 2 } }, { input = { 1, 2, 2, 2 }, inputs = { 0, 0 } } },
}

local rows = { { .5, .5, .2, .2, 0, 0 } }
TestCount = check.loss {
  kind = "count", allocates = true, tolerance = { forward = 1e-5, backward = 1e-3 },
  oracle = function(x, truth, o)
    local sum, size = 0, x.h * x.w * x.c
    for i = 1, x.n do
      local d = -#truth[i]
      for k = 1, size do d = d + x[(i - 1) * size + k] end
      sum = sum + math.log((math.exp(d) + math.exp(-d)) / 2)
    end
    return { count = (o and o.weight or 1) * sum }
  end,
  cases = { { input = { 2, 2, 2, 1 }, truth = { { rows[1], rows[1] }, {} } },
    { input = { 1, 1, 2, 2 }, truth = { { rows[1] } }, options = { weight = 3 } } },
}

-- ---- yl.gradcheck ----------------------------------------------------------------------------------------------------------------

TestGradcheck = {}

function TestGradcheck.testRightOnes()
  local specs = { { "gelu", options = { k = 2 } }, { "scale" }, { "squeeze", options = { ratio = 3 } }, { "product", inputs = 2 },
    { "count", input = { 2, 2, 2, 1 }, truth = { rows, {} } }, { "activation", options = { activation = "leaky" } },
    { "conv2d", options = { filters = 3 } }, { "batchnorm" }, { "softmax", input = { 1, 1, 1, 5 }, truth = { rows } } }
  for _, spec in ipairs(specs) do
    local report = yl.gradcheck(spec)
    t.assertTrue(report.places >= 5 and report.worst < 1e-2, spec[1] .. ": " .. report.worst)
  end
end

local function twin(name, change)
  local d = {}
  for key, value in pairs(yl.layer.kinds.scale) do d[key] = value end
  d.name = name
  change(d)
  return yl.layer(setmetatable(d, nil))
end

function TestGradcheck.testWrongOnes()
  local function scaled(f)
    twin("wrong", function(d) d.backward = f end)
    local ok, message = pcall(yl.gradcheck, { "wrong" })
    t.assertFalse(ok)
    return message
  end
  t.assertStrMatches(scaled(function(l, x, _, dy, dx)
    if dx then dx:copy_(dy):mul_(l.parameters.scale):mul_(1.03) end
    if l.gradients.scale then l.gradients.scale:add_((x * dy):reshape(-1, 6):sum(1)) end
  end), "gradcheck: wrong: dx: element %d+ is .*, but differences give .*")
  t.assertStrContains(scaled(function(l, x, _, dy, dx)
    if dx then dx:copy_(dy):mul_(l.parameters.scale) end
    if l.gradients.scale then l.gradients.scale:sub_((x * dy):reshape(-1, 6):sum(1)) end
  end), "gradcheck: wrong: dscale: element")
  t.assertStrContains(scaled(function(l, x, _, dy, dx)
    dx:copy_(dy):mul_(l.parameters.scale)
    if l.gradients.scale then l.gradients.scale:add_((x * dy):reshape(-1, 6):sum(1)) end
  end), "gradcheck: wrong: without an input gradient: ")
  t.assertStrContains(scaled(function(l, x, _, dy, dx)
    if dx then dx:copy_(dy):mul_(l.parameters.scale) end
    l.gradients.scale:add_((x * dy):reshape(-1, 6):sum(1))
  end), "gradcheck: wrong: with frozen parameters: ")
end

-- Outputs and gradients arrive as zeros: adding is as good as writing, in a second call as well.
function TestGradcheck.testAdding()
  yl.layer {
    name = "adder", reads = "x", parameters = function(_, x) return { { "gain", "scale", { x.c } } } end,
    forward = function(l, x, y) y:addmul_(x, l.parameters.gain):add_(x) end,
    backward = function(l, x, _, dy, dx)
      if dx then dx:addmul_(dy, l.parameters.gain):add_(dy) end
      local g = l.gradients.gain
      if g then g:add_((x * dy):sum { 1, 2, 3 }) end
    end,
  }
  local report = yl.gradcheck { "adder" }
  t.assertTrue(report.places > 60 and report.worst < 1e-3)
end

function TestGradcheck.testKinks()
  yl.layer { name = "stairs", forward = function(_, x, y) y:copy_(x):mul_(20):floor_() end, backward = function() end }
  t.assertErrorMsgContains("no slope at", yl.gradcheck, { "stairs" })
  t.assertErrorMsgContains("unknown layer 'stair', did you mean 'stairs'?", yl.gradcheck, { "stair" })
end

-- ---- in a network ----------------------------------------------------------------------------------------------------------------

local function net_of(...) return core.net { h = 4, w = 4, c = 3, layers = { ... } } end

TestNetwork = {}

function TestNetwork.testNamesOptionsAndRanges()
  local net = net_of({ "conv2d", filters = 4 }, { "scale", start = 0.25 }, { "gelu" }, { "squeeze", name = "se" })
  local names = {}
  for i, layer in ipairs(net:layers()) do names[i] = layer.name end
  t.assertEquals(names, { "conv1", "scale1", "gelu1", "se" })
  t.assertEquals(net:layers()[2].options, { start = "0.25" })
  t.assertEquals(net:layers()[3].flops, 4 * 4 * 4 * 4)
  t.assertEquals(net:get "scale1.scale", { 0.25, 0.25, 0.25, 0.25 })
  local kinds = {}
  for _, r in ipairs(net:ranges()) do kinds[r.name] = { r.kind, table.unpack(r.dims) } end
  t.assertEquals(kinds["se.w1"], { "weight", 2, 4 })
  t.assertEquals(kinds["se.b2"], { "bias", 4 })
  t.assertEquals(kinds["scale1.scale"], { "scale", 4 })
  local sum = 0
  for _, v in ipairs(net:get "se.w1") do sum = sum + math.abs(v) end
  t.assertTrue(sum > 0) -- drawn
  t.assertEquals(net:get "se.b1", { 0, 0 })
end

function TestNetwork.testOptionsAreChecked()
  t.assertErrorMsgContains("unknown option 'strat', did you mean 'start'?", net_of, { "scale", strat = 1 })
  t.assertErrorMsgContains("unknown option 'beta', did you mean 'k'?", net_of, { "gelu", beta = 1 })
  t.assertErrorMsgContains("option 'k': expected a number in 0..100, got -1", net_of, { "gelu", k = -1 })
  t.assertErrorMsgContains("option 'ratio': expected an integer in 1..1024, got 'many'", net_of, { "squeeze", ratio = "many" })
  t.assertErrorMsgContains("unknown layer 'gleu', did you mean 'gelu'?", net_of, { "gleu" })
  t.assertErrorMsgContains("expected 2 to 2 inputs, got 1", net_of, { "product" })
  t.assertErrorMsgContains("expected inputs of equal channels, got 3 and 5", net_of, { "conv2d", filters = 5 },
    { "product", inputs = { 0, 1 } })
end

-- Decay takes weights only; a frozen layer has no gradient, keeps its bits and runs as in inference; masks and averages hold.
function TestNetwork.testStepAndFreeze()
  local net = net_of({ "scale", inputs = { 0 } }, { "squeeze" })
  local function step(extra)
    local plan <close> = net:plan { mode = "train" }
    local zeros = core.tensor.zeros({ 4 * 4 * 3 }, "f32"):totable()
    plan:input(zeros)
    plan:forward()
    plan:backward(zeros)
    local o = { rule = "sgd", lr = 0.1, momentum = 0, decay = 0.5, images = 1 }
    for key, value in pairs(extra or {}) do o[key] = value end
    core.step(net, o)
  end
  local w, s = net:get "squeeze1.w1", net:get "scale1.scale"
  step { ema = 0.5 }
  t.assertAlmostEquals(net:get "squeeze1.w1"[1], w[1] * (1 - 0.1 * 0.5), 1e-6)
  t.assertEquals(net:get "scale1.scale", s)
  t.assertNotEquals(net:get("squeeze1.w1", "ema"), net:get "squeeze1.w1")
  net:freeze "squeeze1"
  w = net:get "squeeze1.w1"
  step()
  t.assertEquals(net:get "squeeze1.w1", w)
  net:set("squeeze1.w2", { 0, 0, 0 }, "mask")
  net:freeze "none"
  step()
  t.assertEquals(net:get "squeeze1.w2", { 0, 0, 0 })
end

-- The state of one plan's step is not another's; a frozen layer is told "infer"; a layer of statistics moves them.
function TestNetwork.testModesAndStatistics()
  local seen = {}
  yl.layer {
    name = "meter", reads = "none",
    parameters = function(_, x) return { { "mean", "statistic", { x.c } }, { "gain", "scale", { 1 } } } end,
    forward = function(l, x, y)
      seen[#seen + 1] = { mode = l.mode, count = l.state.count, step = l.step, name = l.name }
      l.state.count = (l.state.count or 0) + 1
      if l.update_statistics then l.parameters.mean:mul_(0.5):add_(x:reshape(-1, #l.parameters.mean):mean(1) * 0.5) end
      y:copy_(x)
    end,
    backward = function(_, x, y, dy, dx)
      t.assertNil(x)
      t.assertNil(y)
      if dx then dx:copy_(dy) end
    end,
  }
  local net = net_of { "meter", inputs = { 0 } }
  local ones = core.tensor.zeros({ 48 }, "f32"):fill_(1):totable()
  local a, b = net:plan { mode = "train" }, net:plan { mode = "train" }
  for _, plan in ipairs { a, a, b } do
    plan:input(ones)
    plan:forward { step = 9 }
  end
  t.assertEquals(seen[2], { mode = "train", count = 1, step = 9, name = "meter1" })
  t.assertNil(seen[3].count)
  t.assertEquals(net:get "meter1.mean", { 0.875, 0.875, 0.875 })
  net:freeze "all"
  local frozen = net:plan { mode = "train", whole_gradient = true }
  frozen:input(ones)
  frozen:forward()
  frozen:backward(ones)
  t.assertEquals(seen[4].mode, "infer")
  t.assertEquals(net:get "meter1.mean", { 0.875, 0.875, 0.875 })
end

-- Frozen means free: backward is asked for what somebody needs, and not at all where nobody does.
function TestNetwork.testBackwardOnlyWhereItIsNeeded()
  local calls = {}
  twin("watched", function(d)
    local backward = d.backward
    d.backward = function(l, x, y, dy, dx)
      calls[#calls + 1] = ("%s dx %s, scale %s"):format(l.name, dx and "yes" or "no", l.gradients.scale and "yes" or "no")
      backward(l, x, y, dy, dx)
    end
  end)
  local net = net_of({ "watched", inputs = { 0 } }, { "watched" }, { "watched" })
  local function asked(pattern)
    calls = {}
    net:freeze(pattern)
    local plan <close> = net:plan { mode = "train" }
    local zeros = core.tensor.zeros({ 48 }, "f32"):totable()
    plan:input(zeros)
    plan:forward()
    plan:backward(zeros)
    return calls
  end
  t.assertEquals(asked "none", { "watched3 dx yes, scale yes", "watched2 dx yes, scale yes", "watched1 dx no, scale yes" })
  t.assertEquals(asked "watched1", { "watched3 dx yes, scale yes", "watched2 dx no, scale yes" })
  t.assertEquals(asked "watched2", { "watched3 dx yes, scale yes", "watched2 dx yes, scale no", "watched1 dx no, scale yes" })
  t.assertEquals(asked "watched1,watched2", { "watched3 dx no, scale yes" })
end

-- Another kind of the same name: networks keep the one that they were built with.
function TestNetwork.testReplacing()
  local function plus(k)
    yl.layer { name = "plus", forward = function(_, x, y) y:copy_(x):add_(k) end, backward = function(_, _, _, dy, dx) dx:copy_(dy) end }
    return core.net { h = 1, w = 1, c = 1, layers = { { "plus", inputs = { 0 } } } }
  end
  local one, two = plus(1), plus(2)
  collectgarbage()
  for k, net in ipairs { one, two } do
    local plan = net:plan {}
    plan:input { 10 }
    plan:forward()
    t.assertEquals((plan:output(1)), { 10 + k })
  end
end

function TestNetwork.testInsideACoroutineAndItself()
  local inner = net_of { "gelu", inputs = { 0 } }
  local inner_plan = inner:plan {}
  yl.layer { name = "nested", forward = function(_, x, y)
    inner_plan:input(x:reshape(-1):totable())
    inner_plan:forward()
    y:copy_(yl.tensor((inner_plan:output(1))):reshape(x:shape()))
  end, backward = function() end }
  local plan = net_of { "nested", inputs = { 0 } }:plan {}
  local out = coroutine.wrap(function()
    plan:input(core.tensor.zeros({ 48 }, "f32"):fill_(2):totable())
    plan:forward()
    return (plan:output(1))
  end)()
  t.assertAlmostEquals(out[48], 2 * logistic(1.702 * 2), 1e-6)
end

-- ---- what may go wrong -----------------------------------------------------------------------------------------------------------

TestFailures = {}

local function failing(change)
  twin("failing", change)
  local net = net_of { "failing", inputs = { 0 } }
  local plan = net:plan { mode = "train" }
  local zeros = core.tensor.zeros({ 48 }, "f32"):totable()
  local ok, message = pcall(function()
    plan:input(zeros)
    plan:forward()
    plan:backward(zeros)
  end)
  t.assertFalse(ok)
  twin("failing", function() end) -- the next network has the good one; this one still stands
  t.assertTrue(pcall(net.plan, net, { mode = "infer" }))
  return message
end

function TestFailures.testOneSentenceWithPlaceAndTrace()
  local function helper(x) return x.nothing.at_all end
  local message = failing(function(d) d.forward = function(l) return (helper(l)) end end)
  t.assertStrMatches(message, ".-layer%.lua:%d+: failing1 forward: .-layer%.lua:%d+: attempt to index a nil value %(field 'nothing'%)"
    .. " %(called from .-layer%.lua:%d+%)")
  t.assertStrContains(failing(function(d) d.backward = function() error("no luck", 0) end end), "failing1 backward: no luck (called from ")
  t.assertStrContains(failing(function(d) d.forward = function(_, x, y) y:copy_(x:reshape(-1)) end end), "failing1 forward: ")
  t.assertStrContains(failing(function(d) d.forward = function() coroutine.yield() end end), "attempt to yield")
end

-- Tensors of a call are invalid afterwards, even after a failure, and so are views of them.
function TestFailures.testTensorsDie()
  local kept = {}
  failing(function(d)
    d.forward = function(l, x, y)
      kept = { x, y, l.parameters.scale, x:reshape(-1) }
      error "stop"
    end
  end)
  twin("keeper", function(d)
    local backward = d.backward
    d.backward = function(l, x, y, dy, dx)
      table.move({ dy, l.gradients.scale }, 1, 2, #kept + 1, kept)
      backward(l, x, y, dy, dx)
    end
  end)
  local plan = net_of { "keeper", inputs = { 0 } }:plan { mode = "train" }
  local zeros = core.tensor.zeros({ 48 }, "f32"):totable()
  plan:input(zeros)
  plan:forward()
  plan:backward(zeros)
  t.assertEquals(#kept, 6)
  for _, tensor in ipairs(kept) do
    t.assertFalse(tensor:alive())
    t.assertErrorMsgContains("this tensor is no longer valid: it was only valid during the call", tensor.sum, tensor)
    t.assertErrorMsgContains("no longer valid", tensor.fill_, tensor, 1)
  end
end

-- After a failure the network is what it was: the next call of the same plan is right.
function TestFailures.testThePlanStaysUsable()
  local bad = true
  twin("moody", function(d)
    local forward = d.forward
    d.forward = function(l, x, y)
      if bad then error "not now" end
      forward(l, x, y)
    end
  end)
  local plan = net_of { "moody", inputs = { 0 }, start = 3 }:plan {}
  plan:input(core.tensor.zeros({ 48 }, "f32"):fill_(2):totable())
  t.assertErrorMsgContains("moody1 forward", plan.forward, plan)
  bad = false
  plan:forward()
  t.assertEquals((plan:output(1))[1], 6)
end

local function refused(expected, change)
  t.assertErrorMsgContains(expected, twin, "refused", change)
end

function TestFailures.testDescriptors()
  refused("yl.layer has no option 'forwrad', did you mean 'forward'?", function(d) d.forwrad = d.forward end)
  refused("expected forward, or loss", function(d) d.forward = nil end)
  refused("'reads' says what backward reads", function(d) d.backward, d.reads = nil, "x" end)
  refused("a loss gives dx itself", function(d) d.loss = function() end end)
  refused("field 'name': the key is taken", function(d) d.fields = { { "name", "string" } } end)
  refused("field 'a': expected a type", function(d) d.fields = { { "a", "integer" } } end)
  refused("option 'a': expected an integer, got 'x'", function(d) d.fields = { { "a", "int", "x" } } end)
  refused("an enum needs choices", function(d) d.fields = { { "a", "enum", "x" } } end)
  refused("layer 'conv2d': yolua has a layer of that name; choose another", function(d) d.name = "conv2d" end)
  refused("layer 'convolutional': a Darknet section has that name", function(d) d.name = "convolutional" end)
  refused("expected name = a word", function(d) d.name = "my layer" end)
  refused("field 'a': unknown entry 'least'", function(d) d.fields = { { "a", "int", 1, least = 0 } } end)
  refused("'inputs': expected how many, or {least, most}, got {3, 1}", function(d) d.inputs = { 3, 1 } end)
  refused("'inputs': expected how many, or {least, most}, got {1.5}", function(d) d.inputs = 1.5 end)
  refused("option 'reads': expected one of xy|x|y|none, got 'z'", function(d) d.reads = "z" end)
end

local function unbuildable(expected, change)
  twin("unbuildable", change)
  local ok, message = pcall(net_of, { "unbuildable", inputs = { 0 } })
  t.assertFalse(ok)
  t.assertStrMatches(message, ".*layer%.lua:%d+: unbuildable1 %l+: .*layer%.lua:%d+: .*") -- whose, and where the function stands
  t.assertStrContains(message, expected)
end

function TestFailures.testAnswers()
  unbuildable("expected the shape {h=, w=, c=}, got a number", function(d) d.shape = function() return 3 end end)
  for text, c in pairs { x = "x", ["0"] = 0, ["-3"] = -3, ["2.5"] = 2.5, ["2.0"] = 2.0, inf = math.huge, ["true"] = true } do
    unbuildable("the shape's 'c': expected a whole number from 1, got " .. text, function(d) d.shape = function() return { c = c } end end)
  end
  unbuildable("the shape has an unknown key 'channels'", function(d) d.shape = function() return { channels = 3 } end end)
  unbuildable("the shape's 'n' is the input's 1 and cannot change, got 2", function(d) d.shape = function() return { n = 2 } end end)
  unbuildable("expected a list of parameters, got a nil", function(d) d.parameters = function() end end)
  unbuildable("expected a list of parameters, got an entry 'w'", function(d) d.parameters = function() return { w = { 1 } } end end)
  unbuildable("parameter 1: unknown entry 'start'", function(d)
    d.parameters = function() return { { "w", "weight", { 1 }, start = 2 } } end
  end)
  unbuildable("parameter 'w': init: expected zero, one, fan_in or a number, got inf",
    function(d) d.parameters = function() return { { "w", "weight", { 1 }, init = math.huge } } end end)
  unbuildable("parameter 'w': expected weight, bias, scale or statistic, got wait",
    function(d) d.parameters = function() return { { "w", "wait", { 1 } } } end end)
  unbuildable("parameter 'w': size 1: expected a whole number from 1, got 0",
    function(d) d.parameters = function() return { { "w", "weight", { 0 } } } end end)
  unbuildable("at most 8 parameters, got 9", function(d)
    d.parameters = function()
      local list = {}
      for i = 1, 9 do list[i] = { "w" .. i, "weight", { 1 } } end
      return list
    end
  end)
  unbuildable("two parameters are named 'w'", function(d)
    d.parameters = function() return { { "w", "bias", { 1 } }, { "w", "bias", { 1 } } } end
  end)
  unbuildable("attempt to index a nil value", function(d) d.parameters = function(_, x) return x.no.such end end)
end

-- What a layer's function asks of the network that is running it is refused, whoever is running: plans and memory stay as they are.
function TestFailures.testAskingTheRunningNetwork()
  local net, plan, other, ask
  local requests = {
    close = function() net:close() end,
    ["close of a plan"] = function() plan:close() end,
    ["close of another plan"] = function() other:close() end,
    freeze = function() net:freeze "all" end,
    drop = function() net:drop "grad" end,
    plan = function() return net:plan { batch = 64 } end,
    input = function() other:input { 0 } end,
    forward = function() other:forward() end,
    loss = function() plan:loss { {} } end,
    backward = function() plan:backward() end,
    step = function() core.step(net, { lr = 1 }) end,
  }
  local function layer(name)
    return { name = name, reads = "x", shape = function(_, x) if ask == "shape" then net:close() end return x end,
      parameters = function(_, x)
        if ask == "parameters" then net:close() end
        return { { "scale", "scale", { x.c } } }
      end,
      forward = function(l, x, y)
        if requests[ask] and l.mode == "train" then requests[ask]() end
        y:copy_(x)
      end,
      backward = function(_, _, _, dy, dx)
        if ask == "in backward" then net:close() end
        if dx then dx:copy_(dy) end
      end }
  end
  yl.layer(layer "asking")
  net = net_of { "asking", inputs = { 0 } }
  plan, other = net:plan { mode = "train" }, net:plan { batch = 2 }
  local zeros = yl.zeros { 48 }:totable()
  local function run()
    plan:input(zeros)
    plan:forward()
    plan:backward(zeros)
  end
  for what in pairs(requests) do
    ask = what
    local ok, message = pcall(run)
    t.assertFalse(ok, what)
    t.assertStrMatches(message, ".*asking1 forward: .*layer%.lua:%d+: " .. what:match "^%w+"
      .. ": the network is in the middle of its work here.*")
    t.assertNotStrContains(message, "\n")
  end
  ask = "in backward"
  t.assertStrMatches(select(2, pcall(run)), ".*asking1 backward: .*close: the network is in the middle of its work.*")
  ask = "shape"
  t.assertStrMatches(select(2, pcall(net.layers, net)), ".*asking1 shape: .*close: the network is in the middle of its work.*")
  t.assertStrMatches(select(2, pcall(net.plan, net, {})), ".*asking1 shape: .*close: the network is in the middle of its work.*")
  ask = "parameters"
  t.assertStrMatches(select(2, pcall(net.plan, net, { h = 8, w = 8 })),
    ".*asking1 parameters: .*close: the network is in the middle of its work.*")
  ask = nil
  run() -- nothing is broken
  t.assertFalse(net:ranges()[1].frozen)
  net:close()
end

function TestFailures.testLosses()
  local function loss_of(f)
    yl.layer { name = "badloss", parts = { "a", "b" }, loss = f }
    local plan = core.net { h = 1, w = 1, c = 1, layers = { { "badloss", inputs = { 0 } } } }:plan { mode = "train" }
    plan:input { 0 }
    plan:forward()
    local ok, message = pcall(plan.loss, plan, { {} })
    t.assertFalse(ok)
    return message
  end
  t.assertStrMatches(loss_of(function() end), ".*: badloss1 loss: .*layer%.lua:%d+: expected the loss to return {part = sum}, got a nil")
  t.assertStrContains(loss_of(function() return { a = 1 } end), "expected the loss to return {b = number}, got a nil")
  t.assertStrContains(loss_of(function() return { a = 1, b = "2" } end), "expected the loss to return {b = number}, got a string")
  t.assertStrContains(loss_of(function() return { a = 1, b = 2, c = 3 } end), "returned a part 'c' that 'parts' does not list")
end

-- What a function returns is used or refused; what it assigns to its call would be lost, and is refused.
function TestFailures.testReturnedAndAssigned()
  local function said(pattern, change) t.assertStrMatches(failing(change), ".*: failing1 %l+: .*layer%.lua:%d+: " .. pattern .. ".*") end
  local unused = "what it returned is not used; expected the result to be written into "
  said(unused .. "y, as in y:copy_%(result%)", function(d) d.forward = function(_, x) return x:sigmoid() end end)
  said(unused .. "y", function(d) d.forward = function(_, x, y) y:copy_(x) return true end end)
  said(unused .. "dx", function(d) d.backward = function(_, _, _, dy) return dy * 2 end end)
  said("nothing was written into y", function(d) d.forward = function() end end)
  said("nothing was written into y", function(d) d.forward = function(_, x) local _ = x:sigmoid() end end)
  said("l.y cannot be assigned: write into it, as in y:copy_%(result%)", function(d) d.forward = function(l, x) l.y = x:sigmoid() end end)
  said("l.note cannot be assigned", function(d) d.forward = function(l) l.note = 1 end end)
  said("l.state cannot be assigned: keep values in it, as in l.state.NAME = value",
    function(d) d.forward = function(l) l.state = {} end end)
  said("l.parameters.scale cannot be assigned", function(d) d.forward = function(l, x) l.parameters.scale = x end end)
  said("l.inputs%[1%] cannot be assigned", function(d) d.forward = function(l, x) l.inputs[1] = x end end)
  said("l.options.x cannot be assigned", function(d) d.forward = function(l) l.options.x = 1 end end)
  said("l.gradients.scale cannot be assigned: write into it, as in l.gradients.NAME:copy_%(result%)",
    function(d) d.backward = function(l, _, _, dy) l.gradients.scale = dy end end)
  twin("returning", function(d)
    d.forward = function(_, x, y) return y:copy_(x) end -- what was written into may be returned
    d.backward = function(_, _, _, dy, dx) return dx and dx:copy_(dy) end
  end)
  t.assertAlmostEquals(yl.gradcheck { "returning" }.worst, 0, 1e-3)
end

function TestFailures.testGradcheckOfNothing()
  twin("nothing", function(d)
    d.forward = function(_, x) local _ = x:sigmoid() end
    d.backward = function() end
  end)
  t.assertErrorMsgContains("nothing was written into y", yl.gradcheck, { "nothing" })
  twin("nothing", function(d) d.backward = function() end end)
  t.assertErrorMsgContains("gradcheck: nothing: dx: element 1 is 0", yl.gradcheck, { "nothing" })
end

-- ---- files -----------------------------------------------------------------------------------------------------------------------

TestFiles = {}

local CFG = [[
[net]
width=4
height=4
channels=3

[convolutional]
filters=4
size=1
activation=linear

[gelu]
k=2

[squeeze]

[product]
layers=-1,-2
]]

local function temporary(suffix)
  local path = os.tmpname()
  os.remove(path)
  return path .. suffix
end

-- A cfg may name such a layer, and its numbers stand in the weights as the layer has them; but the files that are written are for
-- other readers of Darknet's too.
function TestFiles.testCfgAndWeights()
  local net = core.darknet.parse_cfg(CFG, "own.cfg")
  t.assertEquals(net:layers()[2].options.k, "2")
  t.assertEquals(net:layers()[4].inputs, { 3, 2 })
  local numbers, parts = 0, { string.pack("<i4i4i4i8", 0, 2, 5, 0) }
  for _, r in ipairs(net:ranges()) do numbers = numbers + r.count end
  for i = 1, numbers do parts[i + 1] = string.pack("<f", i) end
  core.darknet.parse_weights(net, table.concat(parts), "own.weights")
  t.assertEquals(net:get "conv1.bias", { 1, 2, 3, 4 })
  local own = net:ranges()[#net:ranges()]
  local last = net:get(own.name)
  t.assertEquals({ own.name:match "^squeeze1" , last[#last] }, { "squeeze1", numbers })
  local path = temporary ""
  for _, ending in ipairs { ".cfg", ".weights" } do
    t.assertErrorMsgContains("gelu1: Darknet has no layer gelu: a checkpoint (.safetensors) keeps it",
      core.darknet["save_" .. ending:sub(2)], net, path .. ending)
    t.assertNil(core.files.kind(path .. ending))
  end
  local model = require("yolua.model").new { net = net, names = {}, path = "own.cfg" }
  for _, to in ipairs { path .. ".weights", path .. "/" } do
    t.assertErrorMsgContains("gelu1: Darknet has no layer", model.save, model, to)
  end
  t.assertNil(core.files.kind(path))
end

function TestFiles.testCfgComplaints()
  t.assertErrorMsgContains("own.cfg:12: option 'k': expected a number in 0..100, got", core.darknet.parse_cfg,
    (CFG:gsub("k=2", "k=many")), "own.cfg")
  t.assertErrorMsgContains("own.cfg:11: unknown section [gleu], did you mean [gelu]?", core.darknet.parse_cfg,
    (CFG:gsub("%[gelu%]", "[gleu]")), "own.cfg")
end

function TestFiles.testMisspeltKeysOfACfg()
  t.assertErrorMsgContains("own.cfg:12: gelu: unknown option 'beta', did you mean 'k'?", core.darknet.parse_cfg,
    (CFG:gsub("k=2", "beta=2")), "own.cfg")
  t.assertErrorMsgContains("own.cfg:15: squeeze: unknown option 'ratoi', did you mean 'ratio'?", core.darknet.parse_cfg,
    (CFG:gsub("%[squeeze%]\n", "[squeeze]\nratoi=4\n")), "own.cfg")
end

-- A checkpoint keeps names and options; who does not know the layer is told which one, who does gets the same numbers.
function TestFiles.testCheckpoint()
  local structure = require "yolua.model.structure"
  local Model = require "yolua.model"
  local net = core.darknet.parse_cfg(CFG, "own.cfg")
  net:init(5)
  local path = temporary ".safetensors"
  local model = Model.new { net = net, names = {}, path = "own.cfg" }
  model:save(path)
  t.assertNotStrContains(core.system.read(path), "sigmoid") -- no code
  local again = yl.load { model = path }
  t.assertEquals(again:checksum(), model:checksum())
  t.assertEquals(structure.of(again.net).layers, structure.of(net).layers)
  os.remove(path)
end

function TestFiles.testCodeHasAHash()
  local code = yl.layer.code
  local function hash(k)
    yl.layer { name = "hashed", forward = load("return function(_, x, y) y:copy_(x):mul_(" .. k .. ") end")(),
      backward = function() end }
    return code { layers = { { kind = "hashed" }, { kind = "conv2d" } } }
  end
  t.assertEquals(hash(2), hash(2))
  t.assertNotEquals(hash(2), hash(3))
  t.assertNil(code { layers = { { kind = "conv2d" } } })
end

function TestFiles.testHelp()
  local page = require("yolua.help.pages").page "gelu"
  t.assertStrContains(page, "layer gelu\nGaussian error linear unit")
  t.assertStrMatches(page, ".*k +steepness %(number 0%.%.100; default 1%.702%)")
end

os.exit(t.LuaUnit.run())
