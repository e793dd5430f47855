-- How the classes of a data set meet those of a network. Named maps stand in datasets/maps.yaml, others in a YAML file with a line
-- `data class: network class | ignore | neighbour of CLASS | none` each. Names compare whatever their case.
--
-- A map has: name; to (data class -> network class); ignore (data classes that are regions in which nothing counts); neighbour
-- (data class -> the network class that it is mistaken for); lost (data classes that are background because nothing was said of
-- them or the network lacks their class); classes (the list that the protocols report, see core.eval_set); as (data class -> the
-- name that the protocols must see it by, false: none, where its own is that of another class of the network).
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local schema = require "yolua.options.schema"

local classmap = {}

-- COCO's own names and those that Darknet gave the same classes.
local synonym = { airplane = "aeroplane", motorcycle = "motorbike", couch = "sofa", ["potted plant"] = "pottedplant",
  ["dining table"] = "diningtable", tv = "tvmonitor" }
for _, pair in ipairs { "airplane", "motorcycle", "couch", "potted plant", "dining table", "tv" } do synonym[synonym[pair]] = pair end

local same_class = { __index = function(set, name) return synonym[name] and rawget(set, synonym[name]) end }

-- {name in lower case -> name}; a synonym finds it too.
local function lowered(names)
  local set = setmetatable({}, same_class)
  for _, name in ipairs(names) do set[name:lower()] = rawget(set, name:lower()) or name end
  return set
end

local function covers(set, names)
  for _, name in ipairs(names) do
    if not set[name:lower()] then return false end
  end
  return true
end

-- Every class of one side is known to the other.
local function agree(data_classes, names)
  return covers(lowered(names), data_classes) or covers(lowered(data_classes), names)
end

