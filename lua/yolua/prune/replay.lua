-- Pruning schedules without training: what one would do from here (dry_run), and what it would have done in a finished run (replay).
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local foretold = require("yolua.prune.kept").foretold
local marks = require "yolua.prune.marks"
local options = require "yolua.options.table"
local ranges = require "yolua.prune.ranges"
local schedule = require "yolua.prune.schedule"
local state = require "yolua.prune.state"
local target = require "yolua.prune.target"
local terminal = require "yolua.terminal"

local replay = {}

local Rounds = { __name = "rounds" }

local function percent(x) return type(x) == "number" and ("%.2f %%"):format(100 * x) or "n/a" end

function Rounds:__tostring()
  local columns, rows = { { "round", right = true }, { "zeros", right = true }, { "of", right = true } }, {}
  for i, r in ipairs(self.rounds) do
    rows[i] = { tostring(r.round), r.action or percent(r.sparsity), r.action and "" or tostring(r.zeros or "") }
    if r.was then rows[i][3] = percent(r.was) end
  end
  if self.rounds[1] and self.rounds[1].was then columns[3] = { "in the run", right = true } end
  return table.concat(terminal.columns(columns, rows), "\n")
end

local function named(action)
  if action.what == "stop" then return "stop" end
  return ("roll back%s%s"):format(action.target and (" to %g"):format(action.target) or "",
    action.epochs and (", %g epochs"):format(action.epochs) or "")
end

local function shown(value)
  if schedule.actions[value] then return { action = named(value) } end
  if type(value) == "table" then
    local key, number = next(value)
    return { action = ("%s = %g"):format(key, number) }
  end
  return { sparsity = value }
end

-- Makes a round's sparsity that of a whole number of zeros, and returns it. Errors: less than it is now.
local function rounded(entry, count, now, f)
  entry.zeros = math.floor(entry.sparsity * count + 0.5)
  if entry.zeros < math.floor(now * count + 0.5) then
    error(("%s: the pruning schedule: expected at least the sparsity of now, %.6g, for round %d, got %.6g"):format(
      callback.place(schedule.code(f)), now, entry.round, entry.sparsity), 0)
  end
  entry.sparsity = entry.zeros / count
  return entry.sparsity
end

-- yl.prune.dry_run(net, o): the rounds that the options of yl.prune (target, schedule, rounds, hold, ...) would make, as if nothing were
-- lost: a dev loss of 1 and an AP of 1 all the way, and after a rollback the round begins again. Returns {rounds = {{round, sparsity,
-- zeros}, ...}, prunable = count, kept = what keep= would keep}, which prints as a table. Nothing is trained; the network stays as it is.
function replay.dry_run(net, o)
  callback.model("yl.prune.dry_run", net)
  local share, budget = target.check(o)
  local list, keep = ranges.of(net, o), rawget(o, "keep")
  marks.check(o, share, budget)
  local sparsity, _, count = ranges.sparsity(net, list)
  local f, out, memory, start = schedule.of(rawget(o, "schedule") or "cubic", o), {}, {}, sparsity
  local rounds, hold = rawget(o, "rounds") or 10, rawget(o, "hold") or 0
  local every = rawget(o, "every") or rawget(o, "epochs") or 1
  local flops = net:flops()
  for round = 1, rounds do
    local s = state.view { round = round, rounds = rounds, ramp = math.max(1, rounds - hold), try = 1, sparsity = sparsity, start = start,
      target = share, one = 1 / count, flops = flops, flops_dense = flops, dev_loss = 1, dev_loss_dense = 1, ap = 1, ap_dense = 1,
      epochs = every, epoch = math.floor((round - 1) * every), step = 0, history = state.copy(out), memory = memory, options = o }
    local value = schedule.value(f, s)
    if budget and round >= s.ramp and type(value) == "number" then value = budget end
    if type(value) == "number" then value = marks.reach(keep, value, s) end
    local entry = shown(value)
    entry.round, entry.dev_loss, entry.ap = round, 1, 1
    out[#out + 1] = entry
    if entry.sparsity then sparsity = rounded(entry, count, sparsity, f)
    elseif entry.action == "stop" then break end
  end
  for _, entry in ipairs(out) do entry.dev_loss, entry.ap = nil, nil end
  return setmetatable({ rounds = out, prunable = count, kept = foretold(o, out) }, Rounds)
end

local function record_of(dir)
  local path = dir .. "/rounds.json"
  if not core.files.kind(path) then
    error(("%s: yl.prune.replay: %s is not the run of a pruning (rounds.json is missing)"):format(options.position(), dir), 0)
  end
  return core.json.decode(core.system.read(path), path)
end

local function number(value) return type(value) == "number" and value or nil end

-- yl.prune.replay(RUNDIR, schedule [, o]): asks the schedule at the start of each round of a finished run, with what was measured then, and
-- shows what it would have asked for beside what the run did. o: target, step, ... (default: the run's target). Returns {rounds =
-- {{round, sparsity or action, was}, ...}}, which prints as a table.
function replay.replay(dir, spec, o)
  callback.argument(type(dir) == "string", "yl.prune.replay", "the path of a run directory", dir)
  local known, f, out, memory = record_of(dir), schedule.of(spec), {}, {}
  local share = o and target.check(o) or number(known.target) or 0.9
  local now, done = known.dense, {}
  local opts = setmetatable({ target = share, step = 0.02 }, { __index = o })
  local count = known.prunable
  for i, r in ipairs(known.rounds) do
    local last = known.rounds[i - 1]
    local s = state.view { round = r.round, rounds = known.of, ramp = math.max(1, known.ramp), try = r.try, sparsity = now.sparsity,
      start = known.dense.sparsity, target = share, one = 1 / count, flops = now.flops, flops_dense = known.dense.flops,
      ms = last and number(last.ms), ms_dense = number(known.dense.ms), dev_loss = number(now.dev_loss),
      dev_loss_dense = number(known.dense.dev_loss), ap = number(now.ap), ap_dense = number(known.dense.ap),
      epochs = last and last.epochs or r.epochs, epoch = last and last.epoch or 0, step = last and last.step or 0,
      history = state.copy(done), memory = memory, options = opts }
    out[i] = shown(schedule.value(f, s))
    out[i].round, out[i].was = r.round, r.sparsity
    now, done[#done + 1] = r, r
  end
  return setmetatable({ rounds = out }, Rounds)
end

return replay
