-- The library's front door: `local yl = require "yolua"`. Modules load on first use; library.lua lists them.
local core = require "yolua.core"
local library = require "yolua.library"

local yl = { core = core, version = core.version }

return setmetatable(yl, {
  __name = "yolua",
  __tostring = function() return ("yolua %s: help \"library\" says what it offers"):format(core.version) end,
  __index = function(_, key)
    if type(key) ~= "string" then return nil end
    local module, is_part = library.module(key)
    if not module then
      error(("yl has no '%s'%s"):format(key, require("yolua.options.schema").did_you_mean(key, library.names())), 2)
    end
    local value = require(module)
    if is_part then value = value[key] end
    rawset(yl, key, value)
    return value
  end,
})
