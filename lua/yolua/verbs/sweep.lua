-- `yolua sweep FILE.lua`: runs the trials that the file lists (sweep/file.lua says how), and gathers their results in one table.
local core = require "yolua.core"
local file = require "yolua.sweep.file"
local halving = require "yolua.sweep.halving"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local session = require "yolua.sweep.session"
local trial = require "yolua.sweep.trial"

local function results(trials)
  local list = {}
  for i, t in ipairs(trials) do
    list[i] = { hash = t.hash, name = t.name, recipe = t.recipe, options = t.options, status = t.status, reason = t.reason,
      result = t.result or core.null }
  end
  return { trials = list }
end

-- Says what would be run, trial by trial.
local function tell(trials, dir)
  for _, t in ipairs(trials) do
    trial.look(t, dir)
    print(("trial %d of %d%s, %s: %s: yolua %s %s"):format(t.number, #trials, t.name and (" (%s)"):format(t.name) or "", t.hash, t.status,
      t.recipe, table.concat(trial.words(t, dir), " ")))
  end
end

local function sweep(o)
  if not o.file then error(schema.usage "yolua sweep: expected a file of trials: yolua sweep FILE.lua") end
  local name = o.file:match "([^/]*)$":gsub("%.lua$", "")
  local trials, halves = file.read(o.file)
  if halves then halving.begin(halves, trials) end
  trial.identify(trials)
  local dir = (o.out or "runs/" .. name):gsub("(.)/+$", "%1")
  if o.dry_run then
    tell(trials, dir)
    return results(trials)
  end
  local spec = { dir = dir, file = o.file, jobs = o.jobs, title = name, name = name, options = o.sbatch,
    next = halves and function(list, tried) return halving.next(halves, list, tried) end }
  local complaint
  if o.task then complaint = session.task(trials, spec, o.task)
  elseif o.slurm then
    spec.jobs = options.explicit(o, "jobs") and o.jobs or nil
    complaint = session.submit(trials, spec)
  else complaint = session.run(trials, spec) end
  return results(trials), complaint
end

return {
  help = "run the trials that a Lua file lists, and gather their results: yolua sweep FILE.lua",
  positional = "file",
  fields = {
    { "file", "string", nil, "", "the Lua file that returns the trials (recipes/README.md); its path is enough" },
    { "jobs", "int", 1, "trials", "how many run at a time", min = 1, max = 1024, aliases = { "n_jobs", "parallel" } },
    { "out", "string", nil, "", "the sweep's folder (default: runs/ and the file's name); the same one continues",
      aliases = { "project", "save_dir", "output", "outdir" } },
    { "slurm", "bool", false, "", "run the trials as a job array: its script is written, and submitted where sbatch is found" },
    { "sbatch", "string", nil, "", "slurm=true: options for sbatch, as in sbatch=\"--time=4:00:00 --cpus-per-task=8\"" },
    { "task", "string", nil, "", "of a job of the array: the trial that it runs, by its hash" },
    { "dry_run", "bool", false, "", "check the trials and list them, and run nothing" },
    { "json", "bool", false, "", "print one JSON document on standard output" },
  },
  run = sweep,
}
