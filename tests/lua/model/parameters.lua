-- Parameters as tensors: one memory with the network, versions that follow writes, and an end when the network ends.
local t = require "luaunit"
local core = require "yolua.core"
local parameters = require "yolua.model.parameters"
local yl = require "yolua"

local function network()
  return core.net { h = 8, w = 8, c = 3, seed = 2, layers = {
    { "conv2d", filters = 4, size = 3, pad = true, bias = false }, { "batchnorm", name = "conv1.bn" },
    { "activation", name = "conv1.act" }, { "conv2d", filters = 2, size = 1 },
  } }
end

local function version(net, name)
  for _, range in ipairs(net:ranges()) do
    if range.name == name then return range.version end
  end
end

local function fails(sentence, f)
  local ok, e = pcall(f)
  t.assertFalse(ok)
  t.assertStrContains(tostring(e), sentence)
end

TestParameters = {}

function TestParameters:testOneMemory()
  local net = network()
  local layers = parameters(net)
  local weight = layers.conv1.weight
  t.assertEquals(weight:shape(), { 4, 3, 3, 3 })
  t.assertEquals(weight:reshape(-1):totable(), net:get "conv1.weight")
  local before = version(net, "conv1.weight")
  weight[{ 2, 1, 1, 3 }] = 7
  t.assertEquals(net:get "conv1.weight"[27 + 3], 7)
  t.assertTrue(version(net, "conv1.weight") > before)
  t.assertEquals(version(net, "conv2.weight"), version(network(), "conv2.weight"))
  layers["conv1.bn"].scale:fill_(0.5)
  t.assertEquals(net:get "conv1.bn.scale", { 0.5, 0.5, 0.5, 0.5 })
  t.assertAlmostEquals(weight:abs():mean(), (weight ^ 2):sqrt():mean(), 1e-6)
end

-- A packed weight (a plan's copy) follows a change through a tensor.
function TestParameters:testPlansSeeTheChange()
  local net, x = network(), {}
  for i = 1, 192 do x[i] = i / 192 end
  local plan = net:plan { mode = "infer" }
  local function output()
    plan:input(x)
    plan:forward()
    return plan:output "conv2"
  end
  local first = output()
  parameters(net).conv2.weight:mul_(2)
  local bias = parameters(net).conv2.bias:totable()
  for i, y in ipairs(output()) do
    local b = bias[(i - 1) % 2 + 1]
    t.assertAlmostEquals(y - b, 2 * (first[i] - b), 1e-5)
  end
end

function TestParameters:testOtherSlabs()
  local net = network()
  t.assertEquals(net:tensor("conv1.weight", "mask"):sum(), 4 * 27)
  t.assertEquals(net:tensor("conv1.weight", "mask"):dtype(), "u8")
  fails("slab 'grad' holds nothing for conv1.bn.mean", function() net:tensor("conv1.bn.mean", "grad") end)
  fails("slab 'gard' is unknown", function() net:tensor("conv1.weight", "gard") end)
  fails("no parameter 'conv1.wait'", function() net:tensor "conv1.wait" end)
end

function TestParameters:testTheNetworksEndIsTheTensorsEnd()
  local net = network()
  local weight = net:tensor "conv1.weight"
  local view = weight[1]
  net:close()
  t.assertFalse(weight:alive())
  fails("this tensor is no longer valid", function() view:sum() end)
  t.assertStrContains(tostring(weight), "no longer valid")
end

-- A parameter keeps its network, without the objects that led to it; closing the network ends it all the same.
function TestParameters:testAParameterKeepsTheNetwork()
  local want = network():get "conv1.weight"
  local function weight_of_nobody() return parameters(network()).conv1.weight end
  local weight = weight_of_nobody()
  for _ = 1, 3 do
    collectgarbage()
    yl.zeros { 100, 100 }
  end
  t.assertTrue(weight:alive())
  t.assertEquals(weight:reshape(-1):totable(), want)
  local view = weight_of_nobody()[2]
  collectgarbage()
  t.assertTrue(view:alive())
  t.assertEquals(view:reshape(-1):totable(), table.move(want, 28, 54, 1, {}))
  view:fill_(2) -- tells its network
  t.assertEquals(view:sum(), 54)
  local plan = network():plan { batch = 1 } -- a plan does the same
  collectgarbage()
  t.assertErrorMsgContains("give the plan its input", plan.forward, plan)
  local last
  do
    local closed <close> = network()
    last = closed:tensor "conv1.weight"
  end
  fails("this tensor is no longer valid: it was only valid during the call, or its owner was closed", function() last:sum() end)
end

function TestParameters:testNames()
  local layers = parameters(network())
  t.assertEquals(#layers, 4)
  t.assertEquals(layers[1].name, "conv1")
  t.assertNil(layers[5])
  t.assertStrContains(tostring(layers.conv1), "conv1: conv2d, output {1, 8, 8, 4}, 108 parameters")
  fails("the network has no layer 'conv11', did you mean 'conv1'?", function() return layers.conv11 end)
  fails("layer conv1 has no 'wieght', did you mean 'weight'?", function() return layers.conv1.wieght end)
end

-- An assignment to a handle would be lost: it is refused with the way, and pairs goes through what there is.
function TestParameters:testAssignmentsAndPairs()
  local net = network()
  local layers, seen = parameters(net), {}
  local before = net:checksum "conv1.weight"
  fails("parameters.lua:" .. debug.getinfo(1, "l").currentline + 1, function()
    layers.conv1.weight = layers.conv1.weight * 0 end)
  fails('layers.conv1.weight cannot be assigned: a parameter is written into, as in net.layers["conv1"].weight:copy_(t)',
    function() layers.conv1.weight = 5 end)
  fails("layers.conv1.net cannot be assigned", function() layers.conv1.net = 5 end)
  fails("layers.conv1.frozen cannot be assigned", function() layers.conv1.frozen = true end)
  fails("layers.conv2 cannot be assigned: layers are those of the cfg", function() layers.conv2 = {} end)
  fails("the network has no layer '0'", function() return layers[0] end)
  fails("the network has no layer '1.5'", function() return layers[1.5] end)
  t.assertEquals(net:checksum "conv1.weight", before)
  for name, layer in pairs(layers) do seen[#seen + 1] = name .. "=" .. layer.kind end
  t.assertEquals(table.concat(seen, " "), "conv1=conv2d conv1.bn=batchnorm conv1.act=activation conv2=conv2d")
  seen = {}
  for name, value in pairs(layers["conv1.bn"]) do seen[#seen + 1] = name .. value:count() end
  t.assertEquals(seen, { "scale4", "bias4", "mean4", "var4" })
  local count = 0
  for _ in ipairs(layers) do count = count + 1 end
  t.assertEquals(count, 4)
end

os.exit(t.LuaUnit.run())
