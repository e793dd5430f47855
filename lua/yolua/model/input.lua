-- What pictures are brought to before a network sees them: a size, and a way of resizing. A network has its own, those of its cfg or of
-- its last training, which checkpoints keep; the options `imgsz` and `resize` override them.
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local input = {}

-- How many times fewer cells than its input a layer's output has along a side.
local function shrinks(layer, before)
  local stride = tonumber(layer.options.stride) or 1
  stride = math.max(stride, tonumber(layer.options.stride_x) or 0, tonumber(layer.options.stride_y) or 0)
  if layer.kind == "upsample" or layer.options.reverse == "true" then return 1 / stride end
  if layer.kind == "avgpool" and layer.options.size == "0" then return 1 end -- the whole image: nothing is left to align
  if layer.options.stride then return stride end
  local after = layer.shape[3]
  return before > after and after > 1 and before // after or 1 -- a layer of the user's own
end

-- How many pixels of the input a cell of the coarsest layer spans.
function input.stride(model)
  local layers = model.net:layers()
  local spans, most = { [0] = 1 }, 1
  for i, layer in ipairs(layers) do
    local from = layer.inputs[1] or 0
    spans[i] = spans[from] * shrinks(layer, from == 0 and model.w or layers[from].shape[3])
    most = math.max(most, spans[i])
  end
  return math.floor(most)
end

-- "288x288 and 320x320": the sizes in whole strides around this one.
local function nearest(size, stride)
  local down, up = {}, {}
  for i = 1, 2 do
    up[i] = -(-size[i] // stride) * stride
    down[i] = math.max(stride, size[i] // stride * stride)
  end
  local low, high = ("%dx%d"):format(down[1], down[2]), ("%dx%d"):format(up[1], up[2])
  return low == high and ("the nearest is %s"):format(low) or ("the nearest are %s and %s"):format(low, high)
end

-- Refuses a size {w, h} that the network cannot run at, in a sentence that names the key (of the options o), the stride and what fits.
function input.check(model, size, o, key)
  if size[1] == model.w and size[2] == model.h then return end
  local stride, net = #model.heads > 0 and input.stride(model) or 1, model.net
  local function refuse(format, ...) options.refuse(o, key, "%s=%dx%d: " .. format, key, size[1], size[2], ...) end
  if size[1] % stride > 0 or size[2] % stride > 0 then
    refuse("expected width and height in multiples of %d, the network's stride; %s", stride, nearest(size, stride))
  end
  local fits, why = pcall(net.resize, net, size[1], size[2])
  if not fits then refuse("the network cannot run at this size: %s", (why:gsub("^[^:]*%.lua:%d+: ", ""))) end
  net:resize(model.w, model.h)
end

local field = fields.groups.size[1]

-- {w, h, resize} by the options o (imgsz, resize), else the network's own. call: options of one call, whose imgsz comes first. Errors: a
-- size that does not fit, with the place.
function input.of(model, o, call)
  local from = call and rawget(call, "imgsz") and call or o
  local size = rawget(from, "imgsz")
  if size ~= nil then
    size = schema.convert(field, size, options.from(from, "imgsz"), "imgsz")
    input.check(model, size, from, "imgsz")
  end
  return { w = size and size[1] or model.w, h = size and size[2] or model.h, resize = rawget(o, "resize") or model.resize }
end

local function words(i) return ("%dx%d, %s"):format(i.w, i.h, i.resize) end

-- The name of the file that a model came from.
function input.file(model) return model.path:match "[^/]*$" end

-- One line: what the pictures are brought to, who says so, and what the network itself says where that differs.
function input.text(model, o, call)
  local used, own = words(input.of(model, o, call)), words(model)
  local file = input.file(model)
  if used == own then return ("input %s (as %s)"):format(own, model.trained and "it was trained" or file .. " says") end
  return ("input %s (%s %s)"):format(used, model.trained and "it was trained at" or file .. " says", own)
end

-- Prints that line, but not beside a JSON document.
function input.say(model, o)
  local json = rawget(o, "json")
  if not json or json == "false" then print(input.text(model, o)) end
end

return input
