-- Failures of a data set: one sentence, after the position of the nearest caller outside the library where there is one.
local options = require "yolua.options.table"

-- What a file says is shown on one line: "\n", "\27".
local function escape(c) return c == "\n" and "\\n" or ("\\%d"):format(c:byte()) end

return function(format, ...)
  error((options.caller() and options.position() .. ": " or "") .. format:format(...):gsub("%c", escape), 0)
end
