-- `yolua export`: a network as a file of another program.
local core = require "yolua.core"
local export = require "yolua.model.export"
local fields = require "yolua.options.fields"
local inputs = require "yolua.cli.inputs"
local schema = require "yolua.options.schema"

local function run(o)
  if not o.out then error(schema.usage "out is missing: expected a file (.onnx, .param, .safetensors, .h) or a folder") end
  local result = export(inputs.network(o), o)
  result.max_error = result.max_error or core.null
  return result
end

local function show(r) print(r) end

local list = {
  "model",
  { "out", "string", nil, "", "the file, or the folder, that is written", aliases = { "output", "save_dir", "project", "file" } },
}
table.move(export.fields, 1, #export.fields, #list + 1, list)
for _, key in ipairs { "device", "threads", "json" } do list[#list + 1] = fields.pick("run", key) end

return { help = "a network as a file of another program: ONNX, ncnn, Darknet, safetensors, C", fields = list, run = run, show = show }
