-- Functions that a user gives and the library calls for a value: where they stand, and one sentence where the value is unusable.
--
--   local rate = callback.number(f, "optim.schedule", callback.ask(f, "optim.schedule", "for step 3", s), "for step 3", 0)
--   -> "mine.lua:12: optim.schedule: expected a number of at least 0 for step 3, but this function returned nothing (is a return missing?)"
local place = require "yolua.options.place"

local debug = debug -- whole, also in a sandbox
local callback = {}

-- "mine.lua:12", where a function begins; "a function of the Lua library" for one written in C.
function callback.place(f)
  if type(f) ~= "function" then f = getmetatable(f).__call end
  local at = debug.getinfo(f, "S")
  return at.what == "C" and "a function of the Lua library" or ("%s:%d"):format(at.short_src, at.linedefined)
end

-- Whether it can be called: a function, or an object that is one.
function callback.callable(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(value) == "function" or type(meta) == "table" and type(meta.__call) == "function"
end

-- A value as a sentence names it: nothing, 'a text', -1, nan, true, a table.
function callback.shown(value)
  local kind = type(value)
  if value == nil then return "nothing" end
  if kind == "string" then return ("'%s'"):format(#value > 60 and value:sub(1, 57) .. "..." or value) end
  if value ~= value then return "nan" end
  if kind == "number" or kind == "boolean" then return tostring(value) end
  return "a " .. (kind == "userdata" and (debug.getmetatable(value) or {}).__name or kind):gsub("^yolua%.", "")
end

-- Refuses an argument of `who` unless it is good, with the place of the user's line: "mine.lua:3: net:freeze: expected ..., got ...".
function callback.argument(good, who, expected, value)
  if good then return value end
  error(("%s: %s: expected %s, got %s"):format(place.position(), who, expected, callback.shown(value)), 0)
end

-- Refuses an argument of `who` that is not a model of yl.load.
function callback.model(who, value)
  local class = type(value) == "table" and getmetatable(value)
  return callback.argument(type(class) == "table" and class.__name == "yolua.model", who, "a model (of yl.load)", value)
end

-- Ends the call: `f` returned `value` where `what` expects something else. `when` (optional): "for step 3". Which of its lines returned
-- that is not known.
function callback.wrong(f, what, expected, value, when)
  error(("%s: %s: expected %s%s, but this function returned %s%s"):format(callback.place(f), what, expected, when and " " .. when or "",
    callback.shown(value), value == nil and " (is a return missing?)" or ""), 0)
end

-- What was thrown, with the user's line where it names none.
local function located(message)
  if type(message) ~= "string" or message:find "^[^\n]-:%d+: " then return message end
  local at = place.caller()
  return at and ("%s:%d: %s"):format(at.short_src, at.currentline, message) or message
end

-- The one value that f returns for these arguments; refuses further ones, which would be lost. What f throws ends the call as one sentence
-- with f's file and line.
function callback.ask(f, what, when, ...)
  local results = table.pack(xpcall(place.call, located, f, ...))
  if not results[1] then error(results[2], 0) end
  if results.n <= 2 then return results[2] end
  error(("%s: %s: expected one value %s, but this function returned %d"):format(callback.place(f), what, when, results.n - 1), 0)
end

-- A number that is finite and at least `least` (nil: any). Returns it.
function callback.number(f, what, value, when, least)
  if type(value) == "number" and value - value == 0 and (not least or value >= least) then return value end
  callback.wrong(f, what, least and ("a number of at least %g"):format(least) or "a finite number", value, when)
end

-- A string, or a list of strings. Returns it.
function callback.texts(f, what, value, when)
  local good = type(value) == "string" or type(value) == "table"
  local count = 0
  for key, item in pairs(good and type(value) == "table" and value or {}) do
    count = count + 1
    if math.type(key) ~= "integer" or type(item) ~= "string" then
      callback.wrong(f, what .. (" [%s]"):format(tostring(key)), "a list of strings", item, when)
    end
  end
  if good and (type(value) == "string" or count == #value) then return value end
  callback.wrong(f, what, "a string or a list of strings", value, when)
end

-- What decides what a function does: its code and the plain values that it holds on to (a patience, say), as a text for hashing. Of
-- the library's own functions only the values, so that a new version of the program counts as the same.
function callback.fingerprint(f)
  local at = debug.getinfo(f, "S")
  local parts = { at.what == "C" and "C" or at.source:sub(1, 7) == "@yolua/" and at.source or string.dump(f, true) }
  for i = 1, 255 do
    local name, value = debug.getupvalue(f, i)
    if not name then break end
    local kind = type(value)
    if kind == "number" then value = ("%s %a"):format(math.type(value), value) end
    if kind ~= "table" and kind ~= "function" and kind ~= "userdata" and kind ~= "thread" then
      parts[#parts + 1] = ("%s=%s"):format(name, tostring(value))
    end
  end
  return table.concat(parts, "\n")
end

return callback
