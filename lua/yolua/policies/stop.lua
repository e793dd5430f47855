-- yl.stop{"dev_loss", patience = 10}: ends the run when a number has not improved for so many epochs (0: never). NaN is no improvement.
local core = require "yolua.core"
local options = require "yolua.options"

local check = options.declare("yl.stop", {
  { "metric", "string", "dev_loss", "", "a number of the epoch's record; losses are better when smaller", positional = true },
  { "patience", "int", 10, "epochs", "how long it may go without improvement; 0: for ever", min = 0 },
})

return function(spec)
  local o = check(spec)
  local metric, patience = o.metric, o.patience
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
