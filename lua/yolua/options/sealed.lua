-- What a user assigns has an effect or is refused by name, with the way that it is done. A view is for tables that a user's function
-- gets to see for one call: an assignment there would be lost without a word.
local options = require "yolua.options.table"

local sealed = {}

-- Throws the sentence about an assignment: what "l", key "y", ways {y = "how it is done"} or one text for every key.
function sealed.refuse(what, key, ways)
  local way = type(ways) == "table" and ways[key] or type(ways) == "string" and ways
  local name = type(key) == "string" and what .. "." .. key or ("%s[%s]"):format(what, tostring(key))
  error(("%s: %s cannot be assigned%s"):format(options.position(), name, way and ": " .. way or ""), 0)
end

-- The table as it is seen by a user's function: it can be read, not assigned.
function sealed.view(inner, what, ways)
  return setmetatable({}, {
    __index = inner,
    __newindex = function(_, key) sealed.refuse(what, key, ways) end,
    __len = function() return #inner end,
    __pairs = function() return next, inner, nil end,
  })
end

-- ---- objects ------------------------------------------------------------------------------------------------------------------

local behind = setmetatable({}, { __mode = "k" }) -- object -> its fields

local function is_library(level)
  local at = debug.getinfo(level + 1, "S")
  return at and at.source:sub(1, 7) == "@yolua/"
end

local function names_of(class, inner)
  local names = {}
  for _, list in ipairs { class, inner, class.__optional or {} } do
    for name in pairs(list) do
      if type(name) == "string" and name:sub(1, 2) ~= "__" then names[#names + 1] = name end
    end
  end
  table.sort(names)
  return names
end

-- Makes a class of objects whose fields a user reads, and sets where class.__settable[name] (object, value, refuse) takes the value;
-- the library's own files set what they like. class.__what: "model"; class.__ways: {name = how it is done}; class.__optional: names of
-- fields that may be missing.
function sealed.class(class)
  class.__index = function(self, key)
    local inner = behind[self]
    local value = inner and inner[key]
    if value == nil then value = class[key] end
    if value ~= nil or class.__optional[key] or is_library(2) then return value end
    error(("%s: a %s has no '%s'%s"):format(options.position(), class.__what, tostring(key),
      require("yolua.options.schema").did_you_mean(tostring(key), names_of(class, inner or {}), class.__what)), 0)
  end
  class.__newindex = function(self, key, value)
    local inner, set = behind[self], class.__settable[key]
    if not inner then return rawset(self, key, value) end
    if is_library(2) then inner[key] = value
    elseif set then set(self, value, function(...) error(options.position() .. ": " .. string.format(...), 0) end)
    else sealed.refuse(class.__what, key, class.__ways) end
  end
  class.__names = function(self) return names_of(class, behind[self] or self) end
  class.__pairs = function(self) return next, behind[self] or self, nil end
end

-- The object over these fields.
function sealed.object(fields, class)
  local self = setmetatable({}, class)
  behind[self] = fields
  return self
end

return sealed
