-- dry_run=true: a run that tells what it would do, and what that would take, from a few measured steps. It trains nothing and leaves
-- nothing: its folder is a temporary one.
local core = require "yolua.core"
local files = core.files

local dry = {}

local FEW = 8 -- frames that an evaluation is measured on

-- "45 s", "12 min", "3.5 h"
function dry.duration(seconds)
  if seconds < 90 then return ("%.0f s"):format(seconds) end
  if seconds < 5400 then return ("%.0f min"):format(seconds / 60) end
  return ("%.1f h"):format(seconds / 3600)
end

function dry.mib(bytes) return bytes / 2 ^ 20 end

-- Makes the run such a one. runs: how many it stands for (folds=, seeds=). Errors: it would continue another run.
function dry.begin(run, runs)
  local o = run.options
  if o.resume then error(require("yolua.options.schema").usage "dry_run=true tells of a new run: resume= cannot be given with it") end
  run.dir = os.tmpname()
  os.remove(run.dir)
  files.make_folder(run.dir)
  run.dry = { runs = runs, dir = o.out or "runs/" .. run.name, seconds = 0, bytes = 0, memory = 0, epochs = 0, trainings = {} }
end

local function remove(path)
  if files.kind(path) == "folder" then
    for _, name in ipairs(files.list(path)) do remove(path .. "/" .. name) end
  end
  os.remove(path)
end

function dry.finish(run) remove(run.dir) end

-- The list's first frames, as a list.
function dry.first(list, count)
  local few = {}
  for key, value in pairs(list) do few[key] = value end
  few.frames = table.move(list.frames, 1, math.min(count, #list.frames), 1, {})
  return setmetatable(few, getmetatable(list))
end

-- Seconds that scoring a frame of the list takes; the rows of the frames that were looked at. The first pass makes plans and chooses
-- algorithms, the second is measured.
function dry.measure_evaluation(model, list, options, more)
  local few, score = dry.first(list, FEW), require "yolua.eval.score"
  score(model, dry.first(list, 2), options, more)
  local started = core.system.clock()
  local rows = score(model, few, options, more)
  return (core.system.clock() - started) / #few.frames, rows
end

-- What run:eval does instead.
function dry.eval(run, stage, model, list, more)
  local seconds, rows = dry.measure_evaluation(model, list, run.options, more)
  seconds = seconds * #list.frames
  run.dry.seconds = run.dry.seconds + seconds
  run:say("%s: an evaluation on the %d frames of %s, about %s", stage, #list.frames, list.name, dry.duration(seconds))
  return rows
end

-- Adds a training (train/dry.lua) to the sums.
function dry.add(run, training)
  local sums = run.dry
  table.insert(sums.trainings, training)
  sums.seconds, sums.bytes = sums.seconds + training.seconds, sums.bytes + training.bytes
  sums.epochs, sums.memory = sums.epochs + training.epochs, math.max(sums.memory, training.memory_bytes)
end

-- What run:report does instead: the sums. Returns {dry_run, trainings, epochs, seconds, bytes, memory_bytes, runs}.
function dry.report(run)
  local sums, runs = run.dry, run.dry.runs
  run:say("in all: %s%d training%s, %d epochs, about %s, %.0f MiB on disk, %.0f MiB of memory",
    runs > 1 and ("%d runs with "):format(runs) or "", #sums.trainings * runs, #sums.trainings * runs == 1 and "" or "s",
    sums.epochs * runs, dry.duration(sums.seconds * runs), dry.mib(sums.bytes * runs), dry.mib(sums.memory))
  return { dry_run = true, runs = runs, trainings = sums.trainings, epochs = sums.epochs * runs, seconds = sums.seconds * runs,
    bytes = sums.bytes * runs, memory_bytes = sums.memory }
end

return dry