-- The data's class names, its regions among them.
local function all_classes(set)
  local list = table.move(set.classes, 1, #set.classes, 1, {})
  return table.move(set.regions or {}, 1, #(set.regions or {}), #list + 1, list)
end

-- ---- rules: {data class in lower case -> {kind = object|neighbour|ignore|none, class}} ------------------------------------

-- Each class is itself where the network has it; else what the data set says of it.
local function identity(set, names)
  local rules, net = {}, lowered(names)
  for _, class in ipairs(set.classes) do
    local beside = set.neighbours and set.neighbours[class]
    if net[class:lower()] then rules[class:lower()] = { kind = "object", class = class }
    elseif set.optional and set.optional[class] then rules[class:lower()] = { kind = "ignore" }
    elseif beside then rules[class:lower()] = { kind = "neighbour", class = beside } end
  end
  return rules
end

local function parse(target)
  if target == "ignore" or target == "none" then return { kind = target } end
  local beside = target:match "^neighbou?r of%s+(.+)$"
  return { kind = beside and "neighbour" or "object", class = beside or target }
end

local named -- the maps of datasets/maps.yaml

local function named_maps()
  named = named or core.yaml.decode(core.embedded "datasets/maps.yaml", "datasets/maps.yaml")
  return named
end

local function choices()
  local list = { "auto", "identity" }
  for name in pairs(named_maps()) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- A user's file as {class -> target}, {class -> line}.
local function read(path)
  if core.files.kind(path) ~= "file" then
    fail("data.map: expected one of %s, or a YAML file, got '%s'%s", table.concat(choices(), ", "), path,
      schema.did_you_mean(path, choices()))
  end
  local map, lines = core.yaml.decode(core.system.read(path), path)
  if type(map) ~= "table" or #map > 0 then fail("%s: expected lines 'data class: network class'", path) end
  return map, lines
end

local function check(where, word, known, whose)
  if lowered(known)[word:lower()] then return end
  fail("%s: '%s' is not a class of the %s%s", where, word, whose, schema.did_you_mean(word, known))
end

-- The rules of a file; every name in it must be known.
local function from_file(path, set, names)
  local rules = {}
  local map, lines = read(path)
  for class, target in pairs(map) do
    local where = ("%s:%d"):format(path, lines[class] or 1)
    check(where, class, all_classes(set), "data")
    if type(target) ~= "string" then fail("%s: %s: expected a class name, got a %s", where, class, type(target)) end
    local rule = parse(target)
    if rule.class then check(where, rule.class, names, "network") end
    rules[class:lower()] = rule
  end
  return rules
end

-- Those of a map that a checkpoint keeps.
local function from_kept(kept)
  local rules = {}
  for class, rule in pairs(kept.rules) do rules[class:lower()] = rule end
  return rules
end

local function rules_of(set, names, which)
  if type(which) == "table" then return from_kept(which) end
  if which == "identity" then return identity(set, names) end
  local given, rules = named_maps()[which], {}
  if not given then return from_file(which, set, names) end
  for class, target in pairs(given) do rules[class:lower()] = parse(target) end
  return rules
end

-- A map as a checkpoint keeps it, in plain data: {name, classes = {the data's}, rules = {data class -> {kind, class}}}.
function classmap.kept(map, set)
  local rules = {}
  for class in pairs(map.ignore) do rules[class] = { kind = "ignore" } end
  for class, to in pairs(map.neighbour) do rules[class] = { kind = "neighbour", class = to } end
  for class, to in pairs(map.to) do rules[class] = { kind = "object", class = to } end
  local lost = {}
  for _, class in ipairs(map.lost) do lost[class] = true end
  for _, class in ipairs(set.classes) do rules[class] = rules[class] or not lost[class] and { kind = "none" } or nil end
  local name = map.name:match "[^/]*$" -- of a file: checkpoints hold no path
  return { name = name, classes = table.move(set.classes, 1, #set.classes, 1, {}), rules = rules }
end

local kinds = { object = true, neighbour = true, ignore = false, none = false } -- whether a class of the network goes with it

-- Whether a value out of a file is such a map.
function classmap.is_kept(value)
  local whole = type(value) == "table" and type(value.name) == "string" and type(value.classes) == "table"
    and type(value.rules) == "table"
  if not whole then return false end
  for i, class in pairs(value.classes) do
    if math.type(i) ~= "integer" or type(class) ~= "string" then return false end
  end
  for class, rule in pairs(value.rules) do
    if type(class) ~= "string" or type(rule) ~= "table" or kinds[rule.kind] == nil then return false end
    if type(rule.class) ~= (kinds[rule.kind] and "string" or "nil") then return false end
  end
  return true
end

-- Whether a map that a checkpoint keeps speaks of these data and these class names.
function classmap.fits(kept, set, names)
  if not covers(lowered(kept.classes), set.classes) then return false end
  local net = lowered(names)
  for _, rule in pairs(kept.rules) do
    if rule.class and not net[rule.class:lower()] then return false end
  end
  return true
end

-- {data class -> class} of a named map's objects; empty for no map.
function classmap.targets(name)
  local list = {}
  for class, target in pairs(name and named_maps()[name] or {}) do
    local rule = parse(target)
    if rule.kind == "object" then list[class] = rule.class end
  end
  return list
end

-- ---- the map ---------------------------------------------------------------------------------------------------------------

local function place(map, class, rule, net)
  local target = rule and rule.class and net[rule.class:lower()]
  if rule and rule.kind == "ignore" then map.ignore[class] = true
  elseif target and rule.kind == "object" then map.to[class] = target
  elseif target then map.neighbour[class] = target
  elseif not rule or rule.kind ~= "none" then map.lost[#map.lost + 1] = class end
end

-- Protocols know classes by name only: a data class must not pass for a class of the network that it is not mapped to.
local function find_clashes(map, set, net)
  for _, class in ipairs(set.classes) do
    local same = net[class:lower()]
    if same and map.to[class] ~= same and not map.ignore[class] then map.as[class] = map.to[class] or false end
  end
end

-- The network's classes that data classes are mapped to, in the network's order, with the data's names for them.
local function report_list(map, set, names)
  local list = {}
  for _, name in ipairs(names) do
    local entry, found = { name = name }, false
    for _, class in ipairs(set.classes) do
      local own = map.to[class] == name
      found = found or own
      if own and map.as[class] == nil and class:lower() ~= name:lower() then entry[#entry + 1] = class end
    end
    if found then list[#list + 1] = #entry > 0 and entry or name end
  end
  return list
end

-- The first five of a list of names, for a sentence.
local function some(names)
  return table.concat(names, ", ", 1, math.min(5, #names)) .. (#names > 5 and ", ..." or "")
end

-- set: {classes, regions, neighbours, optional, map} of a data set; names: the network's; which: "auto", "identity", a map's name, or a
-- YAML file, or what `kept` gave. auto: identity where one side's names are all known to the other, else the data set's own map.
-- Errors: an unknown map or name (file, line and the nearest one), or a map without a class in common.
function classmap.make(set, names, which)
  if which == "auto" then which = (agree(set.classes, names) or not set.map) and "identity" or set.map end
  local map = { name = type(which) == "table" and which.name or which, to = {}, ignore = {}, neighbour = {}, lost = {}, as = {} }
  local rules, net = rules_of(set, names, which), lowered(names)
  for _, class in ipairs(set.classes) do place(map, class, rules[class:lower()], net) end
  for _, class in ipairs(set.regions or {}) do map.ignore[class] = true end
  find_clashes(map, set, net)
  map.classes = report_list(map, set, names)
  if #map.classes == 0 then
    fail("data.map=%s: the data's classes (%s) and the network's (%s) have none in common "
      .. "(data.map=identity trains a new head for the data's)", map.name, some(set.classes), some(names))
  end
  return map
end

return classmap
