-- What a training is known by: the hash of what decides its result, which is the network's structure, class names and values, the data's
-- frames, labels and class map, the options of training, and the policies. Paths, threads, devices and options of evaluation are no
-- part of it.
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local policy = require "yolua.train.policy"
local schema = require "yolua.options.schema"
local files = core.files

local identity = {}

local function chosen(o)
  local plain, out = getmetatable(o) and options.plain(o) or o, {}
  for _, key in ipairs(fields.deciding) do out[key] = plain[key] end
  out.imgsz, out.attributes = nil, nil -- the size that the network runs at and its structure count, below
  if schema.is_path(out.anchors) then out.anchors = "cfg" end -- a file's are part of the structure
  out.freeze = type(out.freeze) == "table" and table.concat(out.freeze, ",") or out.freeze
  return out
end

-- A hash of the code of the user's own optimizer; nil for a built-in one.
local function optimizer_code(name)
  local rule = require("yolua.optim." .. name).rule
  return type(rule) == "function" and files.hash_text(string.dump(rule, true)) or nil
end

-- The hash, 16 hexadecimal digits. spec: net (before its first step), data, options, and the policies in its array part.
function identity.hash(spec)
  local o, net, policies = spec.options, spec.net, {}
  for i, p in ipairs(spec) do policies[i] = policy.hash(p) end
  spec.data:follow(net)
  local map, size = spec.data:map(net.names), input.of(net, o)
  return files.hash_text(core.json.encode {
    structure = net.structure, names = net.names, values = net:checksum(), data = spec.data.hash, policies = policies,
    map = { map.to, map.ignore, map.neighbour }, options = chosen(o), size = { size.w, size.h, size.resize },
    layers = require("yolua.model.layer").code(net.structure), optimizer = optimizer_code(o.optim.name),
  })
end

return identity
