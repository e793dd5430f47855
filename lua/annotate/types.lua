-- Annotation text: a file under construction, classes made of field tables, functions with parameters. For main.lua.
local core = require "yolua.core"
local rows = require "yolua.help.rows"
local schema = require "yolua.options.schema"

local annotate = {}
local File = {}
File.__index = File

function annotate.sorted(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- what: the line that the file opens with; module: the name it is required by, nil for classes alone.
function annotate.file(what, module)
  local self = setmetatable({ lines = {} }, File)
  self:add("-- " .. what .. " Generated from the library's own tables and comments.", "---@meta " .. (module or "_"), "")
  return self
end

function File:add(...)
  for _, line in ipairs { ... } do self.lines[#self.lines + 1] = line end
end

function File:doc(text)
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    if line:find "^%s%s" then line = "    " .. line:gsub("^%s+", "") end -- an example
    self:add((("---" .. line):gsub("%s+$", "")))
  end
end

function File:write(path) core.system.write(path, table.concat(self.lines, "\n") .. "\n") end

-- ---- types -----------------------------------------------------------------------------------------------------------------

local plain = { bool = "boolean", int = "integer", number = "number", string = "string", numbers = "number[]",
  size = "integer|integer[]|string", ["function"] = "function", any = "any" }

local function one_of(names)
  local list = {}
  for i, name in ipairs(names) do list[i] = ('"%s"'):format(name) end
  return table.concat(list, "|")
end

-- The annotation of what the field takes; inner: the class of its own table.
local function type_of(field, inner)
  local kind = field[2]
  local made = plain[kind]
  if kind == "enum" then made = one_of(field.choices)
  elseif kind == "list" or kind == "flags" then
    local item = field.choices and one_of(field.choices) or "string"
    made = field.choices and ("%s|(%s)[]"):format(item, item) or "string|string[]"
  elseif kind == "table" then made = field.variants and inner .. "|" .. one_of(schema.variant_names(field)) or inner end
  return field.lua and made .. "|function" or made
end

-- "how long to train (int 0..1000000; in epochs; default 5)"
local function meaning(field, names)
  local row = rows.add({ setmetatable({ variants = false, fields = false }, { __index = field }) }, "", {})[1]
  row.of = names and table.concat(names, ", ")
  if field[2] == "table" then row.type = "" end
  return rows.meaning(row)
end

-- A class whose fields are those of the table, and one for each table inside it.
-- more.what: its line; more.settled: the class that it is a case of, in which fields that have a default are always there.
function File:class(name, list, more)
  local lines, inside, seen = {}, {}, {}
  local function line(field, names)
    if seen[field[1]] then return end -- a call's own `data` goes before a recipe's
    seen[field[1]] = true
    local inner = name .. "." .. field[1]
    if field[2] == "table" then inside[#inside + 1] = { inner, field } end
    local there = field.required or more.settled and not names and (field[3] ~= nil or field[2] == "table")
    local made = more.settled and field[2] == "table" and inner or type_of(field, inner)
    lines[#lines + 1] = ("---@field %s%s %s %s"):format(field[1], there and "" or "?", made, meaning(field, names)):match "^(.-)%s*$"
    if field.positional then lines[#lines + 1] = ("---@field [1]? %s the same as %s"):format(type_of(field, inner), field[1]) end
  end
  for _, field in ipairs(list) do line(field) end
  for _, entry in ipairs(more.variants or {}) do line(entry[1], entry.names) end
  if list.array then lines[#lines + 1] = "---@field [integer] any" end
  for _, entry in ipairs(inside) do
    local field = entry[2]
    self:class(entry[1], field.fields or {}, { what = field.help or "", settled = more.settled and more.settled .. "." .. field[1],
      variants = schema.variants(field) })
  end
  self:doc(more.what or "")
  self:add(("---@class %s: %s"):format(name, more.settled or "table"))
  self:add(table.unpack(lines))
  self:add ""
end

-- A function. parameters: { { "name" or "name?", type }, ... }; gives: types of its results, or nil.
function File:call(name, parameters, gives, text)
  local names = {}
  if text and text ~= "" then self:doc(text) end
  for i, p in ipairs(parameters) do
    names[i] = p[1]:gsub("%?$", "")
    self:add(("---@param %s %s"):format(p[1], p[2]))
  end
  if gives then self:add("---@return " .. gives) end
  self:add(("function %s(%s) end"):format(name, table.concat(names, ", ")), "")
end

return annotate
