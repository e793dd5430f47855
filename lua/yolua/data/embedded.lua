-- yl.embedded(o): what a recipe runs on without arguments: street scenes that the program draws (datasets/synthetic.lua, target
-- style) and the small network that it carries, which was trained on the source style (recipes/pretrain_synthetic.lua).
local core = require "yolua.core"
local options = require "yolua.options.table"

local default = { where = "embedded default" }

-- Did somebody other than the caller, a recipe with its defaults, set that key?
local function named(o, key, level)
  local origin, caller = options.origin(o, key), debug.getinfo(level + 1, "S").short_src .. ":"
  return origin ~= nil and origin:sub(1, #caller) ~= caller
end

-- o: a recipe's options. Does nothing where a run is resumed, or a network, or a data set other than `synthetic`, is named; says what
-- it chose otherwise. `small`: {key = value} for these scenes and this network, where nobody named the key. Returns o.
return function(o, small)
  if o.data.root then require("yolua.data.kind").complete(o.data) end
  if rawget(o, "resume") or o.cfg or o.model or (o.data.name and o.data.name ~= "synthetic") then return o end
  if not o.data.name then options.set(o, "data.name", "synthetic", default) end
  options.set(o, "model", "street", default)
  for key, value in pairs(small or {}) do
    if not named(o, key, 2) then options.set(o, key, value, default) end
  end
  core.system.warn "no network given: using model=street, pretrained on synthetic scenes (cfg=, weights=, names= choose another)"
  return o
end
