-- Darknet's cfg and weights: structure, order of the numbers, refusals, and the real files there and back.
local t = require "luaunit"
local core = require "yolua.core"
local darknet = core.darknet

local DATA = os.getenv "YOLUA_DATA" or ((os.getenv "YOLUA_SOURCE" or ".") .. "/../shared/data")

local function read(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local bytes = f:read "a"
  f:close()
  return bytes
end

local function numbers(net)
  local sum = 0
  for _, r in ipairs(net:ranges()) do sum = sum + r.count end
  return sum
end

local NET = "[net]\nwidth=8\nheight=4\nchannels=2\nbatch=1\nlearning_rate = 0.001 # hint\n"

local function parse(text) return darknet.parse_cfg(text, "x.cfg") end

-- Structure, options and header as one text.
local function describe(net)
  local path = os.tmpname()
  darknet.save_cfg(net, path .. ".cfg")
  local text = read(path .. ".cfg")
  os.remove(path .. ".cfg")
  os.remove(path)
  local names = {}
  for _, l in ipairs(net:layers()) do names[#names + 1] = l.name end
  return text, table.concat(names, " ")
end

TestCfg = {}

function TestCfg.testLayersOfSections()
  local net = parse(NET .. [[
[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky
[convolutional]
filters=4
activation=linear
[shortcut]
from=-2
activation=leaky
[maxpool]
size=2
stride=2
[route]
layers=-1
groups=2
group_id=1
[upsample]
[route]
layers=-1, 2
[dropout]
probability=.25
]])
  local text, names = describe(net)
  t.assertEquals(names, "conv1 conv1.bn conv1.act conv2 shortcut1 shortcut1.act maxpool1 route1 upsample1 route2 dropout1")
  t.assertStrContains(text, "channels=2\nbatch=1\nlearning_rate=0.001\n\n[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\n")
  t.assertStrContains(text, "[shortcut]\nfrom=-2\nactivation=leaky\n")
  t.assertStrContains(text, "[route]\nlayers=-1,2\n")
  local sections = {}
  for _, l in ipairs(net:layers()) do sections[#sections + 1] = l.section end
  t.assertEquals(sections, { 0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7 })
  local again, again_names = describe(parse(text))
  t.assertEquals(again, text)
  t.assertEquals(again_names, names)
end

function TestCfg.testAverages()
  local text = describe(parse(NET .. "[local_avgpool]\nsize=3\nstride=2\n[avgpool]\n"))
  t.assertStrContains(text, "[local_avgpool]\nsize=3\nstride=2\n\n[avgpool]\n")
end

local function refused(text, ...)
  local ok, message = pcall(parse, text)
  t.assertFalse(ok, text)
  for _, word in ipairs { "x.cfg", ... } do t.assertStrContains(message, word) end
end

function TestCfg.testRefusals()
  refused("[convolutional]\n", ":1:", "expected [net]")
  refused(NET, "expected layers")
  refused("[net]\nwidth=8\n[dropout]\n", ":1:", "'height'")
  refused("[net]\nwidth=-8\nheight=1\n[dropout]\n", ":2:", "'width'", "-8")
  refused("[net]\nwidth=8\nheight=99999999999999999999\n[dropout]\n", ":3:", "'height'")
  refused(NET .. "[maxpoool]\nsize=2", ":7:", "[maxpoool]", "did you mean [maxpool]?")
  refused(NET .. "[convolutional]\nfilters=-16", ":8:", "'filters'", "-16")
  refused(NET .. "[convolutional]\nfilters=999999999999", ":8:", "'filters'", "999999999999")
  refused(NET .. "[convolutional]\nfilters=3.5", ":8:", "'filters'")
  refused(NET .. "[convolutional]\nactivation=leeky", ":8:", "'activation'", "leeky")
  refused(NET .. "[convolutional]\nbatch_normalize=2", ":8:", "'batch_normalize'")
  refused(NET .. "[convolutional]\nsize=20\nactivation=linear", ":7:", "[convolutional]")
  refused(NET .. "[route]\nlayers=0", ":8:", "'layers'")
  refused(NET .. "[dropout]\n[route]\nlayers=-2", ":9:", "'layers'", "-2")
  refused(NET .. "[dropout]\n[route]\nlayers=.5", ":9:", "'layers'")
  refused(NET .. "[dropout]\n[route]\nlayers=a", ":9:", "'layers'")
  refused(NET .. "[route]\n", ":7:", "'layers'")
  refused(NET .. "[dropout]\n[shortcut]\nfrom=-1,-1", ":9:", "'from'", "expected 1 section, got 2")
  refused(NET .. "[dropout]\n[scale_channels]\nlayers=-1", ":9:", "'layers'", "expected 2 sections, got 1")
  refused(NET .. "[dropout]\n[sam]\nfrom=-1\nlayers=-1,-1", ":10:", "'from' and 'layers': expected one of them")
  refused(NET .. "[dropout]\n[maxpool]\nstride=3\nsize=2\n[shortcut]\nfrom=0", ":11:", "[shortcut]")
  refused(NET .. ("[dropout]\n"):rep(5000), "5001 sections")
  t.assertErrorMsgContains("absent.cfg", darknet.load_cfg, "absent.cfg")
end

-- A head's attributes are keys of its section, of our own: written where they are not the default, and read back.
function TestCfg.testAttributes()
  local conv = "[convolutional]\nfilters=%d\nactivation=linear\n"
  local yolo = "[yolo]\nanchors=1,2\nnum=1\nclasses=2\nattributes=%s\norientation_weight=2.5\n"
  local text = describe(parse(NET .. conv:format(10) .. yolo:format " truncation , orientation"))
  t.assertStrContains(text, "\nattributes=orientation,truncation\n")
  t.assertStrContains(text, "\norientation_weight=2.5\n")
  t.assertNil(text:find "occlusion")
  t.assertEquals(describe(parse(text)), text)
  local region = describe(parse(NET .. conv:format(22) .. "[region]\nanchors=1,2,3,4\nnum=2\nclasses=2\nattributes=occlusion\n"))
  t.assertEquals(describe(parse(region)), region)
  t.assertNil(describe(parse(NET .. conv:format(7) .. "[yolo]\nanchors=1,2\nnum=1\nclasses=2\n")):find "attributes")
  local function refused_line(said, body) t.assertErrorMsgContains(said, parse, NET .. body) end
  refused_line("x.cfg:14: option 'attributes': expected none, or some of orientation|occlusion|truncation (a,b), got "
    .. "'orientation,colour': there is no 'colour'", conv:format(10) .. yolo:format "orientation,colour")
  refused_line("expected 10 input channels (anchors of the mask * (5 + classes + numbers of the attributes)), got 7",
    conv:format(7) .. yolo:format "orientation,truncation")
  refused_line("x.cfg:8: [softmax] attributes=orientation is not supported: only [yolo] and [region] predict labels",
    "[softmax]\nattributes=orientation\n")
end

-- A warning goes to standard error: looked at from outside. Returns the file's path and what was said of it.
local function warned(text)
  local program = os.getenv "YOLUA_PROGRAM"
  local path = os.tmpname()
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
  local pipe = assert(io.popen(("'%s' -e 'require(\"yolua.core\").darknet.load_cfg(\"%s\")' 2>&1"):format(program, path)))
  local said = pipe:read "a"
  pipe:close()
  os.remove(path)
  return path, said
end

function TestCfg.testProducts()
  local text, names = describe(parse(NET .. [[
[convolutional]
filters=4
activation=linear
[avgpool]
[convolutional]
filters=4
activation=logistic
[scale_channels]
from=-3
activation=relu6
[sam]
from=0
[convolutional]
filters=1
activation=logistic
[scale_channels]
from=-2
scale_wh=1
]]))
  t.assertEquals(names, "conv1 avgpool1 conv2 conv2.act scale1 scale1.act sam1 conv3 conv3.act scale2")
  t.assertStrContains(text, "[scale_channels]\nfrom=-3\nactivation=relu6\n\n[sam]\nfrom=-4\nactivation=linear\n")
  t.assertStrContains(text, "[scale_channels]\nfrom=-2\nscale_wh=1\nactivation=linear\n")
  t.assertEquals(describe(parse(text)), text)
  -- the factor comes first: its two inputs cannot change places as a sum's can
  local net = core.net { h = 1, w = 1, c = 2, layers = { { "conv2d", filters = 2 }, { "conv2d", filters = 2, inputs = { "conv1" } },
    { "scale_channels", inputs = { "conv1", "conv2" } } } }
  t.assertStrContains(describe(net), "[route]\nlayers=0\n\n[scale_channels]\nfrom=-2\n")
end

-- Sections that are one layer each, and those that are not a layer.
function TestCfg.testSmallSections()
  local text, names = describe(parse(NET .. "[convolutional]\nactivation=linear\n[batchnorm]\n[empty]\n[activation]\nactivation=elu\n"
    .. "[local_avg]\nstride=2\n[avgpool]\nsize=3\n[silence]\n[softmax]\ngroups=1\n[cost]\ntype=sse\n"))
  t.assertEquals(names, "conv1 bn1 act1 avgpool1 avgpool2 softmax1")
  t.assertStrContains(text, "[batchnorm]\n\n[activation]\nactivation=elu\n\n[local_avgpool]\nsize=2\nstride=2\n\n[avgpool]\n\n")
  t.assertEquals(describe(parse(text)), text)
  refused(NET .. "[dropout]\n[cost]\n", ":8:", "after [softmax]")
end

-- What would change the forward pass is refused by name and line, unless its value asks for nothing.
function TestCfg.testOtherArithmeticIsRefused()
  for _, case in ipairs {
    { "convolutional", "xnor" }, { "convolutional", "binary" }, { "convolutional", "antialiasing" }, { "convolutional", "cbn" },
    { "convolutional", "share_index", -1 }, { "convolutional", "assisted_excitation" }, { "convolutional", "sway" },
    { "convolutional", "rotate" }, { "convolutional", "stretch" }, { "convolutional", "stretch_sway" },
    { "convolutional", "coordconv" }, { "convolutional", "flipped" }, { "convolutional", "dontload" },
    { "convolutional", "dontloadscales" }, { "maxpool", "maxpool_depth" }, { "maxpool", "antialiasing" },
    { "maxpool", "maxpool_zero_nonmax" }, { "reorg", "reverse" }, { "softmax", "tree", "a.tree" },
    { "softmax", "groups", 2 }, { "softmax", "temperature", 0.5 }, { "softmax", "spatial" }, { "region", "tree", "a.tree" },
    { "region", "background" }, { "shortcut", "weights_type", "per_feature" },
  } do
    local section, key, value = case[1], case[2], case[3] or 1
    refused(NET .. ("[%s]\n%s=%s\n"):format(section, key, value), ":8:", ("[%s] %s=%s is not supported: "):format(section, key, value))
  end
  describe(parse(NET .. "[convolutional]\nxnor=0\nbinary=0\nantialiasing=0\n[maxpool]\nmaxpool_depth=0\n[dropout]\ndontload=0\n"))
  refused(NET .. "[crnn]\n", ":7:", "Darknet's section [crnn] is not supported")
end

-- Darknet's own yolov3-openimages.cfg has such lines: they are told of, and the first one counts.
function TestCfg.testRepeatedOptionsAreOneWarning()
  local text = NET .. "[maxpool]\nsize=2\nstride=2\nsize=3\nsize=4\n"
  t.assertStrContains((describe(parse(text))), "[maxpool]\nsize=2\n")
  local path, said = warned(text)
  t.assertEquals(said, ("yolua: warning: %s:10: 'size' was given before in this section, where the first one counts (2 such lines)\n")
    :format(path))
end

-- A layer that reads another than the one before it has a route in between; sections are numbered with it.
function TestCfg.testRoutesWhereTheyAreMissing()
  local net = core.net { h = 8, w = 8, c = 4, seed = 2, layers = { { "conv2d", filters = 6, size = 1 }, { "conv2d", filters = 5, size = 1 },
    { "conv2d", filters = 3, size = 1, inputs = { "conv1" } }, { "route", inputs = { "conv2", "conv3" } },
    { "conv2d", filters = 8, size = 1 }, { "shortcut", inputs = { "conv4", "conv2" } }, { "shortcut", inputs = { "conv1", "conv2" } } } }
  local text = describe(net)
  t.assertStrContains(text, "[route]\nlayers=0\n\n[convolutional]\nfilters=3\n")
  t.assertStrContains(text, "[route]\nlayers=1,-1\n")
  t.assertStrContains(text, "[route]\nlayers=0\n\n[shortcut]\nfrom=-7\n")
  t.assertEquals(describe(parse(text)), text)
end

-- A cfg's sum has the channels of the section before it, so that only equals may change places.
function TestCfg.testShortcutOfUnequalChannels()
  local function built(filters)
    return core.net { h = 8, w = 8, c = 4, layers = { { "conv2d", filters = 6, size = 1 }, { "conv2d", filters = filters, size = 1 },
      { "shortcut", inputs = { "conv1", "conv2" } } } }
  end
  t.assertStrContains(describe(built(6)), "[shortcut]\nfrom=-2\n")
  t.assertStrContains(describe(built(2)), "[route]\nlayers=0\n\n[shortcut]\nfrom=-2\n")
end

-- Nor do layers of equal channels change places where their heights and widths differ: the sum has the first one's.
function TestCfg.testShortcutOfUnequalSizes()
  local net = core.net { h = 8, w = 8, c = 4, layers = { { "conv2d", filters = 6, size = 1, stride = 2 },
    { "conv2d", filters = 6, size = 1, inputs = { 0 } }, { "route", inputs = { "conv2" } },
    { "shortcut", inputs = { "conv1", "route1" } } } }
  t.assertErrorMsgContains("conv2 reads the network's input", describe, net)
  net = core.net { h = 8, w = 8, c = 4, layers = { { "conv2d", filters = 6, size = 1 }, { "maxpool", size = 2, stride = 2 },
    { "route", inputs = { "conv1" } }, { "shortcut", inputs = { "maxpool1", "route1" } } } }
  local text = describe(net)
  t.assertStrContains(text, "[route]\nlayers=1\n\n[shortcut]\nfrom=-2\n")
  t.assertEquals(parse(text):layers()[5].shape, { 1, 4, 4, 6 })
end

function TestCfg.testUnknownOptionsAreOneWarning()
  local path, said = warned(NET .. "[dropout]\nfoo=1\n[dropout]\nbar=2\nfoo=3\n")
  t.assertStrContains(said, path .. ": 3 unknown options were ignored: 'foo' (line 8), 'bar' (line 10), 'foo' (line 11)")
  local _, lines = said:gsub("\n", "")
  t.assertEquals(lines, 1)
end

-- Keys of training, tracking and the like: one warning names each, with how many there are in all.
function TestCfg.testIdleKeysAreOneWarning()
  local path, said = warned(NET .. "[dropout]\nclip=1\nonlyforward=0\n[convolutional]\nclip=2\nwait_stream=3\nclep=1\n")
  t.assertEquals(said, ("yolua: warning: %s: 1 unknown option was ignored: 'clep' (line 13)\nyolua: warning: %s: 3 options of Darknet "
    .. "have no effect here: 'clip' (first in line 8, and more), 'wait_stream' (line 12)\n"):format(path, path))
  path, said = warned(NET .. "leter_box=1\n[dropout]\n")
  t.assertEquals(said, ("yolua: warning: %s: 1 unknown option was ignored: 'leter_box' (line 7)\n"):format(path))
end

TestWeights = {}

local function floats(...) return string.pack(("<" .. ("f"):rep(select("#", ...))), ...) end

local function with_file(bytes, f)
  local path = os.tmpname()
  local out = assert(io.open(path, "wb"))
  out:write(bytes)
  out:close()
  local result = table.pack(pcall(f, path))
  os.remove(path)
  if not result[1] then error(result[2], 0) end
  return table.unpack(result, 2, result.n)
end

-- Two inputs, one output, 1x2... kernels are square: 2x2; batch-norm; then a plain 1x1.
local SMALL = NET .. "[convolutional]\nbatch_normalize=1\nfilters=1\nsize=2\nactivation=linear\n" ..
  "[convolutional]\nfilters=2\nactivation=linear\n"
local HEAD = string.pack("<i4i4i4i4", 0, 1, 0, 32013312)
local BODY = floats(1, 2, 3, 4) .. floats(11, 12, 13, 14, 15, 16, 17, 18) .. floats(21, 22) .. floats(31, 32)

function TestWeights.testOrder()
  local net = parse(SMALL)
  local header = with_file(HEAD .. BODY, function(path) return darknet.load_weights(net, path) end)
  t.assertEquals(header, { major = 0, minor = 1, revision = 0, seen = 32013312 })
  t.assertEquals({ net:get("conv1.bn.bias")[1], net:get("conv1.bn.scale")[1], net:get("conv1.bn.mean")[1],
    net:get("conv1.bn.var")[1] }, { 1, 2, 3, 4 })
  -- {out, in, row, column} becomes {out, row, column, in}
  t.assertEquals(net:get "conv1.weight", { 11, 15, 12, 16, 13, 17, 14, 18 })
  t.assertEquals({ net:get "conv2.bias", net:get "conv2.weight" }, { { 21, 22 }, { 31, 32 } })
  local path = os.tmpname() .. ".weights"
  darknet.save_weights(net, path, header)
  t.assertEquals(read(path), HEAD .. BODY)
  darknet.save_weights(net, path, { major = 0, minor = 2, revision = 0, seen = 1 << 40 })
  t.assertEquals(read(path), string.pack("<i4i4i4i8", 0, 2, 0, 1 << 40) .. BODY)
  t.assertEquals(darknet.load_weights(net, path).seen, 1 << 40)
  os.remove(path)
end

function TestWeights.testFromMemory()
  local net = parse(SMALL)
  t.assertEquals(darknet.parse_weights(net, HEAD .. BODY, "memory").seen, 32013312)
  t.assertEquals(net:get "conv1.weight", { 11, 15, 12, 16, 13, 17, 14, 18 })
  t.assertErrorMsgContains("memory: too short", darknet.parse_weights, net, HEAD .. BODY:sub(1, -5), "memory")
end

function TestWeights.testRefusalsChangeNothing()
  local net = parse(SMALL)
  local function turned_down(bytes, ...)
    local ok, message = pcall(with_file, bytes, function(path) darknet.load_weights(net, path) end)
    t.assertFalse(ok)
    for _, word in ipairs { "lua_", ... } do t.assertStrContains(message, word) end
    t.assertEquals(net:get "conv1.weight", { 0, 0, 0, 0, 0, 0, 0, 0 })
    t.assertEquals(net:get "conv1.bn.bias", { 0 })
  end
  turned_down("", "too short", "0 bytes")
  turned_down(HEAD, "expected 16 numbers (80 bytes), got 0 (16 bytes)")
  turned_down(HEAD .. BODY:sub(1, -2), "too short", "80 bytes", "79 bytes")
  turned_down(HEAD .. BODY .. "\0", "too long", "80 bytes", "81 bytes")
  turned_down(HEAD .. BODY .. ("\0"):rep(64), "too long", "expected 16 numbers", "got 32")
  turned_down(string.pack("<i4i4i4i4", 0, 2, 0, 0) .. BODY, "too short", "84 bytes", "80 bytes")
  turned_down(string.pack("<i4i4i4i4", 0, 99999, 0, 0) .. BODY, "version 0.99999.0")
  turned_down(HEAD .. floats(1, 2, 3, 4) .. floats(11, 12, 13, 14, 15, 0 / 0, 17, 18) .. floats(21, 22) .. floats(31, 32),
    "conv1.weight: number 6 is not finite")
  turned_down(HEAD .. BODY:sub(1, -5) .. floats(-math.huge), "conv2.weight: number 2 is not finite")
  t.assertErrorMsgContains("absent.weights", darknet.load_weights, net, "absent.weights")
end

function TestWeights.testFirstSections()
  local net = parse(SMALL)
  with_file(HEAD .. BODY:sub(1, 12 * 4), function(path)
    t.assertErrorMsgContains("got 12", darknet.load_weights, net, path)
    t.assertErrorMsgContains("expected 0..", darknet.load_weights, net, path, { sections = 7 })
    darknet.load_weights(net, path, { sections = 1 })
  end)
  t.assertEquals(net:get "conv1.bn.var", { 4 })
  t.assertEquals(net:get "conv2.weight", { 0, 0 })
end

-- A file of some first sections: those are filled, the others keep what they have; it ends where a section ends, or nothing changes.
function TestWeights.testPartial()
  local net = parse(SMALL .. "[maxpool]\n[convolutional]\nfilters=1\nactivation=linear\n")
  net:set("conv3.weight", { 7, 8 })
  local function load(bytes)
    return with_file(bytes, function(path) return darknet.load_weights(net, path, { partial = true }) end)
  end
  local first = HEAD .. BODY:sub(1, 12 * 4)
  for _, bytes in ipairs { first .. floats(21), first .. "\0", HEAD .. BODY:sub(1, 11 * 4), HEAD } do
    t.assertErrorMsgContains("ends inside the section of conv", load, bytes)
    t.assertEquals(net:get "conv1.bn.bias", { 0 })
  end
  t.assertErrorMsgContains("ends inside the section of conv2: sections of this network end at 12 and 16 numbers, the file holds 52 bytes "
    .. "of them, which is 13", load, first .. floats(21))
  t.assertErrorMsgContains("too long for this network: expected 19 numbers", load, HEAD .. BODY .. floats(1, 2, 3, 4))
  t.assertEquals(load(first), { major = 0, minor = 1, revision = 0, seen = 32013312 })
  t.assertEquals({ select(2, load(first)) }, { 1, 12 })
  t.assertEquals({ net:get("conv1.bn.var")[1], net:get("conv2.weight")[1], net:get("conv3.weight")[2] }, { 4, 0, 8 })
  t.assertEquals(select(2, load(HEAD .. BODY)), 2)
  t.assertEquals({ net:get("conv2.bias")[2], net:get("conv3.weight")[2] }, { 22, 8 })
  t.assertEquals(select(3, load(HEAD .. BODY .. floats(1, 2, 3))), 19)
  t.assertErrorMsgContains("too short for this network: expected 19 numbers (92 bytes), got 12 (64 bytes); partial=true loads a file of "
    .. "the first sections alone (NAME.conv.N)", with_file, first, function(path) darknet.load_weights(net, path) end)
end

function TestWeights.testGroups()
  local net = parse(NET .. "[convolutional]\nfilters=2\ngroups=2\nsize=1\nactivation=linear\n")
  with_file(HEAD .. floats(1, 2, 3, 4), function(path) darknet.load_weights(net, path) end)
  t.assertEquals({ net:get "conv1.bias", net:get "conv1.weight" }, { { 1, 2 }, { 3, 4 } })
end

-- [batchnorm]: biases, scales, means, variances; behind a convolution without one, whose biases stay its own.
function TestWeights.testBatchnorm()
  local net = parse("[net]\nwidth=1\nheight=1\nchannels=1\n[convolutional]\nactivation=linear\n[batchnorm]\n")
  local bytes = HEAD .. floats(1, 2) .. floats(3, 4, 5, 6)
  with_file(bytes, function(path) darknet.load_weights(net, path) end)
  local got = {}
  for _, name in ipairs { "conv1.bias", "conv1.weight", "bn1.bias", "bn1.scale", "bn1.mean", "bn1.var" } do
    got[#got + 1] = net:get(name)[1]
  end
  t.assertEquals(got, { 1, 2, 3, 4, 5, 6 })
end

-- A connected layer's columns run over channels, rows, columns in the file; over rows, columns, channels here.
function TestWeights.testConnected()
  local net = parse("[net]\nwidth=2\nheight=1\nchannels=2\n[connected]\nbatch_normalize=1\noutput=1\nactivation=linear\n"
    .. "[connected]\noutput=1\nactivation=linear\n")
  with_file(HEAD .. floats(1) .. floats(11, 12, 13, 14) .. floats(2, 3, 4) .. floats(5) .. floats(6), function(path)
    darknet.load_weights(net, path)
  end)
  t.assertEquals(net:get "connected1.weight", { 11, 13, 12, 14 })
  t.assertEquals({ net:get "connected1.bn.bias", net:get "connected1.bn.scale", net:get "connected1.bn.mean",
    net:get "connected1.bn.var" }, { { 1 }, { 2 }, { 3 }, { 4 } })
  t.assertEquals({ net:get "connected2.bias", net:get "connected2.weight" }, { { 5 }, { 6 } })
end

TestReal = {}

-- Learnable numbers and statistics: for each convolution k*k*in*out + (4 or 1)*out, added up by hand from the files.
local REAL = {
  { "cfg/yolov2", 50983561 }, { "cfg/yolov2-voc", 50676061 }, { "cfg/yolov2-tiny", 11237145 }, { "cfg/yolov2-tiny-voc", 15867885 },
  { "weights/yolo-lite/coco", (2597684 - 16) / 4 }, { "weights/yolo-fastest/yolo-fastest-1.1", (1384268 - 20) / 4 },
}

function TestReal.testThereAndBack()
  for _, case in ipairs(REAL) do
    local stem, count = DATA .. "/" .. case[1], case[2]
    local present = read(stem .. ".cfg")
    if not present then
      print("SKIP: no " .. stem)
    else
      local net = darknet.load_cfg(stem .. ".cfg")
      t.assertEquals(numbers(net), count, stem)
      local text, names = describe(net)
      local again, again_names = describe(parse(text))
      t.assertEquals(again, text)
      t.assertEquals(again_names, names)
      local weights = read(stem .. ".weights")
      if weights then
        local path = os.tmpname() .. ".weights"
        darknet.save_weights(net, path, darknet.load_weights(net, stem .. ".weights"))
        t.assertTrue(read(path) == weights, stem)
        os.remove(path)
      end
    end
  end
end

os.exit(t.LuaUnit.run())
