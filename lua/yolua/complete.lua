-- Completion at the prompt: names behind dots and colons, looked up without running anything but __index of modules.
local core = require "yolua.core"

local complete = {}

local keywords = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
  "or", "repeat", "return", "then", "true", "until", "while" }

-- The names that a value offers: its own keys, then those of the tables behind it.
local function names_in(value, found)
  if type(value) == "table" then
    for key in pairs(value) do
      if type(key) == "string" then found[key] = true end
    end
  end
  local meta = type(value) == "string" and string or debug.getmetatable(value)
  local behind = value == string and nil or type(value) == "string" and string or type(meta) == "table" and rawget(meta, "__index")
  if type(behind) == "table" and behind ~= value then names_in(behind, found)
  elseif type(value) == "userdata" and type(meta) == "table" then
    for key in pairs(meta) do
      if type(key) == "string" and not key:find "^__" then found[key] = true end
    end
  end
  return found
end

-- yl's modules are names of it although they are not loaded yet.
local function offered(value)
  local found = names_in(value, {})
  if value == package.loaded.yolua then
    for _, name in ipairs(core.options.modules "lua/yolua/") do found[name] = true end
    for _, name in ipairs { "zeros", "ones", "full", "rand", "randn", "arange" } do found[name] = true end
  end
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

-- All names that could go on from the line, sorted, and the part of the last word that is there already.
function complete.candidates(line)
  local path, word = line:match "([%a_][%w_.:]*)[.:]([%w_]*)$"
  if not path then path, word = "", line:match "([%a_][%w_]*)$" or "" end
  local value = path == "" and _G or resolve(path)
  local list, names = {}, value ~= nil and offered(value) or {}
  if path == "" then
    for _, name in ipairs(keywords) do names[name] = true end
  end
  for name in pairs(names) do
    if name:sub(1, #word) == word then list[#list + 1] = name end
  end
  table.sort(list)
  return list, word
end

local function common_start(list)
  local first, last = list[1], list[#list] -- sorted: these two differ the most
  local n = 0
  while n < #first and first:byte(n + 1) == last:byte(n + 1) do n = n + 1 end
  return first:sub(1, n)
end

-- What Tab inserts; where several names go on differently they are listed below the line.
function complete.tab(line)
  local list, word = complete.candidates(line)
  if #list == 0 or (word == "" and #list > 80) then return nil end
  local more = common_start(list):sub(#word + 1)
  if more == "" and #list > 1 then print("\n" .. table.concat(list, "  ")) end
  return more
end

return complete
