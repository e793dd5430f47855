-- yl.evaluate{"voc", every = 1}: after an epoch the dev split is scored; the record gets dev_ap (the protocol's map), so that
-- keep.best "dev_ap" and stop{"dev_ap"} can follow it.
local core = require "yolua.core"
local score = require "yolua.score"

-- Scores the dev list as it stands after the epoch. A stop by the user loses this epoch, which a resume does again: its record and
-- those who follow dev_ap must not differ from an undisturbed run's.
local function run(t, protocol)
  local ok, rows = pcall(score.run, t.model, t.data.dev, t.options, { stage = "epoch " .. t.epoch, protocols = { protocol } })
  if ok then return rows[1] end
  local stopped = tostring(rows):match "stopped by the user.*"
  if not (stopped and t.run) then error(rows, 0) end
  error(("%s of the dev split in epoch %d; continue with resume=%s"):format(stopped, t.epoch, t.run.dir), 0)
end

-- spec[1]: the protocol (voc, coco, kitti or poster); every: epochs between two evaluations (the last epoch always has one).
return function(spec)
  if type(spec) == "string" then spec = { spec } end
  local protocol, every = spec[1] or "voc", spec.every or 1
  if math.type(every) ~= "integer" or every < 1 then
    error(("evaluate: 'every': expected a whole number of epochs from 1, got %s"):format(tostring(every)), 2)
  end
  return {
    name = "evaluate." .. protocol,
    on = {
      epoch_end = function(_, t)
        if t.epoch % every ~= 0 and t.epoch < t.options.epochs then
          t.record.dev_ap = core.null -- not evaluated, which those that follow it pass over
          return
        end
        t.record.dev_ap, t.record.dev_protocol = run(t, protocol).map, protocol
      end,
    },
  }
end
