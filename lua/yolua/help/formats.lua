-- Files of other programs, for help: how each is written, by `yolua export`, and how it is read.
local core = require "yolua.core"
local rows = require "yolua.help.rows"

local formats = {}

-- What is read: the options that name it, and what it is.
local READ = {
  darknet = { { "cfg=FILE.cfg weights=FILE.weights names=FILE.names", "Darknet's files" } },
  keras = {
    { "model=FILE.h5 anchors=FILE names=FILE", "a YAD2K model of Keras; without anchors= they are read from FILE_anchors.txt" },
    { "cfg=FILE.cfg weights=FILE.h5", "weights of Keras 2 or 3 (.weights.h5); layers are matched by their shapes" },
  },
  numpy = { { "cfg=FILE.cfg weights=FILE.npz", "arrays with the names of a PyTorch state dict" },
    { 'yl.tensors "FILE"', "in Lua: the arrays of a .npz or .npy as tensors" } },
  safetensors = {
    { "cfg=FILE.cfg weights=FILE.safetensors", "the tensors of a PyTorch state dict; names and shapes must be the network's" },
    { "model=FILE.safetensors", "a checkpoint of yolua, as net:save and trainings write it" } },
}

-- Other words that people look for.
formats.meant = { h5 = "keras", yad2k = "keras", npz = "numpy", npy = "numpy", pytorch = "safetensors" }

local function written(name)
  local known, format = pcall(require, "yolua.model.export." .. name)
  if not known or not format.write then return nil end
  return { ("yolua export format=%s out=%s%s"):format(name, format.ending == "/" and "FOLDER" or "FILE", format.ending), format.help }
end

function formats.names()
  local list = {}
  for _, name in ipairs(core.options.modules "lua/yolua/model/export/") do
    if written(name) and not READ[name] then list[#list + 1] = name end
  end
  for name in pairs(READ) do list[#list + 1] = name end
  table.sort(list)
  return list
end

function formats.line(name)
  local out = written(name)
  return out and READ[name] and out[2] .. "; read too" or out and out[2] or READ[name][1][2]
end

function formats.page(name)
  local body, out = {}, written(name)
  if out then body[1] = { "written by", ("%s: %s"):format(out[1], out[2]) } end
  for _, row in ipairs(READ[name] or {}) do body[#body + 1] = { "read by", ("%s: %s"):format(row[1], row[2]) } end
  return name .. "\n\n" .. rows.layout(body)
end

return formats
