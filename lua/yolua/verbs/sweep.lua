-- `yolua sweep FILE.lua`: runs the trials that the file lists (sweep/file.lua says how), and gathers their results in one table.
local core = require "yolua.core"
local file = require "yolua.sweep.file"
local runner = require "yolua.sweep.runner"
local schema = require "yolua.options.schema"
local tables = require "yolua.sweep.tables"
local trial = require "yolua.sweep.trial"
local files = core.files

-- The sweep's folder, and the lock that keeps a second sweep out of it.
local function take(dir)
  files.make_folder(dir)
  if files.kind(dir .. "/config.yaml") then error(("out: %s is the folder of a run; expected one for a sweep"):format(dir), 0) end
  local lock = files.lock(dir .. "/log.txt")
  if not lock then error(("another sweep is at work in %s"):format(dir), 0) end
  return lock
end

local function result(trials)
  local list = {}
  for i, t in ipairs(trials) do
    list[i] = { hash = t.hash, name = t.name, recipe = t.recipe, options = t.options, status = t.status, reason = t.reason,
      result = t.result or core.null }
  end
  return { trials = list }
end

-- The sentence for a sweep that did not come to its end.
local function complaint(trials, stopped, dir)
  local failed, left = 0, 0
  for _, t in ipairs(trials) do
    failed = failed + (t.status == "failed" and 1 or 0)
    left = left + ((t.status == "waiting" or t.status == "stopped") and 1 or 0)
  end
  if stopped then return ("stopped by the user: %d of %d trials are left; the same call continues"):format(left, #trials) end
  if failed > 0 then return ("%d of %d trials failed: see %s/sweep.md; the same call tries them again"):format(failed, #trials, dir) end
end

-- Each trial's share of the processors, where several run at a time and it asks for none: the same in every call, since results depend
-- on the number of threads.
local function share_threads(trials, jobs)
  if jobs < 2 then return end
  for _, t in ipairs(trials) do
    if t.options.threads == 0 then t.threads = math.max(1, core.machine().processors // jobs) end
  end
end

local function sweep(o)
  if not o.file then error(schema.usage "yolua sweep: expected a file of trials: yolua sweep FILE.lua") end
  local name = o.file:match "([^/]*)$":gsub("%.lua$", "")
  local dir = (o.out or "runs/" .. name):gsub("(.)/+$", "%1")
  local trials = file.read(o.file)
  trial.identify(trials)
  share_threads(trials, o.jobs)
  local lock <close> = take(dir)
  for _, t in ipairs(trials) do trial.look(t, dir) end
  local function say(format, ...)
    local line = format:format(...)
    print(line)
    files.append(dir .. "/log.txt", line .. "\n")
  end
  local function changed()
    core.system.write(dir .. "/sweep.csv", tables.csv(trials))
    core.system.write(dir .. "/sweep.md", tables.markdown(name, trials))
  end
  local done = 0
  for _, t in ipairs(trials) do done = done + (t.status == "done" and 1 or 0) end
  say("%d trials in %s%s", #trials, dir, done > 0 and (", %d of them done"):format(done) or "")
  changed()
  local stopped = runner.run { trials = trials, jobs = o.jobs, say = say, changed = changed }
  say("results in %s/sweep.md", dir)
  return result(trials), lock and complaint(trials, stopped, dir)
end

return {
  help = "run the trials that a Lua file lists, and gather their results: yolua sweep FILE.lua",
  positional = "file",
  fields = {
    { "file", "string", nil, "", "the Lua file that returns the trials (recipes/README.md); its path is enough" },
    { "jobs", "int", 1, "trials", "how many run at a time", min = 1, max = 1024, aliases = { "n_jobs", "parallel" } },
    { "out", "string", nil, "", "the sweep's folder (default: runs/ and the file's name); the same one continues",
      aliases = { "project", "save_dir", "output", "outdir" } },
    { "json", "bool", false, "", "print one JSON document on standard output" },
  },
  run = sweep,
}
