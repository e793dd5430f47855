-- net:forward: a network on tensors gives what its plans give, and the gradients that they compute.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local function fails(sentence, f, ...)
  local ok, e = pcall(f, ...)
  t.assertFalse(ok, sentence)
  t.assertStrContains(tostring(e), sentence)
end

local program = require "support.program"
local top = program.new_folder()
core.files.make_folder(top)

local function model(name, cfg, classes)
  local path = ("%s/%s.cfg"):format(top, name)
  core.system.write(path, cfg)
  local names = {}
  for i = 1, classes or 0 do names[i] = "c" .. i .. "\n" end
  core.system.write(top .. "/x.names", table.concat(names))
  return yl.load { cfg = path, names = classes and top .. "/x.names" or nil }
end

-- A body with a branch, batch-norms, a shortcut, dropout and a pool, without a loss.
local BODY = [[
[net]
width=16
height=16
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=8
size=3
pad=1
activation=swish

[shortcut]
from=-2
activation=linear

[route]
layers=-1,-3

[dropout]
probability=.3

[convolutional]
filters=6
size=1
activation=linear
]]

local HEADS = BODY:gsub("filters=6\n", "filters=18\n") .. [[

[yolo]
mask=0
anchors=4,4, 8,8
classes=13
num=2

[route]
layers=-3

[upsample]
stride=2

[convolutional]
filters=18
size=1
activation=linear

[yolo]
mask=1
anchors=4,4, 8,8
classes=13
num=2
]]

local function input(n) return yl.rand { n, 16, 16, 3, seed = 4 } end

local function off(a, b) return (a - b):abs():max() / math.max(1e-6, b:abs():max()) end

local function output_of(plan, layer)
  local numbers, shape = plan:output(layer)
  return yl.tensor(numbers):reshape(table.unpack(shape))
end

