-- What a verb cannot do without: a network and a data set, as the call's options name them. A call that names none is wrong (status 2).
local schema = require "yolua.options.schema"

local inputs = {}

local function has_network(o)
  if o.cfg or o.model then return end
  error(schema.usage "no network given: expected cfg=FILE.cfg weights=FILE.weights names=FILE.names, or model=CHECKPOINT")
end

-- Refuses a call that names no data set, before anything is made or read.
function inputs.named_data(o)
  if not require("yolua.data.kind").complete(o.data) then
    local root = o.data.root
    if root and require("yolua.core").files.kind(root) == "folder" then
      error(schema.usage(("data.root=%s does not have the layout of a known data set: expected data=NAME (kitti, yolo, ...)"):format(root)))
    end
    error(schema.usage "no data set given: expected data=kitti data.root=DIR (or another of `yolua help data`)")
  end
  if not o.data.root and not require("yolua.datasets." .. o.data.name).rootless then
    error(schema.usage(("data.root is missing: expected the folder of the %s data set"):format(o.data.name)))
  end
end

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
