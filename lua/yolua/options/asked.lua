-- asked(o, field): whether the user has set that option to something. What a file repeats of the defaults, as config.yaml does, asks for
-- nothing.
local options = require "yolua.options.table"

return function(o, field)
  local key, value, default = field[1], rawget(o, field[1]), field[3]
  if not options.explicit(o, key) then return false end
  if options.origin(o, key) == "command line" or type(default) ~= "table" then
    return options.origin(o, key) == "command line" or value ~= default
  end
  for i = 1, math.max(#value, #default) do
    if value[i] ~= default[i] then return true end
  end
  return false
end
