-- yl.export and `yolua export`: the file computes what the network does. ONNX is read back and run by support/onnx.lua.
local t = require "luaunit"
local core = require "yolua.core"
local ncnn = require "support.ncnn"
local onnx = require "support.onnx"
local program = require "support.program"
local random_network = require "support.random_network"
local yl = require "yolua"

local top = program.new_folder()
core.files.make_folder(top)

local function fails(f, ...)
  local ok, sentence = pcall(f, ...)
  t.assertFalse(ok)
  return tostring(sentence)
end

local function refused(words)
  local status, _, err = program.run(words)
  t.assertTrue(status ~= 0)
  return err, status
end

-- Numbers {n, h, w, c} in the order {n, c, h, w}.
local function turned(numbers, s)
  local out = {}
  for i = 0, #numbers - 1 do
    local c, rest = i % s[4], i // s[4]
    local x, y, n = rest % s[3], rest // s[3] % s[2], rest // s[3] // s[2]
    out[((n * s[4] + c) * s[2] + y) * s[3] + x + 1] = numbers[i + 1]
  end
  return out
end

local function difference(expected, got)
  t.assertEquals(#got, #expected)
  local largest, worst = 0, 0
  for i, x in ipairs(expected) do
    largest, worst = math.max(largest, math.abs(x)), math.max(worst, math.abs(x - got[i]))
  end
  return largest > 0 and worst / largest or worst
end

-- The network's input and outputs on noise: the numbers that enter heads, and layers that nobody reads.
local function outputs(net, batch)
  local plan <close> = net:plan { mode = "infer", batch = batch, keep = true }
  core.noise(plan, 1)
  plan:forward()
  local layers, read, out = net:layers(), {}, {}
  for _, layer in ipairs(layers) do
    for _, from in ipairs(layer.inputs) do read[from] = true end
  end
  for i, layer in ipairs(layers) do
    local from = (layer.kind == "yolo" or layer.kind == "region") and layer.inputs[1] or i
    if not read[i] then out[layer.name] = turned(plan:output(from), plan:shape(from)) end
  end
  return turned(plan:output(0), plan:shape(0)), out
end

-- The largest difference of an output of the file from the network's.
local function compare(net, path, batch)
  local input, expected = outputs(net, batch)
  local model = path:find "%.param$" and ncnn.read(path) or onnx.read(path)
  local got, worst, count = onnx.run(model, input), 0, 0
  for name, numbers in pairs(expected) do
    t.assertNotNil(got[name], name)
    worst, count = math.max(worst, difference(numbers, got[name].values)), count + 1
  end
  t.assertTrue(count > 0)
  return worst
end

local function write(net, path, o) core.export.onnx(net, path, o or {}, {}) end

local cases = {} -- of ONNX, which a build may lack

-- Networks of all kinds of layers, folded and not, of one image and two.
function cases.testRandomNetworks()
  local path, ops, worst, written = top .. "/random.onnx", {}, 0, 0
  for seed = 1, 40 do
    local net = random_network.make(seed)
    local batch = 1 + seed % 2
    local ok, sentence = pcall(write, net, path, { batch = batch, fold = seed % 3 > 0, opset = 13 + seed % 5 })
    if ok then
      local difference_ = compare(net, path, batch)
      t.assertTrue(difference_ < 1e-4, ("network %d differs by %g"):format(seed, difference_))
      for _, n in ipairs(onnx.read(path).nodes) do ops[n.op] = true end
      worst, written = math.max(worst, difference_), written + 1
    else
      t.assertStrContains(sentence, "a layer reads this head")
    end
    net:close()
  end
  t.assertTrue(worst > 0 and written > 30, written) -- the two compute in another order
  for _, op in ipairs { "Conv", "Gemm", "BatchNormalization", "MaxPool", "AveragePool", "GlobalAveragePool", "Resize", "SpaceToDepth",
    "Concat", "Slice", "Add", "Mul", "Softmax", "Pad" } do t.assertTrue(ops[op], op .. " was in none of the networks") end
end

-- Every activation, and sums of layers of different sizes.
function cases.testActivations()
  local path = top .. "/activation.onnx"
  local names = core.layers.fields "activation"[1].choices
  t.assertTrue(#names >= 17)
  for _, name in ipairs(names) do
    local net = core.net { h = 4, w = 4, c = 2, seed = 1, layers = { { "conv2d", filters = 8, size = 1 },
      { "activation", activation = name } } }
    net:set("conv1.weight", { -9, 5, 9, -3, 2, 2, -2, -1, 0.5, 0.25, -4, -2, 1, -8, 8, 8 })
    write(net, path)
    t.assertTrue(compare(net, path, 1) < 1e-5, name)
    net:close()
  end
end

function cases.testSumsOfDifferentSizes()
  local path = top .. "/sum.onnx"
  local function of(filters, stride) return { filters = filters, stride = stride } end
  for _, second in ipairs { of(3, 1), of(7, 1), of(3, 4), of(9, 4) } do
    local net = core.net { h = 8, w = 8, c = 2, seed = 1, layers = {
      { "conv2d", name = "a", filters = 5, size = 1, stride = 2, inputs = { 0 } },
      { "conv2d", name = "b", filters = second.filters, size = 1, stride = second.stride, inputs = { 0 } },
      { "shortcut", inputs = { "a", "b" } } } }
    write(net, path)
    t.assertTrue(compare(net, path, 1) < 1e-5)
    net:close()
  end
end

-- Darknet's reorg is a convolution of ones and zeros between two reshapes, whose order is Darknet's.
function cases.testReorg()
  local path = top .. "/reorg.onnx"
  local net = core.net { h = 4, w = 6, c = 8, seed = 1, layers = { { "reorg", stride = 2 } } }
  write(net, path)
  local model, kinds = onnx.read(path), {}
  for i, n in ipairs(model.nodes) do kinds[i] = n.op end
  t.assertEquals(kinds, { "Reshape", "Conv", "Reshape" })
  t.assertEquals(model.constants["reorg1.order"].dims, { 8, 2, 2, 2 })
  t.assertEquals(compare(net, path, 1), 0)
end

-- What the file says of itself.
function cases.testTheFile()
  local model, path = yl.load { model = "street" }, top .. "/street.onnx"
  local before = model:checksum()
  local r = model:export { out = path, opset = 15 }
  t.assertEquals(model:checksum(), before)
  t.assertEquals({ r.format, r.file, r.files, r.bytes }, { "onnx", path, { path }, #core.system.read(path) })
  t.assertStrContains(tostring(r), "written: " .. path)
  local m = onnx.read(path)
  t.assertEquals({ m.ir, m.opset, m.producer }, { 8, 15, "yolua" })
  t.assertEquals(m.inputs, { { name = "image", dims = { 1, 3, 128, 416 }, whole = false } })
  t.assertEquals(m.outputs, { { name = "region1", dims = { 1, 50, 8, 26 }, whole = false } })
  t.assertEquals(core.json.decode(m.notes.names), model.names)
  t.assertEquals(core.json.decode(m.notes.heads).region1.num, "5")
  t.assertEquals(m.notes.resize, "stretch")
  local bn = 0
  for _, n in ipairs(m.nodes) do bn = bn + (n.op == "BatchNormalization" and 1 or 0) end
  t.assertEquals(bn, 0)
  yl.export(model, { out = path, fold = false, imgsz = { 96, 64 } })
  m = onnx.read(path)
  for _, n in ipairs(m.nodes) do bn = bn + (n.op == "BatchNormalization" and 1 or 0) end
  t.assertEquals({ bn, m.ir, m.inputs[1].dims }, { 10, 7, { 1, 3, 64, 96 } })
  t.assertEquals({ model.w, model.h }, { 416, 128 })
end

-- Pruned: zeros stay where they are. Compacted: the smaller network.
function cases.testPrunedAndCompacted()
  local path = top .. "/pruned.onnx"
  for seed = 101, 106 do
    local net = random_network.make(seed)
    random_network.kill(net, seed)
    local small = core.compact(net, { round_to = 1, min_channels = 1 })
    for _, one in ipairs { net, small } do
      write(one, path)
      t.assertTrue(compare(one, path, 1) < 1e-4, seed)
      one:close()
    end
  end
end

-- Heads that are decoded: boxes, scores, and which of them suppression leaves.
local HEADS = { { "conv2d", name = "out", filters = 14, size = 1 }, { "region", classes = 2, num = 2, anchors = { 1, 1.5, 2, 3 } } }

local function decoded(layers, expect)
  local net, path = core.net { h = 8, w = 12, c = 3, seed = 3, layers = layers }, top .. "/decoded.onnx"
  net:tensor "out.weight":mul_(4)
  write(net, path, { heads = "nms", conf = 0.2, iou = 0.3 })
  local plan <close> = net:plan { mode = "infer", batch = 1, keep = true }
  core.noise(plan, 1)
  plan:forward()
  local got = onnx.run(onnx.read(path), turned(plan:output(0), plan:shape(0)))
  local boxes, scores = core.export.decoded(net, plan)
  t.assertEquals(got.boxes.dims, { 1, expect, 4 })
  t.assertTrue(difference(boxes:reshape(-1):totable(), got.boxes.values) < 1e-5)
  t.assertTrue(difference(scores:reshape(-1):totable(), got.scores.values) < 1e-5)
  local list, found = plan:detect({ { 12, 0, 8, 0, 12, 8 } }, { conf = 0.2, iou = 0.3 })[1], {}
  t.assertTrue(#list > 1 and #list < expect * 2)
  for i = 0, got.selected.dims[1] - 1 do
    local class, box = got.selected.values[3 * i + 2], got.selected.values[3 * i + 3]
    found[i + 1] = ("%d %.3f"):format(class + 1, got.boxes.values[4 * box + 1])
  end
  for i, d in ipairs(list) do list[i] = ("%d %.3f"):format(d.class, d.box[1]) end
  table.sort(list)
  table.sort(found)
  t.assertEquals(found, list)
end

function cases.testDecodedHeads()
  decoded(HEADS, 8 * 12 * 2)
  HEADS[2].softmax = true
  decoded(HEADS, 8 * 12 * 2)
  decoded({ HEADS[1], { "yolo", classes = 2, num = 3, anchors = { 3, 4, 5, 9, 12, 8 }, mask = { 0, 2 }, scale_x_y = 1.1 },
    { "conv2d", name = "b", filters = 14, size = 1, stride = 2, inputs = { 0 } },
    { "yolo", classes = 2, num = 3, anchors = { 3, 4, 5, 9, 12, 8 }, mask = { 1, 2 } } }, 8 * 12 * 2 + 4 * 6 * 2)
end

-- A head that predicts attributes has more numbers per box; boxes and scores are those of any other.
function cases.testHeadWithAttributes()
  decoded({ { "conv2d", name = "out", filters = 2 * (5 + 2 + 3), size = 1 },
    { "region", classes = 2, num = 2, anchors = { 1, 1.5, 2, 3 }, softmax = true, attributes = "orientation,truncation" } }, 8 * 12 * 2)
end

function cases.testNewCoordinates()
  decoded({ HEADS[1], { "activation", activation = "logistic" },
    { "yolo", classes = 2, num = 2, anchors = { 3, 4, 5, 9 }, new_coords = true, scale_x_y = 2 } }, 8 * 12 * 2)
end

if core.export.available "onnx" then TestOnnx = cases else print "SKIP ONNX: this build cannot write it" end

-- ---- ncnn -------------------------------------------------------------------------------------------------------------------------------

TestNcnn = {}

function TestNcnn.testRandomNetworks()
  local path, types, worst, written = top .. "/random.param", {}, 0, 0
  for seed = 1, 40 do
    local net = random_network.make(seed)
    local ok, sentence = pcall(core.export.ncnn, net, path)
    if ok then
      local most = compare(net, path, 1)
      t.assertTrue(most < 1e-4, ("network %d differs by %g"):format(seed, most))
      for _, l in ipairs(ncnn.layers(core.system.read(path))) do types[l.type] = true end
      worst, written = math.max(worst, most), written + 1
    else
      t.assertStrContains(sentence, "a layer reads this head")
    end
    net:close()
  end
  t.assertTrue(worst > 0 and written > 30, written)
  for _, type in ipairs { "Convolution", "ConvolutionDepthWise", "InnerProduct", "BatchNorm", "Pooling", "Interp", "Concat", "Crop",
    "BinaryOp", "Softmax", "Split", "Reshape", "Reorg", "Padding" } do t.assertTrue(types[type], type .. " was in none of the networks") end
end

function TestNcnn.testActivations()
  local path = top .. "/activation.param"
  for _, name in ipairs(core.layers.fields "activation"[1].choices) do
    local net = core.net { h = 4, w = 4, c = 2, seed = 1, layers = { { "conv2d", filters = 8, size = 1 },
      { "activation", activation = name } } }
    net:set("conv1.weight", { -9, 5, 9, -3, 2, 2, -2, -1, 0.5, 0.25, -4, -2, 1, -8, 8, 8 })
    core.export.ncnn(net, path)
    t.assertTrue(compare(net, path, 1) < 1e-5, name)
    net:close()
  end
end

function TestNcnn.testSumsOfDifferentSizes()
  local path = top .. "/sum.param"
  for _, second in ipairs { { 3, 1 }, { 7, 1 }, { 3, 4 }, { 9, 4 } } do
    local net = core.net { h = 8, w = 8, c = 2, seed = 1, layers = {
      { "conv2d", name = "a", filters = 5, size = 1, stride = 2, inputs = { 0 } },
      { "conv2d", name = "b", filters = second[1], size = 1, stride = second[2], inputs = { 0 } },
      { "shortcut", inputs = { "a", "b" } } } }
    core.export.ncnn(net, path)
    t.assertTrue(compare(net, path, 1) < 1e-5)
    net:close()
  end
end

function TestNcnn.testTheFiles()
  local model, path = yl.load { model = "street" }, top .. "/street.param"
  local r = yl.export(model, { out = path, imgsz = { 96, 64 } })
  t.assertEquals({ r.format, r.files }, { "ncnn", { path, top .. "/street.bin" } })
  t.assertEquals(r.bytes, #core.system.read(r.files[1]) + #core.system.read(r.files[2]))
  local layers, blobs = ncnn.layers(core.system.read(path))
  t.assertEquals({ layers[1].outputs, layers[1].params }, { { "image" }, { [0] = 96, 64, 3 } })
  t.assertEquals({ blobs.region1, layers[#layers].type }, { "unread", "Convolution" })
  t.assertStrContains(fails(yl.export, model, { out = path, opset = 13 }), "opset: format=ncnn has no use for it")
end

-- Both files or none, and an old pair stays a pair.
function TestNcnn.testBothOrNone()
  local model, folder = yl.load { model = "street" }, top .. "/pair"
  core.files.make_folder(folder .. "/a.param")
  t.assertStrContains(fails(yl.export, model, { out = folder .. "/a.param" }), "a.param: it is a directory")
  t.assertEquals(core.files.list(folder), { "a.param" })
  core.system.write(folder .. "/b.param", "old")
  core.files.make_folder(folder .. "/b.bin")
  t.assertStrContains(fails(yl.export, model, { out = folder .. "/b.param" }), "b.bin: it is a directory")
  t.assertEquals(core.files.list(folder), { "a.param", "b.bin", "b.param" })
  t.assertEquals(core.system.read(folder .. "/b.param"), "old")
end

-- ---- Darknet, safetensors, C -------------------------------------------------------------------------------------------------------

TestOthers = {}

function TestOthers.testDarknet()
  local model = yl.load { model = "street" }
  local r = yl.export(model, { out = top .. "/darknet/", check = true })
  t.assertEquals({ r.format, r.files[2], r.max_error, r.runtime }, { "darknet", top .. "/darknet/model.weights", 0, "yolua" })
  local again = yl.load { cfg = r.files[1], weights = r.files[2], names = r.files[3] }
  t.assertEquals({ again:checksum(), again.names }, { model:checksum(), model.names })
  t.assertEquals(yl.export(model, { out = top .. "/darknet2", format = "darknet" }).files[1], top .. "/darknet2/model.cfg")
end

-- PyTorch's names and orders.
function TestOthers.testSafetensors()
  local model, path = yl.load { model = "street" }, top .. "/state.safetensors"
  local r = yl.export(model, { out = path, check = true })
  t.assertEquals({ r.format, r.max_error }, { "safetensors", 0 })
  local dims, at, bytes = {}, {}, core.system.read(path)
  local place = 9 + string.unpack("<i8", bytes)
  for _, e in ipairs(core.safetensors.info(path).tensors) do
    dims[e.name], at[e.name] = table.concat(e.dims, "x"), place
    for k, d in ipairs(e.dims) do e.count = (k == 1 and 4 or e.count) * d end
    place = place + e.count
  end
  t.assertEquals({ dims["conv2.weight"], dims["conv2.bn.weight"], dims["conv2.bn.running_var"], dims["conv11.bias"],
    dims["conv2.bn.scale"] }, { "32x16x3x3", "32", "32", "50", nil })
  -- one number of a convolution: output 2, input 3, row 1, column 2
  local number = string.unpack("<f", bytes, at["conv2.weight"] + 4 * (((1 * 16 + 2) * 3 + 0) * 3 + 1))
  t.assertEquals(number, model.layers.conv2.weight[{ 2, 1, 2, 3 }])
end

-- The words of the header are Darknet's weights (tests/c/install.sh compiles one).
function TestOthers.testHeader()
  local model, path = yl.load { model = "street" }, top .. "/9 nets.h"
  model.names = { "a \"b\"", "c\\d", "e", "f", "g" }
  local r = yl.export(model, { out = path, check = true })
  t.assertEquals({ r.format, r.max_error }, { "c", 0 })
  local text = core.system.read(path)
  t.assertNil(text:find "NAME")
  for _, part in ipairs { "#ifndef _9_NETS_H\n",
    'static const char _9_nets_cfg[] =\n    "[net]\\n"\n', '"a \\042b\\042",\n    "c\\134d",\n',
    "enum { _9_nets_classes = 5 };", "static inline yl_status _9_nets_load(yl_device *device, yl_net **net)" } do
    t.assertTrue(text:find(part, 1, true) ~= nil, part)
  end
end

-- ---- what cannot be ---------------------------------------------------------------------------------------------------------------------

TestRefused = {}

function cases.testRefused()
  yl.layer { name = "twice", forward = function(_, x, y) y:copy_(x * 2) end,
    backward = function(_, _, _, dy, dx) dx:copy_(dy * 2) end }
  local net = core.net { h = 4, w = 4, c = 2, seed = 1, layers = { { "conv2d", filters = 2, size = 1 }, { "twice", name = "mine" } } }
  t.assertStrContains(fails(write, net, top .. "/x.onnx"), "mine: the layer twice is written in Lua, which no other program runs")
  local plain = core.net { h = 4, w = 4, c = 2, seed = 1, layers = { { "conv2d", filters = 2, size = 1 } } }
  t.assertStrContains(fails(write, plain, top .. "/x.txt"), "expected a name that ends in .onnx")
  t.assertStrContains(fails(write, plain, top .. "/x.onnx", { heads = "boxes" }), "no detection head to decode")
  t.assertStrContains(fails(write, plain, top .. "/x.onnx", { opset = 12 }), "13..17")
  plain:set("conv1.bias", { 1, 0 / 0 })
  t.assertStrContains(fails(write, plain, top .. "/x.onnx"), "conv1.bias: number 2 is not finite")
  local beta = core.net { h = 4, w = 4, c = 2, seed = 1, layers = { HEADS[1],
    { "yolo", classes = 2, num = 2, anchors = { 1, 1, 2, 2 }, nms_kind = "greedynms" } } }
  t.assertStrContains(fails(write, beta, top .. "/x.onnx", { heads = "nms" }), "ONNX does not have: expected heads=boxes or heads=raw")
  t.assertNil(core.files.kind(top .. "/x.onnx"))
end

-- A network is not replaced by its export, by whatever path.
function TestRefused.testTheNetworksOwnFiles()
  local path, link, folder = top .. "/own.safetensors", top .. "/link.safetensors", top .. "/own"
  local model = yl.load { model = "street" }
  model:save(path)
  model:save(folder .. "/")
  os.execute(("ln -s own.safetensors %s"):format(link))
  local before = core.files.hash(path)
  for _, out in ipairs { path, link, top .. "/./own.safetensors" } do
    t.assertStrContains(refused { "export", "model=" .. path, "out=" .. out },
      "is a file that the network was read from, or its checkpoint: expected another place")
  end
  t.assertEquals(core.files.hash(path), before)
  local words = { "export", "cfg=" .. folder .. "/model.cfg", "weights=" .. folder .. "/model.weights", "out=" .. folder .. "/" }
  t.assertStrContains(refused(words), "own/model.cfg is a file that the network was read from")
  words[2] = "cfg=" .. top .. "/other.cfg"
  core.system.write(top .. "/other.cfg", core.system.read(folder .. "/model.cfg"))
  t.assertStrContains(refused(words), "own/model.weights is a file that")
end

-- Nor is a checkpoint that this program saved: the state dict in its place would lose the structure.
function TestRefused.testItsCheckpoint()
  local model, path = yl.load { model = "street" }, top .. "/saved.safetensors"
  model:save(path)
  model:save(path)
  local before = core.files.hash(path)
  t.assertStrContains(fails(yl.export, model, { out = path }),
    "saved.safetensors is a file that the network was read from, or its checkpoint")
  t.assertEquals(core.files.hash(path), before)
  local state = top .. "/state_dict.safetensors"
  for _ = 1, 2 do yl.export(model, { out = state }) end -- an export may be made again
end

-- A pipe is not waited for.
function TestRefused.testPipes()
  for _, name in ipairs { "pipe.onnx", "pipe.bin", "pipe.safetensors" } do
    local out = top .. "/" .. name
    os.execute(("mkfifo '%s'"):format(out))
    local words = { "export", "model=street", "out=" .. out:gsub("bin$", "param") }
    local err, status = refused(words)
    t.assertEquals(status, 2)
    t.assertStrContains(err, out .. " is a pipe or a device: expected a file")
  end
  local status, _, err = program.run { "compress", "model=street", "out=" .. top .. "/pipe.safetensors" }
  t.assertEquals(status, 2)
  t.assertStrContains(err, "pipe.safetensors is a pipe or a device")
end

-- What a decomposition makes and a cfg cannot say to others is told: sections of yolua's own, names that a cfg does not keep.
function TestRefused.testDecomposed()
  local folder, warned = top .. "/trains/", "model.cfg: the sections of connected1 are yolua's own"
  local trains = yl.decompose(yl.load { model = "lenet300" }, { method = "tt", ratio = 0.5, layers = { "connected1" } }).net
  trains:save(top .. "/trains.safetensors")
  local function err_of(...)
    local status, _, err = program.run { ... }
    t.assertEquals(status, 0, err)
    return (err:gsub("%s+", " "))
  end
  t.assertStrContains(err_of("export", "model=" .. top .. "/trains.safetensors", "out=" .. folder), warned)
  t.assertStrContains(err_of("decompose", "model=lenet300", "method=tt", "ratio=.5", "layers=connected1", "out=" .. folder), warned)
  t.assertEquals(err_of("export", "model=" .. top .. "/trains.safetensors", "out=" .. top .. "/trains.h"), "")
  local small, state = yl.decompose(yl.load { model = "street" }, { method = "svd", ratio = 0.5, layers = { "conv6" } }).net, top .. "/s/"
  small:save(state)
  yl.export(small, { out = state .. "own.safetensors", check = true })
  t.assertStrContains(fails(yl.load, { cfg = state .. "model.cfg", weights = state .. "own.safetensors" }),
    "own.safetensors: it holds conv6.1.weight of a decomposed network, a name that no cfg gives: expected model=CHECKPOINT")
  yl.export(trains, { out = state .. "trains.safetensors" })
  yl.export(trains, { out = state .. "trains/" })
  t.assertStrContains(fails(yl.load, { cfg = state .. "trains/model.cfg", weights = state .. "trains.safetensors" }),
    "trains.safetensors: it holds connected1.core1 of a decomposed network, a name that no cfg gives: expected model=CHECKPOINT")
  local again = yl.load { cfg = state .. "model.cfg", weights = state .. "model.weights", names = state .. "model.names" }
  yl.export(again, { out = state .. "state.safetensors" })
  yl.load { cfg = state .. "model.cfg", weights = state .. "state.safetensors" } -- as the sentence says
end

-- A network that finds nothing is not exported, whatever the format.
function TestRefused.testNotFinite()
  local model = yl.load { model = "street" }
  model.net:tensor "conv3.bn.bias":fill_(1 / 0)
  for _, ending in ipairs { ".onnx", ".param", ".safetensors", ".h", "/" } do
    local out = top .. "/infinite" .. ending
    t.assertStrContains(fails(yl.export, model, { out = out }), "export: conv3.bn.bias: number 1 is not finite")
    t.assertNil(core.files.kind(out))
  end
end

function TestRefused.testTheCall()
  local model = yl.load { model = "street" }
  t.assertStrContains(fails(yl.export, model, { out = top .. "/x.tar" }), "out=" .. top .. "/x.tar: expected format=")
  t.assertStrContains(fails(yl.export, model, { out = ".onnx" }), "out=.onnx: expected format=")
  t.assertStrContains(fails(yl.export, model, {}), "out")
  local function idle(ending, o, sentence)
    o.out = top .. "/idle" .. ending
    t.assertStrContains(fails(yl.export, model, o), sentence)
    t.assertNil(core.files.kind(o.out))
  end
  for _, key in ipairs { "conf", "iou" } do
    idle(".onnx", { [key] = 0.5 }, key .. ": heads=raw has no use for it")
    idle(".onnx", { [key] = 0.5, heads = "boxes" }, key .. ": heads=boxes has no use for it")
  end
  idle(".safetensors", { imgsz = { 96, 64 } }, "imgsz: format=safetensors has no use for it")
  idle(".onnx", { python = "python3" }, "python: check=false has no use for it")
  idle(".h", { python = "python3", check = true }, "python: check=true of format=c has no use for it")
  for _, ending in ipairs { ".param", "/", ".safetensors", ".h" } do
    for key, value in pairs { opset = 13, batch = 1, fold = true, heads = "raw", conf = 0.5, iou = 0.5 } do
      idle(ending, { [key] = value }, key .. ": format=")
    end
  end
  for _, ending in ipairs { "/", ".safetensors", ".h" } do
    idle(ending, { precision = "int8" }, "precision=int8: format=")
  end
  for _, precision in ipairs { "f16", "bf16" } do
    idle(".onnx", { precision = precision }, "expected one of f32|int8, got '" .. precision .. "'")
  end
  local _, sentence = pcall(yl.export, model, { out = top .. "/idle.onnx", precision = "half" })
  t.assertNotStrContains(sentence, "f16") -- no choice here
  t.assertStrContains(fails(yl.export, {}, { out = "x.onnx" }), "yl.export: expected a model (of yl.load)")
  local err, status = refused { "export", "model=street" }
  t.assertEquals(status, 2)
  t.assertStrContains(err, "out is missing")
  for expected, words in pairs { ["command line: conf: heads=raw has no use for it"] = { "conf=.5" },
    ["command line: imgsz=33x33: expected width and height in multiples of 16"] = { "imgsz=33" },
    ["command line: out=" .. top .. "/x.onnx: expected a name that ends in .h"] = { "format=c" },
    ["command line: python: check=false has no use for it"] = { "python=python3" } } do
    err, status = refused { "export", "model=street", "out=" .. top .. "/x.onnx", table.unpack(words) }
    t.assertEquals({ status, err:find(expected, 1, true) ~= nil }, { 2, true }, err)
  end
  t.assertStrContains(refused { "export", "model=street", "out=" .. top .. "/x.onnx", "optset=13" }, "did you mean 'opset'")
end

os.exit(t.LuaUnit.run())
