-- format=safetensors: a PyTorch state dict: tensors of its names and orders. runtime/formats/state_dict.h says which. (A checkpoint, which
-- keeps the structure too, is what net:save writes.)
local check = require "yolua.model.export.check"
local core = require "yolua.core"

return {
  help = "the tensors of a PyTorch state dict", ending = ".safetensors",
  options = {},
  write = function(model, out, _, notes) core.export.state_dict(model.net, out, notes) end,
  written = function(model, files) return check.read_back(model, files[1]) end,
}
