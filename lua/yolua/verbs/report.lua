-- `yolua report run=RUNDIR`: makes report.html of a finished run again, from the run's own files.
local html = require "yolua.html"

return {
  help = "make a run's report.html again from its files",
  fields = { { "run", "string", nil, "", "the run directory" },
    { "json", "bool", false, "", "print one JSON document on standard output" } },
  run = function(o)
    if not o.run then error(require("yolua.schema").usage "yolua report: expected run=RUNDIR") end
    return { report = html.write((o.run:gsub("(.)/+$", "%1"))) }
  end,
  show = function(result) print(result.report) end,
}
