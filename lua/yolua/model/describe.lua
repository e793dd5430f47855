-- A network as a table for people. A convolution with its batch-norm and activation is one line: conv3 stands for conv3, conv3.bn and
-- conv3.act, whose parameters and FLOPs are added up. FLOPs are those of one image; a multiply-add counts two.
local core = require "yolua.core"
local terminal = require "yolua.terminal"

local function short(n)
  if n >= 1e9 then return ("%.2fG"):format(n / 1e9) end
  if n >= 1e6 then return ("%.2fM"):format(n / 1e6) end
  if n >= 1e3 then return ("%.1fk"):format(n / 1e3) end
  return ("%d"):format(n)
end

-- "3x3/2", "3x3 x32" for groups
local function kernel_text(o)
  local text = ("%sx%s"):format(o.size, o.size)
  if tonumber(o.stride) and tonumber(o.stride) > 1 then text = text .. "/" .. o.stride end
  if tonumber(o.groups) and tonumber(o.groups) > 1 then text = text .. " x" .. o.groups end
  return text
end

-- What a layer does, in a word or two.
local function word(layer)
  local o = layer.options
  if o.activation then return o.activation end
  if (tonumber(o.size) or 0) > 0 then return layer.kind .. " " .. kernel_text(o) end
  return layer.name:match "%.(%a+)$" or layer.kind -- conv1.bn
end

-- Layers that belong together, by the first part of their names: {name, words, shape, params, flops, frozen = how many parameters are,
-- algorithm}.
local function groups_of(model, algorithm)
  local list = {}
  for _, layer in ipairs(model.net:layers()) do
    local stem, group = layer.name:match "^[^.]+", list[#list]
    if not group or group.name ~= stem then
      group = { name = stem, words = {}, params = 0, flops = 0, frozen = 0, algorithm = algorithm(layer.name) }
      list[#list + 1] = group
    end
    table.insert(group.words, word(layer))
    group.shape, group.params, group.flops = layer.shape, group.params + layer.params, group.flops + layer.flops
    if layer.frozen then group.frozen = group.frozen + layer.params end
  end
  return list
end

-- The name of the algorithm that a plan of the model runs the layer's forward with; "" before there is a plan.
local function algorithms_of(model)
  local _, plan = next(model.plans)
  for key, other in pairs(model.plans) do
    if key:find "^infer/whole/" then plan = other end
  end
  return function(name)
    local ok, found = core.system.attempt(function() return plan and plan:algorithm(name) end)
    return ok and found or ""
  end
end

local columns = {
  { "layer", weight = 9 }, { "kind", weight = 1 }, { "h x w x c", right = true, weight = 6 }, { "params", right = true, weight = 5 },
  { "FLOPs", right = true, weight = 4 }, { "frozen", weight = 3 }, { "algorithm", weight = 2 },
}

local function frozen_text(group)
  if group.frozen == 0 then return "" end
  return group.frozen == group.params and "frozen" or "partly"
end

local function shape_text(shape) return ("%dx%dx%d"):format(shape[2], shape[3], shape[4]) end

-- The table as text, `width` characters wide (default: the terminal's). The column `algorithm` fills once the network has run: which
-- way is fastest is measured then.
return function(model, width)
  local rows, params, flops = { { "input", "", shape_text { 1, model.h, model.w, model.c } } }, 0, 0
  for _, group in ipairs(groups_of(model, algorithms_of(model))) do
    params, flops = params + group.params, flops + group.flops
    rows[#rows + 1] = { group.name, table.concat(group.words, " "), shape_text(group.shape), group.params > 0 and short(group.params) or "",
      group.flops > 0 and short(group.flops) or "", frozen_text(group), group.algorithm }
  end
  rows[#rows + 1] = { "total", "", "", short(params), short(flops) }
  return table.concat(terminal.columns(columns, rows, width), "\n")
end
