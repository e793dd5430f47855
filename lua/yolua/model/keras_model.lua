-- A whole model of Keras as YAD2K's converter leaves it (FILE.h5, and its anchors beside it). The structure is read from the model's
-- configuration; the bytecode of a Lambda layer is never looked at, only its name.
local core = require "yolua.core"
local keras = require "yolua.model.keras"

-- The layers that a layer reads: Keras 2 lists {name, node, tensor, {}}, Keras 3 has a history in each argument.
local function inputs_of(nodes)
  local list = {}
  local function search(value)
    if type(value) ~= "table" then return end
    if type(value.keras_history) == "table" then list[#list + 1] = value.keras_history[1]
    elseif type(value[1]) == "string" and math.type(value[2]) == "integer" then list[#list + 1] = value[1]
    elseif value.args then search(value.args)
    elseif value.config then search(value.config)
    else
      for _, item in ipairs(value) do search(item) end
    end
  end
  search(type(nodes) == "table" and nodes[1])
  return list
end

local function number(value) return type(value) == "table" and (value.value or value[1]) or value end

local function square(b, list, what)
  if type(list) ~= "table" or list[1] ~= list[2] or math.type(list[1]) ~= "integer" then b.refuse(what .. " that is not square") end
  return list[1]
end

-- Padding of a convolution or pooling, in pixels on each side; `zeros` stand before it already.
local function padding(b, c, size, stride)
  if c.padding == "valid" then return b.zeros or 0 end
  if b.zeros then b.refuse "padding=same behind a ZeroPadding2D" end
  if stride > 1 and size > 1 and size ~= stride then b.refuse "padding=same with strides" end
  return size // 2
end

local makers = {}

function makers.InputLayer(b, c)
  local shape = c.batch_input_shape or c.batch_shape
  if type(shape) ~= "table" or shape[4] == nil then b.refuse "an input that is not {batch, height, width, channels}" end
  b.h, b.w, b.c = number(shape[2]), number(shape[3]), shape[4]
  return nil
end

function makers.Conv2D(b, c)
  local size, stride = square(b, c.kernel_size, "a kernel"), square(b, c.strides, "strides")
  if c.data_format == "channels_first" or (c.groups or 1) ~= 1 then b.refuse "channels first, or groups" end
  if c.activation ~= "linear" then b.refuse("activation=" .. tostring(c.activation)) end
  if square(b, c.dilation_rate or { 1, 1 }, "a dilation") ~= 1 then b.refuse "a dilation" end
  return { "conv2d", filters = c.filters, size = size, stride = stride, padding = padding(b, c, size, stride), bias = c.use_bias }
end

function makers.BatchNormalization(b, c)
  local axis = number(c.axis)
  if axis ~= -1 and axis ~= 3 then b.refuse "an axis that is not the channels'" end
  b.epsilon[b.name] = number(c.epsilon) or keras.EPSILON
  return { "batchnorm" }
end

function makers.LeakyReLU(_, c) return { "activation", activation = "leaky", slope = number(c.alpha or c.negative_slope) } end

function makers.MaxPooling2D(b, c)
  local size, stride = square(b, c.pool_size, "a window"), square(b, c.strides, "strides")
  if c.padding == "same" and stride > 1 and size ~= stride then b.refuse "padding=same with overlapping windows" end
  return { "maxpool", size = size, stride = stride, padding = c.padding == "same" and stride == 1 and size - 1 or 0 }
end

-- space_to_depth_x2: TensorFlow's, in the order of reorg3d.
function makers.Lambda(b)
  local factor = b.name:match "space_to_depth_x(%d+)" or b.name:find "space_to_depth" and 2
  if not factor then b.refuse "a Lambda layer that is not called space_to_depth" end
  return { "reorg3d", stride = tonumber(factor) }
end

function makers.Concatenate() return { "route" } end

makers.Merge = makers.Concatenate

function makers.Add() return { "shortcut" } end

function makers.UpSampling2D(b, c) return { "upsample", stride = square(b, c.size, "a size") } end

function makers.Dropout() return { "dropout" } end

-- Zeros on all sides; or above and left alone, which before a stride of 2 on an even size is the same.
function makers.ZeroPadding2D(b, c)
  local p = c.padding
  local top, left = p and p[1], p and p[2]
  if type(top) ~= "table" or top[1] ~= left[1] or top[2] ~= left[2] or not (top[2] == top[1] or top[2] == 0) then
    b.refuse "this padding"
  end
  b.pending = top[1]
  return nil
end

local KIND = { conv2d = "conv", batchnorm = "bn", activation = "act" }

-- The layers of our network, and where each of Keras's is among them.
local function convert(path, config)
  local b = { count = {}, epsilon = {} } -- epsilon: of each batch-norm
  local out, ours, zeros = {}, {}, {}
  for _, layer in ipairs(config.layers) do
    local make, from = makers[layer.class_name], inputs_of(layer.inbound_nodes)
    b.name, b.zeros = layer.name or layer.config.name, from[1] and zeros[from[1]] or nil
    function b.refuse(what) error(("%s: layer '%s' (%s): %s is not supported"):format(path, b.name, layer.class_name, what), 0) end
    if not make then b.refuse "this kind of layer" end
    local spec = make(b, layer.config)
    local inputs = {}
    for i, name in ipairs(from) do
      if ours[name] == nil then b.refuse(("its input '%s', which no layer before it makes,"):format(name)) end
      inputs[i] = ours[name]
    end
    if not spec then
      ours[b.name] = #from == 0 and 0 or inputs[1]
      zeros[b.name], b.pending = b.pending, nil
    else
      local stem, before = KIND[spec[1]] or spec[1], type(inputs[1]) == "string" and inputs[1]:match "^conv%d+"
      b.count[stem] = (b.count[stem] or 0) + 1
      local companion = (stem == "bn" or stem == "act") and before
      spec.name = companion and ("%s.%s"):format(before, stem) or stem .. b.count[stem]
      spec.inputs, spec.keras = inputs, b.name
      out[#out + 1], ours[b.name] = spec, spec.name
    end
  end
  return out, b
end

local function anchors_of(path)
  local text, list = core.system.read(path), {}
  for word in text:gmatch "[^,%s]+" do
    list[#list + 1] = tonumber(word) or error(("%s: expected numbers separated by commas, got '%s'"):format(path, word:sub(1, 40)), 0)
  end
  if #list == 0 or #list % 2 > 0 then error(("%s: expected the width and height of each anchor, got %d numbers"):format(path, #list), 0) end
  return list
end

-- The only output: a convolution with 5 + classes channels for each anchor.
local function head(path, config, layers, anchors)
  local name, last = config.output_layers, nil
  while type(name) == "table" do
    if type(name[2]) == "table" then error(("%s: expected one output, got %d"):format(path, #name), 0) end
    name = name[1]
  end
  for _, layer in ipairs(layers) do
    if layer.keras == name then last = layer end
  end
  local n, filters = #anchors // 2, last and last[1] == "conv2d" and last.filters
  if not filters then error(("%s: expected a model that ends in a convolution (YAD2K's body)"):format(path), 0) end
  if filters % n > 0 or filters // n < 6 then
    error(("%s: its last convolution has %d filters, which is not a multiple of 5 + classes for %d anchors"):format(path, filters, n), 0)
  end
  return { "region", name = "region1", anchors = anchors, num = n, classes = filters // n - 5, softmax = true, bias_match = true,
    inputs = { last.name } }
end

local DEFAULT = 416 -- where the model says none: YAD2K's

-- {net, classes}: the network of a YAD2K model. o: device, anchors (default: FILE_anchors.txt, as its converter leaves it).
local function model(path, o)
  local file = core.import.hdf5(path)
  if not file.config then
    error(("%s holds weights without a model: expected cfg=FILE.cfg weights=%s"):format(path, path), 0)
  end
  local whole = core.json.decode(file.config, path .. ": its model_config")
  local config = type(whole) == "table" and type(whole.config) == "table" and whole.config
  if not config or type(config.layers) ~= "table" then error(("%s: its model_config has no layers"):format(path), 0) end
  local layers, b = convert(path, config)
  local beside = path:gsub("%.%w+$", "") .. "_anchors.txt"
  if not o.anchors and not core.files.kind(beside) then
    error(("%s: its anchors are missing: expected anchors=FILE, or %s"):format(path, beside), 0)
  end
  layers[#layers + 1] = head(path, config, layers, anchors_of(o.anchors or beside))
  local names = {}
  for _, spec in ipairs(layers) do names[spec.name], spec.keras = spec.keras or false, nil end
  local function size(value) return math.type(value) == "integer" and value or DEFAULT end
  local net = core.net { h = size(b.h), w = size(b.w), c = b.c, seed = 1, device = o.device, layers = layers }
  local tensors = keras.by_layer(path, file)
  local own = keras.ranges(net)
  for _, layer in ipairs(net:layers()) do
    local ranges, from = own[layer.name], tensors[names[layer.name]]
    if ranges and not from then error(("%s: layer '%s' has no weights in the file"):format(path, names[layer.name]), 0) end
    local epsilon = b.epsilon[names[layer.name]]
    if ranges then keras.fill(net, path, ranges, from, epsilon and epsilon - tonumber(layer.options.eps)) end
  end
  return net, layers[#layers].classes
end

return model
