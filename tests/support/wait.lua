-- wait(f, what [, seconds]): until f gives something else than nil or false, at most a minute or that long (more with
-- sanitizers); returns it.
local core = require "yolua.core"
local sanitizer = require "support.sanitizer"

return function(f, what, seconds)
  local started = core.system.clock()
  repeat
    local result = f()
    if result then return result end
    os.execute "sleep 0.02"
  until core.system.clock() - started > sanitizer.patience(seconds or 60)
  error("waited too long for " .. what, 2)
end
