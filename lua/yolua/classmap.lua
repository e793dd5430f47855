-- How the classes of a data set meet those of a network.
--
-- A map has: name; to (data class -> network class); ignore (data classes that are regions in which nothing counts); neighbour
-- (data class -> the network class that it is mistaken for); classes (the list that the protocols report, see core.eval_set).
local classmap = {}

local function lowered(names)
  local set = {}
  for _, name in ipairs(names) do set[name:lower()] = name end
  return set
end

-- Every class of one side is known to the other.
local function agree(data_classes, names)
  local data, net, all = lowered(data_classes), lowered(names), true
  for key in pairs(data) do all = all and net[key] ~= nil end
  if all then return true end
  for key in pairs(net) do
    if not data[key] then return false end
  end
  return true
end

local function regions(set, map)
  for _, name in ipairs(set.regions or {}) do map.ignore[name] = true end
end

-- Classes of the same name; the others are dropped, but neighbours and what may be ignored are remembered.
local function identity(set, names)
  local map = { name = "identity", to = {}, ignore = {}, neighbour = {}, classes = {} }
  local net = lowered(names)
  for _, class in ipairs(set.classes) do
    local same, beside = net[class:lower()], set.neighbours and set.neighbours[class]
    if same then map.to[class] = same
    elseif set.optional and set.optional[class] then map.ignore[class] = true
    elseif beside and net[beside:lower()] then map.neighbour[class] = net[beside:lower()] end
  end
  regions(set, map)
  for _, name in ipairs(names) do
    for _, target in pairs(map.to) do
      if target == name then
        map.classes[#map.classes + 1] = name
        break
      end
    end
  end
  return map
end

-- A named map of the data set, such as KITTI's coco5; targets that the network lacks are left out.
local function named(set, names, name)
  local given, net = set.maps[name], lowered(names)
  local map, at = { name = name, to = {}, ignore = {}, neighbour = {}, classes = {} }, {}
  for _, class in ipairs(set.classes) do
    local target = given[class] and net[given[class]:lower()]
    if target then
      map.to[class] = target
      if not at[target] then
        at[target] = { name = target }
        map.classes[#map.classes + 1] = at[target]
      end
      if class:lower() ~= target:lower() then table.insert(at[target], class) end
    elseif not given[class] then map.ignore[class] = true end
  end
  regions(set, map)
  return map
end

local function known(set)
  local list = { "auto", "identity" }
  for name in pairs(set.maps or {}) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- set: {classes, regions, neighbours, optional, maps} of a data set; names: the network's; which: "auto", "identity", or a map's name.
-- auto: identity where the names agree, else the set's only map. Errors: an unknown map, or one without a class in common.
function classmap.make(set, names, which)
  if which == "auto" then which = agree(set.classes, names) and "identity" or set.maps and next(set.maps) or "identity" end
  if which ~= "identity" and not (set.maps and set.maps[which]) then
    local list = known(set)
    error(("data.map: expected one of %s, got '%s'%s"):format(table.concat(list, ", "), which,
      require("yolua.schema").did_you_mean(which, list)), 0)
  end
  local map = which == "identity" and identity(set, names) or named(set, names, which)
  if next(map.to) == nil then
    error(("data.map=%s: the data's classes (%s) and the network's (%s, ...) have none in common"):format(which,
      table.concat(set.classes, ", "), names[1] or "none"), 0)
  end
  return map
end

return classmap
