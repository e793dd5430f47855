-- yl.keep.best "dev_loss": after an epoch that is the best so far by that number, the state is saved as best.safetensors.
local callback = require "yolua.options.callback"
local checkpoint = require "yolua.train.checkpoint"
local metric = require "yolua.train.metric"
local options = require "yolua.options.table"

local keep = {}

local function check(where, name, file)
  if type(name) ~= "string" then
    error(("%s: yl.keep.best: expected the name of a number of the epoch's record, got %s"):format(where, callback.shown(name)), 0)
  end
  if type(file) ~= "string" or not file:find "^[^/]+%.safetensors$" then
    error(("%s: yl.keep.best: expected the name of a .safetensors file of the run directory, got %s"):format(where,
      callback.shown(file)), 0)
  end
end

-- name: a field of the epoch's record; larger is better except for losses, and NaN is never best. file: default best.safetensors.
function keep.best(name, file)
  local by, target = { where = options.position(), who = "keep.best" }, file or "best.safetensors"
  check(by.where, name, target)
  local sign = name:find "loss" and -1 or 1
  return {
    name = "keep.best." .. name .. (file and ":" .. file or ""),
    state = {},
    on = {
      start = function(self, t)
        metric.expect(t, self, by, name)
        if (t.kept[target] or self.name) ~= self.name then
          error(("%s: keep.best: '%s' keeps %s already; yl.keep.best(\"%s\", \"OTHER.safetensors\") names another file"):format(by.where,
            t.kept[target], target, name), 0)
        end
        t.kept[target] = self.name
      end,
      epoch_end = function(self, t)
        local value = metric.read(t, self, by, name)
        if not value or value ~= value or self.state.value and sign * value <= sign * self.state.value then return end
        self.state.value, self.state.epoch = value, t.epoch
        t.record.best = name
        checkpoint.save(t, target)
      end,
    },
  }
end

return keep
