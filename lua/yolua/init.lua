-- The library's front door: `local yl = require "yolua"`. Modules load on first use; library.lua lists them.
local core = require "yolua.core"
local library = require "yolua.library"

local loaded = { core = core, version = core.version } -- what has been asked for; `yl` holds only what users put there themselves

return setmetatable({}, {
  __name = "yolua",
  __tostring = function() return ("yolua %s: help \"library\" says what it offers"):format(core.version) end,
  __index = function(_, key)
    if loaded[key] ~= nil or type(key) ~= "string" then return loaded[key] end
    local module, is_part = library.module(key)
    if not module then
      error(("yl has no '%s'%s"):format(key, require("yolua.options.schema").did_you_mean(key, library.names())), 2)
    end
    local value = require(module)
    if is_part then value = value[key] end
    loaded[key] = value
    return value
  end,
  __newindex = function(yl, key, value)
    if loaded[key] ~= nil or type(key) == "string" and library.module(key) then require("yolua.options.sealed").refuse("yl", key) end
    rawset(yl, key, value)
  end,
  __pairs = function() return next, loaded, nil end,
})
