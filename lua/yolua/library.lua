-- What `yl` offers: names, and the modules behind them. A file bears the name of what it gives: yl.load is yolua.model.load.
-- Policies are found by their folder.
local core = require "yolua.core"

local CALLS = { "model.load", "data", "report.run", "options", "train", "train.trainer", "model.detect", "data.image", "tensor",
  "model.layer", "model.gradcheck", "model.copy", "train.recalibrate", "train.optimizer", "data.dataset", "train.reuse",
  "model.transplant", "model.fit_input", "data.embedded", "prune.compact", "prune.sensitivity", "model.look", "prune.propose",
  "compress.compress", "compress.decompose", "compress.calibrate", "model.export", "eval.poster_table", "model.mix", "data.tensors",
  "ranks", "tensor.grad", "tensor.no_grad", "tensor.nn" }
local MAKERS = { "zeros", "ones", "full", "rand", "randn", "arange", "cat", "stack" } -- in tensor.lua

local library, modules = { calls = {} }, {} -- calls: their names, in the order of the help page

for i, path in ipairs(CALLS) do
  local name = path:match "[^.]*$"
  library.calls[i], modules[name] = name, path
end
for _, name in ipairs(MAKERS) do modules[name] = modules.tensor end
for _, name in ipairs(core.options.modules "lua/yolua/policies/") do modules[name] = "policies." .. name end

-- The module behind yl.NAME, and whether NAME is one of several things in it; nil where yl has no such name.
function library.module(name)
  local path = modules[name]
  return path and "yolua." .. path, path and path:match "[^.]*$" ~= name
end

-- That module's file.
function library.file(name) return "lua/yolua/" .. (modules[name] or name):gsub("%.", "/") .. ".lua" end

-- All names, sorted.
function library.names()
  local names = {}
  for name in pairs(modules) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return library
