-- `yolua sensitivity`: cuts one layer at a time, and measures what that costs: which layers can be pruned, and which should stay.
local yl = require "yolua"
local inputs = require "yolua.cli.inputs"
local schema = require "yolua.options.schema"
local sensitivity = require "yolua.prune.sensitivity"

local function list_of(data, o)
  local list = o.data.split and data:list(o.data.split) or data.pick or data.dev
  if list and #list.frames > 0 then return list end
  error(schema.usage "sensitivity: no frames to score on: expected data.pick, data.dev or data.split")
end

local function scan(o)
  inputs.named_data(o)
  if not o.cfg and not o.model then yl.embedded(o) end
  local data = inputs.data(o)
  local model, list = inputs.network(o), list_of(data, o)
  sensitivity.check(model, list, o)
  local run <close> = yl.run(o, "sensitivity")
  local result = sensitivity.scan(model, list, o)
  run:say("%s", tostring(result))
  run:say("scores are cached in %s: %d of %d were known already", result.file, result.known, 1 + #result.layers * #result.levels)
  run.model = model
  sensitivity.keep(run.dir, result)
  run:report()
  return sensitivity.plain(result)
end

local TEXT <const> = [[
One layer at a time is cut to each sparsity of sparsity=, the others whole, and the network is scored on data.pick (else dev, or
data.split=). Nothing is trained, and the network stays as it is. A table shows how far AP falls for each layer and sparsity; the run
directory keeps it (sensitivity.json, and a page of the report). Every score is kept in a cache, so that a scan which was stopped continues.

To prune as a scan says: yolua prune schedule=sensitivity target=.8.]]

local list = { "model", "data", "protocols", "run" }
table.move(sensitivity.fields, 1, #sensitivity.fields, #list + 1, list)
table.move(sensitivity.looks, 1, #sensitivity.looks, #list + 1, list)

return { help = "measure how much each layer can be pruned", text = TEXT, fields = list, run = scan, show = function() end }
