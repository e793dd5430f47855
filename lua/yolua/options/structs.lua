-- Fields of C's structs for Lua's tables of options: key, type, default, unit, help, range, choices and aliases are written once, in C
-- beside the struct (runtime/core/options.h), and taken over here. `changes` says where an option means something else on its way from
-- the user: its key, help, unit, or default (structs.NONE: none).
local core = require "yolua.core"

local structs = { NONE = {} }

local PLACES = { key = 1, default = 3, unit = 4, help = 5 }

-- All fields of a struct ("step", "loader", "detect", "voc", ...), in C's order.
function structs.fields(name)
  return core.fields(name) or error(("no struct '%s' has options"):format(name), 2)
end

-- One field.
function structs.field(name, key, changes)
  for _, field in ipairs(structs.fields(name)) do
    if field[1] == key then
      for what, value in pairs(changes or {}) do field[PLACES[what] or what] = value ~= structs.NONE and value or nil end
      return field
    end
  end
  error(("the struct '%s' has no option '%s'"):format(name, key), 2)
end

-- Some fields, as they are.
function structs.pick(name, ...)
  local list = {}
  for i, key in ipairs { ... } do list[i] = structs.field(name, key) end
  return list
end

return structs
