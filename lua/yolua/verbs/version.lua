-- `yolua version`: what this program is made of.
local core = require "yolua.core"

return {
  help = "the program's version",
  fields = { { "json", "bool", false, "", "print one JSON document on standard output" } },
  run = function() return { version = core.version, lua = _VERSION } end,
  show = function(result) print("yolua " .. result.version) end,
}
