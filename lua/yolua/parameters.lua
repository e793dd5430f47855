-- A network's parameters by layer: layers.conv3.weight, layers["conv3.bn"].scale. Each is a tensor over the memory that the
-- network computes with: methods that end in _ change the network, and closing the network ends the tensor.
local schema = require "yolua.schema"
local terminal = require "yolua.terminal"

local function names_of(list)
  local names = {}
  for i, item in ipairs(list) do names[i] = item.name end
  return names
end

local Layer = { __name = "yolua.layer" }

-- A parameter of the layer as a tensor, or a fact about it: name, kind, shape, params, flops, frozen.
function Layer:__index(key)
  local fact = rawget(self, "facts")[key]
  if fact ~= nil then return fact end
  local full, names = self.facts.name .. "." .. tostring(key), {}
  for _, range in ipairs(self.net:ranges()) do
    if range.name == full then return self.net:tensor(full) end
    names[#names + 1] = range.name:match("^" .. self.facts.name:gsub("%p", "%%%0") .. "%.([^.]+)$")
  end
  error(("layer %s has no '%s'%s"):format(self.facts.name, tostring(key), schema.did_you_mean(tostring(key), names)), 2)
end

-- For completion at the prompt: the facts, and the layer's parameters.
function Layer:__names()
  local names = {}
  for name in pairs(self.facts) do names[#names + 1] = name end
  for _, range in ipairs(self.net:ranges()) do
    if range.layer == self.facts.name then names[#names + 1] = range.name:match "[^.]+$" end
  end
  return names
end

function Layer:__tostring()
  local f = self.facts
  return ("%s: %s, output {%s}, %d parameters, %d FLOPs%s"):format(f.name, f.kind, table.concat(f.shape, ", "), f.params, f.flops,
    f.frozen and ", frozen" or "")
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
    __index = function(_, key)
      local list = net:layers()
      for i, facts in ipairs(list) do
        if facts.name == key or i == key then return setmetatable({ net = net, facts = facts }, Layer) end
      end
      if type(key) == "number" then return nil end
      error(("the network has no layer '%s'%s"):format(tostring(key), schema.did_you_mean(tostring(key), names_of(list))), 2)
    end,
  })
end
