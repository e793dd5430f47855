-- Layers of Keras as layers of ours, by their class: f(at) gives our layer's specification, nil if there is nothing to compute, and sets
-- at.map. Zeros are placed as Keras places them at the model's input size; what a layer of ours cannot do is refused.
--   at: path, name, class, config; inputs: the maps that it reads; refuse(sentence)
--   map: h, w, and what ZeroPadding2D has set around them: top, bottom, left, right
local core = require "yolua.core"
local keras = require "yolua.model.keras"

local DEFAULT = 416 -- where the model says no size: YAD2K's

local BORDER = { "top", "bottom", "left", "right" }

local layers = {}

local reads_border = { Conv2D = true, ZeroPadding2D = true }

local function is_null(value) return value == nil or value == core.null end

local function text(value) return is_null(value) and "nothing" or core.json.encode(value):sub(1, 60) end

local function wrong(at, key, expected) at.refuse(("its %s: expected %s, got %s"):format(key, expected, text(at.config[key]))) end

local function is_count(value) return math.type(value) == "integer" and value >= 1 and value <= 1 << 20 end

-- Numbers stand alone, in a list of one, or as NumPy's.
local function number(value)
  if type(value) ~= "table" then return value end
  if value.value ~= nil then return value.value end
  return value[1]
end

local function finite(at, key)
  local value = number(at.config[key])
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then wrong(at, key, "a number") end
  return value
end

local function square(at, key, default)
  local value = at.config[key]
  if is_null(value) and default then return default end
  if type(value) ~= "table" or not is_count(value[1]) or value[1] ~= value[2] then wrong(at, key, "two equal counts") end
  return value[1]
end

-- That a key has one of these values, or is absent.
local function only(at, key, values, expected)
  local value = number(at.config[key])
  if is_null(value) then return end
  for _, allowed in ipairs(values) do
    if value == allowed then return end
  end
  wrong(at, key, expected)
end

local function channels_last(at) only(at, "data_format", { "channels_last" }, "channels_last") end

-- Whether Keras chooses the padding.
local function is_same(at)
  local padding = at.config.padding
  if padding ~= "same" and padding ~= "valid" then wrong(at, "padding", "same or valid") end
  return padding == "same"
end

-- Along one side of a map: how many outputs Keras computes, how many zeros it sees before the first number, how many it adds.
local function place(side, before, after, size, stride, same)
  side = side + before + after
  if not same then return (side - size) // stride + 1, before, 0 end
  local out = (side + stride - 1) // stride
  local added = math.max((out - 1) * stride + size - side, 0)
  return out, before + added // 2, added
end

-- The map that windows make of a map, the zeros above and on the left, and those added to height and width.
local function windows(at, m, size, stride)
  local same = is_same(at)
  local h, top, high = place(m.h, m.top, m.bottom, size, stride, same)
  local w, left, wide = place(m.w, m.left, m.right, size, stride, same)
  if h < 1 or w < 1 then at.refuse(("its window of %d: its input is only %dx%d (height x width)"):format(size, m.h, m.w)) end
  return layers.map(h, w), top, left, high, wide
end

local function misplaced(at, m, out, top, left)
  at.refuse(("its padding: Keras sets %d zeros above and %d on the left and computes %dx%d outputs of %dx%d (height x width); "
    .. "expected what equal zeros on all sides do"):format(top, left, out.h, out.w, m.h, m.w))
end

function layers.map(h, w) return { h = h, w = w, top = 0, bottom = 0, left = 0, right = 0 } end

local makers = {}

function makers.InputLayer(at)
  local key = at.config.batch_input_shape ~= nil and "batch_input_shape" or "batch_shape"
  local shape, expected = at.config[key], "[batch, height, width, channels]"
  if type(shape) ~= "table" or not is_count(number(shape[4])) then wrong(at, key, expected) end
  local h, w = number(shape[2]), number(shape[3])
  if is_null(h) then h = DEFAULT end
  if is_null(w) then w = DEFAULT end
  if not (is_count(h) and is_count(w)) then wrong(at, key, expected) end
  at.map, at.channels = layers.map(h, w), number(shape[4])
end

function makers.Conv2D(at)
  local c, m = at.config, at.inputs[1]
  local size, stride = square(at, "kernel_size"), square(at, "strides")
  channels_last(at)
  only(at, "groups", { 1 }, "1")
  only(at, "activation", { "linear" }, "linear")
  if square(at, "dilation_rate", 1) ~= 1 then wrong(at, "dilation_rate", "[1,1]") end
  if not is_count(c.filters) then wrong(at, "filters", "a count") end
  if type(c.use_bias) ~= "boolean" then wrong(at, "use_bias", "true or false") end
  local top, left
  at.map, top, left = windows(at, m, size, stride)
  local function ours(side) return (side + 2 * top - size) // stride + 1 end
  if top ~= left or ours(m.h) ~= at.map.h or ours(m.w) ~= at.map.w then misplaced(at, m, at.map, top, left) end
  return { "conv2d", filters = c.filters, size = size, stride = stride, padding = top, bias = c.use_bias }
