-- A model into a folder, as verbs leave it: Darknet's files where Darknet has all of its layers, and a checkpoint.
local core = require "yolua.core"
local schema = require "yolua.options.schema"
local files = core.files

local save = {
  -- the option that names the folder
  field = { "out", "string", nil, "", "the folder for model.cfg, model.weights, model.names and model.safetensors",
    aliases = { "project", "save_dir", "output", "outdir" } },
}

-- Calls make(), whose model goes into the folder, which is made before, so that a place that cannot be written costs no work, and goes
-- again where make fails. Returns what make returns.
function save.around(out, make)
  if not out then error(schema.usage "out is missing: expected the folder for the new network") end
  local new = not files.kind(out)
  files.make_folder(out)
  local ok, result = pcall(make)
  if ok then return result end
  if new then os.remove(out) end
  error(result, 0)
end

local function written(model, folder)
  local ok, sentence = core.system.attempt(model.save, model, folder)
  if not ok then
    core.system.warn(("only the checkpoint is written: %s"):format((tostring(sentence):gsub("^[^ ]*%.lua:%d+: ", ""))))
  end
  model:save(folder .. "model.safetensors")
  return ok
end

-- Writes the files, all or none; returns their names.
function save.write(model, out)
  local folder = out:gsub("/*$", "") .. "/"
  local ok = files.together(written, model, folder)
  local names = ok and { "model.cfg", "model.weights", "model.safetensors" } or { "model.safetensors" }
  if ok and #model.names > 0 then table.insert(names, 3, "model.names") end
  for i, name in ipairs(names) do names[i] = folder .. name end
  return names
end

return save
