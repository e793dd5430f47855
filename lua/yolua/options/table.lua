-- Tables of options: made from a field table (options/schema.lua), filled with defaults, then with what Lua, a config file and the
-- command line set, each value checked once on its way in. A table remembers who set which key.
local core = require "yolua.core"
local place = require "yolua.options.place"
local schema = require "yolua.options.schema"
local suggestions = require "yolua.options.suggestions"
local terminal = require "yolua.terminal"

-- declared: the field lists of the library's calls, by name ("yl.load"), of those that are loaded
local options = { declared = {}, caller = place.caller, position = place.position }
local info = setmetatable({}, { __mode = "k" }) -- options table -> { schema, path, who, from = {key -> its place}, field }
local Options = { __name = "options" }
local fail, nowhere = schema.fail, { where = "default" }
local merge, take_over

-- " without data=synthetic": which names of the table would bring that key along, and which name it has; nil where none would.
local function whose(meta, key)
  for _, entry in ipairs(meta.field and schema.variants(meta.field) or {}) do
    if entry[1][1] == key then
      local table_, names = meta.field[1], table.concat(entry.names, " or ")
      if not meta.chosen then return (" without %s=%s"):format(table_, names) end
      return (" with %s=%s, only with %s=%s"):format(table_, meta.chosen, table_, names)
    end
  end
end

local function unknown(meta, key, from, value)
  local why, nearest, field = whose(meta, key) or core.options.foreign("key", key), schema.suggest(meta.schema.list, key, meta.field)
  fail(from, "%s: %s has no option '%s'%s", from.where, meta.who, meta.path .. key,
       why or nearest and (", did you mean '%s%s'?%s"):format(meta.path, nearest, suggestions.several(key, field, value)) or "")
end

local function fill_defaults(o)
  local meta = info[o]
  for _, field in ipairs(meta.schema.list) do
    if rawget(o, field[1]) == nil then
      if field[2] == "table" then rawset(o, field[1], options.new(field.fields or {}, meta.who, meta.path .. field[1] .. ".", field))
      elseif field[3] ~= nil then rawset(o, field[1], schema.convert(field, field[3], nowhere, field[1])) end
    end
  end
end

-- After the name changed: the new name's fields; what it lacks is dropped, and said where someone had set it.
local function switch(o, from)
  local meta, dropped = info[o], {}
  meta.chosen = rawget(o, "name")
  meta.schema = schema.of(meta.field.fields or {}, meta.chosen and schema.variant_fields(meta.field, meta.chosen, from) or {})
  for key in pairs(o) do
    local set = meta.from[key]
    if not meta.schema.by_key[key] or not set and key ~= "name" then
      if set then dropped[#dropped + 1] = key end
      o[key], meta.from[key] = nil, nil
    end
  end
  fill_defaults(o)
  table.sort(dropped)
  if #dropped > 0 then
    core.system.warn(("%s=%s: dropped %s, which it does not have"):format(meta.field[1], tostring(meta.chosen),
      table.concat(dropped, ", ")))
  end
end

local function set(o, key, value, from)
  local meta = info[o]
  local field = meta.schema.by_key[key]
  if not field then unknown(meta, key, from, value) end
  if value == core.null then value, from = field[3], nowhere end -- YAML's null, and nil from Lua: the default again
  if field[2] == "table" then
    if value == nil then return o end
    local inner = rawget(o, key)
    if info[value] and not field.variants then return take_over(inner, value) end
    if type(value) ~= "table" then
      local main = field.main or "name"
      if not info[inner].schema.by_key[main] then
        fail(from, "%s: option '%s': expected a table of options (%s.KEY=VALUE), got '%s'", from.where, key, key, tostring(value))
      end
      value = { [main] = value }
    end
    return merge(inner, value, from)
  end
  if value ~= nil then value = schema.convert(field, value, from, meta.path .. key) end
  local meant = key == "name" and value and meta.field and meta.field.of_path and meta.field.of_path(value)
  if meant then return merge(o, meant, from) end -- a path says more than the name
  rawset(o, key, value)
  meta.from[key] = from ~= nowhere and from or nil
  if key == "name" and meta.field and meta.field.variants then switch(o, from) end
end

local function sorted_keys(values)
  local keys = {}
  for key in pairs(values) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if (a == "name") ~= (b == "name") then return a == "name" end -- a name decides which other keys there are
    return tostring(a) < tostring(b)
  end)
  return keys
end

function merge(o, values, from)
  local meta = info[o]
  local known = meta.schema
  for _, key in ipairs(sorted_keys(values)) do
    local at = from.lines and { where = from.lines[meta.path .. key] or from.where, outside = from.outside, lines = from.lines } or from
    if type(key) == "string" then set(o, key, values[key], at)
    elseif known.positional then
      if key == 1 then set(o, known.positional, rawlen(values) > 1 and table.move(values, 1, rawlen(values), 1, {}) or values[1], at) end
    elseif known.array then rawset(o, key, values[key])
    else unknown(meta, tostring(key), at) end
  end
  return o
end

-- A table of options with the fields' defaults in it.
function options.new(fields, who, path, field)
  local o = setmetatable({}, Options)
  info[o] = { schema = schema.of(fields), fields = fields, who = who, path = path or "", from = {}, field = field }
  fill_defaults(o)
  if field and field.variants and o.name then switch(o, nowhere) end
  return o
