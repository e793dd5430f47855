-- yl.load{cfg=, weights=, names=} reads a Darknet detector, yl.load{model=} or yl.load "FILE" a checkpoint, yl.load(o) what a recipe's
-- options name.
local classmap = require "yolua.data.classmap"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local structs = require "yolua.options.structs"
local options = require "yolua.options.table"
local Model = require "yolua.model"
local keras = require "yolua.model.keras"
local keras_model = require "yolua.model.keras_model"
local named = require "yolua.data.class_names"
local required = require "yolua.options.required"
local schema = require "yolua.options.schema"
local structure = require "yolua.model.structure"

-- Files of weights that are not Darknet's, by the ending of their names.
local imports = {}

-- A cfg names its layers anew, each after its kind: it never has the parameters that a decomposition made ("conv1.1.weight",
-- "connected1.core1") and an export kept.
local function refuse_chained(net, path, info)
  local known = {}
  for _, range in ipairs(net:ranges()) do known[range.name] = true end
  for _, tensor in ipairs(info.tensors) do
    local name = tensor.name
    local made = info.metadata.resize and (name:find "%.%d+%.weight$" or name:find "%.core%d+$") -- of our own export
    if made and not known[name] then
      error(("%s: it holds %s of a decomposed network, a name that no cfg gives: expected model=CHECKPOINT, or a state dict exported from "
        .. "that cfg and its .weights"):format(path, name), 0)
    end
  end
end

function imports.safetensors(net, path)
  local info = core.safetensors.info(path)
  if info.metadata.structure then error(("%s is a checkpoint: expected model=%s, and no cfg"):format(path, path), 0) end
  refuse_chained(net, path, info)
  core.import.state_dict(net, path)
end

function imports.npz(net, path) core.import.npz(net, path) end

imports.h5 = keras.weights

-- Fills the network's values; returns the head of a Darknet file.
local function read_weights(net, o)
  local other = imports[o.weights:lower():match "%.(%w+)$"]
  if other and o.partial then
    error(("partial=true is of Darknet's weights: '%s' has to hold all parameters"):format(o.weights), 0)
  end
  if other then return other(net, o.weights) end
  local darknet, sections = core.darknet.load_weights(net, o.weights, { partial = o.partial })
  if o.partial then core.system.warn(structure.kept(net, o.weights, sections)) end
  return darknet
end

local function from_darknet(o)
  local net = core.darknet.load_cfg(o.cfg, o.device)
  if o.partial or not o.weights then net:init(o.seed or 1) end
  local darknet = o.weights and read_weights(net, o) or nil
  local heads = structure.heads(structure.of(net))
  local names = o.names and named.named(o.names) or named.numbered(heads[1] and heads[1].classes or 0)
  return Model.new { net = net, names = names, named_by = o.names, path = o.cfg, darknet = darknet, device = o.device,
    pretrained = o.weights ~= nil, sources = { o.cfg, o.weights or o.names, o.names } }
end

-- The network `name` that the program carries, with its weights, or drawn ones if it has none; nil if there is no such network, or a file
-- of that name.
local function shipped(name, device, seed)
  local stem = ("recipes/models/%s."):format(name)
  local known, cfg = core.system.attempt(core.embedded, stem .. "cfg")
  if not known or name:find "[^%w_-]" or core.files.kind(name) == "file" then return nil end
  local net = core.darknet.parse_cfg(cfg, stem .. "cfg", device)
  local trained, weights = core.system.attempt(core.embedded, stem .. "weights")
  local darknet = trained and core.darknet.parse_weights(net, weights, stem .. "weights") or nil
  if not trained then net:init(seed or 1) end
  local names = named.read(stem .. "names", core.embedded(stem .. "names"))
  return Model.new { net = net, names = names, path = stem .. "cfg", darknet = darknet, device = device, pretrained = trained }
end

local function note(info, path, key)
  local text = info.metadata[key]
  if not text then error(("%s: not a checkpoint of yolua: its metadata has no '%s'"):format(path, key), 0) end
  return core.json.decode(text, ("%s: its '%s'"):format(path, key))
end

local function is_list_of(value, kind)
  if type(value) ~= "table" or next(value) ~= nil and #value == 0 then return false end
  for _, item in ipairs(value) do
    if type(item) ~= kind then return false end
  end
  return true
end

-- What only checkpoints say that were trained, or came from Darknet: the class map, and the head of the weights file. Others lack them.
local function learned(info, path)
  local map = info.metadata.map and note(info, path, "map")
  if map ~= nil and not classmap.is_kept(map) then
    error(("%s: its 'map': expected a class map's name, classes and rules"):format(path), 0)
  end
  local head, n = info.metadata.darknet, {}
  if head then n = { head:match "^(%d+)%.(%d+)%.(%d+) (%-?%d+)$" } end
  local good = #n == 4
  for i = 1, good and 4 or 0 do
    n[i] = math.tointeger(tonumber(n[i]))
    good = good and n[i] and (i == 4 or n[i] < 1 << 31)
  end
  if head and not good then error(("%s: its 'darknet': expected a version and a count of images, got '%s'"):format(path, head), 0) end
  return map, head and { major = n[1], minor = n[2], revision = n[3], seen = n[4] } or nil
end

