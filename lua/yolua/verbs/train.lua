-- `yolua train`: fine-tunes a detector on a data set, with one recipe's worth of options; resume=RUNDIR goes on with a run.
local yl = require "yolua"
local fields = require "yolua.fields"

local function train(o)
  local run <close> = yl.run(o, "train")
  local data = yl.data(o.data)
  local model = yl.load { cfg = o.cfg, weights = o.weights, names = o.names, model = o.model, device = o.device, seed = o.seed }
  model:freeze(o.freeze)
  local policies = { yl.keep.best "dev_loss" }
  if o.patience > 0 then policies[2] = yl.stop { "dev_loss", patience = o.patience } end
  yl.train { net = model, data = data, run = run, options = o, table.unpack(policies) }
  run:eval("trained", run:best(), data.dev)
  return run:report()
end

return { help = "fine-tune a detector on a data set", fields = fields.recipe, run = train }
