-- Completion at the prompt: names behind dots and colons, looked up without running anything but __index of modules; the options of a
-- call inside its braces; choices, topics of help and file names inside quotes.
local calls = require "yolua.help.calls"
local context = require "yolua.prompt.context"
local core = require "yolua.core"
local library = require "yolua.library"
local schema = require "yolua.options.schema"
local terminal = require "yolua.terminal"

local complete = { before = "" } -- before: the lines of the chunk above the one that is being typed

local keywords = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
  "or", "repeat", "return", "then", "true", "until", "while" }

-- ---- names -----------------------------------------------------------------------------------------------------------------

-- found[name] = type, of the value's own keys, then of the tables behind it.
local function names_in(value, found)
  if type(value) == "table" then
    for key, inner in pairs(value) do
      if type(key) == "string" then found[key] = type(inner) end
    end
  end
  local meta = type(value) == "string" and { __index = string } or debug.getmetatable(value)
  if type(meta) ~= "table" then return found end
  local behind = rawget(meta, "__index")
  if meta.__names then
    for _, name in ipairs(meta.__names(value)) do found[name] = "any" end
  end
  if type(behind) == "table" and behind ~= value then names_in(behind, found)
  elseif type(value) == "userdata" then names_in(meta, found) end
  return found
end

-- What yl offers, loaded or not.
local function library_names()
  local found = { core = "table", version = "string" }
  for _, name in ipairs(library.names()) do found[name] = "function" end
  return found
end

-- The value before the last dot: "yl.tensor" -> _G.yl.tensor; nil where it is no plain path or fails.
local function resolve(path)
  local value = _G
  for name in path:gmatch "[^.:]+" do
    local ok, inner = pcall(function() return value[name] end)
    if not ok or inner == nil then return nil end
    value = inner
  end
  return value
end

local function sorted(found, word, keep)
  local list = {}
  for name, kind in pairs(found) do
    if name:sub(1, #word) == word and not name:find "^__" and (not keep or keep(kind)) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function is_callable(kind) return kind == "function" or kind == "any" end

local function names(line)
  local path, mark, word = line:match "([%a_][%w_.:]*)([.:])([%w_]*)$"
  if path then
    local value = resolve(path)
    if value == nil then return {}, word end
    local found = value == package.loaded.yolua and library_names() or names_in(value, {})
    return sorted(found, word, mark == ":" and is_callable or nil), word
  end
  word = line:match "([%a_][%w_]*)$" or ""
  local found = names_in(_G, {})
  for _, name in ipairs(keywords) do found[name] = "keyword" end
  return sorted(found, word), word
end

-- ---- options ---------------------------------------------------------------------------------------------------------------

-- The fields of a table field, those of all its variants included.
local function inner_fields(field)
  local list = { table.unpack(field.fields or {}) }
  for _, entry in ipairs(schema.variants(field)) do list[#list + 1] = entry[1] end
  return list
end

local function find(list, key)
  for _, field in ipairs(list or {}) do
    if field[1] == key then return field end
  end
end

-- The fields of the table that the cursor stands in; nil where they are not known.
local function fields_at(at, text)
  local list
  for _, entry in ipairs(at.stack) do
    local kind = entry.bracket == "{" and text:match("^%s*[\"']([%w_]+)[\"']", entry.from)
    if kind and core.layers.fields(kind) then list = core.layers.fields(kind)
    elseif entry.call then
      local name = entry.call:match "^yl%.([%w_.]+)$" or entry.call:match ":(detect)$"
      list = name and calls.fields(name) or list
    elseif entry.key and entry.bracket == "{" then
      local field = find(list, entry.key)
      list = field and inner_fields(field)
    end
  end
  local innermost = at.stack[#at.stack]
  return innermost and innermost.bracket == "{" and list or nil
end

local function keys(at, text)
  local found = {}
  for _, field in ipairs(fields_at(at, text) or {}) do found[field[1]] = "option" end
  return sorted(found, at.word)
end

-- ---- quoted texts ----------------------------------------------------------------------------------------------------------

local function starting_with(list, word)
  local kept = {}
  for _, item in ipairs(list) do
    if item:sub(1, #word) == word then kept[#kept + 1] = item end
  end
  return kept
end

-- Files and folders, these with a "/" at their end.
local function paths(word)
  local folder, stem = word:match "^(.*/)([^/]*)$"
  local ok, list = pcall(core.files.list, folder or ".")
  local found = {}
  for _, name in ipairs(ok and list or {}) do
    local path = (folder or "") .. name
    local hidden = name:sub(1, 1) == "." and (stem or word):sub(1, 1) ~= "."
    if not hidden then found[#found + 1] = core.files.kind(path) == "folder" and path .. "/" or path end
  end
  return starting_with(found, word)
end

-- What a text can be: a topic of help, a choice or a variant of the option that it is the value of, else a file.
local function texts(at, text)
  local word = at.quoted
  if at.owner.call == "help" then return starting_with(require("yolua.help.pages").words(), word) end
  local list = fields_at(at, text)
  local field = at.owner.key and find(list, at.owner.key)
  if field and field.choices then return starting_with(field.choices, word) end
  if field and field.variants then return starting_with(schema.variant_names(field), word) end
  return paths(word)
end

-- ---- the editor's side -----------------------------------------------------------------------------------------------------

-- All words that could continue the line, sorted, and the part of the last one that is there already. Third value: "key" for options,
-- "text" for quoted texts.
function complete.candidates(line)
  local text = complete.before .. line
  local at = context.read(text)
  if at.quoted then return texts(at, text), at.quoted, "text" end
  local list = at.start and keys(at, text) or {}
  if #list > 0 then return list, at.word, "key" end
  return names(line)
end

local function common_start(list)
  local first, last = list[1], list[#list] -- sorted: these two differ the most
  local n = 0
  while n < #first and first:byte(n + 1) == last:byte(n + 1) do n = n + 1 end
  return first:sub(1, n)
end

-- The candidates below the line, as wide as the terminal; of paths, the last part.
local function show(list, kind)
  local shown = {}
  for i, word in ipairs(list) do shown[i] = kind == "text" and word:match "([^/]+/?)$" or word end
  print("\n" .. table.concat(terminal.wrap(table.concat(shown, " "), terminal.width()), "\n"))
end

-- What Tab inserts; if several words fit, they are listed below the line.
function complete.tab(line)
  local list, word, kind = complete.candidates(line)
  if #list == 0 or (word == "" and #list > 80) then return nil end
  local more = common_start(list):sub(#word + 1)
  if #list == 1 and kind == "key" then return more .. " = " end
  if more == "" and #list > 1 then show(list, kind) end
  return more
end

return complete
