-- As cubic, while a scan of sensitivity decides where the zeros go: each layer gets as many as cost it the same drop of AP on its own
-- (prune/scopes/sensitivity.lua, which the scope then is).
local cubic = require "yolua.prune.schedules.cubic"

return function(s) return cubic(s) end
