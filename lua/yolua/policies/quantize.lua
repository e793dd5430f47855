-- yl.quantize(): trains for int8 (Jacob et al. 2018, section 3). Weights and activations take the numbers that their bytes stand for, with
-- a scale per output channel and the calibrated scale of each activation, which stays; gradients pass straight through to the weights
-- themselves, which the optimizer, masks, averages and checkpoints hold as ever. The dev loss and evaluations in between are of the
-- network so computed. The network has to be calibrated (yl.calibrate), and so are the checkpoints.
local forecast = require("yolua.train.policy").forecast
local options = require "yolua.options.table"

local check = options.declare("yl.quantize", {})

return function(spec)
  check(spec or {})
  local where = options.position()
  local policy = {
    name = "quantize",
    on = {
      start = function(_, t)
        if t.model.calibration then return end
        error(("%s: yl.quantize: the network is not calibrated; call yl.calibrate(net, data.train) before the training"):format(where), 0)
      end,
      finish = function(_, t)
        t.model:drop_plans()
        t.model.net:calibrate(t.model.calibration, "yl.quantize") -- it holds for the weights as they are now
        t.model.quantised = nil
      end,
    },
  }
  forecast[policy] = { quantises = true }
  return policy
end
