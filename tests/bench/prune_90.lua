-- The cubic schedule of tests/bench/prune.lua, as far as 90 %.
local cubic = require "yolua.prune.schedules.cubic"

return function(s)
  if s.sparsity > 0.9 - 2 * s.one then return s:stop() end
  return cubic(s)
end
