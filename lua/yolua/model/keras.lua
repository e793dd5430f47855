-- Weights of Keras (FILE.h5, FILE.weights.h5) for a network that is there. keras_model.lua reads whole models.
local core = require "yolua.core"

local keras = { EPSILON = 1e-3 } -- of a batch-norm, where nothing says otherwise

local KINDS = { "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance" }
local VARS = { batch_normalization = { "gamma", "beta", "moving_mean", "moving_variance" }, other = { "kernel", "bias" } } -- Keras 3

-- "model_weights/conv2d_1/conv2d_1/kernel:0" -> "conv2d_1", "kernel"; Keras 3's "layers/conv2d_1/vars/0" likewise; nil for others.
local function place_of(path)
  local parts = {}
  for part in path:gsub("^model_weights/", ""):gmatch "[^/]+" do parts[#parts + 1] = part end
  local last = parts[#parts]
  if parts[#parts - 1] == "vars" then
    local layer = parts[#parts - 2]
    return layer, layer and (VARS[layer:gsub("_%d+$", "")] or VARS.other)[(math.tointeger(last) or -1) + 1]
  end
  last = last:gsub(":%d+$", "")
  for _, kind in ipairs(KINDS) do
    if last == kind or last:sub(-#kind - 1) == "_" .. kind then return parts[1], kind end
  end
end

-- The tensors by layer: {name = {kernel = tensor, ...}}, and the names in the order of their numbers.
function keras.by_layer(path, file)
  local layers, names = {}, {}
  for _, t in ipairs(file.tensors) do
    local layer, kind = place_of(t[1])
    if not kind then error(("%s: '%s' is no tensor of a convolution, a dense layer or a batch-norm"):format(path, t[1]), 0) end
    if not layers[layer] then layers[layer], names[#names + 1] = { name = layer }, layer end
    layers[layer][kind] = t[2]
  end
  local function number(name) return tonumber(name:match "_(%d+)$") or 0 end
  table.sort(names, function(a, b)
    if number(a) ~= number(b) then return number(a) < number(b) end
    return a < b
  end)
  return layers, names
end

-- A kernel {kh, kw, in, out} as {out, kh, kw, in}, a dense one {in, out} as {out, in}.
local function turned(kernel)
  local axes = #kernel:shape()
  return axes == 4 and kernel:permute(4, 1, 2, 3):clone() or axes == 2 and kernel:transpose():clone() or kernel
end

local NAMES = { weight = "kernel", bias = "bias", scale = "gamma", mean = "moving_mean", var = "moving_variance" }

local function shape_text(dims) return "{" .. table.concat(dims, ", ") .. "}" end

-- What Keras calls a parameter.
local function keras_name(range, is_bn)
  local word = range.name:match "[^.]+$"
  return is_bn and word == "bias" and "beta" or NAMES[word]
end

-- Sets a layer's parameters from those of a layer of Keras. `more` is added to a variance: Keras's epsilon less ours, so that the network
-- computes the same and Darknet's files can hold it.
function keras.fill(net, path, ranges, from, more)
  local is_bn = more ~= nil
  for _, r in ipairs(ranges) do
    local kind = keras_name(r, is_bn)
    local tensor = from[kind]
    if not tensor and kind == "gamma" then tensor = core.tensor.zeros({ r.count }, "f32"):fill_(1) end -- scale=False
    if not tensor and kind == "beta" then tensor = core.tensor.zeros({ r.count }, "f32") end -- center=False
    if not tensor then error(("%s: %s has no %s, which %s needs"):format(path, from.name, kind, r.name), 0) end
    local own = turned(tensor)
    local got, want = shape_text(own:shape()), shape_text(r.dims)
    if got ~= want then
      error(("%s: the %s of %s has the shape %s as %s; %s expects %s"):format(path, kind, from.name, shape_text(tensor:shape()), got,
        r.name, want), 0)
    end
    net:set(r.name, kind == "moving_variance" and own + more or own)
  end
end

function keras.ranges(net)
  local list = {}
  for _, r in ipairs(net:ranges()) do
    list[r.layer] = list[r.layer] or {}
    table.insert(list[r.layer], r)
  end
  return list
end

-- The shape that decides which layers can be the same: of the kernel, or the count of a batch-norm.
local function key_of(layer)
  local tensor = layer.kernel or layer.moving_mean
  return tensor and shape_text(turned(tensor):shape())
end

-- Keras numbers its layers as it made them, or as they follow from the input; both keep the order of those of one shape on one path.
function keras.weights(net, path)
  local file = core.import.hdf5(path)
  local layers, names = keras.by_layer(path, file)
  local own, taken = keras.ranges(net), {}
  for _, layer in ipairs(net:layers()) do
    local ranges = own[layer.name]
    if ranges then
      local is_bn, found = layer.kind == "batchnorm", nil
      local want = shape_text(is_bn and { ranges[1].count } or ranges[1].dims)
      for _, name in ipairs(names) do
        local fits = not taken[name] and (layers[name].moving_mean ~= nil) == is_bn and key_of(layers[name]) == want
        if fits and not found then found = name end
      end
      if not found then
        error(("%s: no %s of the shape %s is left for %s: these are the weights of another network"):format(path,
          is_bn and "batch-norm" or "kernel", want, layer.name), 0)
      end
      taken[found] = true
      keras.fill(net, path, ranges, layers[found], is_bn and keras.EPSILON - tonumber(layer.options.eps) or nil)
    end
  end
  for _, name in ipairs(names) do
    if not taken[name] then
      error(("%s: the network has no layer for %s (%s): these are the weights of another network"):format(path, name,
        key_of(layers[name]) or "a bias"), 0)
    end
  end
end

return keras
