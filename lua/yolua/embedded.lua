-- yl.embedded(o): what a recipe runs on when nothing was named: street scenes that the program draws (datasets/synthetic.lua, target
-- style) and the small network beside the recipe, which was trained on the source style (recipes/pretrain_synthetic.lua).
local core = require "yolua.core"
local options = require "yolua.options"

local default = { where = "embedded default" }

-- The folder of the Lua file that calls, with its "/"; "" where it has none.
local function folder_of_caller()
  local source = debug.getinfo(3, "S").source
  return source:match "^@(.*/)[^/]*$" or ""
end

-- Did somebody other than the recipe itself set that key?
local function named(o, key)
  local origin, recipe = options.origin(o, key), debug.getinfo(3, "S").short_src .. ":"
  return origin ~= nil and origin:sub(1, #recipe) ~= recipe
end

-- o: a recipe's options. Does nothing where a run is resumed, or a network, or a data set other than `synthetic`, is named; says what
-- it chose otherwise. `small`: {key = value} for these scenes and this network, where nobody named the key. Returns o.
return function(o, small)
  if o.resume or o.cfg or o.model or (o.data.name and o.data.name ~= "synthetic") then return o end
  local stem = folder_of_caller() .. "models/street"
  if not o.data.name then options.set(o, "data.name", "synthetic", default) end
  for _, key in ipairs { "cfg", "weights", "names" } do
    if not o[key] then options.set(o, key, stem .. "." .. key, default) end
  end
  for key, value in pairs(small or {}) do
    if not named(o, key) then options.set(o, key, value, default) end
  end
  core.system.warn(("no network was named: taken is %s.cfg, pretrained on synthetic scenes (cfg=, weights=, names= name another)")
    :format(stem))
  return o
end
