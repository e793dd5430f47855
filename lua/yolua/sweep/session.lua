-- A folder of trials: locked while a process works in it, with a log of what happens and tables that grow as trials end.
local core = require "yolua.core"
local runner = require "yolua.sweep.runner"
local slurm = require "yolua.sweep.slurm"
local tables = require "yolua.sweep.tables"
local trial = require "yolua.sweep.trial"
local files = core.files

local session = {}

-- The folder, and the lock that keeps other processes out of it.
local function take(dir)
  files.make_folder(dir)
  if files.kind(dir .. "/config.yaml") then error(("out: %s is the folder of a run; expected one for several"):format(dir), 0) end
  return files.lock(dir .. "/log.txt") or error(("another process is at work in %s"):format(dir), 0)
end

-- Each trial's share of the processors, where several run at a time and it asks for none: the same in every call, since results depend
-- on the number of threads.
local function share_threads(trials, jobs)
  if jobs < 2 then return end
  for _, t in ipairs(trials) do
    if t.options.threads == 0 then t.threads = math.max(1, core.machine().processors // jobs) end
  end
end

local function count(trials, ...)
  local n = 0
  for _, t in ipairs(trials) do
    for _, status in ipairs { ... } do n = n + (t.status == status and 1 or 0) end
  end
  return n
end

-- The sentence for trials that did not all come to their end; nil where they did.
local function complaint(trials, stopped, dir)
  local failed, left = count(trials, "failed"), count(trials, "waiting", "stopped")
  if stopped then return ("stopped by the user: %d of %d trials are left; the same call continues"):format(left, #trials) end
  if failed > 0 then return ("%d of %d trials failed: see %s/sweep.md; the same call tries them again"):format(failed, #trials, dir) end
end

local function write_tables(trials, dir, title)
  core.system.write(dir .. "/sweep.csv", tables.csv(trials))
  core.system.write(dir .. "/sweep.md", tables.markdown(title, trials))
end

local function teller(dir)
  return function(format, ...)
    local line = format:format(...)
    print(line)
    files.append(dir .. "/log.txt", line .. "\n")
  end
end

-- Adds what follows from the trials that have ended, if anything does (spec.next, halving say), until nothing new comes.
local function extend(spec, trials, tried)
  local more = spec.next and spec.next(trials, tried)
  while more do
    trial.identify(more)
    for _, t in ipairs(more) do
      trial.look(t, spec.dir)
      trials[#trials + 1] = t
    end
    more = spec.next(trials, tried)
  end
end

-- Runs the trials (identified) that are not done yet, spec.jobs at a time, in folders of spec.dir. spec: title; next(trials), if given,
-- names trials that follow from those that have ended; at_end(say), if given, is called when all are done. Returns nil, or the sentence
-- that says why not all are done.
function session.run(trials, spec)
  local dir, stopped = spec.dir
  share_threads(trials, spec.jobs)
  local lock <close> = take(dir)
  for _, t in ipairs(trials) do trial.look(t, dir) end
  extend(spec, trials)
  local say, done = teller(dir), count(trials, "done")
  local function changed() write_tables(trials, dir, spec.title) end
  say("%d trials in %s%s", #trials, dir, done > 0 and (", %d of them done"):format(done) or "")
  changed()
  repeat
    local known = #trials
    share_threads(trials, spec.jobs)
    stopped = runner.run { trials = trials, jobs = spec.jobs, say = say, changed = changed }
    if not stopped then extend(spec, trials) end
    if #trials > known then say("%d trials follow", #trials - known) end
  until stopped or #trials == known
  changed()
  say("results in %s/sweep.md", dir)
  local sentence = complaint(trials, stopped, dir)
  if spec.at_end and not sentence then spec.at_end(say) end
  return lock and sentence
end

-- ---- as jobs of Slurm ---------------------------------------------------------------------------------------------------------

local PATIENCE = 60 -- seconds that a job waits for the folder, in which others write their tables

local function take_patiently(dir)
  local started = core.system.clock()
  while true do
    local lock = files.lock(dir .. "/log.txt")
    if lock then return lock end
    if core.system.clock() - started > PATIENCE then error(("another process is at work in %s"):format(dir), 0) end
    core.process.rest(0.2)
  end
end

-- Looks at all trials, writes the tables, and has what can start submitted. new: by a call of the user's, not by a job.
local function submit(trials, spec, new)
  local later
  do
    local lock <close> = new and take(spec.dir) or take_patiently(spec.dir)
    if new then slurm.begin(spec.dir) end
    for _, t in ipairs(trials) do trial.look(t, spec.dir) end
    extend(spec, trials, not new)
    write_tables(trials, spec.dir, spec.title)
    later = lock and slurm.prepare(spec, trials, trial.ready)
  end
  local say = teller(spec.dir)
  if later then later(say)
  elseif new then say("%d trials in %s: nothing is left to run", #trials, spec.dir) end
end

function session.submit(trials, spec) submit(trials, spec, true) end

-- What a job of the array does: runs the trial of that hash, and submits what follows from it. Returns nil, or why the trial is not done.
function session.task(trials, spec, hash)
  local mine
  for _, t in ipairs(trials) do trial.look(t, spec.dir) end
  extend(spec, trials, true)
  for _, t in ipairs(trials) do mine = t.hash == hash and t or mine end
  if not mine then return ("task: no trial of %s has the hash %s: its file has changed"):format(spec.file, hash) end
  local say = teller(spec.dir)
  local stopped = runner.run { trials = { mine }, count = #trials, jobs = 1, say = say, changed = function() end }
  if stopped then
    if core.system.at_limit() then say("trial %d: %s", mine.number, slurm.requeue()) end
    return ("trial %d was stopped before its end"):format(mine.number)
  end
  submit(trials, spec, false)
  return mine.status ~= "done" and ("trial %d failed: %s"):format(mine.number, mine.reason or mine.status) or nil
end

return session
