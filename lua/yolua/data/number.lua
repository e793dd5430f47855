-- Numbers from a data set's files, checked where they are read, so that later code can trust them.
local fail = require "yolua.data.fail"

local LARGEST = 1e9 -- as in C's readers of label files: what is computed from such numbers stays finite

local number = {}

local function shown(value)
  if type(value) == "table" then return #value > 0 and "a list" or "a table" end
  if type(value) == "string" then return ("'%s'"):format(value:sub(1, 40)) end
  return type(value) == "userdata" and "null" or tostring(value)
end

-- value, which `where` calls `what`: a number from `low` to `high` (default: within 1e9), as it is.
function number.any(value, where, what, low, high)
  low, high = low or -LARGEST, high or LARGEST
  if type(value) == "number" and value >= low and value <= high then return value end
  fail("%s: expected a number from %.14g to %.14g as %s, got %s", where, low, high, what, shown(value))
end

-- The same for a whole number; 3.0 gives the integer 3.
function number.whole(value, where, what, low, high)
  local whole = type(value) == "number" and math.tointeger(value)
  if whole and whole >= low and whole <= high then return whole end
  fail("%s: expected a whole number from %d to %d as %s, got %s", where, low, high, what, shown(value))
end

-- A side of a picture, in pixels.
function number.side(value, where, what) return number.whole(value, where, what, 1, 65535) end

number.shown = shown

return number
