-- A calibration for int8 holds for the weights that it was made with: says so where a network made of a calibrated one has none.
local core = require "yolua.core"

-- who: what made it; before, after: the models.
return function(who, before, after)
  if before.net:calibrated() and not after.net:calibrated() then
    core.system.warn(("%s: the calibration of %s for int8 is left out, since it belongs to other weights: calibrate the result (yolua "
      .. "calibrate)"):format(who, before.path))
  end
end
