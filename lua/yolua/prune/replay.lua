-- What a schedule would have asked for in a finished run.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local finished = require "yolua.prune.finished"
local Planner = require "yolua.prune.planner"
local schedule = require "yolua.prune.schedule"
local settings = require "yolua.prune.settings"
local terminal = require "yolua.terminal"

local replay = {}

local Rounds = { __name = "rounds" }

local HEADS = { sparsity = "zeros", flops = "FLOPs gone", ms = "ms gone" }

function Rounds:__tostring()
  local columns, rows = { { "round", right = true }, { HEADS[self.goal], right = true }, { "in the run", right = true },
    { "AP before", right = true }, { "dev loss before", right = true } }, {}
  local function percent(x) return ("%.2f %%"):format(100 * x) end
  local function number(format, x) return x and format:format(x) or "n/a" end
  for i, r in ipairs(self.rounds) do
    rows[i] = { tostring(r.round), r.action or percent(r.sparsity), r.was and percent(r.was) or "rolled back", number("%.3f", r.ap),
      number("%.4f", r.dev_loss) }
  end
  return table.concat(terminal.columns(columns, rows), "\n")
end

local function shown(value)
  if schedule.actions[value] then return { action = schedule.named(value) } end
  if type(value) == "table" then
    local key, number = next(value)
    return { action = ("%s = %g"):format(key, number) }
  end
  return { sparsity = value }
end

-- JSON's null as nil, in a table of plain values.
local function known_of(values)
  local out = {}
  for key, value in pairs(values) do
    if value ~= core.null then out[key] = value end
  end
  return out
end

-- The run's options, with the call's in their place.
local function options_of(known, spec, o)
  local values = known.settings or { target = known.target, rounds = known.of, hold = known.of - known.ramp }
  for key, value in pairs(o or {}) do values[key] = value end
  values.schedule = spec
  if type(values.target) == "table" then values.target.table = nil end -- times are the run's
  return settings.of(values)
end

-- Refuses what goes back behind the run and behind what the schedule itself asked for in the round before.
local function check_forwards(planner, value, s, before)
  if type(value) ~= "number" or not before or value >= math.min(before, s.sparsity) - s.one then return end
  planner:fail("expected at least the sparsity of now, %.6g, for round %d, got %.6g", math.min(before, s.sparsity), s.round, value)
end

-- Asks the schedule when that round begins, and adds its answer to the rows. was: the share that the run reached; nil where it took the
-- round before back instead. Returns the answer, where it is a share.
local function ask(self, st, round, try, was)
  local last = st.rounds[#st.rounds] or {}
  st.round, st.try = round - 1, try
  local s = self.planner:view(st, { ms = last.ms, ms_dense = st.dense.ms, device_ms = st.dense.device_ms, epoch = last.epoch or 0,
    step = last.step or 0 })
  local value = self.planner:ask(st, s)
  check_forwards(self.planner, value, s, self.asked[round - 1])
  local row = shown(value)
  row.round, row.was, row.ap, row.dev_loss = round, was, s.ap, s.dev_loss
  self.rows[#self.rows + 1] = row
  return type(value) == "number" and value or nil
end

-- yl.prune.replay(RUNDIR, schedule [, o]): asks the schedule whenever the schedule of a finished run was asked, with what was measured
-- then, and shows what it would have asked for beside what the run did. o: options of pruning in the place of the run's. Returns {rounds =
-- {{round, sparsity or action, was, ap, dev_loss}, ...}, goal}, which prints as a table; with target.flops or target.ms these are the
-- shares that are gone. was is nil where the run took a round back; ap and dev_loss are what the schedule saw. Errors: as a run's, with the
-- schedule's file and line.
function replay.replay(dir, spec, o)
  callback.argument(type(dir) == "string", "yl.prune.replay", "the path of a run directory", dir)
  local known = finished.rounds(dir, "yl.prune.replay")
  local planner, st = Planner.new(options_of(known, spec, o), o or {}), { rounds = {}, dense = known_of(known.dense), memory = {} }
  planner.count, planner.one = known.prunable, planner.goal.key == "sparsity" and 1 / known.prunable or 1e-6
  local self, repeated = { planner = planner, asked = {}, rows = {} }, false
  for i, r in ipairs(known.rounds) do
    r = known_of(r)
    if not repeated then self.asked[r.round] = ask(self, st, r.round, r.try, planner:gone(r, st.dense)) end
    st.rounds[i] = r
    if r.by == "schedule" then -- it was asked in the round after this one, which stood then
      r.rolled_back = nil
      ask(self, st, r.round + 1, 1)
      r.rolled_back = true
    end
    repeated = r.repeated
  end
  return setmetatable({ rounds = self.rows, goal = planner.goal.key }, Rounds)
end

return replay
