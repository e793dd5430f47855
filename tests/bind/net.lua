-- Every misuse of networks, plans, steps and checkpoints from Lua ends in one sentence that says what was wrong, never in a crash.
local t = require "luaunit"
local core = require "yolua.core"

local function network(more)
  local layers = {
    { "conv2d", filters = 4, size = 3, pad = true, bias = false }, { "batchnorm", name = "conv1.bn" }, { "activation" },
    { "conv2d", filters = 7, size = 1 }, { "region", name = "head", classes = 2, num = 1, anchors = { 1, 1 } },
  }
  for _, layer in ipairs(more or {}) do layers[#layers + 1] = layer end
  return core.net { h = 8, w = 8, c = 3, seed = 3, layers = layers }
end

local function input(images)
  local x = {}
  for i = 1, images * 8 * 8 * 3 do x[i] = math.sin(i) end
  return x
end

-- Fails with that sentence, one line long.
local function refused(sentence, f, ...)
  local done, message = pcall(f, ...)
  t.assertFalse(done, sentence)
  t.assertStrContains(message, sentence)
  t.assertNotStrContains(message, "\n")
  t.assertNotStrContains(message, "bad argument #-") -- a place on the stack tells nobody anything
end

TestLooking = {}

function TestLooking.testParameters()
  local net = network()
  refused("the network has no parameter 'conv9.weight'", net.get, net, "conv9.weight")
  refused("slab 'gard' is unknown", net.get, net, "conv1.weight", "gard")
  refused("slab 'grad' holds nothing for conv1.bn.mean", net.get, net, "conv1.bn.mean", "grad")
  refused("conv1.bn.mean: expected 4 numbers, got 1", net.set, net, "conv1.bn.mean", { 1 })
  refused("slab 'grda' is unknown", net.zero, net, "grda")
  refused("net", net.get, {}, "conv1.weight")
end

function TestLooking.testClearingCountsAsAChange()
  local net = network()
  refused("unknown option 'mdoe', did you mean 'mode'?", net.plan, net, { mdoe = "infer" })
  refused("plan: option 'mode': expected one of infer|train, got 'trian', did you mean 'train'?", net.plan, net, { mode = "trian" })
  refused("unknown option 'sede', did you mean 'seed'?", core.loader, { sede = 1 })
  refused("unknown option 'lrr', did you mean 'lr'?", core.step, net, { lrr = 1 })
  refused("did you mean 'direct'?", net.plan, net, { batch = 1, algorithm = "driect" })
  local plan = net:plan { mode = "infer", batch = 1 }
  local x = {}
  for i = 1, 8 * 8 * 3 do x[i] = i / 100 end
  local function head()
    plan:input(x)
    plan:forward()
    return (plan:output "conv2" or plan:output "head")
  end
  head()
  net:zero "value" -- packed weights are packed anew
  for _, v in ipairs(head()) do t.assertTrue(v == 0 or v == 0.5 or math.abs(v - 1 / 2) < 1e-6, v) end
end

function TestLooking.testClosed()
  local net = network()
  local plan = net:plan { batch = 1 }
  net:close()
  net:close()
  refused("is closed", net.layers, net)
  refused("is closed", plan.output, plan, 1)
  plan:close()
  plan:close()
  refused("is closed", plan.forward, plan)
end

TestPlans = {}

function TestPlans.testOptions()
  local net = network()
  refused("expected a table of options, got 8", net.plan, net, 8)
  for _, batch in ipairs { 0, -1, 65537, math.maxinteger } do
    refused("option 'batch': expected an integer in 1..65536", net.plan, net, { batch = batch })
  end
  refused("'batch': expected an integer", net.plan, net, { batch = 1.5 })
  refused("expected the slab value or ema, got 'mask'", net.plan, net, { slab = "mask" })
  refused("expected the slab value or ema, got 'grad'", net.plan, net, { slab = "grad" })
  refused("'slab': expected a text, got 1", net.plan, net, { slab = 1 })
  refused("magic", net.plan, net, { algorithm = "magic" })
  refused("'mode': expected one of infer|train, got 'run'", net.plan, net, { mode = "run" })
  refused("'part': expected one of whole|body|tail, got 'tale'", net.plan, net, { part = "tale" })
  refused("plan: option 'h': expected an integer in 0..65536 (px), got -8", net.plan, net, { h = -8, w = 8 })
end

-- Each stage of a step needs the one before it; what was computed stays where other plans are made or the gradient is dropped.
function TestPlans.testOrder()
  local net = network()
  local plan = net:plan { mode = "train", batch = 2 }
  local x, boxes = input(2), { {}, { { 0.5, 0.5, 0.3, 0.3, 1, 0 } } }
  refused("forward: give the plan its input first", plan.forward, plan)
  refused("backward: run forward first", plan.backward, plan)
  refused("output: run forward first", plan.output, plan, "head")
  plan:input(x)
  refused("output: run forward first", plan.output, plan, "head")
  plan:forward()
  refused("backward: run loss first", plan.backward, plan)
  refused("gradient: run backward first", plan.gradient, plan, "conv1")
  plan:loss(boxes)
  plan:backward()
  refused("backward: run forward again: the last backward consumed its results", plan.backward, plan)
  local once = net:get("conv1.weight", "grad")
  net:zero "grad"
  plan:forward() -- the input is still there
  local bigger = net:plan { mode = "train", batch = 64, keep = true } -- what forward left moves with the arena
  plan:loss(boxes)
  plan:backward()
  t.assertEquals(net:get("conv1.weight", "grad"), once)
  plan:forward()
  plan:loss(boxes)
  net:drop "grad" -- and is made again
  plan:backward()
  t.assertEquals(net:get("conv1.weight", "grad"), once)
  bigger:close()
end

function TestPlans.testTruthOfNoRows()
  local layers = { { "conv2d", filters = 8 }, { "region", anchors = { 1, 1 }, classes = 3, num = 1 } }
  local net = core.net { h = 8, w = 8, c = 3, seed = 1, layers = layers }
  local plan = net:plan { mode = "train", batch = 2 }
  refused("loss: run forward first", plan.loss, plan, { {}, {} })
  plan:input(input(2))
  plan:forward()
  refused("truth: image 2: expected a list of rows, got a number", plan.loss, plan, { {}, 7 })
  refused("truth: expected 2 images, got 1", plan.loss, plan, { {} })
  refused("truth row: expected a list of 6 numbers, got row", plan.loss, plan, { { "row" }, {} })
  refused("truth row: expected a number at place 2, got true", plan.loss, plan, { { { 1, true, 3, 4, 5, 6 } }, {} })
  t.assertEquals(type(plan:loss({ {}, {} }).region1.box), "number")
end

function TestPlans.testNumbers()
  local net = network()
  local plan = net:plan { mode = "infer", batch = 1 }
  refused("input: expected 192 numbers, got 2", plan.input, plan, { 1, 2 })
  refused("the network has no layer 'conv9'", plan.output, plan, "conv9")
  refused("layer 6: expected 0..5", plan.output, plan, 6)
  refused("truth: expected 1 images, got 2", plan.loss, plan, { {}, {} })
  refused("truth row: expected 6 numbers, got 2", plan.loss, plan, { { { 1, 2 } } })
  refused("backward: the plan was made for inference", plan.backward, plan)
  t.assertNil(plan:algorithm(0, "forward")) -- the input has none
  t.assertEquals(type(plan:algorithm("conv1", "forward")), "string")
  t.assertEquals({ plan:seconds(0) }, { 0, 0 })
  local train = net:plan { mode = "train", batch = 1 }
  refused("backward: expected 448 numbers, got 1", train.backward, train, { 1 })
end

function TestPlans.testTails()
  local net = network()
  net:freeze "conv1"
  local tail = net:plan { mode = "train", part = "tail", batch = 1 }
  refused("a tail starts at the cut and has no input", tail.input, tail, {})
  local body = net:plan { part = "body", batch = 2 }
  refused("the plans' batches differ", tail.take_cut, tail, body)
end

TestTraining = {}

function TestTraining.testSteps()
  local net = network()
  refused("expected a table of options, got 1", core.step, net, 1)
  refused("step: option 'rule': expected one of sgd|adam|adamw|apply, got 'sgdd', did you mean 'sgd'?", core.step, net, { rule = "sgdd" })
  refused("step: option 'lr': expected a number in 0..1000 (1/step), got 'fast'", core.step, net, { lr = "fast" })
  refused("'images': expected an integer of at least 1 (images), got 1.5", core.step, net, { images = 1.5 })
  refused("step: option 'lr': expected a number in 0..1000 (1/step), got nan", core.step, net, { lr = 0 / 0 })
  refused("step: option 'lr': expected a number in 0..1000 (1/step), got -1", core.step, net, { lr = -1 })
  refused("step: option 'images': expected an integer of at least 1 (images), got 0", core.step, net, { lr = 1, images = 0 })
  net:set("conv1.weight", (function(v) v[3] = 0 / 0 return v end)(net:get "conv1.weight"), "grad")
  local before = net:checksum "conv1.weight"
  refused("conv1.weight", core.step, net, { lr = 1 })
  t.assertEquals(net:checksum "conv1.weight", before)
end

function TestTraining.testCheckpoints()
  local net, path = network(), os.tmpname()
  refused("strings", core.save, net, path, { 1 }, true)
  refused("No such file", core.restore, net, path .. ".absent", true)
  local file <close> = assert(io.open(path, "w"))
  file:write "not tensors"
  file:flush()
  local before = net:checksum "conv1.weight"
  refused(path, core.restore, net, path, true)
  t.assertEquals(net:checksum "conv1.weight", before)
  os.remove(path)
end

function TestTraining.testCopies()
  local a, b = network(), network()
  refused("does not exist with one shape", core.copy_values, a, b, "conv9.weight")
  refused("cannot be copied from slab 'momentum' to slab 'value'", core.copy_values, a, b, "conv1.bn.mean", "momentum")
  refused("cannot be copied from slab 'mask' to slab 'value'", core.copy_values, a, b, "conv1.weight", "mask")
  core.copy_values(a, b, "conv1.weight", "mask", "mask") -- bytes, not numbers
  refused("no such row", core.copy_rows, a, b, "conv1.weight", { { 5, 1 } })
  refused("no such row", core.copy_rows, a, b, "conv1.weight", { { 1, 0 } })
end

function TestTraining.testPermutations()
  refused("expected a count", core.permutation, -1, 1, 1)
  refused("expected a count", core.permutation, 1 << 61, 1, 1) -- its bytes would wrap to 0
  t.assertEquals(core.permutation(0, 1, 1), {})
end

os.exit(t.LuaUnit.run())
