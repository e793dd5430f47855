-- chain(model, parts_of): a new model in which layers are chains of smaller ones. parts_of: {layer's name = its parts, as a method of
-- compress/methods/ makes them}; everything else is copied. The old model stays as it is.
local copy = require "yolua.model.copy"
local Model = require "yolua.model"
local structure = require "yolua.model.structure"

local SPACE = { "size", "stride", "stride_x", "stride_y", "pad", "padding", "dilation" } -- options of what carries a layer's space

local function option_table(layer, part, last)
  if part.options then
    part.options.bias = layer.options.bias
    return part.options
  end
  local d, o = part.weight:shape(), {}
  if layer.kind == "connected" then o.output = tostring(d[1])
  else
    o.filters, o.size, o.stride, o.pad, o.padding, o.dilation = tostring(d[1]), "1", "1", "false", "0", "1"
    for _, key in ipairs(part.space and SPACE or {}) do o[key] = layer.options[key] end
    if part.depthwise then o.groups = tostring(d[1]) end
  end
  o.bias = last and layer.options.bias or "false"
  return o
end

-- Names NAME.1, NAME.2, ... that no layer has: a network may be decomposed again.
local function namer(s)
  local taken = {}
  for _, layer in ipairs(s.layers) do taken[layer.name] = true end
  return function(name)
    local i, new = 0
    repeat
      i = i + 1
      new = ("%s.%d"):format(name, i)
    until not taken[new]
    taken[new] = true
    return new
  end
end

-- The structure with each decomposed layer as a chain; the last link keeps the layer's name, so that all others find it.
local function chained(s, parts_of)
  local layers, shift, new_name = {}, 0, namer(s)
  for _, layer in ipairs(s.layers) do
    local parts = parts_of[layer.name]
    for i, part in ipairs(parts or {}) do
      local last = i == #parts
      part.layer = last and layer.name or new_name(layer.name)
      layers[#layers + 1] = { kind = part.kind or layer.kind, name = part.layer, section = layer.section + shift,
        inputs = i == 1 and layer.inputs or { parts[i - 1].layer }, options = option_table(layer, part, last) }
      shift = shift + (last and 0 or 1)
    end
    if not parts then
      layers[#layers + 1] = { kind = layer.kind, name = layer.name, inputs = layer.inputs, options = layer.options,
        section = layer.section + shift }
    end
  end
  return { w = s.w, h = s.h, c = s.c, header = s.header, layers = layers }
end

return function(model, parts_of)
  local net = structure.build(chained(structure.of(model.net), parts_of), model.device)
  local made = Model.new { net = net, names = table.move(model.names, 1, #model.names, 1, {}), named_by = model.named_by, path = model.path,
    notes = model.notes, device = model.device, map = model.map, darknet = model.darknet }
  made.resize, made.trained = model.resize, model.trained
  local own = {}
  for _, parts in pairs(parts_of) do
    for _, part in ipairs(parts) do
      for name, numbers in pairs(part.numbers or { weight = part.weight }) do
        own[part.layer .. "." .. name] = true
        net:set(part.layer .. "." .. name, numbers)
      end
    end
  end
  for _, r in ipairs(net:ranges()) do
    if not own[r.name] then copy.range(model, made, r) end
  end
  return made
end
