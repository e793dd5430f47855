-- `yolua report RUNDIR`: makes report.html of a run, finished or not, from the run's own files.
local core = require "yolua.core"
local html = require "yolua.report.html"

local function folder(path)
  path = path:gsub("(.)/+$", "%1")
  if core.files.kind(path) ~= "folder" then error(("report: no such run directory %s"):format(path), 0) end
  return path
end

-- The directory as the call names it: run=DIR, out=DIR as the recipes say it, or the word alone.
local function named(o)
  local path = o.run or o.out
  if not path then error(require("yolua.options.schema").usage "yolua report: expected a run directory: yolua report RUNDIR") end
  return folder(path)
end

-- The runs to compare it with; nil for none.
local function others(o)
  local list = {}
  for i, path in ipairs(o.against or {}) do list[i] = folder(path) end
  return #list > 0 and list or nil
end

return {
  help = "make a run's report.html again from its files: yolua report RUNDIR",
  positional = "run",
  fields = {
    { "run", "string", nil, "", "the run directory; its name is enough" },
    { "out", "string", nil, "", "the same, under the name that recipes use" },
    { "against", "list", nil, "", "other runs on the same frames: the report also compares the last stages, with intervals",
      aliases = { "compare", "with" } },
    { "json", "bool", false, "", "print one JSON document on standard output" },
  },
  run = function(o) return { report = html.write(named(o), others(o)) } end,
  show = function(result) print(result.report) end,
}
