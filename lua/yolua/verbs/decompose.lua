-- `yolua decompose`: layers as products of smaller ones, written as a network like any other.
local decompose = require "yolua.compress.decompose"
local fields = require "yolua.options.fields"
local save = require "yolua.cli.save_folder"

local function run(o)
  return save.around(o, function(model)
    local r = decompose(model, o)
    r.files = save.write(r.net, o.out)
    return setmetatable({ params = r.params, flops = r.flops, before = r.before, layers = r.layers, files = r.files }, getmetatable(r))
  end)
end

local function show(r)
  print(r)
  print("written: " .. table.concat(r.files, ", "))
end

local list = {
  "model",
  save.field,
}
table.move(decompose.fields, 1, #decompose.fields, #list + 1, list)
for _, key in ipairs { "device", "threads", "json" } do list[#list + 1] = fields.pick("run", key) end

return { help = "layers as products of smaller ones (SVD, Tucker, CP, tensor train)", fields = list, run = run, show = show }
