-- What a user assigns has an effect or is refused by name, with the way that it is done. A view is for tables that a user's function
-- gets to see for one call: an assignment there would be lost without a word.
local options = require "yolua.options"

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

return sealed
