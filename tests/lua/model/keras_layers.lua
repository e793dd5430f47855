-- Layers of Keras against what Keras computes, from its rules in double precision: right, or refused. And damaged configurations: each
-- ends in a sentence that names the file. The files are tables here; lua/model/keras.lua reads real ones.
local t = require "luaunit"
local core = require "yolua.core"
local keras_model = require "yolua.model.keras_model"
local program = require "support.program"
local random_network = require "support.random_network"
local yl = require "yolua"

local top = program.new_folder()
core.files.make_folder(top)
core.system.write(top .. "/anchors.txt", "1,2")

local function load(file)
  local read <const> = core.import.hdf5
  core.import.hdf5 = function() return file end
  local ok, net = pcall(keras_model, "file.h5", { anchors = top .. "/anchors.txt" })
  core.import.hdf5 = read
  return ok, net
end

local function layer(class, name, from, config)
  local nodes = {}
  for i, input in ipairs(from) do nodes[i] = { input, 0, 0, {} } end
  config.name = name
  return { name = name, class_name = class, config = config, inbound_nodes = #from > 0 and { nodes } or {} }
end

local function conv(name, from, filters, size, stride, padding)
  return layer("Conv2D", name, { from }, { filters = filters, kernel_size = { size, size }, strides = { stride, stride },
    padding = padding, use_bias = false, activation = "linear", dilation_rate = { 1, 1 }, data_format = "channels_last" })
end

-- A model of these layers with a 1x1 convolution, "head", behind the last.
local function model(h, w, channels, list)
  table.insert(list, 1, layer("InputLayer", "input", {}, { batch_input_shape = { core.null, h, w, channels } }))
  list[#list + 1] = conv("head", list[#list].name, 6, 1, 1, "valid")
  return { class_name = "Model", config = { layers = list, output_layers = { { "head", 0, 0 } } } }
end

local r = random_network.source(7)

local function drawn(count)
  local list = {}
  for i = 1, count do list[i] = string.unpack("<f", string.pack("<f", r.real(-1, 1))) end
  return list
end

local function kernel(name, dims)
  local list = drawn(dims[1] * dims[2] * dims[3] * dims[4])
  return { ("model_weights/%s/%s/kernel:0"):format(name, name), yl.tensor(list):reshape(dims) }, list
end

-- Keras's windows along one side: the first number (from 0) of each.
local function begins(n, size, stride, padding, before, after)
  local list = {}
  if padding == "same" then
    n = n + before + after
    local out = math.ceil(n / stride)
    local zeros = math.max((out - 1) * stride + size - n, 0)
    for i = 0, out - 1 do list[i + 1] = i * stride - zeros // 2 - before end
  else
    local i = -before
    while i + size <= n + after do
      list[#list + 1], i = i, i + stride
    end
  end
  return list
end

-- fold(value so far, number, place in the window): over the numbers of each window that lie inside the map.
local function windows(x, h, w, case, size, stride, first, fold)
  local b, y = case.border or { 0, 0, 0, 0 }, {}
  for _, i in ipairs(begins(h, size, stride, case.padding, b[1], b[2])) do
    for _, j in ipairs(begins(w, size, stride, case.padding, b[3], b[4])) do
      local value = first
      for p = math.max(i, 0), math.min(i + size, h) - 1 do
        for q = math.max(j, 0), math.min(j + size, w) - 1 do
          value = fold(value, x[p * w + q + 1], (p - i) * size + q - j + 1)
        end
      end
      y[#y + 1] = value
    end
  end
  return y
end

-- One channel goes through the layer; head's six filters are a factor each.
local function check(case)
  local h, w, size, stride = case[2], case[3], case[4], case[5]
  local list, from, tensors, weights = {}, "input", {}, nil
  if case.border then
    local b = case.border
    list[1] = layer("ZeroPadding2D", "zeros", { "input" }, { padding = { { b[1], b[2] }, { b[3], b[4] } } })
    from = "zeros"
  end
  if case[1] == "conv" then
    list[#list + 1] = conv("it", from, 1, size, stride, case.padding)
    tensors[1], weights = kernel("it", { size, size, 1, 1 })
  else
    list[#list + 1] = layer("MaxPooling2D", "it", { from }, { pool_size = { size, size }, strides = { stride, stride },
      padding = case.padding })
  end
  local factors
  tensors[#tensors + 1], factors = kernel("head", { 1, 1, 1, 6 })
  local ok, net = load { config = core.json.encode(model(h, w, 1, list)), tensors = tensors }
  if case.refused then
    t.assertFalse(ok, case.refused)
    t.assertStrContains(net, "file.h5: layer 'it' (")
    return t.assertStrContains(net, case.refused)
  end
  t.assertTrue(ok, net)
  local plan <close> = net:plan { mode = "infer", batch = 1, keep = true }
  local x = drawn(h * w)
  plan:input(x)
  plan:forward()
  local fold, first = function(sum, v, k) return sum + v * weights[k] end, 0
  if case[1] == "pool" then fold, first = function(most, v) return math.max(most, v) end, -math.huge end
  local got, y = plan:output(#net:layers() - 1), windows(x, h, w, case, size, stride, first, fold)
  t.assertEquals(#got, 6 * #y)
  for i, v in ipairs(y) do
    for k = 1, 6 do t.assertAlmostEquals(got[(i - 1) * 6 + k], v * factors[k], 1e-5) end
  end
end

TestKerasLayers = {}

local PADDING = "its padding: Keras sets "

function TestKerasLayers.testConvolutions()
  for _, case in ipairs {
    { "conv", 8, 10, 3, 1, padding = "same" }, { "conv", 7, 9, 3, 2, padding = "same" }, { "conv", 9, 12, 3, 3, padding = "same" },
    { "conv", 8, 8, 5, 1, padding = "same" }, { "conv", 8, 6, 2, 2, padding = "same" }, { "conv", 9, 9, 1, 2, padding = "same" },
    { "conv", 8, 10, 3, 2, padding = "same", refused = PADDING .. "0 zeros above and 0 on the left and computes 4x5 outputs of 8x10" },
    { "conv", 7, 8, 3, 2, padding = "same", refused = PADDING .. "1 zeros above and 0 on the left" },
    { "conv", 8, 8, 2, 1, padding = "same", refused = PADDING }, { "conv", 8, 8, 4, 1, padding = "same", refused = PADDING },
    { "conv", 9, 9, 2, 2, padding = "same", refused = PADDING }, { "conv", 8, 9, 3, 2, padding = "valid" },
    { "conv", 8, 10, 3, 2, padding = "valid", border = { 1, 0, 1, 0 } },
    { "conv", 8, 10, 3, 1, padding = "valid", border = { 1, 1, 1, 1 } },
    { "conv", 8, 10, 3, 1, padding = "same", border = { 1, 1, 1, 1 } },
    { "conv", 7, 9, 3, 2, padding = "valid", border = { 1, 0, 1, 0 }, refused = PADDING .. "1 zeros above and 1 on the left" },
    { "conv", 8, 10, 3, 1, padding = "valid", border = { 1, 0, 1, 0 }, refused = PADDING },
    { "conv", 8, 10, 3, 2, padding = "valid", border = { 0, 1, 0, 1 }, refused = PADDING },
    { "conv", 8, 10, 3, 1, padding = "valid", border = { 1, 1, 0, 0 }, refused = PADDING },
    { "conv", 8, 10, 3, 1, padding = "causal", refused = 'its padding: expected same or valid, got "causal"' },
    { "conv", 2, 10, 3, 1, padding = "valid", refused = "its window of 3: its input is only 2x10 (height x width)" },
  } do check(case) end
end

function TestKerasLayers.testPooling()
  for _, case in ipairs {
    { "pool", 8, 10, 2, 2, padding = "valid" }, { "pool", 7, 9, 2, 2, padding = "valid" }, { "pool", 8, 10, 2, 2, padding = "same" },
    { "pool", 7, 9, 2, 2, padding = "same" }, { "pool", 7, 8, 2, 2, padding = "same" }, { "pool", 8, 9, 2, 1, padding = "same" },
    { "pool", 8, 9, 5, 1, padding = "same" }, { "pool", 7, 9, 3, 2, padding = "same" }, { "pool", 8, 10, 3, 2, padding = "same" },
    { "pool", 9, 9, 4, 4, padding = "same" }, { "pool", 9, 6, 2, 3, padding = "same" },
    { "pool", 7, 10, 3, 2, padding = "same", refused = PADDING .. "1 zeros above and 0 on the left" },
    { "pool", 8, 10, 2, 2, padding = "valid", border = { 1, 1, 1, 1 }, refused = "it reads a ZeroPadding2D" },
  } do check(case) end
end

-- A model in small with every kind of layer.
local function everything()
  local tensors = {}
  for _, k in ipairs { { "a", { 3, 3, 3, 4 } }, { "b", { 1, 1, 4, 4 } }, { "head", { 1, 1, 36, 6 } } } do
    tensors[#tensors + 1] = kernel(k[1], k[2])
  end
  for _, kind in ipairs { "gamma", "beta", "moving_mean", "moving_variance" } do
    tensors[#tensors + 1] = { ("model_weights/bn/bn/%s:0"):format(kind), yl.tensor { 1, 2, 3, 4 } }
  end
  return model(8, 12, 3, {
    layer("ZeroPadding2D", "zeros", { "input" }, { padding = { { 1, 1 }, { 1, 1 } }, data_format = "channels_last" }),
    conv("a", "zeros", 4, 3, 1, "valid"),
    layer("BatchNormalization", "bn", { "a" }, { axis = { 3 }, epsilon = 0.001, scale = true }),
    layer("LeakyReLU", "leaky", { "bn" }, { alpha = 0.1 }),
    layer("MaxPooling2D", "pool", { "leaky" }, { pool_size = { 2, 2 }, strides = { 2, 2 }, padding = "same" }),
    layer("UpSampling2D", "up", { "pool" }, { size = { 2, 2 }, interpolation = "nearest", data_format = "channels_last" }),
    conv("b", "leaky", 4, 1, 1, "same"),
    layer("Add", "add", { "up", "b" }, {}),
    layer("Dropout", "drop", { "add" }, { rate = 0.5 }),
    layer("Concatenate", "cat", { "drop", "leaky" }, { axis = -1 }),
    layer("MaxPooling2D", "pool2", { "leaky" }, { pool_size = { 2, 2 }, strides = { 2, 2 }, padding = "valid" }),
    layer("Lambda", "space_to_depth_x2", { "cat" }, {}),
    layer("Concatenate", "cat2", { "space_to_depth_x2", "pool2" }, { axis = 3 }),
    layer("Dropout", "last", { "cat2" }, {}),
  }), tensors
end

local function refused(change, sentence)
  local whole, tensors = everything()
  local by_name = {}
  for _, l in ipairs(whole.config.layers) do by_name[l.name] = l end
  change(by_name, whole.config)
  local ok, text = load { config = core.json.encode(whole), tensors = tensors }
  t.assertFalse(ok, sentence)
  t.assertStrContains(text, "file.h5: " .. sentence)
end

function TestKerasLayers.testRefused()
  refused(function(l) l.up.config.interpolation = "bilinear" end,
    [[layer 'up' (UpSampling2D): its interpolation: expected nearest, got "bilinear"]])
  refused(function(l) l.b.inbound_nodes[2] = { { "up", 0, 0, {} } } end,
    "layer 'b' (Conv2D): expected a layer that is used once, got 2 uses")
  refused(function(l) l.up.inbound_nodes[1][1][1] = "zeros" end, "layer 'up' (UpSampling2D): it reads a ZeroPadding2D")
  refused(function(l) l.cat.config.axis = 1 end, "layer 'cat' (Concatenate): its axis: expected the channels', got 1")
  refused(function(l) l.bn.config.epsilon = "x" end, [[layer 'bn' (BatchNormalization): its epsilon: expected a number, got "x"]])
  refused(function(l) l.leaky.config.alpha = nil end, "layer 'leaky' (LeakyReLU): its negative_slope: expected a number, got nothing")
  refused(function(l) l.pool.config.data_format = "channels_first" end, "layer 'pool' (MaxPooling2D): its data_format")
  refused(function(l) table.insert(l.add.inbound_nodes[1], { "leaky", 0, 0, {} }) end, "layer 'add' (Add): expected 2 inputs, got 3")
  refused(function(l) l.add.inbound_nodes[1][2][1] = "pool" end, "layer 'add' (Add): expected inputs of one size, got 8x12 and 4x6")
  refused(function(l) l.b.name = "a" end, "layer 'a' (Conv2D): expected a name of its own")
  refused(function(l) l.b.config = core.null end, "its model_config has a layer without name, class_name or config")
  refused(function(l) l.b.config.kernel_size = { 301, 301 } end, "its model_config makes no network: ")
  refused(function(l) l.zeros.class_name = "InputLayer" end, "layer 'zeros' (InputLayer): expected no input, got 1")
  refused(function(_, c) table.insert(c.layers, layer("InputLayer", "two", {}, { batch_shape = { core.null, 8, 8, 3 } })) end,
    "layer 'two' (InputLayer): expected one input of the model")
  refused(function(l) l.input.config.batch_input_shape[3] = -1 end,
    "layer 'input' (InputLayer): its batch_input_shape: expected [batch, height, width, channels]")
end

-- Every value of the configuration, replaced by what does not belong there, or taken away.
function TestKerasLayers.testDamaged()
  local whole, tensors = everything()
  local ok, net = load { config = core.json.encode(whole), tensors = tensors }
  t.assertTrue(ok, net)
  local tried = 0
  local function try()
    local good, text = load { config = core.json.encode(whole), tensors = tensors }
    tried = tried + 1
    if good then return text:close() end
    t.assertEquals(type(text), "string")
    t.assertStrContains(text, "file.h5")
    for _, sign in ipairs { "attempt to", "bad argument", "%.lua:%d", "traceback", "\n" } do t.assertNil(text:find(sign), text) end
  end
  local function walk(node)
    local keys = {}
    for key in pairs(node) do keys[#keys + 1] = key end
    for _, key in ipairs(keys) do
      local value = node[key]
      for _, other in ipairs { core.null, -1, 0, 1e300, "x", true, {}, { "x", 1 }, { core.null, core.null } } do
        node[key] = other
        try()
      end
      if type(key) == "string" then
        node[key] = nil
        try()
      end
      node[key] = value
      if type(value) == "table" then walk(value) end
    end
  end
  walk(whole)
  t.assertTrue(tried > 2000, tried)
end

os.exit(t.LuaUnit.run())
