-- `yolua train`: fine-tunes a detector on a data set, with one recipe's worth of options; resume=RUNDIR continues a run.
-- Where no network is named, it is the small one that the program carries, with a head for the data's own classes.
local yl = require "yolua"
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local inputs = require "yolua.cli.inputs"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local default = { where = "embedded default" }

-- What suits a small network that meets new classes, where nobody asked for anything else.
local function fall_back(o)
  if o.resume or o.cfg or o.model then return end
  core.system.warn "no network given: using model=street, pretrained on synthetic scenes (cfg=, weights=, names= choose another)"
  options.set(o, "model", "street", default)
  if not (options.explicit(o, "optim.name") or options.explicit(o, "optim.lr")) then
    options.merge(o, { optim = { name = "adam", lr = 2e-3, schedule = "cosine", warmup = 20 } }, default)
  end
  if not options.explicit(o, "augment.name") then options.set(o, "augment", "standard", default) end
  if not options.explicit(o, "patience") then options.set(o, "patience", 20, default) end
  if not options.explicit(o, "data.map") then options.set(o, "data.map", "identity", default) end
end

-- Input size and length for the carried network on these data; kept in the options, so that a resumed run has them too.
local function suit(run, o, data)
  if not data.classes then data:number_classes() end
  if not o.imgsz then options.set(o, "imgsz", yl.fit_input.size(data.train, 1e5, 32), default) end
  if not options.explicit(o, "epochs") then
    options.set(o, "epochs", math.max(10, math.min(100, 8000 // #data.train.frames)), default)
  end
  run:say("input %dx%d, %d epochs over %d images (imgsz=, epochs= change that)", o.imgsz[1], o.imgsz[2], o.epochs, #data.train.frames)
end

-- A head for the data's own classes where the class map asks for them (data.map=identity), and for other attributes where these are asked
-- for.
local function fitted(run, model, data, o)
  local names, like = data:head_classes(model.names)
  local other = o.attributes and attributes.text(attributes.of(o.attributes)) ~= attributes.text(attributes.of_model(model))
  if not (names or other) then return model end
  local made, lines = yl.transplant(model, names or model.names, { like = like, attributes = o.attributes, seed = o.seed })
  for _, line in ipairs(lines) do run:say("%s", line) end
  return made
end

-- Refuses keys of a teacher where none is named.
local function check_teacher(o)
  for _, key in ipairs(o.distill.teacher and {} or { "weight", "temperature", "features", "feature_weight" }) do
    if options.explicit(o, "distill." .. key) then
      error(schema.usage(("distill.%s needs distill.teacher=CHECKPOINT, the network that teaches"):format(key)))
    end
  end
end

local function policies_of(o)
  local d, list = o.distill, { yl.evaluate { "voc", every = math.max(1, o.epochs // 20) }, yl.keep.best "dev_loss" }
  if d.teacher then
    table.insert(list, 1, yl.distill { d.teacher, weight = d.weight, temperature = d.temperature, features = d.features,
      feature_weight = d.feature_weight })
  end
  if o.patience > 0 then list[#list + 1] = yl.stop { "dev_loss", patience = o.patience } end
  return list
end

local function train(o)
  if not o.resume then -- else they come with the run
    check_teacher(o)
    inputs.named_data(o)
  end
  fall_back(o)
  local run <close> = yl.run(o, "train")
  local data = yl.data(o.data)
  local model = inputs.network(o)
  if o.model == "street" then suit(run, o, data) end
  model = fitted(run, model, data, o)
  model:freeze(o.freeze)
  yl.train { net = model, data = data, run = run, options = o, table.unpack(policies_of(o)) }
  run:eval("trained", run:best(), data.dev)
  local results = run:report()
  if run.dry then return results end
  local own = o.require and " require=" .. table.concat(o.require, ",") or ""
  run:say("try it: yolua predict model=%s/best.safetensors%s source=IMAGE", run.dir, own)
  return results
end

local list = { table.unpack(fields.recipe) }
list[#list + 1] = "distill"

return { help = "fine-tune a detector on a data set", fields = list, run = train, ranks = true }
