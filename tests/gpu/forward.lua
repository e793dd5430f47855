-- Networks forward on a GPU as on the CPU: every layer's output within 1e-4 of the largest magnitude; with activations of bf16, within
-- 2^-8 of it for each layer that it has gone through, of f16 2^-11. (A layer rounds once, by at most half of that, and passes on what came
-- in.) TF32 rounds both factors of a product, by 2^-11 at most.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"
local check = require "support.layercheck"

local TOP = os.getenv "YOLUA_SOURCE" or "."

-- Every layer's output after one forward pass over `batch` pictures of noise.
local function outputs(net, batch, keep, precision)
  local tf32 = precision == "tf32"
  local plan <close> = net:plan { mode = "infer", batch = batch, keep = keep, precision = not tf32 and precision or nil, tf32 = tf32 }
  local s, random, x = plan:shape(0), check.random(3), {}
  for i = 1, s[1] * s[2] * s[3] * s[4] do x[i] = (random() + 1) / 2 end
  plan:input(x)
  plan:forward {}
  local list = {}
  for _, layer in ipairs(net:layers()) do list[#list + 1] = { name = layer.name, values = plan:output(layer.name) } end
  return list
end

-- How many layers a layer's output has gone through.
local function depths(net)
  local depth = { [0] = 0 }
  for i, layer in ipairs(net:layers()) do
    local most = 0
    for _, input in ipairs(layer.inputs) do most = math.max(most, depth[input]) end
    depth[i] = most + 1
  end
  return depth
end

local UNIT = { bf16 = 2 ^ -8, f16 = 2 ^ -11, tf32 = 2 ^ -10 }

local function compare(make, batch, keep, precision)
  local net = make "cpu"
  local want, got, depth = outputs(net, batch, keep), outputs(make "cuda", batch, keep, precision), depths(net)
  local seen = 0
  for i, w in ipairs(want) do
    t.assertEquals(got[i].values == nil, w.values == nil, w.name)
    if w.values then
      check.compare(got[i].values, w.values, precision and depth[i] * UNIT[precision] or 1e-4, w.name)
      seen = seen + 1
    end
  end
  return seen
end

local function darknet(stem)
  return function(device)
    local net = core.darknet.load_cfg(stem .. ".cfg", device)
    core.darknet.load_weights(net, stem .. ".weights")
    return net
  end
end

TestForward = {}

local ACTIVATIONS = { "linear", "leaky", "relu", "logistic", "swish", "mish", "relu6", "hardswish", "hard_mish", "tanh", "elu", "selu",
  "gelu", "hardtan", "ramp", "loggy", "relie" }

-- Odd sizes, strides, dilations, groups and depthwise multipliers.
local function convolutions(device)
  local layers = {
    { "conv2d", name = "plain", filters = 70, size = 3, pad = true, inputs = { 0 } },
    { "conv2d", name = "strided", filters = 8, size = 5, stride = 2, padding = 1, inputs = { "plain" } },
    { "conv2d", name = "skewed", filters = 6, size = 3, stride_x = 3, stride_y = 1, bias = false, inputs = { "plain" } },
    { "conv2d", name = "dilated", filters = 7, size = 3, dilation = 2, pad = true, inputs = { "strided" } },
    { "conv2d", name = "grouped", filters = 12, size = 3, groups = 4, pad = true, inputs = { "strided" } },
    { "conv2d", name = "depthwise", filters = 8, size = 3, groups = 8, pad = true, inputs = { "strided" } },
    { "conv2d", name = "multiplied", filters = 16, size = 3, stride = 2, groups = 8, pad = true, inputs = { "strided" } },
    { "conv2d", name = "pointwise", filters = 65, size = 1, inputs = { "plain" } },
    { "batchnorm", name = "pointwise.bn", inputs = { "pointwise" } },
    { "activation", name = "pointwise.act", activation = "mish", inputs = { "pointwise.bn" } },
  }
  return core.net { h = 13, w = 17, c = 5, seed = 4, device = device, layers = layers }
end

local function others(device)
  local layers = { { "conv2d", name = "stem", filters = 8, size = 1, inputs = { 0 } } }
  local function add(layer) layers[#layers + 1] = layer end
  for _, name in ipairs(ACTIVATIONS) do add { "activation", name = "act_" .. name, activation = name, inputs = { "stem" } } end
  add { "batchnorm", name = "bn", inputs = { "stem" } }
  add { "maxpool", name = "max", size = 2, stride = 2, inputs = { "stem" } }
  add { "maxpool", name = "max3", size = 3, stride = 1, inputs = { "stem" } }
  add { "avgpool", name = "avg", size = 3, stride = 2, inputs = { "stem" } }
  add { "avgpool", name = "all", inputs = { "stem" } }
  add { "route", name = "halves", inputs = { "stem", "bn" }, groups = 2, group_id = 1 }
  add { "shortcut", name = "sum", inputs = { "stem", "bn" } }
  add { "upsample", name = "up", stride = 2, inputs = { "max" } }
  add { "reorg", name = "reorg", stride = 2, inputs = { "stem" } }
  add { "reorg3d", name = "deep", stride = 2, inputs = { "stem" } }
  add { "dropout", name = "drop", probability = 0.5, inputs = { "stem" } }
  add { "conv2d", name = "to_heads", filters = 24, size = 1, inputs = { "stem" } }
  add { "region", name = "region", num = 3, classes = 3, anchors = "1,1,2,2,3,3", softmax = true, inputs = { "to_heads" } }
  add { "yolo", name = "yolo", num = 3, classes = 3, anchors = "8,8,16,16,24,24", inputs = { "to_heads" } }
  return core.net { h = 12, w = 10, c = 3, seed = 5, device = device, layers = layers }
end

function TestForward.testConvolutions()
  t.assertEquals(compare(convolutions, 3, true), 10)
  t.assertTrue(compare(convolutions, 2, false) >= 1) -- with batch-norm and activation folded in
end

function TestForward.testOtherLayers() t.assertEquals(compare(others, 2, true), #others "cpu":layers()) end

function TestForward.testRounded()
  for precision in pairs(UNIT) do
    t.assertEquals(compare(convolutions, 2, true, precision), 10)
    t.assertTrue(compare(convolutions, 1, false, precision) >= 1)
    t.assertEquals(compare(others, 1, true, precision), #others "cpu":layers())
  end
  t.assertTrue(compare(darknet(TOP .. "/recipes/models/street"), 1, false, "bf16") >= 1)
end

-- Sums are rounded to the nearest number, of two to the even one; infinity and NaN stay what they are.
local function sums(precision, values)
  local net = core.net { h = 1, w = 8, c = 2, device = "cuda", layers = { { "route", name = "a", inputs = { 0 }, groups = 2, group_id = 0 },
    { "route", name = "b", inputs = { 0 }, groups = 2, group_id = 1 }, { "shortcut", name = "sum", inputs = { "a", "b" } } } }
  local plan <close> = net:plan { mode = "infer", batch = 1, precision = precision }
  plan:input(values)
  plan:forward {}
  local list = plan:output "sum"
  local last = table.remove(list)
  t.assertTrue(last ~= last)
  return list
end

function TestForward.testRounding()
  local huge = math.huge
  t.assertEquals(sums("bf16", { 1, 2 ^ -8, 1 + 2 ^ -7, 2 ^ -8, 256, 1, 255, 0.5, 3.0e38, 3.0e38, huge, 1, -huge, 1, huge, -huge }),
    { 1.0, 1 + 2 ^ -6, 256.0, 256.0, huge, huge, -huge })
  t.assertEquals(sums("f16", { 1, 2 ^ -11, 1 + 2 ^ -10, 2 ^ -11, 2048, 1, 2 ^ -24, 2 ^ -24, 65504, 65504, 65504, 1, -huge, 1, huge,
    -huge }), { 1.0, 1 + 2 ^ -9, 2048.0, 2 ^ -23, huge, 65504.0, -huge })
end

function TestForward.testShippedNetwork()
  t.assertTrue(compare(darknet(TOP .. "/recipes/models/street"), 1, false) >= 1)
end

function TestForward.testRealNetwork()
  local folder = boxes.data("weights/yolo-lite/coco.weights", "YOLO-LITE on a GPU")
  if folder then t.assertTrue(compare(darknet(folder .. "/weights/yolo-lite/coco"), 1, false) >= 1) end
end

os.exit(t.LuaUnit.run())
