-- yl.keep.best "dev_loss": after an epoch that is the best so far by that number, the state is saved as best.safetensors.
local core = require "yolua.core"
local checkpoint = require "yolua.train.checkpoint"

local keep = {}

-- metric: a field of the epoch's record; larger is better except for losses, and NaN is never best. file: default best.safetensors.
function keep.best(metric, file)
  local sign = metric:find "loss" and -1 or 1
  return {
    name = "keep.best." .. metric,
    state = {},
    on = {
      epoch_end = function(self, t)
        local value = t.record[metric]
        if value == nil then
          error(("keep.best: the epoch's record has no '%s' (is there a dev split?)"):format(metric), 0)
        end
        if value == core.null or value ~= value or self.state.value and sign * value <= sign * self.state.value then return end
        self.state.value, self.state.epoch = value, t.epoch
        t.record.best = metric
        checkpoint.save(t, file or "best.safetensors")
      end,
    },
  }
end

return keep
