-- `yolua compress`: a model as a small file, which is a model like any other.
local compress = require "yolua.compress.compress"
local fields = require "yolua.options.fields"
local inputs = require "yolua.cli.inputs"
local schema = require "yolua.options.schema"

local function run(o)
  if not o.out then error(schema.usage "out is missing: expected a file that ends in .safetensors") end
  return compress(inputs.network(o), o)
end

local function show(r) print(r) end

local list = {
  "model",
  { "out", "string", nil, "", "the file, which ends in .safetensors", ending = ".safetensors",
    aliases = { "output", "save_dir", "project" } },
}
table.move(compress.fields, 1, #compress.fields, #list + 1, list)
for _, key in ipairs { "device", "threads", "json" } do list[#list + 1] = fields.pick("run", key) end

return { help = "a model as a small file: shared weights, relative indices, Huffman codes", fields = list, run = run, show = show }
