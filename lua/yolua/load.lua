-- yl.load{cfg=, weights=, names=} reads a Darknet detector, yl.load{model=} a checkpoint.
local core = require "yolua.core"
local fields = require "yolua.fields"
local options = require "yolua.options"
local Model = require "yolua.model"
local structure = require "yolua.structure"

-- Class names, one a line; blank lines at the end do not count. text: of the file at `path`, where it is there already.
local function read_names(path, text)
  local names = {}
  for line in ((text or core.system.read(path)) .. "\n"):gmatch("([^\n]*)\n") do
    names[#names + 1] = line:match("^%s*(.-)%s*$")
  end
  while names[#names] == "" do names[#names] = nil end
  local seen = {}
  for i, name in ipairs(names) do
    if name == "" then error(("%s:%d: expected a class name, got an empty line"):format(path, i), 0) end
    if seen[name] then error(("%s:%d: the class '%s' stands in line %d already"):format(path, i, name, seen[name]), 0) end
    seen[name] = i
  end
  if #names == 0 then error(path .. ": expected class names, one a line, got an empty file", 0) end
  return names
end

-- names: a file, or a list of datasets/names.yaml ("coco"); a file of that name goes first.
local function named_list(names)
  local lists = core.files.kind(names) ~= "file" and core.yaml.decode(core.embedded "datasets/names.yaml", "datasets/names.yaml")
  if lists and lists[names] then return lists[names] end
  local known = {}
  for name in pairs(lists or {}) do known[#known + 1] = name end
  table.sort(known)
  local near = lists and require("yolua.schema").did_you_mean(names, known) or ""
  if near ~= "" then error(("names: there is no file '%s', and no list of that name%s"):format(names, near), 0) end
  return read_names(names)
end

local function numbered(count)
  local names = {}
  for i = 1, count do names[i] = "class" .. i end
  return names
end

local function from_darknet(o)
  local net = core.darknet.load_cfg(o.cfg, o.device)
  local seen
  if o.partial or not o.weights then net:init(o.seed or 1) end
  if o.weights then
    local file = core.darknet.load_weights(net, o.weights, { partial = o.partial })
    if o.partial then core.system.warn(structure.kept(net, o.weights, file.sections)) end
    seen = file.seen
  end
  local heads = structure.heads(structure.of(net))
  local names = o.names and named_list(o.names) or numbered(heads[1] and heads[1].classes or 0)
  return Model.new { net = net, names = names, path = o.cfg, seen = seen, device = o.device, pretrained = o.weights ~= nil }
end

-- The network `name` that the program carries; nil where there is none, or a file of that name.
local function shipped(name, device)
  local stem = ("recipes/models/%s."):format(name)
  local known, cfg = pcall(core.embedded, stem .. "cfg")
  if not known or name:find "[^%w_-]" or core.files.kind(name) then return nil end
  local net = core.darknet.parse_cfg(cfg, stem .. "cfg", device)
  local seen = core.darknet.parse_weights(net, core.embedded(stem .. "weights"), stem .. "weights").seen
  local names = read_names(stem .. "names", core.embedded(stem .. "names"))
  return Model.new { net = net, names = names, path = stem .. "cfg", seen = seen, device = device, pretrained = true }
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

-- Layers that are written in Lua are no part of a checkpoint: their files have to be named.
local function check_kinds(s, path)
  for _, layer in ipairs(s.layers) do
    if not core.layers.fields(layer.kind) then
      error(("%s: its structure cannot be built: it uses the layer '%s', which is not known; a layer of one's own is made by its Lua "
        .. "file (require=FILE.lua)"):format(path, layer.kind), 0)
    end
  end
end

local function from_checkpoint(o)
  local info = core.safetensors.info(o.model)
  local s, names = note(info, o.model, "structure"), note(info, o.model, "names")
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
  return Model.new { net = net, names = names, path = o.model, notes = info.metadata, device = o.device, pretrained = true }
end

local check = options.declare("yl.load", fields.get { "model", fields.pick("run", "device"),
  { "seed", "int", 1, "", "seed of weights that are drawn", min = 0 },
  { "full", "bool", false, "", "model=: the optimizer's state too" },
})

-- Options: cfg, weights, names (files; names also coco, voc, kitti), partial (the weights are those of the first sections, the rest is
-- drawn), or model (a checkpoint, or `street`, which the program carries); require (Lua files that make layers of one's own); device;
-- seed (for weights that are drawn); full (a checkpoint's optimizer state too). Returns a model (see yolua.model). Errors: one sentence
-- naming the file.
return function(values)
  local o = check(values)
  if o.require then require("yolua.layer").load(o.require) end
  if o.model then
    for _, key in ipairs { "cfg", "weights", "partial", "names" } do
      if o[key] then error(("'%s=%s' beside 'model=%s': expected one network"):format(key, o[key], o.model), 2) end
    end
    return shipped(o.model, o.device) or from_checkpoint(o)
  end
  if o.partial and not o.weights then error("partial=true: expected weights=FILE beside it, which holds the first sections", 2) end
  if not o.cfg then error("no model was named: expected cfg=FILE.cfg weights=FILE.weights names=FILE.names, or model=CHECKPOINT", 2) end
  return from_darknet(o)
end
