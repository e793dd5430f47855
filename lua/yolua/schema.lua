-- Field tables: one field table per recipe, verb or constructor; one parser behind all of them (core/options.c).
--
-- A field is { key, type, default, unit, help, min=, max=, choices={...}, aliases={...} } with the types
--   bool int number string enum numbers size     checked by C; a size is {width, height}, "416x128", "[416,128]" or one number
--   list                                         texts: {"a", "b"} or "a,b"; with `choices` each must be one of them
--   table                                        `fields`: its own field table; the key alone means key.name
--   function any                                 set from Lua only
-- and, where wanted: `lua = true` (a Lua function or table is taken as it is, besides the type), `positional = true` (the
-- array part of a constructor's table), `variants = "yolua.optim"` (a table's further fields are those of the module that
-- its name selects; `otherwise` stands in where that module lists none). Aliases are suggested, never accepted.
local core = require "yolua.core"

local schema = {}

-- A fault of the call (command line, config file): the program ends with status 2. Errors from Lua's own tables are texts.
local Usage = { __name = "usage", __tostring = function(e) return e.sentence end }
function schema.usage(sentence) return setmetatable({ sentence = sentence }, Usage) end
function schema.is_usage(e) return getmetatable(e) == Usage end

function schema.fail(from, format, ...)
  local sentence = format:format(...)
  if from.outside then error(schema.usage(sentence)) end
  error(sentence, 0)
end

-- ---- schemas ---------------------------------------------------------------------------------------------------------

function schema.of(...)
  local made = { list = {}, by_key = {} }
  for _, fields in ipairs { ... } do
    for _, field in ipairs(fields) do
      local known = made.by_key[field[1]]
      if not known then made.list[#made.list + 1] = field end
      made.by_key[field[1]] = field
      if field.positional then made.positional = field[1] end
    end
    made.array = made.array or fields.array
  end
  for i, field in ipairs(made.list) do made.list[i] = made.by_key[field[1]] end
  return made
end

-- The field whose alias the word is, or the nearest key, as a dotted path; nil where nothing is near.
function schema.suggest(list, word, prefix, best)
  word, best = word:gsub("^%-+", ""), best or { distance = 1.6 + #word // 3 }
  for _, field in ipairs(list) do
    local key, path = field[1], prefix .. field[1]
    for _, alias in ipairs(field.aliases or {}) do
      if core.options.distance(alias, word) == 0 then best.distance, best.path = -1, path end
    end
    local distance = math.min(core.options.distance(path, word), core.options.distance(key, word) + (prefix == "" and 0 or 0.5))
    if distance < best.distance then best.distance, best.path = distance, path end
    if field.fields then schema.suggest(field.fields, word, path .. ".", best) end
    if field.otherwise then schema.suggest(field.otherwise, word, path .. ".", best) end
  end
  return best.path
end

-- The nearest of a list of names, or nil.
function schema.nearest(word, names)
  local list = {}
  for i, name in ipairs(names) do list[i] = { name } end
  return schema.suggest(list, word, "")
end

function schema.did_you_mean(word, names)
  local nearest = schema.nearest(word, names)
  return nearest and (", did you mean '%s'?"):format(nearest) or ""
end

-- The names that a table with variants can have.
function schema.variant_names(field)
  local folder = field.variants:gsub("%.", "/")
  return core.options.modules((folder:find("^yolua/datasets") and folder:sub(7) or "lua/" .. folder) .. "/")
end

-- The fields that a name adds to its table: those of the module of that name.
function schema.variant_fields(field, name, from)
  local names = schema.variant_names(field)
  if #names == 0 then return field.otherwise or {} end
  local ok, module = pcall(require, field.variants .. "." .. name)
  if not ok and not tostring(module):find("not found", 1, true) then error(module, 0) end
  if not ok then
    schema.fail(from, "%s: option '%s': there is no %s '%s'%s (%s)", from.where, field[1], field[1], name,
         schema.did_you_mean(name, names), table.concat(names, ", "))
  end
  return type(module) == "table" and module.fields or field.otherwise or {}
end

-- ---- values ------------------------------------------------------------------------------------------------------------

local function split(text)
  local items = {}
  for item in text:gmatch "[^,]+" do items[#items + 1] = item:match "^%s*(.-)%s*$" end
  return items
end

local function to_list(field, value, from, path)
  local items = {}
  for i, item in ipairs(type(value) == "table" and value or split(tostring(value))) do
    if type(item) ~= "string" and type(item) ~= "number" then
      schema.fail(from, "%s: option '%s': expected texts, got a %s as number %d", from.where, path, type(item), i)
    end
    items[i] = tostring(item)
    local known = not field.choices
    for _, choice in ipairs(field.choices or {}) do known = known or choice == items[i] end
    if not known then
      schema.fail(from, "%s: option '%s': expected some of %s, got '%s'%s", from.where, path, table.concat(field.choices, "|"),
           items[i], schema.did_you_mean(items[i], field.choices))
    end
  end
  return items
end

function schema.convert(field, value, from, path)
  local kind, given = field[2], type(value)
  if value == core.null then return nil end
  if kind == "function" or kind == "any" then
    if from.outside then schema.fail(from, "%s: option '%s' can only be set from Lua", from.where, path) end
    if kind == "function" and given ~= "function" then
      schema.fail(from, "%s: option '%s': expected a function, got a %s", from.where, path, given)
    end
    return value
  end
  if field.lua and (given == "function" or given == "userdata" or given == "table") then return value end
  if kind == "list" then return to_list(field, value, from, path) end
  if kind == "string" and given == "number" then value = tostring(value) end
  local ok, result = pcall(core.options.check, field, from.where, value, path)
  if not ok then schema.fail(from, "%s", result) end
  return result
end

return schema