-- The gradients of a training plan, of dy at its last layer: by parameter, and of the input under 0.
local function plan_gradients(net, x, dy, step)
  local plan = net.net:plan { mode = "train", batch = #x, keep = true, whole_gradient = true, algorithm = "predicted" }
  net.net:zero "grad"
  plan:feed(x)
  plan:forward(step)
  local y = output_of(plan, #net.layers)
  plan:backward(dy:reshape(-1):totable())
  local numbers, shape = plan:gradient(0)
  local found = { [0] = yl.tensor(numbers):reshape(table.unpack(shape)) }
  for _, r in ipairs(net.net:ranges()) do
    if r.kind ~= "statistic" then found[r.name] = yl.tensor(net.net:get(r.name, "grad")) end
  end
  plan:close()
  return y, found
end

TestForward = {}

function TestForward.tearDownClass() os.execute("rm -rf '" .. top .. "'") end

function TestForward.testInference()
  local net = model("heads", HEADS, 13)
  local x = input(2)
  local plan = net.net:plan { mode = "infer", batch = 2, keep = true }
  plan:feed(x)
  plan:forward {}
  local first, second, third = net:forward(x)
  t.assertNil(third)
  t.assertEquals({ first:shape(), second:shape() }, { { 2, 8, 8, 18 }, { 2, 16, 16, 18 } })
  t.assertFalse(first.requires_grad)
  t.assertTrue(off(first, output_of(plan, "conv3")) < 1e-5)
  t.assertTrue(off(second, output_of(plan, "conv4")) < 1e-5)
  local pooled, decoded = net:forward(x, { layers = { "maxpool1", "yolo1" } })
  t.assertTrue(off(pooled, output_of(plan, "maxpool1")) < 1e-5)
  t.assertTrue(off(decoded, output_of(plan, "yolo1")) < 1e-5)
end

-- In training: batch statistics, dropout by seed and step, running statistics that move, and every gradient.
function TestForward.testGradients()
  local net, same = model("body", BODY), model("body", BODY)
  local x, dy = input(3), yl.randn { 3, 8, 8, 6, seed = 8 }
  local y, want = plan_gradients(same, x, dy, { seed = 5, step = 7 })
  t.assertTrue(rawequal(net:requires_grad_(), net))
  collectgarbage() -- what was asked for stays
  x.requires_grad = true
  local got = net:forward(x, { mode = "train", seed = 5, step = 7 })
  t.assertTrue(off(got:detach(), y) < 1e-5);
  (got * dy):sum():backward()
  t.assertTrue(off(x.grad, want[0]) < 1e-4)
  local checked = 0
  for _, r in ipairs(net.net:ranges()) do
    local layer, name = r.name:match "^(.+)%.([^.]+)$"
    local tensor = net.layers[layer][name]
    if r.kind == "statistic" then
      t.assertTrue(off(tensor, same.layers[layer][name]) < 1e-6, r.name)
      t.assertFalse(tensor.requires_grad)
    else
      t.assertTrue(off(tensor.grad:reshape(-1), want[r.name]) < 1e-4, r.name)
    end
    checked = checked + 1
  end
  t.assertEquals(checked, 12)
end

-- By differences: a loss of two heads, in inference, with respect to the input and to a parameter.
function TestForward.testDifferences()
  local net = model("heads", HEADS, 13)
  local x = input(1)
  local function loss(a)
    local first, second = net:forward(a)
    return (first * first):mean() + second:tanh():mean()
  end
  local dx = yl.grad(loss)(x)
  local w = net:requires_grad_().layers.conv4.weight
  loss(x):backward()
  local function slope(tensor, at, step)
    return yl.no_grad(function()
      local flat = tensor:reshape(-1)
      local old = flat[at]
      local function sum(value)
        flat[at] = value
        return loss(x)
      end
      local d = (sum(old + step) - sum(old - step)) / (2 * step)
      flat[at] = old
      return d
    end)
  end
  local top_x, top_w = dx:abs():max(), w.grad:abs():max()
  for at = 1, 144, 13 do
    t.assertAlmostEquals(dx:reshape(-1)[at], slope(x, at, 1e-3), 0.02 * top_x)
    t.assertAlmostEquals(w.grad:reshape(-1)[at], slope(w, at, 1e-3), 0.02 * top_w)
  end
end

-- A training in three lines, of what is not frozen.
function TestForward.testTrains()
  local net = model("body", BODY):freeze "conv1*"
  net:requires_grad_()
  t.assertFalse(net.layers.conv1.weight.requires_grad)
  local x, before = input(2), nil
  for step = 1, 12 do
    local loss = (net:forward(x, { mode = "train", step = step }) - 1):abs():mean()
    before = before or loss:item()
    loss:backward()
    yl.no_grad(function()
      for _, layer in pairs(net.layers) do
        for _, w in pairs(layer) do
          if w.requires_grad then w:addmul_(w.grad, -0.1) end
          if w.requires_grad then w.grad = nil end
        end
      end
    end)
    if step == 12 then t.assertTrue(loss:item() < 0.7 * before, ("%g, then %g"):format(before, loss:item())) end
  end
  net:requires_grad_(false)
  t.assertFalse(net.layers.conv2.weight.requires_grad)
  t.assertFalse(net:forward(x).requires_grad)
end

yl.layer {
  name = "forward_own", parameters = function(_, x) return { { "a", "scale", { x.c }, init = "one" } } end,
  forward = function(l, x, y) x:mul((x * l.parameters.a):sigmoid(), y) end,
}

-- Layers of your own, and several forwards at once.
function TestForward.testOwnLayers()
  local net = model("own", BODY .. "\n[forward_own]\n")
  local x, z = input(1), input(1) * 0.5
  net:requires_grad_()
  local y = net:forward(x):sum() + net:forward(z):sum()
  y:backward()
  local both = net.layers.forward_own1.a.grad:clone()
  net.layers.forward_own1.a.grad = nil
  net:forward(x):sum():backward()
  net:forward(z):sum():backward()
  t.assertTrue(off(net.layers.forward_own1.a.grad, both) < 1e-5)
end

function TestForward.testErrors()
  local net = model("body", BODY)
  fails("net:forward: expected a tensor f32 {n, h, w, c}, got 3", net.forward, net, 3)
  fails("forward: expected f32 {n, h, w, 3}, such as {1, 16, 16, 3}, got f32 {1, 16, 16, 4}", net.forward, net, yl.zeros { 1, 16, 16, 4 })
  fails("expected f32 {n, h, w, c} as input 1, got u8", net.forward, net, yl.zeros({ 1, 16, 16, 3 }, "u8"))
  fails("conv9", net.forward, net, input(1), { layers = { "conv9" } })
  fails("has no option 'layer', did you mean 'layers'?", net.forward, net, input(1), { layer = "conv1" })
  fails("expected one of infer|train", net.forward, net, input(1), { mode = "trian" })
  fails("net:requires_grad_: expected true or false, got 3", net.requires_grad_, net, 3)
  fails("net:requires_grad_() asks for the gradients of its parameters", function() net.layers.conv1.weight.requires_grad = true end)
  net:requires_grad_()
  local w = net.layers.conv1.weight
  local y = net:forward(input(1)):sum()
  yl.no_grad(function() w:mul_(2) end)
  fails("'conv1' needs a value that was changed in place afterwards", function() y:backward() end)
  y = net:forward(input(1)):sum()
  net:close()
  fails("this tensor is no longer valid", function() y:backward() end)
  local decoded = model("heads", HEADS, 13):requires_grad_():forward(input(1), { layers = { "yolo1" } })
  fails("backward: 'yolo1' has no gradient", function() decoded:sum():backward() end)
end

os.exit(t.LuaUnit.run())
