-- `yolua prune`: prunes a detector in rounds of cutting and retraining, and measures what each round left.
local yl = require "yolua"
local dry = require "yolua.prune.dry"
local fields = require "yolua.options.fields"
local inputs = require "yolua.cli.inputs"
local options = require "yolua.options.table"
local Rounds = require "yolua.prune.rounds"
local schema = require "yolua.options.schema"

local TEXT <const> = [[
In each round the weights with the smallest scores become zero for good, and the rest is retrained for epochs=. schedule= says how many: a
name, or FILE.lua with a function of your own (help prune.state). dry_run=true shows the rounds. The training lasts rounds times epochs,
rounded up to whole ones: what is left of the last epoch trains the last round's network on.

distill.weight=1 lets the network as it was before the first cut teach the pruned one; distill.teacher= names another teacher.

The run directory then has best.safetensors, the sparsest network that passed the gate (max_drop=); last.safetensors; rounds.json, what each
round measured, as in results.json; sparsity-NN.safetensors for each of keep=; and where rounds can be taken back (max_drop=, FILE.lua)
prune-R-N.safetensors: the network before the cut of round R, the N-th that began, which a resumed run returns to.]]

local list = table.move(fields.recipe, 1, #fields.recipe, 1, {})
list[#list + 1] = "prune"
list[#list + 1] = "distill"
list[#list + 1] = { "dry_run", "bool", false, "", "show the rounds that the schedule would make, and train nothing" }
list[#list + 1] = dry.fields[1]

local function fall_back(o)
  if o.resume or o.cfg or o.model then return o end
  return yl.embedded(o, { ["optim.name"] = "adam" })
end

local function network(o)
  local net = inputs.network(o)
  net:freeze(o.freeze)
  return net
end

-- Data, network, and what teaches it.
local function parts(o)
  local data, net = yl.data(o.data), network(o)
  return data, net, yl.distill.wanted(o, net)
end

-- The rounds of a call, with its data where it names some.
local function dry_run(o)
  local net = network(o)
  yl.distill.wanted(o, net)
  return yl.prune.dry_run(net, o, inputs.names_data(o) and Rounds.training(net, yl.data(o.data), o) or nil)
end

local function prune(o)
  if not (o.resume or o.dry_run) then inputs.named_data(o) end
  fall_back(o)
  if o.dry_run then
    if o.resume then error(schema.usage "dry_run=true tells of a new run: resume= cannot be given with it") end
    return dry_run(o)
  end
  for _, key in ipairs { "ap", "dev_loss" } do
    if rawget(o.assume, key) then
      options.refuse(o.assume, key, "prune: assume.%s has no effect without dry_run=true", key)
    end
  end
  local data, net, policies
  if not o.resume then -- a call that is wrong leaves no run directory
    data, net, policies = parts(o)
    Rounds.check_call(Rounds.training(net, data, o))
  end
  local run <close> = yl.run(o, "prune")
  if o.resume then data, net, policies = parts(o) end
  run:eval("Dense", net, data.dev)
  policies[#policies + 1] = yl.prune(o)
  yl.train { net = net, data = data, run = run, options = o, table.unpack(policies) }
  run:eval("Pruned", run:best(), data.dev)
  return run:report()
end

local function show(result)
  if result.prunable then print(("%d prunable numbers\n%s"):format(result.prunable, tostring(result))) end
end

return { help = "prune a detector in rounds of cutting and retraining", text = TEXT, fields = list, run = prune, show = show, ranks = true,
  defaults = { distill = { weight = 0 } } }
