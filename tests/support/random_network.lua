-- Random networks of every kind of layer that says what its channels are made of, with random zeros in them: for tests of whatever
-- changes widths. The same seed gives the same network.
local core = require "yolua.core"
local dice = require "support.dice"

local random_network = {}

-- What a network's seed throws.
function random_network.source(seed) return dice(seed * 0x9e3779b97f4a7c15 + 1) end

local ACTIVATIONS = { "leaky", "leaky", "relu", "logistic", "swish", "mish", "hardswish", "tanh", "elu", "relu6", "gelu" }

local Net = {}
Net.__index = Net

function Net:add(spec, h, w, c)
  local layers = self.layers
  spec.name = spec.name or ("n%d"):format(#layers + 1)
  layers[#layers + 1] = spec
  local value = { name = spec.name, h = h, w = w, c = c }
  self.values[#self.values + 1] = value
  self.last = value
  return value
end

local function out_side(side, size, stride, pad) return (side + 2 * pad - size) // stride + 1 end

-- Behind a convolution: batch-norm and activation, or only one, or none.
function Net:companions(v, bn)
  local r = self.r
  if bn then v = self:add({ "batchnorm", inputs = { v.name }, name = v.name .. ".bn" }, v.h, v.w, v.c) end
  if r.chance(0.8) then
    local name = v.name:gsub("%.bn$", "") .. ".act"
    v = self:add({ "activation", activation = r.pick(ACTIVATIONS), inputs = { v.name }, name = name }, v.h, v.w, v.c)
  end
  return v
end

local kinds = {}

function kinds.conv(net, v, filters)
  local r = net.r
  local size, stride = r.pick { 1, 3, 3 }, r.pick { 1, 1, 2 }
  local pad = r.chance(0.75)
  local groups = r.chance(0.2) and r.pick { 2, v.c } or 1
  if v.c % groups > 0 then groups = 1 end
  filters = filters or (groups == v.c and v.c * r.pick { 1, 1, 2 } or groups * (1 + r.below(7 // groups + 2)))
  if filters % groups > 0 then groups = 1 end
  local p = pad and size // 2 or 0
  local h, w = out_side(v.h, size, stride, p), out_side(v.w, size, stride, p)
  if h < 1 or w < 1 then return end
  local bn = r.chance(0.6)
  return net:companions(net:add({ "conv2d", filters = filters, size = size, stride = stride, pad = pad, groups = groups,
    bias = not bn and r.chance(0.7), inputs = { v.name } }, h, w, filters), bn)
end

function kinds.maxpool(net, v)
  if v.h % 2 > 0 or v.w % 2 > 0 or v.h < 4 then return net:add({ "maxpool", size = 3, stride = 1, inputs = { v.name } }, v.h, v.w, v.c) end
  return net:add({ "maxpool", size = 2, stride = 2, inputs = { v.name } }, v.h // 2, v.w // 2, v.c)
end

function kinds.avgpool(net, v)
  if net.r.chance(0.7) then return net:add({ "avgpool", size = 3, stride = 1, inputs = { v.name } }, v.h, v.w, v.c) end
  return net:add({ "avgpool", inputs = { v.name } }, 1, 1, v.c)
end

function kinds.upsample(net, v)
  if v.h * v.w > 256 then return end
  return net:add({ "upsample", stride = 2, scale = net.r.pick { 1, 0.5 }, inputs = { v.name } }, v.h * 2, v.w * 2, v.c)
end

function kinds.dropout(net, v) return net:add({ "dropout", inputs = { v.name } }, v.h, v.w, v.c) end

function kinds.companions(net, v)
  local r = net.r
  if r.chance(0.5) then return net:add({ "batchnorm", inputs = { v.name } }, v.h, v.w, v.c) end
  return net:add({ "activation", activation = r.pick(ACTIVATIONS), inputs = { v.name } }, v.h, v.w, v.c)
end

function kinds.reorg(net, v)
  if v.h % 2 > 0 or v.w % 2 > 0 then return end
  local kind = v.c % 4 == 0 and net.r.chance(0.7) and "reorg" or "reorg3d"
  return net:add({ kind, stride = 2, inputs = { v.name } }, v.h // 2, v.w // 2, v.c * 4)
end

-- Values of one height and width with v, v among them.
local function alike(net, v, with_channels)
  local list = {}
  for _, other in ipairs(net.values) do
    if other.h == v.h and other.w == v.w and (not with_channels or other.c == v.c) then list[#list + 1] = other end
  end
  return list
end

function kinds.route(net, v)
  local r, inputs, c, names = net.r, {}, 0, {}
  local groups = v.c % 2 == 0 and r.chance(0.3) and 2 or 1
  for _ = 1, 1 + r.below(3) do
    local other = r.pick(alike(net, v))
    if other.c % groups == 0 then inputs[#inputs + 1], c, names[#inputs + 1] = other, c + other.c // groups, other.name end
  end
  if #inputs == 0 or c > 64 then return end
  return net:add({ "route", groups = groups, group_id = groups - 1, inputs = names }, v.h, v.w, c)
end

function kinds.shortcut(net, v)
  local r = net.r
  local other = r.pick(alike(net, v, r.chance(0.7)))
  if r.chance(0.15) then -- of another size
    for _, value in ipairs(net.values) do
      if value.h == 2 * v.h and value.w == 2 * v.w then other = value end
    end
  end
  local sum = net:add({ "shortcut", inputs = { v.name, other.name } }, v.h, v.w, v.c)
  return r.chance(0.4) and net:companions(sum, false) or sum
end

-- A residual block whose branch comes back to the width it began with
function kinds.residual(net, v)
  local r = net.r
  local a = net:add({ "conv2d", filters = 1 + r.below(8), size = 1, bias = false, inputs = { v.name } }, v.h, v.w, 0)
  a.c = net.layers[#net.layers].filters
  a = net:companions(a, true)
  local b = net:add({ "conv2d", filters = v.c, size = 3, pad = true, inputs = { a.name }, bias = r.chance(0.5) }, v.h, v.w, v.c)
  if r.chance(0.5) then b = net:companions(b, r.chance(0.5)) end
  return net:add({ "shortcut", inputs = { b.name, v.name } }, v.h, v.w, v.c)
end

-- Squeeze and excitation; or a factor per pixel; or a product of two layers
function kinds.scaled(net, v)
  local r = net.r
  local way = r.below(3)
  if way == 0 then
    local a = net:add({ "avgpool", inputs = { v.name } }, 1, 1, v.c)
    a = net:add({ "conv2d", filters = v.c, size = 1, inputs = { a.name } }, 1, 1, v.c)
    a = net:add({ "activation", activation = "logistic", inputs = { a.name } }, 1, 1, v.c)
    return net:add({ "scale_channels", inputs = { a.name, v.name } }, v.h, v.w, v.c)
  elseif way == 1 then
    local a = net:add({ "conv2d", filters = 1, size = 1, inputs = { v.name } }, v.h, v.w, 1)
    return net:add({ "scale_channels", scale_wh = true, inputs = { a.name, v.name } }, v.h, v.w, v.c)
  end
  return net:add({ "sam", inputs = { r.pick(alike(net, v, true)).name, v.name } }, v.h, v.w, v.c)
end

local NAMES = { "conv", "conv", "conv", "conv", "maxpool", "avgpool", "upsample", "dropout", "companions", "reorg", "route", "route",
  "shortcut", "shortcut", "residual", "residual", "scaled" }

local function finish(net)
  local r, v = net.r, net.last
  local way = r.below(4)
  if way == 0 then
    net:add({ "connected", output = 1 + r.below(6), inputs = { v.name } }, 1, 1, 0)
    net.last.c = net.layers[#net.layers].output
    net:add({ "connected", output = 3, inputs = { net.last.name } }, 1, 1, 3)
    if r.chance(0.5) then net:add({ "softmax", inputs = { net.last.name } }, 1, 1, 3) end
    return
  end
  for _ = 1, way == 1 and 2 or 1 do -- one head or two
    v = r.pick(net.values)
    net:add({ "conv2d", filters = 14, size = 1, inputs = { v.name } }, v.h, v.w, 14)
    local yolo = r.chance(0.5)
    net:add({ yolo and "yolo" or "region", classes = 2, num = 2, anchors = { 1, 1, 2, 2 }, inputs = { net.last.name } }, v.h, v.w, 14)
  end
end

-- The layers of a network, as core.net takes them, and the input's size.
function random_network.layers(seed)
  local r = random_network.source(seed)
  local net = setmetatable({ r = r, layers = {}, values = {} }, Net)
  local h, w, c = r.pick { 8, 12, 16 }, r.pick { 8, 16 }, 1 + r.below(4)
  net:add({ "conv2d", filters = 2 + r.below(8), size = 3, pad = true, inputs = { 0 }, bias = false }, h, w, 0)
  net.last.c = net.layers[1].filters
  net:companions(net.last, true)
  for _ = 1, 2 + r.below(10) do
    local v = r.chance(0.75) and net.last or r.pick(net.values)
    kinds[r.pick(NAMES)](net, v)
  end
  finish(net)
  return net.layers, { h = h, w = w, c = c }
end

-- The network, with statistics that are not the usual ones.
function random_network.make(seed)
  local layers, size = random_network.layers(seed)
  local net = core.net { h = size.h, w = size.w, c = size.c, seed = seed, layers = layers }
  local r = random_network.source(seed + 1000003)
  for _, range in ipairs(net:ranges()) do
    if range.kind ~= "weight" then
      local numbers = {}
      for i = 1, range.count do
        numbers[i] = range.name:find "%.var$" and r.real(0.3, 2) or range.kind == "scale" and r.real(0.5, 1.5) or r.real(-0.5, 0.5)
      end
      net:set(range.name, numbers)
    end
  end
  return net
end

-- Zeros in channels of a layer's output, in one of several ways: whole filters with their batch-norm, or only a part of what makes them.
local function kill_rows(net, r, layer, ratio, all, masks)
  local ways = r.pick { "all", "all", "weights", "scale" }
  for _, range in ipairs(net:ranges()) do
    local mine = range.layer == layer or range.layer == layer .. ".bn"
    local kind = range.kind
    local picked = ways == "all" and kind ~= "statistic" or kind == "weight" and ways == "weights" or kind == "scale" and ways == "scale"
    if mine and picked then
      local row, numbers = range.count // range.dims[1], {}
      for i = 1, range.count do
        local o = (i - 1) // row
        numbers[i] = (all or o * 7919 % 101 < ratio * 101) and 0 or 1
      end
      masks[range.name] = numbers
    end
  end
end

-- Zeros in the weights that read a channel.
local function kill_columns(r, range, ratio, masks)
  local c, numbers = range.dims[#range.dims], {}
  local odd = r.below(97) + 1
  for i = 1, range.count do numbers[i] = ((i - 1) % c + odd) * 7919 % 101 < ratio * 101 and 0 or 1 end
  masks[range.name] = numbers
end

-- Zeros at random: of some layers a share of the channels, of others all. Returns the masks, by range.
function random_network.kill(net, seed)
  local r, masks = random_network.source(seed + 2000003), {}
  for _, range in ipairs(net:ranges()) do
    if range.kind == "weight" then
      local chance = r.below(10)
      if chance < 6 then kill_rows(net, r, range.layer, r.pick { 0.2, 0.5, 0.8, 0.99 }, false, masks)
      elseif chance == 6 then kill_rows(net, r, range.layer, 1, true, masks)
      elseif chance == 7 then kill_columns(r, range, r.pick { 0.3, 0.7 }, masks) end
    end
  end
  for name, numbers in pairs(masks) do net:set(name, numbers, "mask") end
  return masks
end

local function noise(count, seed)
  local r, list = random_network.source(seed), {}
  for i = 1, count do list[i] = r.real(-1, 1) end
  return list
end

-- The outputs (layers that nobody reads) for noise, by name; o: h, w, slab.
function random_network.outputs(net, seed, o)
  o = o or {}
  local plan = net:plan { mode = "infer", batch = 2, keep = true, h = o.h, w = o.w, slab = o.slab }
  local size = plan:shape(0)
  plan:input(noise(size[1] * size[2] * size[3] * size[4], seed))
  plan:forward()
  local layers, read, out = net:layers(), {}, {}
  for _, layer in ipairs(layers) do
    for _, input in ipairs(layer.inputs) do read[input] = true end
  end
  for i, layer in ipairs(layers) do
    if not read[i] then out[layer.name] = plan:output(i) end
  end
  plan:close()
  return out
end

-- The largest difference of two networks' outputs, relative to the largest value; and the names of those that are missing.
function random_network.difference(a, b)
  local worst, missing = 0, {}
  for name, numbers in pairs(a) do
    local largest, difference = 0, 0
    if not b[name] or #b[name] ~= #numbers then missing[#missing + 1] = name else
      for i, x in ipairs(numbers) do
        largest = math.max(largest, math.abs(x))
        local d = math.abs(x - b[name][i])
        difference = d > difference and d or d ~= d and math.huge or difference
      end
      worst = math.max(worst, largest > 0 and difference / largest or difference)
    end
  end
  return worst, missing
end

local function channels(net)
  local sum = 0
  for _, layer in ipairs(net:layers()) do sum = sum + layer.shape[4] end
  return sum
end

-- The difference between a network and what its cfg and weights load to, whose layers have other names.
local function read_back(net, seed)
  local stem = os.tmpname()
  core.darknet.save_cfg(net, stem .. ".cfg")
  core.darknet.save_weights(net, stem .. ".weights")
  local back = core.darknet.load_cfg(stem .. ".cfg", "cpu")
  core.darknet.load_weights(back, stem .. ".weights", {})
  for _, ending in ipairs { "", ".cfg", ".weights" } do os.remove(stem .. ending) end
  local both = {}
  for i, one in ipairs { net, back } do
    local outputs = random_network.outputs(one, seed)
    both[i] = {}
    for _, layer in ipairs(one:layers()) do both[i][#both[i] + 1] = outputs[layer.name] end
  end
  local difference, missing = random_network.difference(both[1], both[2])
  return (#missing > 0 or #both[1] ~= #both[2]) and math.huge or difference
end

-- Makes the network, zeros some of it, compacts it; every fifth is also written as cfg and weights, and read. Returns the largest
-- relative difference of the outputs, and how many channels its layers had before and after.
function random_network.compact(seed, o)
  local net, worst = random_network.make(seed), 0
  random_network.kill(net, seed)
  local slabs = { "value" }
  if seed % 3 == 0 then
    for _, range in ipairs(net:ranges()) do net:tensor(range.name, "ema"):mul_(1.1) end
    slabs[2] = "ema"
  end
  local made = core.compact(net, o or { round_to = seed % 4 == 0 and 2 or 1, min_channels = seed % 7 == 0 and 2 or 1 })
  for _, slab in ipairs(slabs) do
    local difference, missing = random_network.difference(random_network.outputs(net, seed, { slab = slab }),
      random_network.outputs(made, seed, { slab = slab }))
    worst = #missing > 0 and math.huge or math.max(worst, difference)
  end
  if seed % 5 == 0 then worst = math.max(worst, read_back(made, seed)) end
  return worst, channels(net), channels(made)
end

return random_network
