-- What a verb cannot do without: a network and a data set, as the call's options name them. A call that names none is wrong (status 2).
local schema = require "yolua.options.schema"

local inputs = {}

local function has_network(o)
  if o.cfg or o.model then return end
  error(schema.usage "no network given: expected cfg=FILE.cfg weights=FILE.weights names=FILE.names, or model=CHECKPOINT")
end

-- Why a call names no data set; nil where it does.
local function missing(o)
  local root = o.data.root
  if require("yolua.data.kind").complete(o.data) then
    if root or require("yolua.datasets." .. o.data.name).rootless then return nil end
    return ("data.root is missing: expected the folder of the %s data set"):format(o.data.name)
  end
  if root and require("yolua.core").files.kind(root) == "folder" then
    return ("data.root=%s does not have the layout of a known data set: expected data=NAME (kitti, yolo, ...)"):format(root)
  end
  return "no data set given: expected data=kitti data.root=DIR (or another of `yolua help data`)"
end

-- Refuses a call that names no data set, before anything is made or read.
function inputs.named_data(o)
  local why = missing(o)
  if why then error(schema.usage(why)) end
end

-- Whether a call that need not names a data set.
function inputs.names_data(o) return missing(o) == nil end

-- The network, loaded; it runs in the precision that the call asks for.
function inputs.network(o)
  has_network(o)
  local model = require "yolua.model.load"(o)
  model.precision, model.tf32 = rawget(o, "precision"), rawget(o, "tf32")
  return model
end

-- The data set, opened; more: as yl.data takes it.
function inputs.data(o, more)
  inputs.named_data(o)
  return require "yolua.data"(o.data, more)
end

return inputs
