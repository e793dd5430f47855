-- Class names: from an option, from a file with one a line, from a description's list or table.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local number = require "yolua.data.number"
local trim = require "yolua.options.trim"

local names = {}

-- Every class needs a name of its own; a whole number is one.
local function check(list, where)
  local seen = {}
  for i, name in ipairs(list) do
    if math.type(name) == "integer" then name = tostring(name) end
    if type(name) == "string" then name = trim(name) end
    if type(name) ~= "string" or name == "" or name:find "%c" then
      fail("%s: class %d: expected a name, got %s", where, i - 1, number.shown(name))
    end
    if seen[name] then fail("%s: classes %d and %d have the same name '%s'", where, seen[name], i - 1, name) end
    list[i], seen[name] = name, i - 1
  end
  return list
end

-- A file with one name a line. An empty line among them would shift the numbers of those below it.
function names.file(path)
  local list, gap = {}, nil
  local text = core.system.read(path):gsub("^\239\187\191", ""):gsub("\r\n?", "\n")
  local line = 0
  for name in (text .. "\n"):gmatch "([^\n]*)\n" do
    line = line + 1
    if not name:find "%S" then gap = gap or line
    elseif gap then fail("%s:%d: expected a class name, got an empty line before '%s'", path, gap, name:sub(1, 40))
    else list[#list + 1] = name end
  end
  if #list == 0 then fail("%s: expected one class name a line, got none", path) end
  return check(list, path)
end

-- The option data.names: names, or one file; nil where it is not set.
function names.option(given)
  if not given or #given == 0 then return nil end
  if #given == 1 and given[1]:find "[/.]" then return names.file(given[1]) end
  return check(table.move(given, 1, #given, 1, {}), "data.names")
end

-- value: a list, or a table from the numbers 0, 1, ... to names.
function names.described(value, path)
  local where = path .. ": names"
  if type(value) ~= "table" or next(value) == nil then fail("%s: expected a list of class names, got %s", where, number.shown(value)) end
  if #value > 0 then return check(value, where) end
  local list, count = {}, 0
  for key, name in pairs(value) do
    local index = math.tointeger(tonumber(key))
    if not index or index < 0 then fail("%s: expected numbers from 0, got '%s'", where, key) end
    if list[index + 1] ~= nil then fail("%s: class %d occurs twice", where, index) end
    list[index + 1], count = name, count + 1
  end
  for i = 1, count do
    if list[i] == nil then fail("%s: class %d is missing among %d", where, i - 1, count) end
  end
  return check(list, where)
end

return names
