-- A whole model of Keras as YAD2K's converter leaves it (FILE.h5, and its anchors beside it). The structure is read from the model's
-- configuration; the bytecode of a Lambda layer is never looked at, only its name.
local core = require "yolua.core"
local keras = require "yolua.model.keras"
local keras_layers = require "yolua.model.keras_layers"

-- The layers that a layer reads: Keras 2 lists {name, node, tensor, {}}, Keras 3 has a history in each argument.
local function inputs_of(nodes)
  local list = {}
  local function search(value)
    if type(value) ~= "table" then return end
    if type(value.keras_history) == "table" then list[#list + 1] = value.keras_history[1] or false
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

local KIND = { conv2d = "conv", batchnorm = "bn", activation = "act" }

-- Checks what every layer has, and gives what keras_layers.lua makes one from. maps: those of the layers before it, by name.
local function examine(path, layer, maps)
  local name = type(layer) == "table" and (layer.name or type(layer.config) == "table" and layer.config.name)
  if type(name) ~= "string" or type(layer.class_name) ~= "string" or type(layer.config) ~= "table" then
    error(path .. ": its model_config has a layer without name, class_name or config", 0)
  end
  local at = { path = path, name = name, class = layer.class_name, config = layer.config, inputs = {} }
  function at.refuse(sentence) error(("%s: layer '%s' (%s): %s"):format(path, name, at.class, sentence), 0) end
  local nodes = layer.inbound_nodes
  if type(nodes) == "table" and #nodes > 1 then at.refuse(("expected a layer that is used once, got %d uses"):format(#nodes)) end
  if maps[name] then at.refuse "expected a name of its own, got that of a layer before it" end
  at.from = inputs_of(nodes)
  for i, input in ipairs(at.from) do
    local known = type(input) == "string" and maps[input]
    if not known then at.refuse(("its input '%s', which no layer before it makes, is not supported"):format(tostring(input))) end
    at.inputs[i] = known
  end
  return at
end

-- The layers of our network, and what is known of Keras's: the epsilons of batch-norms and the size of the input.
local function convert(path, config)
  local out, known = {}, { epsilon = {} }
  local maps, ours, count, used = {}, {}, {}, {}
  for _, layer in ipairs(config.layers) do
    local at = examine(path, layer, maps)
    local spec = keras_layers.make(at)
    if at.channels then
      if known.input then at.refuse "expected one input of the model, got a second one" end
      known.input = { h = at.map.h, w = at.map.w, c = at.channels }
    end
    maps[at.name], known.epsilon[at.name] = at.map, at.epsilon
    local inputs = {}
    for i, name in ipairs(at.from) do inputs[i] = ours[name] end
    if not spec then
      ours[at.name] = inputs[1] or 0
    else
      local stem, before = KIND[spec[1]] or spec[1], type(inputs[1]) == "string" and inputs[1]:match "^conv%d+"
      count[stem] = (count[stem] or 0) + 1
      local companion = (stem == "bn" or stem == "act") and before and ("%s.%s"):format(before, stem)
      spec.name = companion and not used[companion] and companion or stem .. count[stem]
      spec.inputs, spec.keras, used[spec.name] = inputs, at.name, true
      out[#out + 1], ours[at.name] = spec, spec.name
    end
  end
  if not known.input then error(path .. ": its model_config has no InputLayer", 0) end
  return out, known
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

-- The network itself, whose sentences do not know the file.
local function build(path, known, layers, device)
  local i = known.input
  local ok, net = core.system.attempt(core.net, { h = i.h, w = i.w, c = i.c, seed = 1, device = device, layers = layers })
  if not ok then error(("%s: its model_config makes no network: %s"):format(path, (net:gsub("^[^:]+:%d+: ", ""))), 0) end
  return net
end

-- {net, classes}: the network of a YAD2K model. o: device, anchors (default: FILE_anchors.txt, as its converter leaves it).
local function model(path, o)
  local file = core.import.hdf5(path)
  if not file.config then
    error(("%s holds weights without a model: expected cfg=FILE.cfg weights=%s"):format(path, path), 0)
  end
  local whole = core.json.decode(file.config, path .. ": its model_config")
  local config = type(whole) == "table" and type(whole.config) == "table" and whole.config
  if not config or type(config.layers) ~= "table" then error(("%s: its model_config has no layers"):format(path), 0) end
  local layers, known = convert(path, config)
  local beside = path:gsub("%.%w+$", "") .. "_anchors.txt"
  if not o.anchors and not core.files.kind(beside) then
    error(("%s: its anchors are missing: expected anchors=FILE, or %s"):format(path, beside), 0)
  end
  layers[#layers + 1] = head(path, config, layers, anchors_of(o.anchors or beside))
  local names = {}
  for _, spec in ipairs(layers) do names[spec.name], spec.keras = spec.keras or false, nil end
  local net = build(path, known, layers, o.device)
  local tensors = keras.by_layer(path, file)
  local own = keras.ranges(net)
  for _, layer in ipairs(net:layers()) do
    local ranges, from = own[layer.name], tensors[names[layer.name]]
    if ranges and not from then error(("%s: layer '%s' has no weights in the file"):format(path, names[layer.name]), 0) end
    local epsilon = known.epsilon[names[layer.name]]
    if ranges then keras.fill(net, path, ranges, from, epsilon and epsilon - tonumber(layer.options.eps)) end
  end
  return net, layers[#layers].classes
end

return model
