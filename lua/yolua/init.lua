-- The library's front door: `local yl = require "yolua"`. Modules load on first use; the file name is the registry.
local core = require "yolua.core"

local yl = { core = core }

return yl