end

-- Windows of ours begin at half the padding; with size - 1 there are as many as Keras has, whatever the size of the map.
function makers.MaxPooling2D(at)
  local size, stride, m = square(at, "pool_size"), square(at, "strides"), at.inputs[1]
  channels_last(at)
  local out, top, left, high, wide = windows(at, m, size, stride)
  local padding = 0
  if is_same(at) then
    if top == (size - 1) // 2 and left == top then padding = size - 1
    elseif high == wide then padding = high
    else misplaced(at, m, out, top, left) end
  end
  at.map = out
  return { "maxpool", size = size, stride = stride, padding = padding }
end

function makers.BatchNormalization(at)
  only(at, "axis", { -1, 3 }, "the channels'")
  at.epsilon = is_null(at.config.epsilon) and keras.EPSILON or finite(at, "epsilon")
  if at.epsilon < 0 then wrong(at, "epsilon", "a number of at least 0") end
  return { "batchnorm" }
end

function makers.LeakyReLU(at)
  local slope = finite(at, is_null(at.config.alpha) and "negative_slope" or "alpha")
  return { "activation", activation = "leaky", slope = slope }
end

-- space_to_depth_x2: TensorFlow's, in the order of reorg3d.
function makers.Lambda(at)
  local factor, m = tonumber(at.name:match "space_to_depth_x(%d+)" or at.name:find "space_to_depth" and 2), at.inputs[1]
  if not factor then at.refuse "a Lambda layer that is not called space_to_depth is not supported" end
  if not is_count(factor) or m.h % factor > 0 or m.w % factor > 0 then
    at.refuse(("expected a factor that divides its input's %dx%d (height x width)"):format(m.h, m.w))
  end
  at.map = layers.map(m.h // factor, m.w // factor)
  return { "reorg3d", stride = factor }
end

local function joined(at)
  local first = at.inputs[1]
  for _, m in ipairs(at.inputs) do
    if m.h ~= first.h or m.w ~= first.w then
      at.refuse(("expected inputs of one size, got %dx%d and %dx%d (height x width)"):format(first.h, first.w, m.h, m.w))
    end
  end
end

function makers.Concatenate(at)
  joined(at)
  only(at, "axis", { -1, 3 }, "the channels'")
  return { "route" }
end

-- Of Keras 1.
function makers.Merge(at)
  joined(at)
  only(at, "mode", { "concat" }, "concat")
  only(at, "concat_axis", { -1, 3 }, "the channels'")
  return { "route" }
end

function makers.Add(at)
  joined(at)
  if #at.inputs ~= 2 then at.refuse(("expected 2 inputs, got %d"):format(#at.inputs)) end
  return { "shortcut" }
end

function makers.UpSampling2D(at)
  local size, m = square(at, "size"), at.inputs[1]
  channels_last(at)
  only(at, "interpolation", { "nearest" }, "nearest")
  at.map = layers.map(m.h * size, m.w * size)
  return { "upsample", stride = size }
end

function makers.Dropout() return { "dropout" } end

-- Left to the convolution behind it.
function makers.ZeroPadding2D(at)
  local p, m = at.config.padding, at.inputs[1]
  channels_last(at)
  local map = layers.map(m.h, m.w)
  for i, side in ipairs(BORDER) do
    local pair = type(p) == "table" and p[(i + 1) // 2]
    local count = type(pair) == "table" and pair[2 - i % 2]
    if not (count == 0 or is_count(count)) then wrong(at, "padding", "[[top, bottom], [left, right]]") end
    map[side] = m[side] + count
  end
  at.map = map
end

-- Layers that read several maps.
local joins = { Concatenate = true, Merge = true, Add = true }

-- Our layer for one of Keras's, or nil: see above.
function layers.make(at)
  local make = makers[at.class]
  if not make then at.refuse "this kind of layer is not supported" end
  local most = at.class == "InputLayer" and 0 or joins[at.class] and math.huge or 1
  if #at.inputs > most or #at.inputs < math.min(most, 1) then
    at.refuse(("expected %s, got %d"):format(most == 0 and "no input" or most == 1 and "1 input" or "inputs", #at.inputs))
  end
  for _, m in ipairs(at.inputs) do
    if not reads_border[at.class] and m.top + m.bottom + m.left + m.right > 0 then
      at.refuse "it reads a ZeroPadding2D: expected a Conv2D behind that"
    end
  end
  at.map = at.inputs[1]
  return make(at)
end

return layers
