-- Residual branches: what a shortcut adds to a value that it has computed something from, and that nobody else reads.
local compact = require "yolua.prune.compact"
local copy = require "yolua.model.copy"

local branches = {}

-- The layers between `trunk` and `last` (numbers; both inputs of one shortcut), `last` among them; nil where something between them is
-- read elsewhere, or reads something else.
local function between(layers, readers, trunk, last, join)
  local inside, list = { [last] = true }, {}
  for i = last, trunk + 1, -1 do
    if inside[i] then
      for _, from in ipairs(layers[i].inputs) do
        if from < trunk then return nil end
        if from > trunk then inside[from] = true end
      end
      table.insert(list, 1, i)
    end
  end
  for _, i in ipairs(list) do
    for _, reader in ipairs(readers[i] or {}) do
      if not inside[reader] and reader ~= join then return nil end
    end
  end
  return list
end

-- {{name = of the shortcut, layers = {names}}, ...} of a model, in their order.
function branches.of(model)
  local layers, readers, out = model.net:layers(), {}, {}
  for i, layer in ipairs(layers) do
    for _, from in ipairs(layer.inputs) do
      readers[from] = readers[from] or {}
      table.insert(readers[from], i)
    end
  end
  for i, layer in ipairs(layers) do
    if layer.kind == "shortcut" and #layer.inputs == 2 then
      local trunk, last = math.min(table.unpack(layer.inputs)), math.max(table.unpack(layer.inputs))
      local list = trunk < last and between(layers, readers, trunk, last, i)
      local names = {}
      for k, at in ipairs(list or {}) do names[k] = layers[at].name end
      if list then out[#out + 1] = { name = layer.name, layers = names } end
    end
  end
  return out
end

-- The ranges that have to be zero so that a branch adds nothing: those of its last layer with parameters, but for statistics.
local function last_ranges(model, branch)
  local of = {}
  for _, r in ipairs(model.net:ranges()) do
    of[r.layer] = of[r.layer] or {}
    if r.kind ~= "statistic" then table.insert(of[r.layer], r) end
  end
  for k = #branch.layers, 1, -1 do
    local list = of[branch.layers[k]]
    if list and #list > 0 then return list end
  end
  return {}
end

-- A smaller model without these branches; the old one stays as it is.
function branches.without(model, list)
  local whole = copy(model)
  for _, branch in ipairs(list) do
    for _, r in ipairs(last_ranges(whole, branch)) do
      whole.net:tensor(r.name, "value"):fill_(0)
      if model.averaged then whole.net:tensor(r.name, "ema"):fill_(0) end
    end
  end
  local small = compact(whole, {})
  whole:close()
  return small
end

return branches