-- The score threshold that was chosen for it, if any, and the suppression that it belongs to.
local function chosen(info, path)
  local value = info.metadata.conf and note(info, path, "conf")
  if value ~= nil and not (type(value) == "table" and type(value.best) == "number" and value.best >= 0 and value.best <= 1) then
    error(("%s: its 'conf': expected a score threshold as its 'best'"):format(path), 0)
  end
  for _, field in ipairs(value and fields.groups.suppression or {}) do
    local key = field[1]
    if value[key] ~= nil then value[key] = schema.convert(field, value[key], { where = path }, "conf." .. key) end
  end
  return value
end

-- Layers that are written in Lua are no part of a checkpoint: their files have to be named.
local function check_kinds(s, path)
  for _, layer in ipairs(s.layers) do
    if not core.layers.fields(layer.kind) then
      error(("%s: its structure cannot be built: it uses the layer '%s', which is not known; a layer of your own needs its Lua "
        .. "file (require=FILE.lua)"):format(path, layer.kind), 0)
    end
  end
end

local function from_checkpoint(o)
  local info = core.safetensors.info(o.model)
  local s, names = note(info, o.model, "structure"), note(info, o.model, "names")
  core.check_format(o.model, info.metadata.format)
  if not is_list_of(names, "string") then error(("%s: its 'names': expected a list of class names"):format(o.model), 0) end
  local function try(f, ...)
    local ok, result = pcall(f, ...)
    if ok then return result end
    error(("%s: its structure cannot be built: %s"):format(o.model, (result:gsub("^yolua/[^:]+:%d+: ", ""))), 0)
  end
  try(structure.check, s)
  check_kinds(s, o.model)
  local net = try(structure.build, s, o.device)
  local averaged = info.metadata.averaged == "true" and not o.full
  core.restore(net, o.model, o.full or averaged)
  if averaged then -- the weights that were evaluated are the average
    for _, range in ipairs(net:ranges()) do core.copy_values(net, net, range.name, "ema", "value") end
    net:drop()
  end
  if not o.full then core.check_finite(net, o.model) end -- a training that failed may be looked at as it is
  if info.metadata.int8 then net:calibrate(info.metadata.int8, o.model) end
  local map, darknet = learned(info, o.model)
  return Model.new { conf = chosen(info, o.model), net = net, names = names, path = o.model, notes = info.metadata, device = o.device,
    pretrained = true, map = map, darknet = darknet, calibration = info.metadata.int8, sources = { o.model } }
end

local function from_keras(o)
  local net, classes = keras_model(o.model, { device = o.device, anchors = o.anchors })
  return Model.new { net = net, names = o.names and named.named(o.names) or named.numbered(classes), named_by = o.names, path = o.model,
    device = o.device, pretrained = true, sources = { o.model } }
end

local shared = fields.get { "model", fields.pick("run", "device"), fields.pick("run", "seed") } -- a recipe has them as well

local OF_TRAINING = {} -- what `anchors` says in a training, where it is no file
for _, word in ipairs(fields.pick("train", "anchors").choices) do OF_TRAINING[word] = true end

-- The keys of a recipe's or verb's options that name a network and say how it is loaded, whatever else they hold.
local function of_options(o)
  local values = {}
  for _, field in ipairs(shared) do values[field[1]] = rawget(o, field[1]) end
  if OF_TRAINING[values.anchors] then values.anchors = nil end
  return values
end

local check = options.declare("yl.load", fields.get { "model", fields.pick("run", "device"),
  structs.field("network", "seed"),
  { "full", "bool", false, "", "with model=: also load the optimizer's state" },
})

-- Takes a recipe's options as they are (yl.options), of which it uses these keys; or a text, which is model=; or a table of them: cfg,
-- weights, names (files; names also coco, voc, kitti), partial (the weights are those of the first sections, the rest is drawn), or model
-- (a checkpoint, or one that the program carries: street, or lenet300 and lenet5, whose weights are drawn; or a YAD2K model of Keras,
-- FILE.h5, with names and anchors); require (Lua files that make your own layers); device; seed (for weights that are drawn); full (a
-- checkpoint's optimizer state too; not a recipe's key). Returns a model (see yolua.model).
-- Errors: one sentence naming the file.
return function(values)
  if type(values) == "string" then values = { model = values } end
  local o = check(options.is(values) and of_options(values) or values)
  if o.require then required.load(o.require) end
  if o.model then
    local whole = o.model:lower():find "%.h5$" ~= nil -- a model of Keras, which has no class names
    for _, key in ipairs { "cfg", "weights", "partial", "names", "anchors" } do
      if o[key] and not (whole and (key == "names" or key == "anchors")) then
        error(("'%s=%s' together with 'model=%s': expected one network"):format(key, o[key], o.model), 2)
      end
    end
    if whole then return from_keras(o) end
    return shipped(o.model, o.device, o.seed) or from_checkpoint(o)
  end
  if o.anchors then error(("anchors=%s is for a model of Keras: expected model=FILE.h5"):format(o.anchors), 2) end
  if o.partial and not o.weights then error("partial=true needs weights=FILE, a file with the first sections", 2) end
  if not o.cfg then error("no model given: expected cfg=FILE.cfg weights=FILE.weights names=FILE.names, or model=CHECKPOINT", 2) end
  return from_darknet(o)
end
