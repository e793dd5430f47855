-- format=darknet: a folder with model.cfg, model.weights and model.names, as net:save writes it.
local check = require "yolua.model.export.check"

local FILES = { "model.cfg", "model.weights", "model.names" }

return {
  help = "Darknet: a folder with model.cfg, model.weights and model.names", ending = "/",
  options = { "imgsz" },
  write = function(model, out)
    local folder, files = out:gsub("/*$", "") .. "/", {}
    require "yolua.model.save"(model, folder)
    for i = 1, #model.names > 0 and 3 or 2 do files[i] = folder .. FILES[i] end
    return files
  end,
  written = function(model, files)
    return check.read_back(model, { cfg = files[1], weights = files[2], names = files[3], device = model.device })
  end,
}
