-- yl.evaluate{"voc", every = 1}: after an epoch the dev split is scored (data.pick, if there is one); the record gets dev_ap (the
-- protocol's map), so that keep.best "dev_ap" and stop{"dev_ap"} can follow it.
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local options = require "yolua.options.table"
local policy = require "yolua.train.policy"
local score = require "yolua.eval.score"
local sources = require "yolua.train.sources"

-- Scores the list as it stands after the epoch, from the frozen body's cached output where there is one. A stop by the user loses
-- this epoch, which a resume does again: its record and those who follow dev_ap must not differ from an undisturbed run's.
local function run(t, protocol)
  local ok, rows = pcall(score.run, t.model, sources.judged_list(t), t.options, { stage = "epoch " .. t.epoch, protocols = { protocol },
    source = t.cached and sources.judged(t) or nil })
  if ok then return rows[1] end
  local stopped = tostring(rows):match "stopped by the user.*"
  if not (stopped and t.run) then error(rows, 0) end
  error(("%s of the dev split in epoch %d; continue with resume=%s"):format(stopped, t.epoch, t.run.dir), 0)
end

-- One number has one writer: of two, those who follow it would get the later one's.
local function refuse_second(self, t, by)
  for _, p in ipairs(t.policies) do
    if p == self then return end
    if p.name:find "^evaluate%." then
      error(("%s: yl.evaluate: '%s' writes the record's dev_ap already; expected one such policy (a handler of epoch_end may write "
        .. "another number into t.record)"):format(by.where, p.name), 0)
    end
  end
end

local check = options.declare("yl.evaluate", {
  { "protocol", "enum", "voc", "", "which protocol", choices = eval.protocols, positional = true },
  { "every", "int", 1, "epochs", "distance between evaluations; the last epoch is always evaluated", min = 1 },
})

local evaluate = {}

local function new(spec)
  local o, by = check(spec), { where = options.position() }
  local protocol, every = o.protocol, o.every
  local self = {
    name = "evaluate." .. protocol,
    on = {
      start = function(self, t)
        refuse_second(self, t, by)
        if not sources.has_judged(t) then error(by.where .. ": yl.evaluate: the data have no dev split to score", 0) end
      end,
      epoch_end = function(_, t)
        if t.epoch % every ~= 0 and t.epoch < t.epochs then
          t.record.dev_ap = core.null -- not evaluated, which those that follow it pass over
          return
        end
        t.record.dev_ap, t.record.dev_protocol = run(t, protocol).map, protocol
      end,
    },
  }
  policy.forecast[self] = { every = every }
  return self
end

return setmetatable(evaluate, { __call = function(_, spec) return new(spec) end })
