-- yl.export(model, o), net:export(o): the network as a file of another program. yolua/model/export/ has a file for each format:
--   int8: it can hold convolutions of bytes, and how far a runtime's outputs may then be from the network's
--   help; ending (of the file's name; "/": a folder); options (which of those below have an effect on it, imgsz among them)
--   runtimes (that check=true can use)
--   files(model, out) -> the files that are written, where these are more than `out`
--   write(model, out, o, notes, plan of precision int8 or nil) writes them
--   written(model, files) -> the largest difference of what the files hold from the network, where this program can read them itself
local callback = require "yolua.options.callback"
local check = require "yolua.model.export.check"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local outputs = require "yolua.model.outputs"
local structs = require "yolua.options.structs"
local structure = require "yolua.model.structure"

local FORMATS = core.options.modules "lua/yolua/model/export/"
for i = #FORMATS, 1, -1 do
  if FORMATS[i] == "check" then table.remove(FORMATS, i) end
end

local export = { fields = {
  { "format", "enum", nil, "", "what is written (default: as the name of out= says)", choices = FORMATS },
  fields.get { "size" }[1],
} }
for _, field in ipairs(structs.fields "export") do -- only what is given is told to the format
  export.fields[#export.fields + 1] = structs.field("export", field[1], { default = structs.NONE,
    help = ("%s (default %s)"):format(field[5], field[3]) })
end
export.fields[#export.fields + 1] = structs.field("plan", "precision", { choices = { "f32", "int8" }, help = "f32, or int8: "
  .. "convolutions of bytes, as a calibrated network computes them (ONNX, ncnn)" })
