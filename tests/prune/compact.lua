-- Compaction: a smaller network computes the same, in every slab; whatever the layers and wherever the zeros.
local t = require "luaunit"
local core = require "yolua.core"
local random_network = require "support.random_network"
local yl = require "yolua"

local RANDOM = 60 -- networks; tests/fuzz/compact.lua tries more

local function layer(net, name)
  for i, l in ipairs(net:layers()) do
    if l.name == name then return l, i end
  end
end

local function range(net, name)
  for _, r in ipairs(net:ranges()) do
    if r.name == name then return r end
  end
end

-- Masks the rows of a parameter that `dead` (a function of the row, from 1) picks.
local function mask(net, name, dead)
  local r, numbers = range(net, name), {}
  for i = 1, r.count do numbers[i] = dead((i - 1) // (r.count // r.dims[1]) + 1) and 0 or 1 end
  net:set(name, numbers, "mask")
end

-- A convolution with its batch-norm.
local function mask_filters(net, name, dead)
  for _, r in ipairs(net:ranges()) do
    if (r.layer == name or r.layer == name .. ".bn") and r.kind ~= "statistic" then mask(net, r.name, dead) end
  end
end

local function widths(net)
  local list = {}
  for _, l in ipairs(net:layers()) do list[l.name] = l.shape[4] end
  return list
end

local function same(net, made, o)
  local difference, missing = random_network.difference(random_network.outputs(net, 7, o), random_network.outputs(made, 7, o))
  t.assertEquals(missing, {})
  t.assertTrue(difference <= 1e-4, difference)
end

TestCompact = {}

-- The bundled detector, every second filter of its first five layers: also at another size, and its detections.
function TestCompact.test_chain()
  local model = yl.load { model = "street" }
  local net = model.net
  for i = 1, 5 do mask_filters(net, "conv" .. i, function(row) return row % 2 == 0 end) end
  local made = core.compact(net, {})
  local before, after = widths(net), widths(made)
  for i = 1, 5 do
    for _, what in ipairs { "", ".bn", ".act" } do t.assertEquals(after["conv" .. i .. what], before["conv" .. i] // 2) end
  end
  t.assertEquals(after.conv6, before.conv6)
  t.assertEquals(layer(made, "conv3").params, 16 * 9 * 32)
  t.assertEquals(layer(made, "conv2").options.filters, "16")
  same(net, made)
  same(net, made, { h = 64, w = 96 })
  t.assertEquals(made:header(), net:header())
  t.assertEquals({ made:size() }, { net:size() })
end

local function routed()
  return core.net { h = 8, w = 8, c = 3, seed = 3, layers = {
    { "conv2d", filters = 6, size = 3, pad = true }, { "activation" },
    { "conv2d", filters = 4, size = 1 }, { "activation", activation = "relu" },
    { "route", inputs = { "conv2", "act1", "act2" } }, { "conv2d", filters = 5, size = 3, pad = true } } }
end

-- Rows and columns of the layer behind a route follow their channels; an input of which nothing is left goes.
function TestCompact.test_route()
  local net = routed()
  mask_filters(net, "conv1", function(row) return row == 2 or row == 5 end)
  mask_filters(net, "conv2", function(row) return row == 1 end)
  local made = core.compact(net, {})
  local after = widths(made)
  t.assertEquals({ after.conv1, after.conv2, after.route1, after.conv3 }, { 4, 3, 10, 5 })
  same(net, made)
  local old, new = net:get "conv3.weight", made:get "conv3.weight"
  local kept = { 2, 3, 4, 5, 7, 8, 10, 12, 13, 14 } -- of conv2, act1 (the channels of conv1), act2
  for tap = 0, 8 do
    for i, c in ipairs(kept) do t.assertEquals(new[tap * 10 + i], old[tap * 14 + c]) end
  end
  net = routed()
  mask_filters(net, "conv2", function() return true end)
  made = core.compact(net, {})
  t.assertNil(layer(made, "conv2"))
  t.assertNil(layer(made, "act2"))
  t.assertEquals(#layer(made, "route1").inputs, 1)
  same(net, made)
end

-- Masked filters whose bias or batch-norm leaves a constant: it moves on into a bias, into a mean, or stays in one channel before a border.
function TestCompact.test_constants_move_on()
  local function network(size, bias, bn)
    local layers = { { "conv2d", filters = 6, size = 3, pad = true }, { "activation", activation = "logistic" },
      { "conv2d", filters = 4, size = size, pad = true, bias = bias } }
    if bn then layers[4] = { "batchnorm" } end
    local net = core.net { h = 6, w = 6, c = 2, seed = 5, layers = layers }
    mask(net, "conv1.weight", function(row) return row > 2 end)
    net:set("conv1.bias", { 0.1, -0.2, 0.3, 0.7, -0.9, 1.1 })
    return net
  end
  local cases = { { 1, true, false, 2 }, { 1, false, true, 2 }, { 3, true, false, 3 }, { 3, false, true, 3 }, { 1, false, false, 3 } }
  for _, case in ipairs(cases) do
    local net = network(case[1], case[2], case[3])
    local made = core.compact(net, {})
    t.assertEquals(widths(made).conv1, case[4])
    same(net, made)
    local moved = case[2] and "conv2.bias" or "bn1.mean"
    if case[4] == 2 then t.assertNotEquals(made:get(moved), net:get(moved)) end
  end
end

-- A constant that moves into a masked number frees it.
function TestCompact.test_constants_and_masks()
  local net = core.net { h = 6, w = 6, c = 2, seed = 5, layers = { { "conv2d", filters = 6, size = 1 },
    { "activation", activation = "tanh" }, { "conv2d", filters = 4, size = 1 } } }
  mask(net, "conv1.weight", function(row) return row > 2 end)
  net:set("conv1.bias", { 0.1, -0.2, 0.3, 0.7, -0.9, 1.1 })
  mask(net, "conv2.bias", function() return true end)
  local made = core.compact(net, {})
  t.assertEquals(made:get("conv2.bias", "mask"), { 1, 1, 1, 1 })
  t.assertEquals(made:get("conv1.weight", "mask"), { 1, 1, 1, 1 })
  same(net, made)
end

local function residual()
  return core.net { h = 6, w = 6, c = 2, seed = 4, layers = {
    { "conv2d", filters = 4, size = 3, pad = true, bias = false }, { "batchnorm" }, { "activation" },
    { "conv2d", filters = 3, size = 1 }, { "activation" }, { "conv2d", filters = 4, size = 3, pad = true, bias = false }, { "batchnorm" },
    { "shortcut", inputs = { "bn2", "act1" } }, { "conv2d", filters = 5, size = 1 } } }
end

-- A channel of a sum goes when all its terms are zero; a branch that is zero everywhere goes as a whole.
function TestCompact.test_shortcut()
  local net = residual()
  for _, name in ipairs { "conv1.weight", "bn1.bias", "bn1.scale" } do mask(net, name, function(row) return row <= 2 end) end
  t.assertEquals(widths(core.compact(net, {})).conv1, 4) -- the branch adds something to these channels
  for _, name in ipairs { "conv3.weight", "bn2.bias", "bn2.scale" } do mask(net, name, function(row) return row == 2 end) end
  local made = core.compact(net, {})
  t.assertEquals({ widths(made).conv1, widths(made).conv3, widths(made).shortcut1 }, { 3, 3, 3 })
  same(net, made)
  net = residual()
  for _, name in ipairs { "conv3.weight", "bn2.bias", "bn2.scale" } do mask(net, name, function() return true end) end
  made = core.compact(net, {})
  for _, name in ipairs { "conv2", "act2", "conv3", "bn2", "shortcut1" } do t.assertNil(layer(made, name), name) end
  t.assertEquals(#made:layers(), 4)
  same(net, made)
end

-- Channels that nobody reads.
function TestCompact.test_unread()
  local net = core.net { h = 6, w = 6, c = 2, seed = 4, layers = { { "conv2d", filters = 4, size = 3 }, { "conv2d", filters = 3, size = 1 },
    { "conv2d", filters = 2, size = 1 } } }
  net:set("conv3.weight", { 1, 0, 2, 3, 0, 4 })
  net:set("conv2.weight", { 1, 2, 0, 3, 1, 2, 5, 3, 4, 5, 0, 6 })
  local made = core.compact(net, {})
  t.assertEquals({ widths(made).conv1, widths(made).conv2 }, { 3, 2 }) -- channel 3 is read by the second filter of conv2 alone
  same(net, made)
end

-- Everything masked: one channel stays where a layer needs one, and the output is what it was.
function TestCompact.test_all_masked()
  local model = yl.load { model = "street" }
  for i = 1, 10 do mask_filters(model.net, "conv" .. i, function() return true end) end
  local made = core.compact(model.net, {})
  t.assertEquals(widths(made).conv10, 1)
  t.assertEquals(widths(made).conv11, 50)
  same(model.net, made)
end

-- Every slab loses the same rows and columns; steps, frozen ranges and rates stay.
function TestCompact.test_slabs()
  local net = routed()
  mask_filters(net, "conv1", function(row) return row == 2 or row == 5 end)
  local slabs = { "grad", "momentum", "adam_m", "adam_v", "ema" }
  for k, slab in ipairs(slabs) do
    for _, r in ipairs(net:ranges()) do
      local numbers = {}
      for i = 1, r.count do numbers[i] = k * 1000 + i end
      net:set(r.name, numbers, slab)
    end
  end
  net:freeze "conv3"
  core.step(net, { rule = "adam", lr = 0, decay = 0, ema = 0.999999 })
  local made = core.compact(net, {})
  local rows, columns = { 1, 3, 4, 6 }, { 1, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14 }
  for _, slab in ipairs { "momentum", "adam_m", "adam_v", "ema", "value" } do
    local old, new = net:get("conv1.weight", slab), made:get("conv1.weight", slab)
    t.assertEquals(#new, 4 * 27)
    for i, row in ipairs(rows) do
      for k = 1, 27 do t.assertEquals(new[(i - 1) * 27 + k], old[(row - 1) * 27 + k], slab) end
    end
    old, new = net:get("conv3.weight", slab), made:get("conv3.weight", slab)
    for i = 0, 5 * 9 - 1 do
      for k, c in ipairs(columns) do t.assertEquals(new[i * 12 + k], old[i * 14 + c], slab) end
    end
  end
  t.assertTrue(core.has_slab(made, "grad"))
  for _, r in ipairs(made:ranges()) do
    t.assertEquals(r.frozen, r.layer == "conv3")
    t.assertEquals(r.steps, r.layer == "conv3" and 0 or 1)
  end
end

function TestCompact.test_widths()
  local model = yl.load { model = "street" }
  for i = 1, 5 do mask_filters(model.net, "conv" .. i, function(row) return row > 3 end) end
  local function made(o) return widths(core.compact(model.net, o)) end
  t.assertEquals(made({}).conv3, 3)
  t.assertEquals(made({ round_to = 8 }).conv3, 8)
  t.assertEquals(made({ min_channels = 5 }).conv3, 5)
  t.assertEquals(made({ min_channels = 5, round_to = 4 }).conv3, 8)
  t.assertEquals(made({ min_channels = 500 }).conv3, 64)
  same(model.net, core.compact(model.net, { round_to = 8 }))
  local ok, message = pcall(core.compact, model.net, { round_to = 24 })
  t.assertFalse(ok)
  t.assertStrContains(message, "round_to=24 is more than the 16 channels of conv1; expected at most 16")
end

-- Random networks of every kind of layer, with random zeros; every third with an average of its weights, every fifth written and read.
function TestCompact.test_random_networks()
  local smaller = 0
  for seed = 1, RANDOM do
    local difference, before, after = random_network.compact(seed)
    t.assertTrue(difference <= 1e-4, ("network %d: %g"):format(seed, difference))
    if after < before then smaller = smaller + 1 end
  end
  t.assertTrue(smaller > RANDOM / 2)
end

os.exit(t.LuaUnit.run())
