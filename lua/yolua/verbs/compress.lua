-- `yolua compress`: a model as a small file, which is a model like any other.
local compress = require "yolua.compress.compress"
local fields = require "yolua.options.fields"
local inputs = require "yolua.cli.inputs"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local function run(o)
  if not o.out then error(schema.usage "out is missing: expected a file that ends in .safetensors") end
  local model = inputs.network(o)
  for _, key in ipairs { "seed", "bits.conv", "bits.connected" } do
    local why = options.explicit(o, key) and compress.idle(model, o, key)
    if why then error(schema.usage(("compress: %s has no effect: %s"):format(key, why))) end
  end
  return compress(model, { out = o.out, bits = o.bits, start = o.start, iterations = o.iterations, seed = o.seed,
    except = o.except, index_bits = o.index_bits })
end

local function show(r) print(r) end

local list = {
  "model",
  { "out", "string", nil, "", "the file, which ends in .safetensors", aliases = { "output", "save_dir", "project" } },
}
table.move(compress.fields, 1, #compress.fields, #list + 1, list)
for _, key in ipairs { "device", "threads", "json" } do list[#list + 1] = fields.pick("run", key) end

return { help = "a model as a small file: shared weights, relative indices, Huffman codes", fields = list, run = run, show = show }
