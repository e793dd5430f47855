-- yl.stop{"dev_loss", patience = 10}: ends the run when a number has not improved for so many epochs (0: never). NaN is no improvement.
local core = require "yolua.core"

return function(spec)
  local metric, patience = spec[1] or "dev_loss", spec.patience or 10
  local sign = metric:find "loss" and -1 or 1
  return {
    name = "stop." .. metric,
    state = { waited = 0 },
    on = {
      epoch_end = function(self, t)
        local s, value = self.state, t.record[metric]
        if value == nil then error(("stop: the epoch's record has no '%s' (is there a dev split?)"):format(metric), 0) end
        if value == core.null then return end -- not evaluated in this epoch
        if value == value and (not s.value or sign * value > sign * s.value) then
          s.value, s.waited = value, 0
        else
          s.waited = s.waited + 1
          t.stop = patience > 0 and s.waited >= patience
        end
      end,
    },
  }
end
