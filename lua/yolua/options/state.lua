-- Policies' states as a checkpoint holds them: plain data that comes back with the same values, types and keys. JSON is exact for texts,
-- whole numbers, fractions, lists and maps under texts; the rest is marked: {"$float": "0x1p+0"} (1.0, infinities, NaN),
-- {"$bytes": "ff00"} (a text that is no UTF-8), {"$pairs": [[key, value], ...]} (other keys than texts or 1..n).
local core = require "yolua.core"

local state = {}

local function place(path, key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return path .. "." .. key end
  return ("%s[%s]"):format(path, type(key) == "string" and ("%q"):format(key) or tostring(key))
end

-- The sentence that says why a value cannot be kept, or nil. A metatable with __plain only makes reading strict. seen: table -> its place.
local function fault(value, path, seen)
  local kind = type(value)
  if kind == "function" or kind == "thread" or kind == "userdata" and value ~= core.null then
    return ("%s is a %s; a checkpoint can hold numbers, strings, booleans and tables of them"):format(path, kind)
  elseif kind ~= "table" then return end
  if seen[value] then return ("%s is the same table as %s; a checkpoint would hold two"):format(path, seen[value]) end
  local meta = getmetatable(value)
  if meta and not meta.__plain then return path .. " has a metatable, which a checkpoint does not hold" end
  seen[value] = path
  for key, item in next, value do
    if type(key) == "table" or type(key) == "userdata" or type(key) == "function" or type(key) == "thread" then
      return ("%s has a %s as a key; a checkpoint holds texts, numbers and booleans"):format(path, type(key))
    end
    local found = fault(item, place(path, key), seen)
    if found then return found end
  end
end

-- The same of a whole state. name: what the sentence calls it.
function state.fault(value, name)
  name = name or "state"
  if type(value) ~= "table" then return ("%s is a %s, expected a table"):format(name, type(value)) end
  return fault(value, name, {})
end

local pack

local function before(a, b) -- an order of keys: by type, then by value
  local x, y = type(a), type(b)
  if x ~= y then return x < y end
  if x == "boolean" then return b and not a end
  return a < b
end

local function pack_pairs(value)
  local keys, list = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, before)
  for i, key in ipairs(keys) do list[i] = { pack(key), pack(value[key]) } end
  return { ["$pairs"] = list }
end

local function pack_table(value)
  local count, texts, marked = 0, 0, false
  for key in pairs(value) do
    count = count + 1
    if type(key) == "string" then texts, marked = texts + 1, marked or key:sub(1, 1) == "$" or not utf8.len(key) end
  end
  local list = texts == 0 and count == #value
  if not list and (texts < count or marked) then return pack_pairs(value) end
  local out = {}
  for key, item in pairs(value) do out[key] = pack(item) end
  return out
end

local function hex(text) return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

function pack(value)
  if type(value) == "table" then return pack_table(value) end
  if type(value) == "string" and not utf8.len(value) then return { ["$bytes"] = hex(value) } end
  if math.type(value) == "float" and not (value - value == 0 and value % 1 ~= 0) then
    return { ["$float"] = value ~= value and "nan" or ("%a"):format(value) }
  end
  return value
end

local function unpack_float(text)
  if text == "nan" then return 0 / 0 end
  if text == "inf" or text == "-inf" then return text == "inf" and math.huge or -math.huge end
  return tonumber(text) or error(("expected a number, got '%s'"):format(tostring(text)), 0)
end

-- What `pack` made, as it was.
local function restore(value)
  if type(value) ~= "table" then return value end
  if value["$float"] then return unpack_float(value["$float"]) end
  if value["$bytes"] then return (value["$bytes"]:gsub("%x%x", function(two) return string.char(tonumber(two, 16)) end)) end
  local out = {}
  if value["$pairs"] then
    for _, pair in ipairs(value["$pairs"]) do out[restore(pair[1])] = restore(pair[2]) end
  else
    for key, item in pairs(value) do out[key] = restore(item) end
  end
  return out
end

-- For core.json.encode and back; `value` has no fault.
state.pack, state.unpack = pack, restore

return state
