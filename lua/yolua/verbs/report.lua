-- `yolua report RUNDIR`: makes report.html of a run, finished or not, from the run's own files.
local core = require "yolua.core"
local html = require "yolua.report.html"

-- The directory as the call names it: run=DIR, out=DIR as the recipes say it, or the word alone.
local function named(o)
  local path = o.run or o.out
  if not path then error(require("yolua.options.schema").usage "yolua report: expected a run directory: yolua report RUNDIR") end
  path = path:gsub("(.)/+$", "%1")
  if core.files.kind(path) ~= "folder" then error(("report: no such run directory %s"):format(path), 0) end
  return path
end

return {
  help = "make a run's report.html again from its files: yolua report RUNDIR",
  positional = "run",
  fields = {
    { "run", "string", nil, "", "the run directory; its name is enough" },
    { "out", "string", nil, "", "the same, under the name that recipes use" },
    { "json", "bool", false, "", "print one JSON document on standard output" },
  },
  run = function(o) return { report = html.write(named(o)) } end,
  show = function(result) print(result.report) end,
}
