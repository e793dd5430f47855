-- ONNX files, read and run by plain Lua: the wire format of protobuf, the messages of onnx.proto that exports use, and their operators by
-- the text of the specification. Slow, and independent of what wrote the file.
local onnx = {}

-- ---- the wire format: {number = list of values}; a value is an integer, or the bytes of a text, message or list -------------------------

local function varint(bytes, at)
  local value, shift = 0, 0
  repeat
    local byte = bytes:byte(at) or error "a number ends too early"
    value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
  until byte < 128
  return value, at
end

local function message(bytes)
  local fields, at = {}, 1
  while at <= #bytes do
    local key, value
    key, at = varint(bytes, at)
    local number, wire = key >> 3, key & 7
    if wire == 0 then value, at = varint(bytes, at)
    elseif wire == 5 then value, at = string.unpack("<f", bytes, at)
    elseif wire == 2 then
      local size
      size, at = varint(bytes, at)
      value, at = bytes:sub(at, at + size - 1), at + size
      assert(at <= #bytes + 1, "a field ends too late")
    else error("wire type " .. wire) end
    fields[number] = fields[number] or {}
    table.insert(fields[number], value)
  end
  return fields
end

local function first(fields, number) return fields[number] and fields[number][1] end

-- ---- messages ----------------------------------------------------------------------------------------------------------------------

local FLOAT = 1
local TYPES = { [FLOAT] = { "<f", 4 }, [2] = { "B", 1 }, [3] = { "b", 1 }, [6] = { "<i4", 4 }, [7] = { "<i8", 8 } } -- f32 u8 i8 i32 i64

local function tensor(bytes)
  local m = message(bytes)
  local dims, kind, raw = m[1] or {}, first(m, 2), first(m, 9)
  local count, values = 1, {}
  for _, d in ipairs(dims) do count = count * d end
  local format, each = table.unpack(TYPES[kind] or error("type of " .. first(m, 8)))
  assert(#raw == count * each, "bytes of " .. first(m, 8))
  for i = 1, count do values[i] = (string.unpack(format, raw, (i - 1) * each + 1)) end
  return { name = first(m, 8), dims = dims, values = values, whole = kind ~= FLOAT, kind = kind }
end

local function node(bytes)
  local m = message(bytes)
  local out = { inputs = m[1] or {}, outputs = m[2], name = first(m, 3), op = first(m, 4), attributes = {} }
  for _, attribute in ipairs(m[5] or {}) do
    local a = message(attribute)
    local kind = first(a, 20) -- 1 float, 2 int, 3 string, 7 ints
    local number = kind == 1 and 2 or kind == 2 and 3 or kind == 3 and 4
    out.attributes[first(a, 1)] = number and first(a, number) or a[8]
  end
  return out
end

local function value(bytes)
  local m = message(bytes)
  local type = message(first(message(first(m, 2)), 1))
  local dims = {}
  for i, dim in ipairs(message(first(type, 2))[1]) do
    local d = message(dim)
    dims[i] = first(d, 1) or first(d, 2)
  end
  return { name = first(m, 1), dims = dims, whole = first(type, 1) == 7 }
end

local function each(list, f)
  local out = {}
  for i, bytes in ipairs(list or {}) do out[i] = f(bytes) end
  return out
end

-- {ir, opset, producer, notes = {key = text}, nodes = {{op, name, inputs, outputs, attributes}}, constants = {name = {dims, values}},
-- inputs, outputs = {{name, dims}}}
function onnx.read(path)
  local file <close> = assert(io.open(path, "rb"))
  local m = message(file:read "a")
  local g, notes, constants = message(first(m, 7)), {}, {}
  for _, entry in ipairs(m[14] or {}) do
    local e = message(entry)
    notes[first(e, 1)] = first(e, 2)
  end
  for _, c in ipairs(each(g[5], tensor)) do
    assert(not constants[c.name], c.name .. " stands twice")
    constants[c.name] = c
  end
  return { ir = first(m, 1), producer = first(m, 2), opset = first(message(first(m, 8)), 2), notes = notes, constants = constants,
    nodes = each(g[1], node), inputs = each(g[11], value), outputs = each(g[12], value) }
end

-- ---- operators: tensors {dims, values}, row by row -------------------------------------------------------------------------------------

local ops = {}

local function product(dims, from, to)
  local count = 1
  for i = from or 1, to or #dims do count = count * dims[i] end
  return count
end

local function new(dims) return { dims = dims, values = {} } end

local function map(f)
  return function(n, x)
    local y = new(x.dims)
    for i, v in ipairs(x.values) do y.values[i] = f(v, n.attributes) end
    return y
  end
end

local function sigmoid(x) return 1 / (1 + math.exp(-x)) end

ops.Identity = map(function(x) return x end)
ops.Relu = map(function(x) return math.max(x, 0.0) end)
ops.Sigmoid = map(sigmoid)
ops.Tanh = map(function(x) return 2 * sigmoid(2 * x) - 1 end)
ops.Exp = map(math.exp)
ops.Softplus = map(function(x) return x > 30 and x or math.log(1 + math.exp(x)) end)
ops.LeakyRelu = map(function(x, a) return x < 0 and a.alpha * x or x end)
ops.Elu = map(function(x, a) return x < 0 and a.alpha * (math.exp(x) - 1) or x end)
ops.Selu = map(function(x, a) return a.gamma * (x > 0 and x or a.alpha * (math.exp(x) - 1)) end)
ops.SignedBytes = map(function(x, a) -- ncnn's
  return math.max(-127, math.min(127, math.floor(x * a.factor + 0.5))) / a.factor
end)
ops.HardSigmoid = map(function(x, a) return math.max(0, math.min(1, a.alpha * x + a.beta)) end)

function ops.Clip(_, x, low, high)
  local y = new(x.dims)
  for i, v in ipairs(x.values) do y.values[i] = math.min(math.max(v, low.values[1]), high.values[1]) end
  return y
end

local function rounded(x) -- halves to the even neighbour
  local low = math.floor(x)
  if x - low ~= 0.5 then return math.floor(x + 0.5) end
  return low % 2 == 0 and low or low + 1
end

function ops.QuantizeLinear(_, x, scale, zero)
  assert(zero.kind == 2 and #scale.values == 1, "expected u8 and one scale")
  local y = { dims = x.dims, values = {}, kind = 2 }
  for i, v in ipairs(x.values) do y.values[i] = math.max(0, math.min(255, rounded(v / scale.values[1]) + zero.values[1])) end
  return y
end

-- One scale, or one for each index of the first axis.
function ops.DequantizeLinear(n, x, scale, zero)
  local y, count = new(x.dims), #x.values // #scale.values
  assert(x.kind and (#scale.values == 1 or n.attributes.axis == 0 and #scale.values == x.dims[1]), n.name)
  for i, v in ipairs(x.values) do
    y.values[i] = scale.values[(i - 1) // count + 1] * (v - (zero and zero.values[1] or 0))
  end
  return y
end

-- For each index of `dims` (last axis fastest): f(place, index from 0)
local function walk(dims, f)
  local index = {}
  for i = 1, #dims do index[i] = 0 end
  for place = 1, product(dims) do
    f(place, index)
    for i = #dims, 1, -1 do
      index[i] = index[i] + 1
      if index[i] < dims[i] then break end
      index[i] = 0
    end
  end
end

-- The place of an index in a tensor of fewer axes, or of sizes 1 (broadcasting).
local function place_in(x, index)
  local place, skip = 0, #index - #x.dims
  for i, d in ipairs(x.dims) do place = place * d + (d == 1 and 0 or index[skip + i]) end
  return place + 1
end

local function binary(f)
  return function(_, a, b)
    local longer, shorter = a.dims, b.dims
    if #longer < #shorter then longer, shorter = shorter, longer end
    local dims = table.move(longer, 1, #longer, 1, {})
    for i, d in ipairs(shorter) do
      local k = #longer - #shorter + i
      assert(d == dims[k] or d == 1 or dims[k] == 1, "shapes that do not broadcast")
      dims[k] = math.max(d, dims[k])
    end
    local y = new(dims)
    walk(dims, function(place, index) y.values[place] = f(a.values[place_in(a, index)], b.values[place_in(b, index)]) end)
    return y
  end
end

ops.Add = binary(function(a, b) return a + b end)
ops.Sub = binary(function(a, b) return a - b end)
ops.Mul = binary(function(a, b) return a * b end)

local function at(x, n, c, i, j)
  local d = x.dims
  if i < 0 or j < 0 or i >= d[3] or j >= d[4] then return nil end
  return x.values[((n * d[2] + c) * d[3] + i) * d[4] + j + 1]
end

-- f(n, c, i, j) for each output of {n, c, h, w}
local function image(n, c, h, w, f)
  local y = new { n, c, h, w }
  walk(y.dims, function(place, index) y.values[place] = f(table.unpack(index)) end)
  return y
end

local function window(a)
  return a.kernel_shape, a.strides or { 1, 1 }, a.pads or { 0, 0, 0, 0 }, a.dilations or { 1, 1 }
end

local function out_size(x, a, axis)
  local kernel, strides, pads, dilations = window(a)
  return (x.dims[2 + axis] + pads[axis] + pads[2 + axis] - dilations[axis] * (kernel[axis] - 1) - 1) // strides[axis] + 1
end

function ops.Conv(n, x, w, b)
  local a = n.attributes
  local kernel, strides, pads, dilations = window(a)
  local groups, out, part = a.group or 1, w.dims[1], w.dims[2]
  assert(part * groups == x.dims[2] and kernel[1] == w.dims[3] and kernel[2] == w.dims[4], n.name)
  return image(x.dims[1], out, out_size(x, a, 1), out_size(x, a, 2), function(image_, o, i, j)
    local sum, from = b and b.values[o + 1] or 0, o // (out // groups) * part
    for c = 0, part - 1 do
      for p = 0, kernel[1] - 1 do
        for q = 0, kernel[2] - 1 do
          local row, column = i * strides[1] - pads[1] + p * dilations[1], j * strides[2] - pads[2] + q * dilations[2]
          local v = at(x, image_, from + c, row, column)
          if v then sum = sum + v * w.values[((o * part + c) * kernel[1] + p) * kernel[2] + q + 1] end
        end
      end
    end
    return sum
  end)
end

-- Kernels as large as their strides: one input pixel per output pixel. One filter per channel.
function ops.ConvTranspose(n, x, w)
  local k, s = n.attributes.kernel_shape, n.attributes.strides
  assert(k[1] == s[1] and k[2] == s[2] and n.attributes.group == x.dims[2] and w.dims[2] == 1)
  return image(x.dims[1], x.dims[2], x.dims[3] * s[1], x.dims[4] * s[2], function(image_, c, i, j)
    return at(x, image_, c, i // s[1], j // s[2]) * w.values[(c * k[1] + i % s[1]) * k[2] + j % s[2] + 1]
  end)
end

local function pool(start, join, finish)
  return function(n, x)
    local kernel, strides, pads = window(n.attributes)
    return image(x.dims[1], x.dims[2], out_size(x, n.attributes, 1), out_size(x, n.attributes, 2), function(image_, c, i, j)
      local joined, count = start, 0
      for p = 0, kernel[1] - 1 do
        for q = 0, kernel[2] - 1 do
          local v = at(x, image_, c, i * strides[1] - pads[1] + p, j * strides[2] - pads[2] + q)
          if v then joined, count = join(joined, v), count + 1 end
        end
      end
      assert(count > 0, "a window without a pixel")
      return finish(joined, count)
    end)
  end
end

ops.MaxPool = pool(-math.huge, math.max, function(v) return v end)
ops.AveragePool = pool(0, function(a, b) return a + b end, function(v, count) return v / count end)

function ops.GlobalAveragePool(_, x)
  local pixels = x.dims[3] * x.dims[4]
  return image(x.dims[1], x.dims[2], 1, 1, function(n, c)
    local sum = 0
    for i = 1, pixels do sum = sum + x.values[(n * x.dims[2] + c) * pixels + i] end
    return sum / pixels
  end)
end

function ops.BatchNormalization(n, x, scale, bias, mean, var)
  return image(x.dims[1], x.dims[2], x.dims[3], x.dims[4], function(image_, c, i, j)
    local k = c + 1
    return scale.values[k] * (at(x, image_, c, i, j) - mean.values[k]) / math.sqrt(var.values[k] + n.attributes.epsilon) + bias.values[k]
  end)
end

function ops.Concat(n, ...)
  local list, axis = { ... }, n.attributes.axis + 1
  local dims = table.move(list[1].dims, 1, #list[1].dims, 1, {})
  dims[axis] = 0
  for _, x in ipairs(list) do dims[axis] = dims[axis] + x.dims[axis] end
  local y = new(dims)
  for outer = 0, product(dims, 1, axis - 1) - 1 do
    for _, x in ipairs(list) do
      local run = product(x.dims, axis)
      table.move(x.values, outer * run + 1, (outer + 1) * run, #y.values + 1, y.values)
    end
  end
  return y
end

function ops.Slice(_, x, starts, ends, axes, steps)
  local dims, from, by = table.move(x.dims, 1, #x.dims, 1, {}), {}, {}
  for i = 1, #dims do from[i], by[i] = 0, 1 end
  for i, axis in ipairs(axes.values) do
    local k = axis + 1
    from[k], by[k] = starts.values[i], steps and steps.values[i] or 1
    dims[k] = (math.min(ends.values[i], x.dims[k]) - from[k] + by[k] - 1) // by[k]
  end
  local y = new(dims)
  walk(dims, function(place, index)
    local source = {}
    for i = 1, #dims do source[i] = from[i] + index[i] * by[i] end
    y.values[place] = x.values[place_in(x, source)]
  end)
  return y
end

-- Zeros behind the channels.
function ops.Pad(_, x, pads, zero)
  local p, c = pads.values, x.dims[2]
  assert(p[1] + p[2] + p[3] + p[4] + p[5] + p[7] + p[8] == 0)
  return image(x.dims[1], c + p[6], x.dims[3], x.dims[4], function(n, k, i, j) return k < c and at(x, n, k, i, j) or zero.values[1] end)
end

function ops.Reshape(_, x, shape)
  assert(product(shape.values) == product(x.dims))
  return { dims = shape.values, values = x.values }
end

function ops.Flatten(n, x)
  local axis = n.attributes.axis
  return { dims = { product(x.dims, 1, axis), product(x.dims, axis + 1) }, values = x.values }
end

function ops.Transpose(n, x)
  local dims, perm = {}, n.attributes.perm
  for i, axis in ipairs(perm) do dims[i] = x.dims[axis + 1] end
  local y = new(dims)
  walk(dims, function(place, index)
    local source = {}
    for i, axis in ipairs(perm) do source[axis + 1] = index[i] end
    y.values[place] = x.values[place_in(x, source)]
  end)
  return y
end

function ops.Gemm(n, x, w, b)
  assert(n.attributes.transB == 1)
  local y, inner = new { x.dims[1], w.dims[1] }, w.dims[2]
  walk(y.dims, function(place, index)
    local sum = b and b.values[index[2] + 1] or 0
    for k = 1, inner do sum = sum + x.values[index[1] * inner + k] * w.values[index[2] * inner + k] end
    y.values[place] = sum
  end)
  return y
end

function ops.Softmax(n, x)
  local y, axis = new(x.dims), n.attributes.axis + 1
  local inner, size = product(x.dims, axis + 1), x.dims[axis]
  for outer = 0, product(x.dims, 1, axis - 1) - 1 do
    for i = 1, inner do
      local sum, largest = 0, -math.huge
      local function place(k) return (outer * size + k) * inner + i end
      for k = 0, size - 1 do largest = math.max(largest, x.values[place(k)]) end
      for k = 0, size - 1 do sum = sum + math.exp(x.values[place(k)] - largest) end
      for k = 0, size - 1 do y.values[place(k)] = math.exp(x.values[place(k)] - largest) / sum end
    end
  end
  return y
end

function ops.Resize(n, x, _, scales)
  local a, s = n.attributes, scales.values
  assert(a.mode == "nearest" and a.coordinate_transformation_mode == "asymmetric" and a.nearest_mode == "floor" and s[1] * s[2] == 1)
  return image(x.dims[1], x.dims[2], math.floor(x.dims[3] * s[3]), math.floor(x.dims[4] * s[4]), function(image_, c, i, j)
    return at(x, image_, c, math.floor(i / s[3]), math.floor(j / s[4]))
  end)
end

function ops.SpaceToDepth(n, x)
  local b, c = n.attributes.blocksize, x.dims[2]
  return image(x.dims[1], c * b * b, x.dims[3] // b, x.dims[4] // b, function(image_, k, i, j)
    local q = k // c
    return at(x, image_, k % c, i * b + q // b, j * b + q % b)
  end)
end

local function iou(boxes, a, b)
  local function corner(box, k) return boxes[4 * box + k] end
  local w = math.min(corner(a, 3), corner(b, 3)) - math.max(corner(a, 1), corner(b, 1))
  local h = math.min(corner(a, 4), corner(b, 4)) - math.max(corner(a, 2), corner(b, 2))
  local function area(box) return (corner(box, 3) - corner(box, 1)) * (corner(box, 4) - corner(box, 2)) end
  local inter = math.max(w, 0) * math.max(h, 0)
  return inter / (area(a) + area(b) - inter)
end

-- Of one image: triples of image, class and box, by class and falling score.
function ops.NonMaxSuppression(_, boxes, scores, most, overlap, least)
  assert(boxes.dims[1] == 1)
  local count, found = boxes.dims[2], {}
  for class = 0, scores.dims[2] - 1 do
    local order, kept = {}, {}
    local function score(box) return scores.values[class * count + box + 1] end
    for box = 0, count - 1 do
      if score(box) > least.values[1] then order[#order + 1] = box end
    end
    table.sort(order, function(a, b) return score(a) > score(b) end)
    for _, box in ipairs(order) do
      local good = #kept < most.values[1]
      for _, other in ipairs(kept) do good = good and iou(boxes.values, box, other) <= overlap.values[1] end
      if good then kept[#kept + 1] = box end
    end
    for _, box in ipairs(kept) do table.move({ 0, class, box }, 1, 3, #found + 1, found) end
  end
  return { dims = { #found // 3, 3 }, values = found }
end

-- The outputs of a model (of onnx.read) by name, each {dims, values}, for the numbers of its input.
function onnx.run(model, numbers)
  local values = { [model.inputs[1].name] = { dims = model.inputs[1].dims, values = numbers } }
  for name, c in pairs(model.constants) do values[name] = c end
  for _, n in ipairs(model.nodes) do
    local inputs = {}
    for i, name in ipairs(n.inputs) do inputs[i] = values[name] or name ~= "" and error(n.name .. " reads " .. name) or false end
    assert(ops[n.op], n.op)
    assert(not values[n.outputs[1]], n.outputs[1] .. " is written twice")
    values[n.outputs[1]] = ops[n.op](n, table.unpack(inputs))
  end
  local out = {}
  for _, o in ipairs(model.outputs) do
    out[o.name] = values[o.name] or error("nothing writes " .. o.name)
    for i, d in ipairs(o.dims) do assert(d == out[o.name].dims[i] or type(d) == "string", "shape of " .. o.name) end
  end
  return out
end

return onnx
