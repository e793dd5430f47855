-- What layers answer about their channels is what they do: a change of one input channel changes just the output channels that are made
-- of it, at several sizes. `fewer`: only some of them, as with [reorg], whose channels hang together in other ways at every size.
local t = require "luaunit"
local core = require "yolua.core"
local random_network = require "support.random_network"
require "support.own_layers"

-- The network of one layer, `x`, whose inputs are equal parts of the network's input, each through `before[i]` where given.
local function network(case, h, w)
  local layers, parts = {}, case.parts or 1
  local inputs = {}
  for i = 1, parts do
    layers[#layers + 1] = { "route", name = "part" .. i, groups = parts, group_id = i - 1, inputs = { 0 } }
    inputs[i] = "part" .. i
    local before = case.before and case.before[i]
    if before then
      local spec = { name = "before" .. i, inputs = { inputs[i] } }
      for key, value in pairs(before) do spec[key] = value end
      layers[#layers + 1] = spec
      inputs[i] = "before" .. i
    end
  end
  local spec = { name = "x", inputs = inputs }
  for key, value in pairs(case.layer) do spec[key] = value end
  layers[#layers + 1] = spec
  return core.net { h = h, w = w, c = parts * case.c, seed = 3, layers = layers }
end

local function output(plan, numbers, index)
  plan:input(numbers)
  plan:forward()
  return plan:output(index)
end

-- made[out][in]: whether a change of channel `in` of the network's input changes channel `out` of the layer's output.
local function look(net, c, made)
  local plan, layers = net:plan { mode = "infer", batch = 1, keep = true }, net:layers()
  local index, size = #layers, plan:shape(0)
  local r, x = random_network.source(5), {}
  for i = 1, size[2] * size[3] * size[4] do x[i] = r.real(0.5, 1) end
  local before = output(plan, x, index)
  local out_c = layers[index].shape[4]
  for channel = 1, c do
    local changed = {}
    for i, value in ipairs(x) do changed[i] = (i - 1) % c + 1 == channel and value + r.real(0.1, 1) or value end
    for i, value in ipairs(output(plan, changed, index)) do
      local out = (i - 1) % out_c + 1
      made[out] = made[out] or {}
      made[out][channel] = made[out][channel] or value ~= before[i]
    end
  end
  plan:close()
end

-- The same as the layer answers it; its inputs are equal parts of c channels.
local function told(net, case)
  local graph, made = core.channels(net), {}
  local layers = net:layers()
  for out = 1, layers[#layers].shape[4] do
    made[out] = {}
    for channel = 1, case.c * (case.parts or 1) do made[out][channel] = false end
    for _, source in ipairs(graph:sources("x", out)) do
      for channel = source.first, source.last do made[out][(source.input - 1) * case.c + channel] = true end
    end
  end
  return made
end

local HALF = { "maxpool", size = 2, stride = 2 }
local FACTOR = { "avgpool" }

local CASES = {
  { layer = { "conv2d", filters = 5, size = 3, pad = true }, c = 4 },
  { layer = { "conv2d", filters = 6, size = 3, pad = true, groups = 2 }, c = 4 },
  { layer = { "conv2d", filters = 8, size = 3, groups = 4 }, c = 4 },
  { layer = { "connected", output = 3 }, c = 4, sizes = { { 4, 4 } } },
  { layer = { "tensor_train", in_modes = { 8, 8 }, out_modes = { 3, 2 }, ranks = { 5 } }, c = 4, sizes = { { 4, 4 } } },
  { layer = { "batchnorm" }, c = 3 },
  { layer = { "activation" }, c = 3 },
  { layer = { "maxpool", size = 2, stride = 2 }, c = 3 },
  { layer = { "avgpool" }, c = 3 },
  { layer = { "avgpool", size = 3, stride = 1 }, c = 3 },
  { layer = { "upsample", stride = 2 }, c = 3 },
  { layer = { "dropout" }, c = 3 },
  { layer = { "route" }, c = 4, parts = 3 },
  { layer = { "route", groups = 2, group_id = 1 }, c = 4, parts = 2 },
  { layer = { "shortcut" }, c = 4, parts = 2 },
  { layer = { "shortcut" }, c = 4, parts = 2, before = { HALF } },
  { layer = { "shortcut" }, c = 4, parts = 2, before = { [2] = HALF } },
  { layer = { "sam" }, c = 4, parts = 2 },
  { layer = { "scale_channels" }, c = 4, parts = 2, before = { FACTOR } },
  { layer = { "scale_channels", scale_wh = true }, c = 1, parts = 2 },
  { layer = { "reorg", stride = 2 }, c = 8, sizes = { { 4, 4 }, { 6, 6 }, { 2, 2 }, { 26, 10 } }, fewer = true },
  { layer = { "reorg", stride = 3 }, c = 18, sizes = { { 3, 3 }, { 6, 9 }, { 15, 12 } }, fewer = true },
  { layer = { "reorg3d", stride = 2 }, c = 3 },
  { layer = { "gelu" }, c = 3 },
  { layer = { "scale" }, c = 3 },
  { layer = { "product" }, c = 3, parts = 2 },
  { layer = { "squeeze" }, c = 4, fewer = true }, -- which does not say: all of them
}

-- Rows of 0 and 1, one per output channel.
local function text(made)
  local rows = {}
  for out, row in ipairs(made) do
    local bits = {}
    for i, yes in ipairs(row) do bits[i] = yes and "1" or "0" end
    rows[out] = table.concat(bits)
  end
  return table.concat(rows, " ")
end

TestChannels = {}

for number, case in ipairs(CASES) do
  TestChannels[("test_%02d_%s"):format(number, case.layer[1])] = function()
    local made = {}
    local wanted
    for _, size in ipairs(case.sizes or { { 4, 4 }, { 6, 8 } }) do
      local net = network(case, size[1], size[2])
      wanted = told(net, case)
      look(net, case.c * (case.parts or 1), made)
      net:close()
    end
    for out, row in ipairs(case.fewer and made or {}) do -- among those that are told
      for channel, changed in ipairs(row) do t.assertTrue(not changed or wanted[out][channel]) end
    end
    if not case.fewer then t.assertEquals(text(made), text(wanted)) end
  end
end

-- Kinds of layers without a head that say nothing keep all of their channels: none is forgotten.
function TestChannels.test_every_kind()
  local silent = {}
  for _, name in ipairs(core.layers.kinds()) do
    local tested = ({ region = true, yolo = true, softmax = true })[name] -- heads: all channels stay
    for _, case in ipairs(CASES) do tested = tested or case.layer[1] == name end
    if not tested and not require("yolua.model.layer").kinds[name] then silent[#silent + 1] = name end
  end
  t.assertEquals(silent, {})
end

os.exit(t.LuaUnit.run())
