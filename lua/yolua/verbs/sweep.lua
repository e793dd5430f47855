-- `yolua sweep FILE.lua`: runs the trials that the file lists (sweep/file.lua says how), and gathers their results in one table.
local core = require "yolua.core"
local file = require "yolua.sweep.file"
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
  local trials = file.read(o.file)
  trial.identify(trials)
  local dir = (o.out or "runs/" .. name):gsub("(.)/+$", "%1")
  if o.dry_run then
    tell(trials, dir)
    return results(trials)
  end
  local complaint = session.run(trials, dir, o.jobs, name)
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
    { "dry_run", "bool", false, "", "check the trials and list them, and run nothing" },
    { "json", "bool", false, "", "print one JSON document on standard output" },
  },
  run = sweep,
}
