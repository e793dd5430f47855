-- A model into a folder, as verbs leave it: Darknet's files where Darknet has all of its layers, and a checkpoint. Returns their names.
local core = require "yolua.core"

return function(model, out)
  local folder = out:gsub("/*$", "") .. "/"
  local ok, sentence = pcall(model.save, model, folder)
  if not ok then
    core.system.warn(("only the checkpoint is written: %s"):format((tostring(sentence):gsub("^[^ ]*%.lua:%d+: ", ""))))
    core.files.make_folder(folder)
  end
  model:save(folder .. "model.safetensors")
  local files = ok and { "model.cfg", "model.weights", "model.names", "model.safetensors" } or { "model.safetensors" }
  for i, name in ipairs(files) do files[i] = folder .. name end
  return files
end
