-- Field tables: one field table per recipe, verb or constructor; one parser behind all of them (core/options.c).
--
-- A field is { key, type, default, unit, help, min=, max=, choices={...}, aliases={...} } with the types
--   bool int number string enum numbers size     checked by C; a size is {width, height}, "416x128", "[416,128]" or one number
--   flags                                        by C too: some of `choices`, {"a", "b"} or "a,b"; "none"
--   list                                         texts: {"a", "b"} or "a,b"; with `choices` each must be one of them, with `empty` there is
--                                                a word for none, and an empty list is refused
--   table                                        `fields`: its own field table; the key alone means key.name (or `main`: another one)
--   function any                                 set from Lua only
-- and, where wanted: `lua = true` (a Lua function or table is taken as it is, besides the type), `file = true` (an enum takes a file's path
-- as well, which has a dot or a slash), `positional = true` (the
-- array part of a constructor's table, or all of it), `required = true` (of a constructor), `ending = ".x"` (a file's name has to end so),
-- `variants = "yolua.optim"` (a table's further fields are those of the module that its name selects; `of_path` makes of a path, given
-- as the name, the values that it stands for), `needs = {key, value, ...}` (it counts only where another option has one of these values).
-- Aliases are suggested, never accepted. An empty text is a value in Lua alone.
local core = require "yolua.core"
local trim = require "yolua.options.trim"

local schema = {}

-- A fault of the call (command line, config file): the program ends with status 2. Errors from Lua's own tables are texts.
local Usage = { __name = "usage", __tostring = function(e) return e.sentence end }
-- A sentence is one line: bytes of a word that would break it, or command a terminal, are '?'.
function schema.one_line(sentence) return (sentence:gsub("%c", "?")) end

function schema.usage(sentence) return setmetatable({ sentence = schema.one_line(sentence) }, Usage) end
function schema.is_usage(e) return getmetatable(e) == Usage end

-- from: {where =, outside = a text of the command line or a file, verb = a value that a verb gives}: the place of what is refused.
function schema.fail(from, format, ...)
  local sentence = format:format(...)
  if from.outside or from.verb then error(schema.usage(sentence)) end
  error(schema.one_line(sentence), 0)
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

