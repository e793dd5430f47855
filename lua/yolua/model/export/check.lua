-- What check=true does: the exported file runs in another program's runtime, on noise, and its outputs are compared with the network's.
-- The runtimes are Python's packages; where none is there, that is told and nothing is compared.
local core = require "yolua.core"
local structure = require "yolua.model.structure"

local check = { MOST = 1e-4 } -- of an output's largest number

-- Arguments: the runtime, the file, the input's numbers and shape, a folder for the outputs, their names.
local SCRIPT = [[
import os, sys
import numpy as np
runtime, model, source, shape, folder = sys.argv[1:6]
names = sys.argv[6:]
x = np.fromfile(source, dtype="<f4").reshape([int(n) for n in shape.split("x")])
if runtime == "onnxruntime":
    import onnxruntime
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    values = session.run(names, {"image": x})
elif runtime == "openvino":
    import openvino
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    compiled = core.compile_model(model, "CPU")
    results = compiled({"image": x})
    values = [results[name] for name in names]
else:
    import ncnn
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    if net.load_param(model) or net.load_model(os.path.splitext(model)[0] + ".bin"):
        sys.exit("ncnn cannot load the files")
    extractor = net.create_extractor()
    extractor.input("image", ncnn.Mat(np.ascontiguousarray(x[0])))
    values = []
    for name in names:
        status, value = extractor.extract(name)
        if status:
            sys.exit("ncnn cannot compute " + name)
        values.append(np.array(value))
for name, value in zip(names, values):
    np.ascontiguousarray(value, dtype="<f4").tofile(os.path.join(folder, name))
]]

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- Runs a command; returns whether it succeeded, and the last line that it printed.
local function run(words)
  for i, word in ipairs(words) do words[i] = quoted(word) end
  local pipe = io.popen(table.concat(words, " ") .. " 2>&1 </dev/null")
  local text = pipe:read "a"
  return pipe:close() == true, text:match "([^\n]*)%s*$"
end

-- Those of the runtimes that the interpreter has.
function check.runtimes(python, names)
  local found = {}
  for _, name in ipairs(names) do
    if run { python, "-c", "import numpy, " .. name } then found[#found + 1] = name end
  end
  return found
end

-- A temporary folder for f(folder), which is removed with all files in it, whatever happens.
local function in_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  core.files.make_folder(folder)
  local result = table.pack(pcall(f, folder))
  for _, name in ipairs(core.files.list(folder)) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
  if not result[1] then error(result[2], 0) end
  return table.unpack(result, 2, result.n)
end

-- The largest difference of two lists of f32, relative to the largest number of the first, or to `unit`; `square`: the root mean squares
-- of both.
local function difference(name, expected, bytes, square, unit)
  if #bytes ~= 4 * expected:count() then
    error(("%s: expected %d numbers, got %d"):format(name, expected:count(), #bytes // 4), 0)
  end
  local got = core.tensor.from_bytes(bytes, expected:shape(), "f32")
  local off = got - expected
  local largest, worst = expected:abs():max(), off:abs():max()
  if square then largest, worst = (expected * expected):mean() ^ 0.5, (off * off):mean() ^ 0.5 end
  if worst ~= worst then return math.huge end
  if unit and not square then return worst / unit end
  return largest > 0 and worst / largest or worst
end

-- Numbers {n, h, w, c} of a plan as a tensor {n, c, h, w}.
function check.turned(numbers, shape)
  return core.tensor.new(numbers):reshape(table.unpack(shape)):permute(1, 4, 2, 3):clone()
end

-- What the network gives on noise: { {name, tensor {n, c, h, w}}, ... } in the order of its layers: the numbers that enter heads (with
-- `decoded` left out), and the layers that nobody reads; the plan, which the caller closes.
function check.outputs(net, batch, decoded, precision)
  local plan = net:plan { mode = "infer", batch = batch or 1, keep = true, precision = precision }
  core.noise(plan, 1)
  plan:forward()
  local layers, read, out = net:layers(), {}, {}
  for _, layer in ipairs(layers) do
    for _, from in ipairs(layer.inputs) do read[from] = true end
  end
  for i, layer in ipairs(layers) do
    local head = layer.kind == "yolo" or layer.kind == "region"
    local from = head and layer.inputs[1] or i
    if not read[i] and not (head and decoded) then
      out[#out + 1] = { name = layer.name, tensor = check.turned(plan:output(from), plan:shape(from)) }
    end
  end
  return out, plan
end

-- The largest difference of an output of `net` from the model's; both compute on the same noise.
local function between(model, net)
  local a <const>, _ <close> = check.outputs(model.net)
  local b <const>, _ <close> = check.outputs(net)
  local worst = #a == #b and 0 or math.huge
  for i = 1, math.min(#a, #b) do worst = math.max(worst, difference(a[i].name, a[i].tensor, b[i].tensor:tobytes())) end
  return worst
end

-- The same for what was written: Darknet's files {cfg, weights, device}, or the path of a state dict.
function check.read_back(model, source)
  local net
  if type(source) == "string" then
    net = structure.build(structure.of(model.net), model.device)
    core.import.state_dict(net, source)
  else
    net = core.darknet.load_cfg(source.cfg, source.device)
    core.darknet.load_weights(net, source.weights)
  end
  local worst = between(model, net)
  net:close()
  return worst
end

-- file: what was written; input: tensor {n, c, h, w}; expected: { name = tensor }. Returns the largest difference of an output, relative to
-- its largest number (`square`: the root mean squares). Scores are probabilities, whose relative error is the absolute one of the numbers
-- that they are made of, however small they are: their difference is taken as it is. Errors: what the runtime says.
function check.compare(python, runtime, file, input, expected, square)
  return in_folder(function(folder)
    local names = {}
    for name in pairs(expected) do names[#names + 1] = name end
    table.sort(names)
    core.system.write(folder .. "/input", input:tobytes())
    local words = { python, "-c", SCRIPT, runtime, file, folder .. "/input", table.concat(input:shape(), "x"), folder }
    local ok, said = run(table.move(names, 1, #names, #words + 1, words))
    if not ok then error(("%s refuses %s: %s"):format(runtime, file, said), 0) end
    local worst = 0
    for _, name in ipairs(names) do
      local got, unit = core.system.read(folder .. "/" .. name), name == "scores" and 1 or nil
      worst = math.max(worst, difference(name, expected[name], got, square, unit))
    end
    return worst
  end)
end

return check
