-- A network's structure as plain data: what a checkpoint stores, and what surgery (a new head) edits before rebuilding.
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"

local structure = {}

-- {w, h, c, layers = {{kind, name, inputs = {0 = the input, else names}, options = {key = text}, section}}}
function structure.of(net)
  local w, h, c = net:size()
  local layers = net:layers()
  local out = {}
  for i, layer in ipairs(layers) do
    local inputs = {}
    for k, from in ipairs(layer.inputs) do inputs[k] = from == 0 and 0 or layers[from].name end
    out[i] = { kind = layer.kind, name = layer.name, inputs = inputs, options = layer.options, section = layer.section }
  end
  return { w = w, h = h, c = c, layers = out, header = net:header() }
end

-- Refuses a structure out of a file that is not what `of` makes: one sentence, naming the layer and what it lacks.
function structure.check(s)
  local function expect(good, ...)
    if not good then error(("expected %s"):format(string.format(...)), 0) end
  end
  expect(type(s) == "table" and type(s.layers) == "table", "width, height, channels and a list of layers")
  for i, layer in ipairs(s.layers) do
    expect(type(layer) == "table" and type(layer.kind) == "string" and type(layer.name) == "string",
      "layer %d to have a kind and a name", i)
    expect(type(layer.options) == "table" and type(layer.inputs) == "table", "layer '%s' to have options and inputs", layer.name)
    for _, from in ipairs(layer.inputs) do
      expect(from == 0 or type(from) == "string", "layer '%s' to name the layers that it reads", layer.name)
    end
  end
end

-- The network that a structure describes; parameters are drawn from `seed`.
function structure.build(s, device, seed)
  local layers = {}
  for i, layer in ipairs(s.layers) do
    local spec = { layer.kind, name = layer.name, inputs = layer.inputs, section = layer.section }
    for key, text in pairs(layer.options) do spec[key] = text end
    layers[i] = spec
  end
  return core.net { w = s.w, h = s.h, c = s.c, device = device, seed = seed or 1, header = s.header, layers = layers }
end

function structure.layer(s, name)
  for _, layer in ipairs(s.layers) do
    if layer.name == name then return layer end
  end
end

-- The numbers of a list in an option's text, such as anchors or mask.
function structure.numbers(text)
  local list = {}
  for word in (text or ""):gmatch "[^,%s%[%]]+" do list[#list + 1] = tonumber(word) end
  return list
end

local function count_of(list) return select(2, (list or ""):gsub("[^,%s%[%]]+", "")) end

-- The heads: {name, kind, anchors = how many boxes a cell has, classes, attributes (entries of options/attributes.lua), size = numbers per
-- anchor, conv = name of the convolution that feeds it}
function structure.heads(s)
  local heads = {}
  for _, layer in ipairs(s.layers) do
    local o = layer.options
    local kind = core.layers.kind(layer.kind)
    if kind and kind.head then
      local anchors = count_of(o.mask) > 0 and count_of(o.mask) or tonumber(o.num) -- without a mask a head predicts all
      local feeding = layer
      repeat feeding = structure.layer(s, feeding.inputs[1]) until not feeding or feeding.options.filters
      if not feeding then error(("%s: no convolution feeds this head"):format(layer.name), 2) end
      local extra, classes = attributes.of(o.attributes), tonumber(o.classes)
      heads[#heads + 1] = { name = layer.name, kind = layer.kind, anchors = anchors, classes = classes, attributes = extra,
        size = 5 + classes + attributes.width(extra), conv = feeding.name }
    end
  end
  return heads
end

-- What stopbackward=1 in a section of a cfg freezes, its convolution and all before it, as a list of names; nil where no section has it.
function structure.stopped(net)
  local place, last, names, seen = {}, 0, {}, {}
  for i, layer in ipairs(net:layers()) do
    place[layer.name] = i
    if layer.options.stopbackward == "1" then last = i end
  end
  for _, range in ipairs(net:ranges()) do
    local name = range.layer:match "^[^.]*" -- conv7.bn stands behind conv7 and belongs to it
    if (place[name] or place[range.layer]) <= last and not seen[name] then
      seen[name], names[#names + 1] = true, name
    end
  end
  return last > 0 and table.concat(names, ",") or nil
end

-- "conv1 to conv7, 4711 numbers" of the ranges that `which` picks.
local function span(net, which)
  local first, last, numbers = nil, nil, 0
  for _, range in ipairs(net:ranges()) do
    if which(range) then
      last, numbers = range.layer:match "^[^.]*", numbers + range.count
      first = first or last
    end
  end
  if not first then return "nothing" end
  return ("%s, %d numbers"):format(first == last and first or first .. " to " .. last, numbers)
end

-- One sentence: which layers a file of the first `sections` sections has filled, and which hold numbers that were drawn.
function structure.kept(net, path, sections)
  local section = {}
  for _, layer in ipairs(net:layers()) do section[layer.name] = layer.section end
  local kept = span(net, function(range) return section[range.layer] < sections end)
  local drawn = span(net, function(range) return section[range.layer] >= sections end)
  return ("%s: kept: %s; initialized: %s"):format(path, kept, drawn)
end

return structure
