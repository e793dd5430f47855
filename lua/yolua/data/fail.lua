-- Failures of a data set: one sentence, after the position of the nearest caller outside the library where there is one.
local options = require "yolua.options.table"

return function(format, ...)
  local position = options.position()
  error((position == "Lua" and "" or position .. ": ") .. format:format(...), 0)
end