end

options.merge = merge

function options.is(value) return info[value] ~= nil end

-- Sets "optim.lr" or "lr"; dots reach inside.
function options.set(o, path, value, from)
  local head, rest = path:match "^([^.]+)%.(.+)$"
  local inner = head and rawget(o, head)
  if head and not info[inner] then unknown(info[o], path, from) end
  if head then return options.set(inner, rest, value, from) end
  set(o, path, value, from)
end

-- The place where the value of a dotted key was set, or nil.
local function source(o, path)
  local head, rest = path:match "^([^.]+)%.(.+)$"
  if head then return rawget(o, head) and source(rawget(o, head), rest) end
  return info[o].from[path]
end

-- Takes a key's value away, as if nobody had set it.
function options.drop(o, key) o[key], info[o].from[key] = nil, nil end

-- The values of another options table, a verb's or a recipe's, of the keys that both have. What the command line or a file set there counts
-- as set by them here; what the other table has otherwise is a default.
function take_over(o, values)
  for _, field in ipairs(info[o].schema.list) do
    local key, value, from = field[1], rawget(values, field[1]), info[values].from[field[1]] or nowhere
    if value ~= nil then
      set(o, key, value, { where = from.where })
      if field[2] ~= "table" then info[o].from[key] = from.outside and from or nil end
    end
  end
  return o
end

-- For constructors: the caller's table checked against `fields`, with defaults. Unknown keys, wrong types and ranges throw one
-- sentence that begins with the position of the nearest caller outside the library.
function options.check(who, fields, values)
  local from, o = place.from(), options.new(fields, who)
  if values ~= nil and type(values) ~= "table" then
    if type(values) ~= "string" or not info[o].schema.positional then
      fail(from, "%s: %s: expected a table of options, got a %s", from.where, who, type(values))
    end
    values = { values }
  end
  if info[values] then take_over(o, values) else merge(o, values or {}, from) end
  for _, field in ipairs(fields) do
    if field.required and rawget(o, field[1]) == nil then fail(from, "%s: %s: option '%s' is missing", from.where, who, field[1]) end
  end
  return o
end

-- For a call that takes such a table: its fields, found by its name for help, completion and annotations; returns its check.
function options.declare(who, fields)
  options.declared[who] = fields
  return function(values, ...)
    if select("#", ...) > 0 then fail(nowhere, "%s: %s: expected one table of options, got more", options.position(), who) end
    return options.check(who, fields, values)
  end
end

-- The place of a dotted key's value, for schema.fail; the caller's without a key, where nobody set it, and of plain tables.
function options.from(o, path) return path and info[o] and source(o, path) or place.from() end

-- Ends the call with that sentence on the option, behind its place. What the command line or a file sets is a fault of the call (status 2).
function options.refuse(o, path, format, ...)
  local from = options.from(o, path)
  fail(from, "%s: %s", from.where, format:format(...))
end

-- ---- reading -------------------------------------------------------------------------------------------------------------

-- Where the value of a dotted key came from ("command line", "recipe.lua:7"), or nil where it is the default.
function options.origin(o, path)
  local from = source(o, path)
  return from and from.where
end

function options.explicit(o, path) return options.origin(o, path) ~= nil end

-- The fields of an options table, in their order.
function options.fields(o) return info[o].schema.list end

-- A copy in plain tables, texts and numbers, as config.yaml keeps it; what only Lua can set is left out.
function options.plain(o)
  local copy = {}
  for _, field in ipairs(info[o].schema.list) do
    local value = rawget(o, field[1])
    if info[value] then copy[field[1]] = options.plain(value)
    elseif type(value) == "table" then
      if field[2] ~= "any" then copy[field[1]] = table.move(value, 1, #value, 1, {}) end
    elseif type(value) ~= "function" and type(value) ~= "userdata" then copy[field[1]] = value end
  end
  return copy
end

local function shown(value)
  return type(value) == "table" and not getmetatable(value) and table.concat(value, ",") or tostring(value)
end

local function rows(o, out)
  for _, field in ipairs(info[o].schema.list) do
    local value, key = rawget(o, field[1]), info[o].path .. field[1]
    if info[value] then rows(value, out)
    elseif value ~= nil then out[#out + 1] = { key, shown(value), options.origin(o, field[1]) or "" } end
  end
  return out
end

-- One line per key that has a value: key, value, and who set it where that is not the default.
function Options.__tostring(o)
  return table.concat(terminal.align(rows(o, {}), nil, 40), "\n")
end

function Options.__index(o, key)
  local meta = info[o]
  if type(key) ~= "string" or meta.schema.by_key[key] then return nil end
  local names = {}
  for i, field in ipairs(meta.schema.list) do names[i] = field[1] end
  error(("%s has no option '%s'%s"):format(meta.who, meta.path .. key, schema.did_you_mean(key, names, "key")), 2)
end

function Options.__newindex(o, key, value)
  local from = place.caller() and place.from() or { where = "yolua" } -- what a verb sets itself is nobody's mistake
  merge(o, { [key] = value == nil and core.null or value }, from)
end

return options
