-- ncnn's files, read by plain Lua into what support/onnx.lua runs. Each kind of layer is taken as ncnn's documentation defines it.
local ncnn = {}

-- "0=1 1=0.5" -> {[0] = 1, [1] = 0.5}
local function params_of(words, from)
  local out = {}
  for i = from, #words do
    local id, value = words[i]:match "^(%d+)=(%S+)$"
    assert(id, words[i])
    out[tonumber(id)] = tonumber(value)
  end
  return out
end

-- The lines of a .param file: {type, name, inputs, outputs, params}; checks its counts, and that each blob is written once before it is
-- read, and read at most once.
function ncnn.layers(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  assert(lines[1] == "7767517", "magic number")
  local n_layers, n_blobs = lines[2]:match "^(%d+) (%d+)$"
  assert(tonumber(n_layers) == #lines - 2, "count of layers")
  local layers, written, count = {}, {}, 0
  for i = 3, #lines do
    local words, at = {}, 5
    for word in lines[i]:gmatch "%S+" do words[#words + 1] = word end
    local layer = { type = words[1], name = words[2], inputs = {}, outputs = {} }
    for _ = 1, tonumber(words[3]) do
      local blob = words[at]
      assert(written[blob] == "unread", ("%s reads %s, which is %s"):format(layer.name, blob, written[blob]))
      written[blob], layer.inputs[#layer.inputs + 1], at = "read", blob, at + 1
    end
    for _ = 1, tonumber(words[4]) do
      assert(not written[words[at]], words[at] .. " is written twice")
      written[words[at]], layer.outputs[#layer.outputs + 1], at, count = "unread", words[at], at + 1, count + 1
    end
    layer.params = params_of(words, at)
    layers[#layers + 1] = layer
  end
  assert(count == tonumber(n_blobs), "count of blobs")
  return layers, written
end

local make = {}

-- A node of support/onnx.lua.
local function node(op, layer, inputs, attributes)
  return { op = op, name = layer.name, inputs = inputs, outputs = layer.outputs, attributes = attributes or {} }
end

-- g.numbers(name, dims, tagged): the next numbers of the .bin file as a constant; g.list(...): a constant of these numbers.
local function conv(op)
  return function(g, l)
    local p = l.params
    local groups, pixels = p[7] or 1, p[1] * p[11]
    local part = p[6] // (p[0] * pixels)
    local dims = op == "Conv" and { p[0], part, p[11], p[1] } or { p[0], 1, p[11], p[1] }
    local int8 = p[8] == 1
    local inputs = { l.inputs[1], (int8 and g.bytes or g.numbers)(l.name .. ".w", dims, true) }
    if p[5] == 1 then inputs[3] = g.numbers(l.name .. ".b", { p[0] }) end
    if int8 then inputs[1] = g.quantised(l, inputs[2], p[0]) end
    return node(op, l, inputs, { kernel_shape = { p[11], p[1] }, strides = { p[13], p[3] }, dilations = { p[12], p[2] },
      pads = { p[14], p[4], p[14], p[4] }, group = groups })
  end
end

make.Convolution, make.ConvolutionDepthWise, make.DeconvolutionDepthWise = conv "Conv", conv "Conv", conv "ConvTranspose"

function make.InnerProduct(g, l)
  local p = l.params
  local flat = g.add("Flatten", l, { l.inputs[1] }, { axis = 1 })
  local inputs = { flat, g.numbers(l.name .. ".w", { p[0], p[2] // p[0] }, true) }
  if p[1] == 1 then inputs[3] = g.numbers(l.name .. ".b", { p[0] }) end
  return node("Gemm", l, inputs, { transB = 1 })
end

function make.BatchNorm(g, l)
  local c, list = { l.params[0] }, {}
  for i, what in ipairs { "slope", "mean", "var", "bias" } do list[i] = g.numbers(l.name .. "." .. what, c) end
  return node("BatchNormalization", l, { l.inputs[1], list[1], list[4], list[2], list[3] }, { epsilon = l.params[1] })
end

function make.BinaryOp(g, l)
  local ops = { [0] = "Add", [1] = "Sub", [2] = "Mul" }
  return node(ops[l.params[0]], l, { l.inputs[1], l.params[1] == 1 and g.list(l.params[2]) or l.inputs[2] })
end

function make.Clip(g, l) return node("Clip", l, { l.inputs[1], g.list(l.params[0]), g.list(l.params[1]) }) end

function make.ReLU(_, l) return node("LeakyRelu", l, l.inputs, { alpha = l.params[0] }) end

function make.ELU(_, l) return node("Elu", l, l.inputs, { alpha = l.params[0] }) end

function make.SELU(_, l) return node("Selu", l, l.inputs, { alpha = l.params[0], gamma = l.params[1] }) end

function make.Sigmoid(_, l) return node("Sigmoid", l, l.inputs) end

function make.TanH(_, l) return node("Tanh", l, l.inputs) end

-- x times a function of it.
local function times(op, attributes)
  return function(g, l)
    local part = g.add(op, l, { l.inputs[1] }, attributes and attributes(l.params))
    return node("Mul", l, { l.inputs[1], part })
  end
end

make.Swish = times "Sigmoid"
make.HardSwish = times("HardSigmoid", function(p) return { alpha = p[0], beta = p[1] } end)

function make.Mish(g, l)
  return node("Mul", l, { l.inputs[1], g.add("Tanh", l, { g.add("Softplus", l, { l.inputs[1] }) }) })
end

-- The fast one: x s(2 sqrt(2 / pi) (x + 0.044715 x^3))
function make.GELU(g, l)
  assert(l.params[0] == 1)
  local x = l.inputs[1]
  local cube = g.add("Mul", l, { x, g.add("Mul", l, { x, x }) })
  local sum = g.add("Add", l, { x, g.add("Mul", l, { cube, g.list(0.044715) }) })
  return node("Mul", l, { x, g.add("Sigmoid", l, { g.add("Mul", l, { sum, g.list(1.5957691216) }) }) })
end

function make.Pooling(_, l)
  local p = l.params
  if p[4] == 1 then return node("GlobalAveragePool", l, l.inputs) end
  assert(p[5] == 1 and p[6] == 0)
  return node(p[0] == 0 and "MaxPool" or "AveragePool", l, l.inputs, { kernel_shape = { p[11], p[1] }, strides = { p[12], p[2] },
    pads = { p[13], p[3], p[15], p[14] } })
end

function make.Reshape(g, l) return node("Reshape", l, { l.inputs[1], g.list(1, l.params[2], l.params[1], l.params[0]) }) end

function make.Concat(_, l)
  assert(l.params[0] == 0)
  return node("Concat", l, l.inputs, { axis = 1 })
end

function make.Crop(g, l)
  local p = l.params
  assert(p[0] == 0 and p[1] == 0)
  return node("Slice", l, { l.inputs[1], g.list(p[2], 0, 0), g.list(p[2] + p[5], p[4], p[3]), g.list(1, 2, 3) })
end

function make.Padding(g, l)
  return node("Pad", l, { l.inputs[1], g.list(0, 0, 0, 0, 0, l.params[8], 0, 0), g.list(0) })
end

function make.Interp(g, l)
  assert(l.params[0] == 1)
  return node("Resize", l, { l.inputs[1], "", g.list(1, 1, l.params[1], l.params[2]) },
    { mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor" })
end

function make.Reorg(_, l)
  assert(l.params[1] == 1)
  return node("SpaceToDepth", l, l.inputs, { blocksize = l.params[0] })
end

function make.Softmax(_, l)
  assert(l.params[0] == 0)
  return node("Softmax", l, l.inputs, { axis = 1 })
end

-- {nodes, constants, inputs, outputs} of FILE.param and FILE.bin, for onnx.run; `batch` is 1.
function ncnn.read(path)
  local function slurp(name)
    local file <close> = assert(io.open(name, "rb"))
    return file:read "a"
  end
  local bin, at, made = slurp((path:gsub("%.param$", ".bin"))), 1, 0
  local layers, blobs = ncnn.layers(slurp(path))
  local model = { nodes = {}, constants = {}, inputs = {}, outputs = {} }
  local g = {}
  function g.numbers(name, dims, tagged)
    local values, count = {}, 1
    for _, d in ipairs(dims) do count = count * d end
    if tagged then
      assert(string.unpack("<I4", bin, at) == 0, "tag of " .. name)
      at = at + 4
    end
    for i = 1, count do values[i], at = string.unpack("<f", bin, at) end
    model.constants[name] = { dims = dims, values = values }
    return name
  end
  function g.bytes(name, dims)
    local values, count = {}, 1
    for _, d in ipairs(dims) do count = count * d end
    assert(string.unpack("<I4", bin, at) == 0x000D4B38, "tag of " .. name)
    for i = 1, count do values[i] = string.unpack("b", bin, at + 3 + i) end
    at = at + 4 + (count + 3) // 4 * 4
    model.constants[name] = { dims = dims, values = values }
    return name
  end
  -- Factors of the bytes and of the input follow: the weights become what their bytes stand for, and the input's value what its do.
  function g.quantised(l, weights, out)
    local w, each = model.constants[weights].values, #model.constants[weights].values // out
    for o = 1, out do
      local factor
      factor, at = string.unpack("<f", bin, at)
      for i = (o - 1) * each + 1, o * each do w[i] = w[i] / factor end
    end
    local factor
    factor, at = string.unpack("<f", bin, at)
    made = made + 1
    table.insert(model.nodes, { op = "SignedBytes", name = l.name, inputs = { l.inputs[1] }, outputs = { "made" .. made },
      attributes = { factor = factor } })
    return "made" .. made
  end
  function g.list(...)
    made = made + 1
    local name = "list" .. made
    model.constants[name] = { dims = select("#", ...) == 1 and {} or { select("#", ...) }, values = { ... } }
    return name
  end
  function g.add(op, l, inputs, attributes)
    made = made + 1
    table.insert(model.nodes, { op = op, name = l.name, inputs = inputs, outputs = { "made" .. made }, attributes = attributes or {} })
    return "made" .. made
  end
  for _, l in ipairs(layers) do
    if l.type == "Input" then model.inputs[1] = { name = l.name, dims = { 1, l.params[2], l.params[1], l.params[0] } }
    elseif l.type == "Split" then
      for _, copy in ipairs(l.outputs) do
        table.insert(model.nodes, { op = "Identity", name = l.name, inputs = l.inputs, outputs = { copy }, attributes = {} })
      end
    else table.insert(model.nodes, (make[l.type] or error(l.type))(g, l)) end
  end
  assert(at == #bin + 1, ("%d bytes of the .bin file are left"):format(#bin + 1 - at))
  for blob, state in pairs(blobs) do
    if state == "unread" then model.outputs[#model.outputs + 1] = { name = blob, dims = {} } end
  end
  return model
end

return ncnn
