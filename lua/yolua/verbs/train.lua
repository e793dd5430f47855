-- `yolua train`: fine-tunes a detector on a data set, with one recipe's worth of options; resume=RUNDIR goes on with a run.
local yl = require "yolua"
local fields = require "yolua.fields"

-- A head for the data's own classes where the class map asks for them (data.map=identity).
local function fitted(run, model, data, seed)
  local names, like = data:head_classes(model.names)
  if not names then return model end
  local made, lines = yl.transplant(model, names, { like = like, seed = seed })
  for _, line in ipairs(lines) do run:say("%s", line) end
  return made
end

local function train(o)
  local run <close> = yl.run(o, "train")
  local data = yl.data(o.data)
  local model = yl.load { cfg = o.cfg, weights = o.weights, names = o.names, model = o.model, device = o.device, seed = o.seed }
  model = fitted(run, model, data, o.seed)
  model:freeze(o.freeze)
  local policies = { yl.keep.best "dev_loss" }
  if o.patience > 0 then policies[2] = yl.stop { "dev_loss", patience = o.patience } end
  yl.train { net = model, data = data, run = run, options = o, table.unpack(policies) }
  run:eval("trained", run:best(), data.dev)
  return run:report()
end

return { help = "fine-tune a detector on a data set", fields = fields.recipe, run = train }
