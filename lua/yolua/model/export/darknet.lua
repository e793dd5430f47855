-- format=darknet: a folder with model.cfg, model.weights and model.names, as net:save writes it.
local check = require "yolua.model.export.check"
local save = require "yolua.model.save"

local FILES = { "model.cfg", "model.weights", "model.names" }

local function folder_of(out) return (out:gsub("/*$", "")) .. "/" end

return {
  help = "Darknet: a folder with model.cfg, model.weights and model.names (sections [tensor_train] are yolua's own, which Darknet does not "
    .. "read)", ending = "/",
  options = { "imgsz" },
  files = function(model, out)
    local files = {}
    for i = 1, #model.names > 0 and 3 or 2 do files[i] = folder_of(out) .. FILES[i] end
    return files
  end,
  write = function(model, out) save(model, folder_of(out)) end,
  written = function(model, files)
    return check.read_back(model, { cfg = files[1], weights = files[2], names = files[3], device = model.device })
  end,
}
