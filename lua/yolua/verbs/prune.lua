-- `yolua prune`: prunes a detector in rounds of cutting and retraining, and measures what each round left.
local yl = require "yolua"
local fields = require "yolua.options.fields"
local inputs = require "yolua.cli.inputs"

local list = table.move(fields.recipe, 1, #fields.recipe, 1, {})
list[#list + 1] = "prune"
list[#list + 1] = "distill"
list[#list + 1] = { "dry_run", "bool", false, "", "show the rounds that the schedule would make, and train nothing" }

local function fall_back(o)
  if o.resume or o.cfg or o.model then return o end
  return yl.embedded(o, { ["optim.name"] = "adam" })
end

local function prune(o)
  fall_back(o)
  if o.dry_run then
    yl.prune(o)
    return yl.prune.dry_run(inputs.network(o), o)
  end
  if not o.resume then inputs.named_data(o) end
  yl.prune(o) -- a call that is wrong leaves no run directory
  local run <close> = yl.run(o, "prune")
  local data, net = yl.data(o.data), inputs.network(o)
  net:freeze(o.freeze)
  run:eval("Dense", net, data.dev)
  local policies = yl.distill.wanted(o, net)
  policies[#policies + 1] = yl.prune(o)
  yl.train { net = net, data = data, run = run, options = o, table.unpack(policies) }
  run:eval("Pruned", run:best(), data.dev)
  return run:report()
end

local function show(result)
  if result.prunable then print(("%d prunable numbers\n%s"):format(result.prunable, tostring(result))) end
end

return { help = "prune a detector in rounds of cutting and retraining", fields = list, run = prune, show = show, ranks = true,
  defaults = { distill = { weight = 0 } } }
