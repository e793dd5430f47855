-- A network's parameters by layer: layers.conv3.weight, layers["conv3.bn"].scale. Each is a tensor over the memory that the
-- network computes with: methods that end in _ change the network, and closing the network ends the tensor.
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local sealed = require "yolua.options.sealed"
local terminal = require "yolua.terminal"

local function names_of(list)
  local names = {}
  for i, item in ipairs(list) do names[i] = item.name end
  return names
end

local Layer = { __name = "yolua.layer" }
local behind = setmetatable({}, { __mode = "k" }) -- layer -> { net =, facts = }

local function names_in(net, layer)
  local names = {}
  for _, range in ipairs(net:ranges()) do
    if range.layer == layer then names[#names + 1] = range.name:match "[^.]+$" end
  end
  return names
end

-- A parameter of the layer as a tensor, or a fact about it: name, kind, shape, params, flops, frozen.
function Layer:__index(key)
  local net, facts = behind[self].net, behind[self].facts
  if facts[key] ~= nil then return facts[key] end
  local full = facts.name .. "." .. tostring(key)
  for _, range in ipairs(net:ranges()) do
    if range.name == full then return net:tensor(full) end
  end
  error(("%s: layer %s has no '%s'%s"):format(options.position(), facts.name, tostring(key),
    schema.did_you_mean(tostring(key), names_in(net, facts.name))), 0)
end

function Layer:__newindex(key)
  sealed.refuse("layers." .. behind[self].facts.name, key, ("a parameter is written into, as in net.layers[%q].%s:copy_(t)")
    :format(behind[self].facts.name, tostring(key)))
end

-- For completion at the prompt: the facts, and the layer's parameters.
function Layer:__names()
  local names = names_in(behind[self].net, behind[self].facts.name)
  for name in pairs(behind[self].facts) do names[#names + 1] = name end
  return names
end

-- pairs goes through its parameters.
function Layer:__pairs()
  local i, names = 0, names_in(behind[self].net, behind[self].facts.name)
  return function()
    i = i + 1
    if names[i] then return names[i], self[names[i]] end
  end
end

function Layer:__tostring()
  local f = behind[self].facts
  return ("%s: %s, output {%s}, %d parameters, %d FLOPs%s"):format(f.name, f.kind, table.concat(f.shape, ", "), f.params, f.flops,
    f.frozen and ", frozen" or "")
end

local function layer_of(net, facts)
  local self = setmetatable({}, Layer)
  behind[self] = { net = net, facts = facts }
  return self
end

-- The table that looks layers up by name or number, in the network of that core object.
return function(net)
  return setmetatable({}, {
    __name = "layers",
    __tostring = function(self)
      local text = ("%d layers: %s"):format(#self, table.concat(names_of(net:layers()), " "))
      return table.concat(terminal.wrap(text, terminal.width(), 2), "\n")
    end,
    __len = function() return #net:layers() end,
    __names = function() return names_of(net:layers()) end,
    __pairs = function() -- name, layer: in the order of the network
      local i, list = 0, net:layers()
      return function()
        i = i + 1
        if list[i] then return list[i].name, layer_of(net, list[i]) end
      end
    end,
    __newindex = function(_, key) sealed.refuse("layers", key, "layers are those of the cfg; their parameters can be written into") end,
    __index = function(_, key)
      local list = net:layers()
      for i, facts in ipairs(list) do
        if facts.name == key or i == key then return layer_of(net, facts) end
      end
      if math.type(key) == "integer" and key == #list + 1 then return nil end -- where ipairs ends
      error(("%s: the network has no layer '%s'%s"):format(options.position(), tostring(key),
        schema.did_you_mean(tostring(key), names_of(list))), 0)
    end,
  })
end
