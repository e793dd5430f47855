-- A folder of trials: locked while a process works in it, with a log of what happens and tables that grow as trials end.
local core = require "yolua.core"
local runner = require "yolua.sweep.runner"
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

-- Runs the trials (identified) that are not done yet, `jobs` at a time, in folders of `dir`. at_end(say), if given, is called when all are
-- done. Returns nil, or the sentence that says why not all are done.
function session.run(trials, dir, jobs, title, at_end)
  share_threads(trials, jobs)
  local lock <close> = take(dir)
  for _, t in ipairs(trials) do trial.look(t, dir) end
  local function say(format, ...)
    local line = format:format(...)
    print(line)
    files.append(dir .. "/log.txt", line .. "\n")
  end
  local function changed()
    core.system.write(dir .. "/sweep.csv", tables.csv(trials))
    core.system.write(dir .. "/sweep.md", tables.markdown(title, trials))
  end
  local done = count(trials, "done")
  say("%d trials in %s%s", #trials, dir, done > 0 and (", %d of them done"):format(done) or "")
  changed()
  local stopped = runner.run { trials = trials, jobs = jobs, say = say, changed = changed }
  say("results in %s/sweep.md", dir)
  local sentence = complaint(trials, stopped, dir)
  if at_end and not sentence then at_end(say) end
  return lock and sentence
end

return session
