-- `yolua calibrate`: what a network needs to run in int8, kept in its checkpoint.
local calibrate = require "yolua.compress.calibrate"
local fields = require "yolua.options.fields"
local inputs = require "yolua.cli.inputs"
local outputs = require "yolua.model.outputs"
local schema = require "yolua.options.schema"

local function list_of(data, o)
  local list = o.data.split and data:list(o.data.split) or data.train
  if list and #list.frames > 0 then return list end
  error(schema.usage "calibrate: no frames to look at: expected data.train or data.split")
end

local function run(o)
  if not o.out then error(schema.usage "out is missing: expected a file that ends in .safetensors") end
  outputs.check(o, "out", o.out) -- before anything is read
  local data = inputs.data(o)
  local model = inputs.network(o)
  return calibrate(model, list_of(data, o), o)
end

local function show(r) print(r) end

local list = {
  "model", "data",
  { "out", "string", nil, "", "the checkpoint with the calibration, which ends in .safetensors", ending = ".safetensors",
    aliases = { "output", "save_dir", "project" } },
}
table.move(calibrate.fields, 1, #calibrate.fields, #list + 1, list)
table.move(calibrate.looks, 1, #calibrate.looks, #list + 1, list)
for _, key in ipairs { "size", fields.pick("eval", "resize") } do list[#list + 1] = key end
for _, key in ipairs { "device", "threads", "json" } do list[#list + 1] = fields.pick("run", key) end

return { help = "look at activations on pictures, so that a network can run in int8", fields = list, run = run, show = show }