-- The fields that the names of a table bring along, each once, with those names: { { field, names = {...} }, ... }
function schema.variants(field)
  local list, by_key = {}, {}
  for _, name in ipairs(field.variants and schema.variant_names(field) or {}) do
    for _, inner in ipairs(schema.variant_fields(field, name)) do
      local entry = by_key[inner[1]]
      if not entry then
        entry = { inner, names = {} }
        list[#list + 1], by_key[inner[1]] = entry, entry
      end
      table.insert(entry.names, name)
    end
  end
  return list
end

-- Calls visit(field, path, names) for each field of a list and, after it, for those inside it; `names`: of the table that bring it along.
function schema.each(list, visit, prefix)
  for _, field in ipairs(list) do
    local path = (prefix or "") .. field[1]
    visit(field, path)
    schema.each(field.fields or {}, visit, path .. ".")
    for _, entry in ipairs(schema.variants(field)) do visit(entry[1], path .. "." .. entry[1][1], entry.names) end
  end
end

-- The dotted path of the field that the word is a slip of, and the field, or nil: outer keys go before inner ones, keys before other
-- tools' spellings. `of`: the table that the list belongs to, whose other names' fields count too.
function schema.suggest(list, word, of)
  local all, spellings, paths, found = { {}, {}, {} }, {}, {}, {}
  local function offer(spelling, entry)
    spellings[#spellings + 1], paths[#paths + 1], found[#found + 1] = spelling, entry[2], entry[1]
  end
  schema.each(list, function(field, path) table.insert(path:find(".", 1, true) and all[2] or all[1], { field, path }) end)
  for _, entry in ipairs(of and schema.variants(of) or {}) do table.insert(all[3], { entry[1], entry[1][1] }) end
  for _, entries in ipairs(all) do
    for _, entry in ipairs(entries) do offer(entry[1][1], entry) offer(entry[2], entry) end
  end
  for _, entries in ipairs(all) do
    for _, entry in ipairs(entries) do
      for _, alias in ipairs(entry[1].aliases or {}) do offer(alias, entry) end
    end
  end
  local at = core.options.nearest(word, spellings)
  return paths[at], found[at]
end

-- The nearest of a list of names, or nil.
function schema.nearest(word, names) return names[core.options.nearest(word, names)] end

-- How a sentence that refuses the word ends: ", did you mean '...'?" with the nearest name; nothing where none is near. kind: of word
-- (core/foreign.h), so that names of other programs and planned ones are said to be that.
function schema.did_you_mean(word, names, kind)
  local foreign = kind and core.options.foreign(kind, word)
  if foreign then return foreign end
  local nearest = schema.nearest(word, names)
  return nearest and (", did you mean '%s'?"):format(nearest) or ""
end

-- The names that a table with variants can have.
-- Among them are those that somebody made in Lua (yl.optimizer, yl.dataset).
function schema.variant_names(field)
  local folder, known = field.variants:gsub("%.", "/"), {}
  local names = core.options.modules((folder:find("^yolua/datasets") and folder:sub(7) or "lua/" .. folder) .. "/")
  for _, name in ipairs(names) do known[name] = true end
  for module in pairs(package.loaded) do
    local name = module:sub(1, #field.variants + 1) == field.variants .. "." and module:sub(#field.variants + 2)
    if name and not known[name] and not name:find("%.") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The fields that a name adds to its table: those of the module of that name.
function schema.variant_fields(field, name, from)
  local names = schema.variant_names(field)
  local ok, module = pcall(require, field.variants .. "." .. name)
  if not ok and not tostring(module):find("not found", 1, true) then error(module, 0) end
  if not ok then
    schema.fail(from, "%s: option '%s': unknown %s '%s'%s (%s)", from.where, field[1], field[1], name,
         schema.did_you_mean(name, names, field[1]), table.concat(names, ", "))
  end
  return type(module) == "table" and module.fields or {}
end

-- ---- values ------------------------------------------------------------------------------------------------------------

local function split(text)
  local items = {}
  for item in text:gmatch "[^,]+" do items[#items + 1] = trim(item) end
  return items
end

local function to_list(field, value, from, path)
  local items, given = {}, type(value)
  if given ~= "table" and given ~= "string" and given ~= "number" then
    schema.fail(from, "%s: option '%s': expected strings, got a %s", from.where, path, given)
  end
  for i, item in ipairs(type(value) == "table" and value or split(tostring(value))) do
    if type(item) ~= "string" and type(item) ~= "number" then
      schema.fail(from, "%s: option '%s': expected strings, got a %s as number %d", from.where, path, type(item), i)
    end
    items[i] = tostring(item)
    local known = not field.choices
    for _, choice in ipairs(field.choices or {}) do known = known or choice == items[i] end
    if not known then
      schema.fail(from, "%s: option '%s': expected some of %s, got '%s'%s", from.where, path, table.concat(field.choices, "|"),
           items[i], schema.did_you_mean(items[i], field.choices, field[1]))
    end
  end
  if field.empty and #items == 0 then
    schema.fail(from, "%s: option '%s': expected strings ('%s' for nothing), got an empty list", from.where, path, field.empty)
  end
  return items
end

-- Whether the value of an option with `file = true` is a file's path, and none of its words.
function schema.is_path(value) return type(value) == "string" and value:find "[./\\]" ~= nil end

function schema.convert(field, value, from, path)
  local kind, given = field[2], type(value)
  if value == "" and from.outside then schema.fail(from, "%s: option '%s': expected a value, got nothing", from.where, path) end
  if kind == "function" or kind == "any" then
    if from.outside then schema.fail(from, "%s: option '%s' can only be set from Lua", from.where, path) end
    if kind == "function" and given ~= "function" then
      schema.fail(from, "%s: option '%s': expected a function, got a %s", from.where, path, given)
    end
    return value
  end
  if field.lua and (given == "function" or given == "userdata" or given == "table") then return value end
  if field.file and schema.is_path(value) then return value end
  if given == "table" and #value == 0 and next(value) ~= nil then
    schema.fail(from, "%s: option '%s': expected a value or a list, got keys of its own (%s)", from.where, path, tostring(next(value)))
  end
  if kind == "list" then return to_list(field, value, from, path) end
  if kind == "string" and given == "number" then value = tostring(value) end
  local ok, result = core.system.attempt(core.options.check, field, from.where, value, path)
  if not ok then schema.fail(from, "%s", result) end
  if field.ending and result:sub(-#field.ending) ~= field.ending then
    schema.fail(from, "%s: option '%s': expected a name that ends in %s, got '%s'", from.where, path, field.ending, result)
  end
  return result
end

return schema
