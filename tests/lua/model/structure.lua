-- A network's structure as plain data: of and build are each other's inverse for every kind of layer, also through JSON, and what is
-- built computes what the first one did.
local t = require "luaunit"
local core = require "yolua.core"
local structure = require "yolua.model.structure"

-- Every kind of layer that C knows, each with at least one option that is not its default.
local function network(seed)
  return core.net { h = 16, w = 16, c = 3, seed = seed or 4, layers = {
    { "conv2d", filters = 8, size = 3, pad = true, bias = false, groups = 1 },
    { "batchnorm", name = "conv1.bn" },
    { "activation", name = "conv1.act", activation = "leaky" },
    { "maxpool", size = 2, stride = 2 },
    { "dropout", probability = 0.25 },
    { "conv2d", filters = 8, size = 1 },
    { "shortcut", inputs = { "conv2", "maxpool1" } },
    { "route", inputs = { "shortcut1" }, groups = 2, group_id = 1 },
    { "reorg", stride = 2 },
    { "reorg3d", stride = 2, inputs = { "maxpool1" } },
    { "upsample", stride = 2, inputs = { "reorg1" } },
    { "conv2d", filters = 14, size = 1 },
    { "yolo", classes = 2, mask = "0,2", num = 3, anchors = "4,4, 8,8, 16,12" },
    { "conv2d", filters = 7, size = 1, inputs = { "reorg3d1" } },
    { "region", classes = 2, num = 1, anchors = "1.5,2" },
    { "avgpool", inputs = { "conv2" } },
    { "connected", output = 6 },
    { "tensor_train", in_modes = "2,3", out_modes = "5,1", ranks = "3" },
    { "softmax" },
    { "avgpool", inputs = { "conv1.act" }, name = "mean" },
    { "scale_channels", inputs = { "mean", "conv1.act" } },
    { "conv2d", filters = 1, size = 1, name = "gate" },
    { "scale_channels", inputs = { "gate", "scale1" }, scale_wh = true },
    { "sam", inputs = { "scale1", "scale2" } },
  } }
end

TestStructure = {}

function TestStructure.testTheNetworkHereHoldsEveryKind()
  local seen, missing = {}, {}
  for _, layer in ipairs(structure.of(network()).layers) do seen[layer.kind] = true end
  for _, kind in ipairs(core.layers.kinds()) do
    if not seen[kind] then missing[#missing + 1] = kind end
  end
  t.assertEquals(missing, {})
end

function TestStructure.testThereAndBack()
  local s = structure.of(network())
  t.assertEquals(structure.of(structure.build(s)), s)
  local through = core.json.decode(core.json.encode(s), "structure")
  t.assertEquals(structure.of(structure.build(through)), s)
end

local function outputs(net)
  local plan, x, all = net:plan { mode = "infer", batch = 1 }, {}, {}
  for i = 1, 16 * 16 * 3 do x[i] = 0.5 + 0.5 * math.sin(0.7 * i) end
  plan:input(x)
  plan:forward()
  for _, name in ipairs { "yolo1", "region1", "softmax1" } do all[name] = plan:output(name) end
  return all
end

function TestStructure.testWhatIsBuiltComputesTheSame()
  local net = network()
  local built = structure.build(structure.of(net), nil, 99)
  t.assertNotEquals(built:get "conv1.weight", net:get "conv1.weight") -- its own draw, until the values are copied
  for _, range in ipairs(net:ranges()) do core.copy_values(net, built, range.name) end
  t.assertEquals(outputs(built), outputs(net))
end

-- The seed decides what is drawn; without one it is always the same.
function TestStructure.testSeeds()
  local s = structure.of(network())
  local function drawn(seed) return structure.build(s, nil, seed):checksum "conv2.weight" end
  t.assertEquals(drawn(3), drawn(3))
  t.assertNotEquals(drawn(3), drawn(4))
  t.assertEquals(drawn(), drawn(1))
end

function TestStructure.testInputsAreNamesAndZeroIsTheInput()
  local s = structure.of(network())
  t.assertEquals({ s.w, s.h, s.c }, { 16, 16, 3 })
  t.assertEquals(structure.layer(s, "conv1").inputs, { 0 })
  t.assertEquals(structure.layer(s, "shortcut1").inputs, { "conv2", "maxpool1" })
  t.assertEquals(structure.layer(s, "reorg3d1").inputs, { "maxpool1" })
  t.assertEquals(structure.layer(s, "dropout1").options.probability, "0.25")
  t.assertNil(structure.layer(s, "conv9"))
end

function TestStructure.testHeads()
  t.assertEquals(structure.heads(structure.of(network())), {
    { name = "yolo1", kind = "yolo", anchors = 2, classes = 2, attributes = {}, size = 7, conv = "conv3" },
    { name = "region1", kind = "region", anchors = 1, classes = 2, attributes = {}, size = 7, conv = "conv4" },
  })
end

-- Layers between a head and its convolution are passed over; a head that no convolution feeds is refused by name.
function TestStructure.testHeadsFindTheirConvolution()
  local s = structure.of(core.net { h = 8, w = 8, c = 3, layers = {
    { "conv2d", filters = 28, size = 1 }, { "activation", activation = "linear" }, { "upsample", stride = 2 },
    { "yolo", classes = 2, mask = "0,1,2,3", num = 4, anchors = "1,1, 2,2, 3,3, 4,4" } } })
  t.assertEquals({ structure.heads(s)[1].conv, structure.heads(s)[1].anchors }, { "conv1", 4 })
  s.layers[#s.layers].options.mask = "" -- without one a head predicts all anchors
  t.assertEquals(structure.heads(s)[1].anchors, 4)
  local bare = { layers = { { kind = "upsample", name = "upsample1", inputs = { 0 }, options = {} },
    { kind = "region", name = "region1", inputs = { "upsample1" }, options = { num = "1", classes = "2" } } } }
  t.assertErrorMsgContains("region1: no convolution feeds this head", structure.heads, bare)
end

-- The cfg's [net] section travels with the structure.
function TestStructure.testHeader()
  local net = core.darknet.parse_cfg("[net]\nwidth=8\nheight=4\nchannels=2\nlearning_rate=0.5\n[convolutional]\nfilters=3\n", "x.cfg")
  local s = structure.of(net)
  t.assertStrContains(s.header, "learning_rate=0.5")
  t.assertEquals({ s.w, s.h, s.c, s.layers[1].section }, { 8, 4, 2, 0 })
  t.assertEquals(structure.build(s):header(), net:header())
end

os.exit(t.LuaUnit.run())
