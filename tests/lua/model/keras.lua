-- Keras's files: models in the layout of YAD2K's converter and weights of Keras 2 and 3, written with HDF5's library
-- (support/hdf5_writer.c), give what the same network gives.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local random_network = require "support.random_network"
local yl = require "yolua"

local writer = os.getenv "YOLUA_HDF5_WRITER"
if not core.import.available "hdf5" or not writer then
  print "SKIP this build cannot read HDF5"
  os.exit(0)
end

local top = program.new_folder()
core.files.make_folder(top)

local function fails(f, ...)
  local ok, sentence = pcall(f, ...)
  t.assertFalse(ok)
  return tostring(sentence)
end

-- spec: lines of the writer's; sets: {{type, path, dims, format of string.pack, numbers}, ...}
local function write(path, lines, sets)
  local text = table.concat(lines, "\n") .. (#lines > 0 and "\n" or "")
  for i, s in ipairs(sets) do
    local bytes = {}
    for k, x in ipairs(s[5]) do bytes[k] = string.pack(s[4], x) end
    local file = ("%s/set%d"):format(top, i)
    core.system.write(file, table.concat(bytes))
    text = text .. ("set %s %s %s %s\n"):format(s[1], s[2], file, table.concat(s[3], " "))
  end
  core.system.write(top .. "/spec", text)
  t.assertTrue(os.execute(("'%s' '%s' <'%s/spec'"):format(writer, path, top)))
end

local r = random_network.source(5)

local function numbers(count, low, high)
  local list = {}
  for i = 1, count do list[i] = string.unpack("<f", string.pack("<f", r.real(low, high))) end
  return list
end

-- YAD2K's body in small: a passthrough that is made after the layers it joins, and stands before them in the model's list.
local CONVS = { -- name, size, in, out
  { "conv2d_1", 3, 3, 4 }, { "conv2d_2", 3, 4, 8 }, { "conv2d_3", 3, 8, 8 }, { "conv2d_4", 1, 8, 2 }, { "conv2d_5", 3, 16, 8 },
}

local function tensors()
  local out = {}
  for i, c in ipairs(CONVS) do
    out[c[1]] = { kernel = numbers(c[2] * c[2] * c[3] * c[4], -0.5, 0.5) }
    out["batch_normalization_" .. i] = { gamma = numbers(c[4], 0.5, 1.5), beta = numbers(c[4], -0.3, 0.3),
      moving_mean = numbers(c[4], -0.3, 0.3), moving_variance = numbers(c[4], 0.001, 1) }
  end
  out.conv2d_6 = { kernel = numbers(8 * 14, -1, 1), bias = numbers(14, -0.2, 0.2) }
  return out
end

local function layer(class, name, from, config)
  local inbound = {}
  for i, input in ipairs(from) do inbound[i] = ('["%s",0,0,{}]'):format(input) end
  return ('{"name":"%s","class_name":"%s","config":{"name":"%s"%s},"inbound_nodes":[%s]}'):format(name, class, name, config or "",
    #from > 0 and "[" .. table.concat(inbound, ",") .. "]" or "")
end

local function conv(i, from, bias)
  local c = CONVS[i] or { "conv2d_6", 1, 8, 14 }
  return layer("Conv2D", c[1], { from }, (',"filters":%d,"kernel_size":[%d,%d],"strides":[1,1],"padding":"same","use_bias":%s,'
    .. '"data_format":"channels_last","dilation_rate":[1,1],"activation":"linear"'):format(c[4], c[2], c[2], bias or "false"))
end

local function companions(list, i)
  list[#list + 1] = layer("BatchNormalization", "batch_normalization_" .. i, { "conv2d_" .. i }, ',"axis":-1,"epsilon":0.001')
  list[#list + 1] = layer("LeakyReLU", "leaky_re_lu_" .. i, { "batch_normalization_" .. i }, ',"alpha":0.1')
end

local POOL = ',"pool_size":[2,2],"strides":[2,2],"padding":"valid"'

local function config(changes)
  local list = { layer("InputLayer", "input_1", {}, ',"batch_input_shape":[null,16,24,3]'), conv(1, "input_1") }
  companions(list, 1)
  list[#list + 1] = layer("MaxPooling2D", "max_pooling2d_1", { "leaky_re_lu_1" }, POOL)
  list[#list + 1] = conv(2, "max_pooling2d_1")
  companions(list, 2)
  list[#list + 1] = layer("MaxPooling2D", "max_pooling2d_2", { "leaky_re_lu_2" }, POOL)
  list[#list + 1] = conv(4, "leaky_re_lu_2")
  list[#list + 1] = conv(3, "max_pooling2d_2")
  companions(list, 4)
  companions(list, 3)
  list[#list + 1] = layer("Lambda", "space_to_depth_x2", { "leaky_re_lu_4" }, ',"function":["4wEAAAABAAAA\\n",null,null]')
  list[#list + 1] = layer("Concatenate", "concatenate_1", { "space_to_depth_x2", "leaky_re_lu_3" }, ',"axis":-1')
  list[#list + 1] = conv(5, "concatenate_1")
  companions(list, 5)
  list[#list + 1] = conv(6, "leaky_re_lu_5", "true")
  local text = ('{"class_name":"Model","config":{"name":"m","layers":[%s],"output_layers":[["conv2d_6",0,0]]}}'):format(
    table.concat(list, ","))
  for from, to in pairs(changes or {}) do
    local at, last = text:find(from, 1, true)
    text = text:sub(1, at - 1) .. to .. text:sub(last + 1)
  end
  return "text model_config " .. text
end

-- The same network, made by hand: Darknet's order of layers, Keras's epsilon.
local function reference(all)
  local layers = {}
  local function add(spec, inputs)
    spec.inputs = inputs
    layers[#layers + 1] = spec
    return spec.name
  end
  local function block(i, from)
    local c = CONVS[i]
    local v = add({ "conv2d", name = "c" .. i, filters = c[4], size = c[2], pad = true, bias = false }, { from })
    v = add({ "batchnorm", name = "b" .. i, eps = 0.001 }, { v })
    return add({ "activation", name = "a" .. i }, { v })
  end
  local a = block(1, 0)
  local b = block(2, add({ "maxpool", name = "p1", size = 2, stride = 2, padding = 0 }, { a }))
  local c = block(3, add({ "maxpool", name = "p2", size = 2, stride = 2, padding = 0 }, { b }))
  local d = add({ "reorg3d", name = "s", stride = 2 }, { block(4, b) })
  local e = block(5, add({ "route", name = "r" }, { d, c }))
  add({ "conv2d", name = "c6", filters = 14, size = 1 }, { e })
  local net = core.net { h = 16, w = 24, c = 3, seed = 1, layers = layers }
  for i = 1, 6 do
    local dims = CONVS[i] or { "", 1, 8, 14 }
    local size, from, to, kernel = dims[2], dims[3], dims[4], {}
    for o = 0, to - 1 do
      for p = 0, size * size - 1 do
        for k = 0, from - 1 do kernel[#kernel + 1] = all["conv2d_" .. i].kernel[(p * from + k) * to + o + 1] end
      end
    end
    net:set(("c%d.weight"):format(i), kernel)
    local bn = all["batch_normalization_" .. i]
    if bn then
      local made = { scale = bn.gamma, bias = bn.beta, mean = bn.moving_mean, var = bn.moving_variance }
      for what, list in pairs(made) do net:set(("b%d.%s"):format(i, what), list) end
    else net:set("c6.bias", all.conv2d_6.bias) end
  end
  return net
end

local function sets(all, place, type, format, how)
  local list = {}
  for name, parts in pairs(all) do
    local i = tonumber(name:match "%d+$")
    local c = CONVS[i] or { "", 1, 8, 14 }
    for kind, values in pairs(parts) do
      local dims = kind == "kernel" and { c[2], c[2], c[3], c[4] } or { #values }
      if how then values = how(values) end
      list[#list + 1] = { type or "f32", place(name, kind), dims, format or "<f", values }
    end
  end
  table.sort(list, function(a, b) return a[2] < b[2] end)
  return list
end

local function whole(name, kind) return ("model_weights/%s/%s/%s:0"):format(name, name, kind) end

local function output(net)
  local plan <close> = net:plan { mode = "infer", batch = 1, keep = true }
  core.noise(plan, 3)
  plan:forward()
  local layers = net:layers()
  return plan:output(layers[#layers].kind == "region" and #layers - 1 or #layers)
end

local function same(a, b)
  t.assertEquals(#a, #b)
  local largest, worst = 0, 0
  for i, x in ipairs(a) do largest, worst = math.max(largest, math.abs(x)), math.max(worst, math.abs(x - b[i])) end
  t.assertTrue(largest > 0.1 and worst <= 1e-4 * largest, worst)
end

local ANCHORS = "1.5, 2.25, 3,4\n"

TestKeras = {}

function TestKeras.testYad2k()
  local all, path = tensors(), top .. "/yolo.h5"
  core.system.write(top .. "/yolo_anchors.txt", ANCHORS)
  write(path, { config() }, sets(all, whole))
  local model = yl.load { model = path }
  t.assertEquals({ model.w, model.h, model.names }, { 24, 16, { "class0", "class1" } })
  t.assertEquals(model.structure.layers[#model.structure.layers].options.anchors, "1.5,2.25,3,4")
  same(output(reference(all)), output(model.net))
  -- Darknet's files can hold it
  local folder = top .. "/darknet/"
  model:save(folder)
  same(output(model.net), output(yl.load({ cfg = folder .. "model.cfg", weights = folder .. "model.weights" }).net))
  -- by the command line, with anchors from elsewhere and class names
  core.system.write(top .. "/other.txt", "9,9,9,9")
  core.system.write(top .. "/two.names", "car\nbus\n")
  program.ok { "compress", "model=" .. path, "anchors=" .. top .. "/other.txt", "names=" .. top .. "/two.names",
    "out=" .. top .. "/small.safetensors" }
  local small = yl.load { model = top .. "/small.safetensors" }
  t.assertEquals({ small.names, small.structure.layers[#small.structure.layers].options.anchors }, { { "car", "bus" }, "9,9,9,9" })
end

-- Every verb that loads a network takes the file of anchors, those too where `anchors` says more.
function TestKeras.testAnchorsEverywhere()
  local all, path, tiny = tensors(), top .. "/alone.h5", program.tiny()
  local file = top .. "/elsewhere"
  write(path, { config() }, sets(all, whole))
  core.system.write(file .. ".txt", "9,9,12,9")
  core.system.write(top .. "/two.names", "Car\nPedestrian\n")
  local function words(verb, ...)
    return { verb, "model=" .. path, "anchors=" .. file .. ".txt", "names=" .. top .. "/two.names", "data=kitti",
      "data.root=" .. tiny .. "/data", ... }
  end
  local function anchors_of(checkpoint)
    local layers = yl.load({ model = checkpoint }).structure.layers
    return layers[#layers].options.anchors
  end
  local training = { "epochs=1", "batch=2", "data.limit=4", "optim.lr=1e-5", "protocol=voc" }
  program.ok(words("train", "out=" .. top .. "/trained", table.unpack(training)))
  t.assertEquals(anchors_of(top .. "/trained/last.safetensors"), "9,9,12,9")
  program.ok { "train", "resume=" .. top .. "/trained", "epochs=2" }
  program.ok(words("prune", "out=" .. top .. "/pruned", "rounds=1", "target=0.5", table.unpack(training)))
  t.assertEquals(anchors_of(top .. "/pruned/last.safetensors"), "9,9,12,9")
  t.assertEquals(#program.json(words("doctor", "sheet=none")).network.heads, 1)
  program.ok(words("sensitivity", "out=" .. top .. "/scan", "sparsity=0.5", "data.limit=4", "cache=" .. top))
  local _, _, err = program.run { "train", "model=" .. path, "anchors=autos", "data=kitti", "data.root=" .. tiny .. "/data" }
  t.assertStrContains(err, "option 'anchors': expected one of cfg|predicted|all|auto, got 'autos', did you mean 'auto'?")
  _, _, err = program.run { "train", "cfg=" .. tiny .. "/tiny.cfg", "anchors=" .. file .. ".txt", "data=kitti",
    "data.root=" .. tiny .. "/data", "out=" .. top .. "/other" }
  t.assertStrContains(err, "is for a model of Keras: expected model=FILE.h5")
  os.execute("rm -rf '" .. tiny .. "'")
end

-- float16: every pattern is read exactly.
function TestKeras.testHalves()
  local patterns, path = { 0x3c00, 0xbc00, 0x0001, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x8000, 0x7c00, 0xfc00, 0x3555 }, top .. "/half.h5"
  write(path, {}, { { "f16", "a/a/bias:0", { 11 }, "<I2", patterns }, { "f64", "b/b/bias:0", { 2 }, "<d", { 0.1, -2.5 } },
    { "i32", "optimizer/steps", { 1 }, "<i4", { 7 } }, { "f32", "s/bias:0", {}, "<f", { 3 } } })
  local found = {}
  for _, e in ipairs(core.import.tensors(path, "h5")) do found[e[1]] = e[2] end
  local function f32(x) return (string.unpack("<f", string.pack("<f", x))) end
  t.assertEquals(found["a/a/bias:0"]:totable(), { 1.0, -1.0, 2.0 ^ -24, 1023 * 2.0 ^ -24, 2.0 ^ -14, 65504.0, -65504.0, -0.0, math.huge,
    -math.huge, 0x555p-12 })
  t.assertEquals(found["b/b/bias:0"]:totable(), { f32(0.1), -2.5 })
  t.assertEquals(found["s/bias:0"]:count(), 1)
  t.assertNil(found["optimizer/steps"])
  t.assertStrContains(fails(core.import.hdf5, path), "half.h5: 'a/a/bias:0': number 9 is not finite") -- for a network
  write(path, {}, { { "f64", "b/b/bias:0", { 3 }, "<d", { 1, 1 / 0, -4e38 } } })
  t.assertStrContains(fails(yl.tensors, path), "half.h5: 'b/b/bias:0': number 3 (-4e+38) is beyond the range of f32")
end

-- Weights for the network of a cfg: Keras 2's layout and Keras 3's, whose numbers count otherwise.
function TestKeras.testWeights()
  local all, folder = tensors(), top .. "/cfg/"
  core.system.write(top .. "/yolo_anchors.txt", ANCHORS)
  write(top .. "/yolo.h5", { config() }, sets(all, whole))
  yl.load({ model = top .. "/yolo.h5" }):save(folder)
  local cfg, expected = folder .. "model.cfg", output(reference(all))
  write(top .. "/two.weights.h5", {}, sets(all, function(name, kind) return ("%s/%s/%s:0"):format(name, name, kind) end))
  same(expected, output(yl.load({ cfg = cfg, weights = top .. "/two.weights.h5" }).net))
  local order, vars = { 1, 2, 4, 3, 5, 6 }, { kernel = 0, bias = 1, gamma = 0, beta = 1, moving_mean = 2, moving_variance = 3 }
  write(top .. "/three.weights.h5", {}, sets(all, function(name, kind)
    local stem, number = name:match "^(.-)_(%d+)$"
    local own = order[tonumber(number)] - 1
    return ("layers/%s%s/vars/%d"):format(stem, own > 0 and "_" .. own or "", vars[kind])
  end))
  same(expected, output(yl.load({ cfg = cfg, weights = top .. "/three.weights.h5" }).net))
end

-- What is something else is one sentence.
function TestKeras.testRefused()
  local all, path = tensors(), top .. "/bad.h5"
  core.system.write(top .. "/bad_anchors.txt", ANCHORS)
  local function refused(changes, sentence, o)
    write(path, { config(changes) }, sets(all, whole))
    t.assertStrContains(fails(yl.load, o or { model = path }), sentence)
  end
  refused({ ['"class_name":"LeakyReLU"'] = '"class_name":"PReLU"' }, "layer 'leaky_re_lu_1' (PReLU): this kind of layer is not supported")
  refused({ ['"name":"space_to_depth_x2"'] = '"name":"mystery"', ['"name":"space_to_depth_x2","function"'] = '"name":"mystery","function"',
    ['[["space_to_depth_x2",0,0,{}]'] = '[["mystery",0,0,{}]' }, "a Lambda layer that is not called space_to_depth is not supported")
  refused({ ['"strides":[1,1]'] = '"strides":[2,2]' }, "layer 'conv2d_1' (Conv2D): its padding: Keras sets 0 zeros above")
  refused({ ['[["conv2d_1",0,0,{}]]'] = '[["conv2d_9",0,0,{}]]' }, "its input 'conv2d_9', which no layer before it makes")
  refused({ ['"filters":8'] = '"filters":9' }, "conv2.weight expects {9, 3, 3, 4}")
  refused({ ['"output_layers":[['] = '"output_layers":[["conv2d_5",0,0],[' }, "expected one output, got 2")
  core.system.write(top .. "/bad_anchors.txt", "1,2,3\n")
  refused({}, "bad_anchors.txt: expected the width and height of each anchor, got 3 numbers")
  core.system.write(top .. "/bad_anchors.txt", "1,2,three,4\n")
  refused({}, "got 'three'")
  os.remove(top .. "/bad_anchors.txt")
  refused({}, "its anchors are missing: expected anchors=FILE, or " .. top .. "/bad_anchors.txt")
  all.conv2d_2.kernel[7] = 0 / 0
  refused({}, "bad.h5: 'model_weights/conv2d_2/conv2d_2/kernel:0': number 7 is not finite")
  all.conv2d_2.kernel[7] = 0
  write(path, {}, sets(all, whole))
  t.assertStrContains(fails(yl.load, { model = path }), "holds weights without a model: expected cfg=FILE.cfg weights=" .. path)
  local function street(p) return yl.load { cfg = program.source .. "/recipes/models/street.cfg", weights = p } end
  t.assertStrContains(fails(street, path), "these are the weights of another network")
  write(path, { "vtext model_config [1,2]" }, {})
  t.assertStrContains(fails(yl.load, { model = path }), "its model_config has no layers")
  write(path, {}, { { "f32", "a/a/depthwise_kernel_x:0", { 1 }, "<f", { 1 } } })
  t.assertStrContains(fails(street, path), "'a/a/depthwise_kernel_x:0' is no tensor of")
  core.system.write(top .. "/numbers", "12345678")
  core.system.write(top .. "/spec", ("outside a/bias:0 %s/numbers 2\n"):format(top))
  t.assertTrue(os.execute(("'%s' '%s' <'%s/spec'"):format(writer, path, top)))
  t.assertStrContains(fails(street, path), "the numbers of a/bias:0 lie outside the file")
  core.system.write(top .. "/spec", "unwritten a/bias:0 - 1000000000\n")
  t.assertTrue(os.execute(("'%s' '%s' <'%s/spec'"):format(writer, path, top)))
  t.assertStrContains(fails(street, path), "a/bias:0 claims 1000000000 numbers; the file holds only 0 bytes for them")
  core.system.write(path, "\x89HDF\r\n\x1a\n" .. ("x"):rep(100))
  t.assertStrContains(fails(street, path), "bad.h5: HDF5 cannot read the file")
  core.system.write(path, "nothing")
  t.assertStrContains(fails(street, path), "bad.h5: not an HDF5 file")
  t.assertStrContains(fails(yl.load, { model = top .. "/absent.h5" }), "absent.h5")
  t.assertStrContains(fails(yl.load, { model = "street", anchors = "x" }), "anchors=x' together with 'model=street'")
end

os.exit(t.LuaUnit.run())
