-- yl.copy(net): another network of the same structure, values and masks, with memory of its own: a teacher, or what an experiment may
-- spoil. Of averaged weights (ema) it has the average. A calibration for int8 is copied too; what an optimizer remembers,
-- and what is frozen, stays behind.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local Model = require "yolua.model"
local structure = require "yolua.model.structure"

local copy = {}

-- Gives `to` the values of `from`'s parameter `r` (of net:ranges()), and its mask, whatever they were.
function copy.range(from, to, r)
  if r.kind ~= "statistic" and core.has_slab(to.net, "mask") then
    to.net:set(r.name, core.tensor.zeros(r.dims, "u8"):fill_(1), "mask")
  end
  core.copy_values(from.net, to.net, r.name, from.averaged and "ema" or "value", "value")
  if r.kind ~= "statistic" and core.has_slab(from.net, "mask") then to.net:set(r.name, from.net:tensor(r.name, "mask"), "mask") end
end

local function new(model)
  callback.model("yl.copy", model)
  local net = structure.build(structure.of(model.net), model.device)
  local made = Model.new { net = net, names = table.move(model.names, 1, #model.names, 1, {}), named_by = model.named_by, path = model.path,
    notes = model.notes, device = model.device, pretrained = model.pretrained, map = model.map, darknet = model.darknet }
  made.resize, made.trained = model.resize, model.trained
  for _, r in ipairs(net:ranges()) do copy.range(model, made, r) end
  if not model.averaged and model.net:calibrated() then
    net:calibrate(model.calibration, model.path)
    made.calibration = model.calibration
  end
  return made
end

return setmetatable(copy, { __call = function(_, model) return new(model) end })
