-- Tables from a data set's files that have to be lists.
local fail = require "yolua.data.fail"
local number = require "yolua.data.number"

local lists = {}

local function by_number(a, b)
  local x, y = tonumber(a), tonumber(b)
  if x and y and x ~= y then return x < y end
  if (x ~= nil) ~= (y ~= nil) then return x ~= nil end
  return a < b
end

-- The values of a list, or of an object, whose keys then stand for the places: by number, else by name. `name`: of one of them.
-- Returns the values and for each its place ("FILE: annotation 3", "FILE: annotation '17'").
function lists.read(value, where, key, name)
  if type(value) ~= "table" then fail("%s: expected a list '%s', got %s", where, key, number.shown(value)) end
  local values, places, keys = {}, {}, {}
  if #value > 0 then
    for i, item in ipairs(value) do values[i], places[i] = item, ("%s: %s %d"):format(where, name, i) end
    return values, places
  end
  for k in pairs(value) do keys[#keys + 1] = k end
  table.sort(keys, by_number)
  for i, k in ipairs(keys) do values[i], places[i] = value[k], ("%s: %s '%s'"):format(where, name, k) end
  return values, places
end

-- `count` numbers (nil: any count) in a list; an object is refused, since the order of its keys means nothing.
function lists.numbers(value, where, key, count)
  if type(value) ~= "table" or #value == 0 and next(value) ~= nil then
    fail("%s: expected a list '%s', got %s", where, key, type(value) == "table" and "an object" or number.shown(value))
  end
  if count and #value ~= count then fail("%s: expected a %s of %d numbers, got %d", where, key, count, #value) end
  for i = 1, #value do
    if type(value[i]) ~= "number" then fail("%s: expected numbers in its %s, got %s", where, key, number.shown(value[i])) end
    number.any(value[i], where, "a number of its " .. key)
  end
  return value
end

return lists
