-- net:save(path): the ending of the path decides what is written. Behind yolua.model's save.
local core = require "yolua.core"
local options = require "yolua.options.table"
local structure = require "yolua.model.structure"

-- f(net, ...) with the network that inference runs: training with ema averages the weights beside the values.
local function evaluated(model, f, ...)
  if not (model.averaged and core.has_slab(model.net, "ema")) then return f(model.net, ...) end
  local net = structure.build(model.structure, model.device)
  for _, range in ipairs(model.net:ranges()) do core.copy_values(model.net, net, range.name, "ema", "value") end
  local result = table.pack(pcall(f, net, ...))
  net:close()
  if not result[1] then error(result[2], 0) end
  return table.unpack(result, 2, result.n)
end

-- What a checkpoint tells of the model besides its slabs; size and way of resizing are in the structure.
local function notes_of(model, notes, net)
  local all = { structure = core.json.encode(model.structure), names = core.json.encode(model.names), format = core.checkpoint_format,
    map = model.map and core.json.encode(model.map), conf = model.conf and core.json.encode(model.conf),
    int8 = net and (net:calibrated() or model.quantised) and model.calibration or nil,
    darknet = model.darknet and ("%d.%d.%d %d"):format(model.darknet.major,
      model.darknet.minor, model.darknet.revision, model.darknet.seen) }
  for key, text in pairs(notes or {}) do all[key] = text end
  return all
end

-- A checkpoint becomes one of the model's sources: an export in its place would lose what it alone keeps.
local function checkpoint(net, model, path, notes, full)
  core.save(net, path, notes_of(model, notes, net), full)
  model.sources = model.sources or {}
  for _, known in ipairs(model.sources) do
    if known == path then return end
  end
  table.insert(model.sources, path)
end

local function weights(net, model, path) core.darknet.save_weights(net, path, model.darknet) end

-- cfg, weights and names, for whatever reads Darknet's files.
local function files(net, model, path)
  local new, stem = not core.files.kind(path), path:gsub("/*$", "") .. "/model."
  core.files.make_folder(path)
  local ok, message = pcall(core.files.together, function()
    core.darknet.save_cfg(net, stem .. "cfg")
    weights(net, model, stem .. "weights")
    if #model.names > 0 then core.system.write(stem .. "names", table.concat(model.names, "\n") .. "\n") end
  end)
  if ok then return end
  if new then os.remove(path) end
  error(message, 0)
end

-- The same, and says where Darknet itself cannot read them.
local function folder(net, model, path)
  files(net, model, path)
  local own = core.darknet.own_sections(net)
  if #own == 0 then return end
  core.system.warn(("%smodel.cfg: the sections of %s are yolua's own (help tensor_train): yolua reads them, Darknet does not"):format(
    path:gsub("/*$", "/"), table.concat(own, ", ")))
end

local writers = { [".safetensors"] = checkpoint, [".weights"] = weights }

local function writer(path)
  local ending = path:lower():match "%.%w+$"
  if writers[ending] then return writers[ending] end
  if core.files.kind(path) == "folder" or path:find "/$" then return folder end
  error(("%s: net:save: '%s': expected a name that ends in .safetensors (a checkpoint) or .weights (Darknet's), or a folder, which ends "
    .. "in / and gets cfg, weights and names%s"):format(options.position(), path,
    ending == ".cfg" and "; a cfg alone holds no weights" or ""), 0)
end

local save = {}

-- Packed, as runtime/compress/packed.h describes: what core.compress.save returns.
function save.packed(model, path, index_bits)
  return evaluated(model, function(net) return core.compress.save(net, path, notes_of(model, nil, net), index_bits) end)
end

-- Darknet's files for yolua itself, into a folder.
function save.files(model, path) evaluated(model, files, model, path) end

-- notes: further texts of a checkpoint; full: it keeps what a resume needs.
local function written(model, path, notes, full)
  local write = writer(path)
  if (notes or full) and write ~= checkpoint then
    local where = options.position()
    error(("%s: net:save: '%s': notes and the optimizer's state need a checkpoint (.safetensors)"):format(where, path), 0)
  end
  if full then return write(model.net, model, path, notes, true) end
  evaluated(model, write, model, path, notes, false)
end

return setmetatable(save, { __call = function(_, ...) return written(...) end })