export.fields[#export.fields + 1] = { "check", "bool", false, "", "run the result in another program, where one is there, and compare" }
export.fields[#export.fields + 1] = { "python", "string", nil, "",
  "check=true: the interpreter whose packages are the runtimes (default python3)" }

local LARGEST = "largest number (a score: of 1)" -- what a difference is relative to

local KEYS = {}
for i, field in ipairs(structs.fields "export") do KEYS[i] = field[1] end

local own = { { "out", "string", nil, "", "the file, or the folder, that is written", required = true } }
table.move(export.fields, 1, #export.fields, 2, own)
local declared = options.declare("yl.export", own)

-- An ending alone is no name.
local function ends_in(path, ending) return #path > #ending and path:lower():sub(-#ending) == ending end

local function format_of(o)
  local name = o.format
  for _, candidate in ipairs(FORMATS) do
    local ending = require("yolua.model.export." .. candidate).ending
    if not name and ends_in(o.out, ending) then name = candidate end
  end
  local format = name and require("yolua.model.export." .. name)
  if format and format.ending ~= "/" and not ends_in(o.out, format.ending) then
    options.refuse(o, "out", "out=%s: expected a name that ends in %s (%s)", o.out, format.ending, format.help)
  end
  if name then return name, format end
  options.refuse(o, "out", "out=%s: expected format=%s, or a name that ends in one of their endings", o.out, table.concat(FORMATS, "|"))
end

-- The options of the struct "export" that were given. Refuses those that have no effect.
local function given(name, format, o)
  local values, takes = {}, {}
  local function idle(key, why) options.refuse(o, key, "%s: %s has no use for it", key, why) end
  for _, key in ipairs(format.options) do takes[key] = true end
  for _, field in ipairs(structs.fields "export") do values[field[1]] = rawget(o, field[1]) end
  for _, key in ipairs { "imgsz", table.unpack(KEYS) } do
    if rawget(o, key) ~= nil and not takes[key] then idle(key, "format=" .. name) end
  end
  for _, key in ipairs { "conf", "iou" } do
    if values[key] and values.heads ~= "nms" then idle(key, ("heads=%s"):format(values.heads or "raw")) end
  end
  if rawget(o, "python") and not (o.check and format.runtimes) then
    idle("python", o.check and ("check=true of format=%s"):format(name) or "check=false")
  end
  return values
end

-- What reads the file later may want to know: class names, and the options of the heads.
local function notes(model)
  local heads = {}
  for _, layer in ipairs(model.net:layers()) do
    if layer.kind == "yolo" or layer.kind == "region" then heads[layer.name] = layer.options end
  end
  return { names = core.json.encode(model.names), heads = next(heads) and core.json.encode(heads), resize = model.resize }
end

-- The plan that says what is written as bytes; nil for f32.
local function bytes_plan(model, name, format, o)
  if o.precision == "f32" then return nil end
  if not format.int8 then options.refuse(o, "precision", "precision=int8: format=%s has no use for it", name) end
  if rawget(o, "fold") == false then
    options.refuse(o, "fold", "fold=false: with precision=int8 batch-norms are part of the bytes: expected fold=true")
  end
  return model.net:plan { mode = "infer", batch = rawget(o, "batch") or 1, precision = "int8", algorithm = "predicted" } -- it never runs
end

-- The outputs that the file must have on noise: { name = tensor }, and the noise.
local function expected(model, o, precision)
  local decoded, out = o.heads and o.heads ~= "raw", {}
  local list <const>, plan <close> = check.outputs(model.net, o.batch, decoded, precision)
  for _, output in ipairs(list) do out[output.name] = output.tensor end
  if decoded then out.boxes, out.scores = core.export.decoded(model.net, plan) end
  return out, check.turned(plan:output(0), plan:shape(0))
end

-- The largest difference by each runtime that is there, {{runtime =, max_error =}, ...}; none and a sentence where
-- nothing could compute it.
local function compare(model, format, files, o, values)
  if format.written then return { { runtime = "yolua", max_error = format.written(model, files) } } end
  local python = rawget(o, "python") or "python3"
  local list = check.runtimes(python, format.runtimes)
  if #list == 0 then
    return list, ("nothing was compared: %s has none of the packages %s (with numpy)"):format(python, table.concat(format.runtimes, ", "))
  end
  local wanted, noise = expected(model, values, o.precision)
  for i, runtime in ipairs(list) do
    list[i] = { runtime = runtime, max_error = check.compare(python, runtime, files[1], noise, wanted, o.precision == "int8") }
  end
  return list
end

local function refuse(result, o, c, most)
  error(("export: an output of %s in %s differs by %.2g of its %s (expected at most %g); the file is kept"):format(result.file, c.runtime,
    c.max_error, o.precision == "int8" and "root mean square" or LARGEST, most), 0)
end

-- What check=true finds, in the result; warns where nothing could be compared.
local function add_check(result, model, format, o, values)
  local list, why = compare(model, format, result.files, o, values)
  if why then return core.system.warn(why) end
  local most, names = o.precision == "int8" and format.int8 or check.MOST, {}
  result.checks, result.max_error = list, 0
  for i, c in ipairs(list) do
    if c.max_error > most then refuse(result, o, c, most) end
    names[i], result.max_error = c.runtime, math.max(result.max_error, c.max_error)
  end
  result.runtime = table.concat(names, ", ")
end

local function text(r)
  local line = ("written: %s (%.1f kB)"):format(table.concat(r.files, ", "), r.bytes / 1000)
  if not r.runtime then return line end
  if r.precision == "int8" then
    return ("%s\nthe same as the network but for roundings of bytes: root mean square of an output's difference %.2g of its own (%s)")
      :format(line, r.max_error, r.runtime)
  end
  return ("%s\nthe same as the network: largest difference of an output %.2g of its %s (%s)"):format(line, r.max_error, LARGEST, r.runtime)
end

local shown = { __tostring = text }

-- The files that are to be written.
local function files_of(model, format, o)
  local files = format.files and format.files(model, o.out) or { o.out }
  for _, path in ipairs(files) do outputs.check(o, "out", path, model) end
  return files
end

local function written(model, o)
  local name, format = format_of(o)
  local values = given(name, format, o)
  local result, plan <close> = { format = name, precision = o.precision }, bytes_plan(model, name, format, o)
  result.files = files_of(model, format, o)
  core.check_finite(model.net, "export")
  format.write(model, o.out, values, notes(model), plan)
  result.file, result.bytes = result.files[1], outputs.bytes(result.files)
  if o.check then add_check(result, model, format, o, values) end
  return setmetatable(result, shown)
end

-- The model, or where another size or averaged weights are exported, what is like it but for its network; and whether that is to be closed.
local function exported(model, o)
  local size = input.of(model, o)
  if size.w == model.w and size.h == model.h and not model.averaged then return model, false end
  local made = structure.of(model.net)
  made.w, made.h = size.w, size.h
  local net = structure.build(made, model.device)
  local calibrated = model.net:calibrated()
  for _, range in ipairs(net:ranges()) do core.copy_values(model.net, net, range.name, model.averaged and "ema" or "value", "value") end
  if calibrated and not model.averaged then net:calibrate(model.calibration, model.path) end
  return setmetatable({ net = net, structure = made, w = size.w, h = size.h, averaged = false }, { __index = model }), true
end

-- o: {out =, format =, imgsz =, opset =, batch =, fold =, heads =, conf =, iou =, check =, python =}. Returns {file, files, bytes, format,
-- and of check: max_error, runtime, and checks, which has both for each runtime}. The model stays as it is. Errors: one sentence, naming
-- the layer that the format cannot hold.
return setmetatable(export, { __call = function(_, model, values)
  callback.model("yl.export", model)
  local o = declared(values or {})
  local made, new = exported(model, o)
  local result = table.pack(pcall(written, made, o))
  if new then made.net:close() end
  if not result[1] then error(result[2], 0) end
  return result[2]
end })
