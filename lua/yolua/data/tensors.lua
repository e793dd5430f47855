-- yl.tensors(path): the tensors of a file by their names: .npz and .npy (NumPy), .safetensors, .h5 (HDF5). Floating-point numbers become
-- f32. The one of a .npy has the file's name.
local core = require "yolua.core"
local options = require "yolua.options.table"

local readers = {
  npz = function(path) return core.import.tensors(path, "npz") end,
  safetensors = function(path) return core.import.tensors(path, "safetensors") end,
  h5 = function(path) return core.import.tensors(path, "h5") end,
}
readers.npy = readers.npz

-- Errors: one sentence naming the file; another ending.
return function(path)
  local read = type(path) == "string" and readers[path:lower():match "%.(%w+)$"]
  if not read then
    error(("%s: yl.tensors: expected the path of a .npz, .npy, .safetensors or .h5 file, got %s"):format(options.position(),
      require("yolua.options.callback").shown(path)), 0)
  end
  local out = {}
  for _, t in ipairs(read(path)) do out[t[1]] = t[2] end
  return out
end
