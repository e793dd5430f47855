-- A model into a folder, as verbs leave it: Darknet's files where Darknet has all of its layers, and a checkpoint.
local core = require "yolua.core"
local inputs = require "yolua.cli.inputs"
local outputs = require "yolua.model.outputs"
local schema = require "yolua.options.schema"
local files = core.files

local save = {
  -- the option that names the folder
  field = { "out", "string", nil, "", "the folder for model.cfg, model.weights, model.names and model.safetensors",
    aliases = { "project", "save_dir", "output", "outdir" } },
}

local NAMES = { "model.cfg", "model.weights", "model.names", "model.safetensors" }

local function inside(folder, name) return folder:gsub("/*$", "") .. "/" .. name end

-- Calls make(model) with the network that the options name. What it makes of it goes into the folder, which is made before, so that a place
-- that cannot be written costs no work, and goes again where make fails. Returns what make returns.
function save.around(o, make)
  if not o.out then error(schema.usage "out is missing: expected the folder for the new network") end
  local new = not files.kind(o.out)
  files.make_folder(o.out)
  local ok, result = pcall(function()
    local model = inputs.network(o)
    for _, name in ipairs(NAMES) do outputs.check(o, "out", inside(o.out, name), model) end
    return make(model)
  end)
  if ok then return result end
  if new then os.remove(o.out) end
  error(result, 0)
end

local function written(model, folder)
  local ok, sentence = core.system.attempt(model.save, model, folder)
  if not ok then
    core.system.warn(("only the checkpoint is written: %s"):format((tostring(sentence):gsub("^[^ ]*%.lua:%d+: ", ""))))
  end
  model:save(folder .. NAMES[4])
  return ok
end

-- Writes the files, all or none; returns their names.
function save.write(model, out)
  local ok, names = files.together(written, model, inside(out, "")), {}
  for i, name in ipairs(NAMES) do
    local there = ok and (i ~= 3 or #model.names > 0) or i == 4
    names[#names + 1] = there and inside(out, name) or nil
  end
  return names
end

return save
