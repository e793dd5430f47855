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
  local columns, rows = { { "round", right = true }, { HEADS[self.goal], right = true }, { "in the run", right = true } }, {}
  local function percent(x) return ("%.2f %%"):format(100 * x) end
  for i, r in ipairs(self.rounds) do rows[i] = { tostring(r.round), r.action or percent(r.sparsity), percent(r.was) } end
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

-- yl.prune.replay(RUNDIR, schedule [, o]): asks the schedule at the start of each round of a finished run, with what was measured then, and
-- shows what it would have asked for beside what the run did. o: options of pruning in the place of the run's. Returns {rounds =
-- {{round, sparsity or action, was}, ...}, goal}, which prints as a table; with target.flops or target.ms these are the shares that are
-- gone. Errors: as a run's, with the schedule's file and line.
function replay.replay(dir, spec, o)
  callback.argument(type(dir) == "string", "yl.prune.replay", "the path of a run directory", dir)
  local known, out, asked = finished.rounds(dir, "yl.prune.replay"), {}, {}
  local planner, st = Planner.new(options_of(known, spec, o), o or {}), { rounds = {}, dense = known_of(known.dense), memory = {} }
  planner.count, planner.one = known.prunable, planner.goal.key == "sparsity" and 1 / known.prunable or 1e-6
  for i, r in ipairs(known.rounds) do
    local last = st.rounds[#st.rounds] or {}
    st.round, st.try = r.round - 1, r.try
    local s = planner:view(st, { ms = last.ms, ms_dense = st.dense.ms, device_ms = st.dense.device_ms, epoch = last.epoch or 0,
      step = last.step or 0 })
    local value = planner:ask(st, s)
    check_forwards(planner, value, s, asked[r.round - 1])
    asked[r.round] = type(value) == "number" and value or nil
    r = known_of(r)
    out[i] = shown(value)
    out[i].round, out[i].was = r.round, planner:gone(r, st.dense)
    st.rounds[i] = r
  end
  return setmetatable({ rounds = out, goal = planner.goal.key }, Rounds)
end

return replay
