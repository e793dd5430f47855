-- How long another device takes, from a file (target.table): {"layers": [{"name", "ms"}, ...]}, the milliseconds that each layer of the
-- dense network takes there for one image. `yolua bench ... layers=true json=true` on that device writes such a file. A layer that has
-- lost channels is taken to need time as it needs FLOPs.
local core = require "yolua.core"
local schema = require "yolua.options.schema"

local device = {}

local Device = {}
Device.__index = Device

-- Errors: a file that cannot be read or is no such table.
function device.read(path)
  local known = core.json.decode(core.system.read(path), path)
  local list = type(known) == "table" and known.layers
  if type(list) ~= "table" or #list == 0 then error(("%s: expected a table with 'layers', a list of {name, ms}"):format(path), 0) end
  local self = setmetatable({ path = path, ms = {}, names = {} }, Device)
  for i, layer in ipairs(list) do
    if type(layer) ~= "table" then error(("%s: layer %d: expected {name, ms}, got %s"):format(path, i, tostring(layer)), 0) end
    local name, ms = layer.name, layer.ms
    if type(name) ~= "string" or type(ms) ~= "number" or not (ms >= 0 and ms < math.huge) then
      error(("%s: layer %d: expected a name and milliseconds of at least 0, got %s and %s"):format(path, i, tostring(name),
        tostring(ms)), 0)
    end
    if self.ms[name] then error(("%s: layer %d: '%s' occurs twice"):format(path, i, name), 0) end
    self.ms[name], self.names[i] = ms, name
  end
  return self
end

-- FLOPs by layer's name.
local function flops_of(net, h, w)
  local out = {}
  for _, layer in ipairs(net:layers(h, w)) do out[layer.name] = layer.flops end
  return out
end

-- Milliseconds of a network that was made from `dense` by taking channels away; h, w: the input's size. Errors: a layer with FLOPs that the
-- table lacks.
function Device:time(net, dense, h, w)
  local now, total = flops_of(net, h, w), 0
  for name, flops in pairs(flops_of(dense, h, w)) do
    if not self.ms[name] and flops > 0 then
      error(("%s has no layer '%s'%s: expected one for each layer of the network"):format(self.path, name,
        schema.did_you_mean(name, self.names)), 0)
    end
    total = total + (self.ms[name] or 0) * (flops > 0 and (now[name] or 0) / flops or 1)
  end
  return total
end

return device
