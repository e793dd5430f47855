-- yl.stop{"dev_loss", patience = 10}: ends the run when a number has not improved for so many epochs (0: never). NaN is no improvement.
-- A run that it ended trains nothing more on resume, unless more epochs are asked for or the policy is changed or left out.
local metric = require "yolua.train.metric"
local options = require "yolua.options.table"

local check = options.declare("yl.stop", {
  { "metric", "string", "dev_loss", "", "a number of the epoch's record; losses are better when smaller", positional = true },
  { "patience", "int", 10, "epochs", "how long to wait for an improvement; 0: never stop", min = 0 },
})

return function(spec)
  local o, by = check(spec), { where = options.position(), who = "stop" }
  local name, patience = o.metric, o.patience
  local sign = name:find "loss" and -1 or 1
  return {
    name = "stop." .. name,
    state = { waited = 0 },
    on = {
      start = function(self, t) metric.expect(t, self, by, name) end,
      epoch_end = function(self, t)
        local s, value = self.state, metric.read(t, self, by, name)
        if not value then return end -- not evaluated in this epoch
        if value == value and (not s.value or sign * value > sign * s.value) then
          s.value, s.waited = value, 0
        else
          s.waited = s.waited + 1
          if patience > 0 and s.waited >= patience then t.stop = true end
        end
      end,
    },
  }
end
