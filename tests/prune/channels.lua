-- The channel graph: which channels stay or go together, masks for a choice of them, and cuts by score.
local t = require "luaunit"
local core = require "yolua.core"
local random_network = require "support.random_network"

local function network(layers, c) return core.net { h = 8, w = 8, c = c or 3, layers = layers } end

-- The groups of a layer's channels, as {first channel's group, ...} numbered from 1 in the order in which they appear in the network.
local function groups(graph, name)
  for _, layer in ipairs(graph:layers()) do
    if layer.name == name then return layer.groups end
  end
end

local function apart(a, b)
  local in_a = {}
  for _, g in ipairs(a) do in_a[g] = true end
  for _, g in ipairs(b) do
    if in_a[g] then return false end
  end
  return true
end

TestGroups = {}

function TestGroups.test_chain()
  local graph = core.channels(network { { "conv2d", filters = 4, size = 3 }, { "batchnorm" }, { "activation" }, { "maxpool", size = 2 },
    { "conv2d", filters = 2, size = 1 } })
  t.assertEquals(groups(graph, "conv1"), groups(graph, "bn1"))
  t.assertTrue(apart(groups(graph, "conv1"), groups(graph, "conv2")))
  local fixed = graph:fixed()
  t.assertFalse(fixed[groups(graph, "conv1")[4]])
  t.assertTrue(fixed[groups(graph, "conv2")[1]]) -- an output
end

function TestGroups.test_sums_and_products()
  for _, case in ipairs { { "shortcut" }, { "sam" } } do
    local graph = core.channels(network { { "conv2d", filters = 4, size = 1 }, { "conv2d", filters = 4, size = 1, inputs = { 0 } },
      { case[1], inputs = { "conv1", "conv2" } }, { "conv2d", filters = 2, size = 1 } })
    t.assertEquals(groups(graph, "conv1"), groups(graph, "conv2"))
    t.assertFalse(graph:fixed()[groups(graph, "conv1")[1]])
  end
end

-- A sum with fewer channels: the others are free; the factor of a product per pixel has to stay.
function TestGroups.test_unequal_inputs()
  local graph = core.channels(network { { "conv2d", filters = 4, size = 1 }, { "conv2d", filters = 2, size = 1, inputs = { 0 } },
    { "shortcut", inputs = { "conv1", "conv2" } }, { "conv2d", filters = 2, size = 1 } })
  local a, b = groups(graph, "conv1"), groups(graph, "conv2")
  t.assertEquals({ a[1], a[2] }, b)
  t.assertNotEquals(a[3], a[1])
  graph = core.channels(network { { "conv2d", filters = 4, size = 1 }, { "conv2d", filters = 1, size = 1 },
    { "scale_channels", scale_wh = true, inputs = { "conv2", "conv1" } }, { "conv2d", filters = 2, size = 1 } })
  t.assertTrue(graph:fixed()[groups(graph, "conv2")[1]])
  t.assertFalse(graph:fixed()[groups(graph, "conv1")[1]])
end

-- Parts of one size: position by position. Depthwise: a channel with its filters.
function TestGroups.test_parts()
  local graph = core.channels(network({ { "conv2d", filters = 4, size = 1 }, { "conv2d", filters = 6, size = 1, groups = 2 },
    { "conv2d", filters = 12, size = 1, groups = 6 }, { "conv2d", filters = 2, size = 1 } }, 4))
  local a, b, c = groups(graph, "conv1"), groups(graph, "conv2"), groups(graph, "conv3")
  t.assertEquals({ a[1], a[2] }, { a[3], a[4] })
  t.assertNotEquals(a[1], a[2])
  t.assertEquals({ b[1], b[2], b[3] }, { b[4], b[5], b[6] })
  for i = 1, 6 do t.assertEquals({ c[2 * i - 1], c[2 * i] }, { b[i], b[i] }) end
  graph = core.channels(network { { "conv2d", filters = 6, size = 1 }, { "route", groups = 2, group_id = 1 },
    { "conv2d", filters = 2, size = 1 } })
  a = groups(graph, "conv1")
  t.assertEquals({ a[1], a[2], a[3] }, { a[4], a[5], a[6] })
end

-- [reorg]'s quirk: 4 neighbours go together with stride 2; reorg3d's channels go alone.
function TestGroups.test_reorg()
  local graph = core.channels(network { { "conv2d", filters = 8, size = 1 }, { "reorg", stride = 2 }, { "batchnorm" },
    { "conv2d", filters = 2, size = 1 } })
  local a, b = groups(graph, "conv1"), groups(graph, "bn1")
  t.assertEquals({ a[1], a[1], a[1], a[5], a[5], a[5] }, { a[2], a[3], a[4], a[6], a[7], a[8] })
  t.assertNotEquals(a[1], a[5])
  for o = 1, 32 do t.assertEquals(b[o], a[(o - 1) // 4 % 2 * 4 + 1]) end
  graph = core.channels(network { { "conv2d", filters = 8, size = 1 }, { "reorg3d", stride = 2 }, { "batchnorm" },
    { "conv2d", filters = 2, size = 1 } })
  a, b = groups(graph, "conv1"), groups(graph, "bn1")
  t.assertNotEquals(a[1], a[2])
  for o = 1, 32 do t.assertEquals(b[o], a[(o - 1) % 8 + 1]) end
end

TestCut = {}

local function made(seed)
  return network { { "conv2d", filters = 8, size = 3, pad = true, bias = false }, { "batchnorm" }, { "activation" },
    { "conv2d", filters = 16, size = 3, pad = true }, { "activation" }, { "conv2d", filters = 14, size = 1 },
    { "region", classes = 2, num = 2, anchors = { 1, 1, 2, 2 } } }, seed
end

local function scores(graph, f)
  local list = {}
  for i = 1, graph:count() do list[i] = f(i) end
  return list
end

-- By zeros, by FLOPs: the lowest scores, as few as reach the target, and what the cost says is what the compacted network has.
function TestCut.test_targets()
  local net = made()
  local graph = core.channels(net)
  local score = scores(graph, function(i) return (i * 37) % 101 end)
  for _, target in ipairs { { zeros = 100 }, { zeros = 700 }, { flops = 100000 }, { flops = 30000 } } do
    target.score = score
    local kept, result = graph:cut(target)
    if target.zeros then t.assertTrue(result.zeros >= target.zeros) else t.assertTrue(result.flops <= target.flops) end
    local highest, lowest = -1, 1000
    local fixed = graph:fixed()
    for i = 1, graph:count() do
      if not kept[i] then highest = math.max(highest, score[i]) elseif not fixed[i] then lowest = math.min(lowest, score[i]) end
    end
    t.assertTrue(highest <= lowest)
    local masks = graph:masks(kept)
    t.assertNotNil(masks["conv1.weight"] or masks["conv2.weight"])
    t.assertNil(masks["bn1.mean"])
    t.assertNil(masks["conv3.weight"])
    local small = made()
    for name, mask in pairs(masks) do small:set(name, mask, "mask") end
    small = core.compact(small, {})
    local flops, params = 0, 0
    for _, layer in ipairs(small:layers()) do flops, params = flops + layer.flops, params + layer.params end
    t.assertEquals({ flops, params }, { result.flops, result.params })
    t.assertEquals(graph:cost(kept), result)
  end
end

-- Of equal scores the first; +infinity stays; widths hold.
function TestCut.test_ties_and_widths()
  local graph = core.channels(made())
  local kept = graph:cut { score = scores(graph, function() return 1 end), zeros = 54 }
  local a = groups(graph, "conv1")
  t.assertEquals({ kept[a[1]], kept[a[2]], kept[a[3]] }, { false, false, true })
  local b = {}
  for _, g in ipairs(groups(graph, "conv2")) do b[g] = true end
  local function but_conv2(i) return b[i] and math.huge or i end
  local _, result = graph:cut { score = scores(graph, but_conv2), zeros = 7 * 27 }
  t.assertEquals(result.zeros, 7 * 27) -- one channel of conv1 stays
  local function left(o)
    local count, keep = 0, graph:cut { score = scores(graph, but_conv2), zeros = 27, round_to = o.round_to, min_channels = o.min_channels }
    for _, g in ipairs(a) do count = count + (keep[g] and 1 or 0) end
    return count
  end
  t.assertEquals({ left {}, left { round_to = 4 }, left { round_to = 3 }, left { min_channels = 7 } }, { 7, 4, 6, 7 })
end

-- The masks of a cut leave a network that compacts to what it computes.
function TestCut.test_random_networks()
  local cuts = 0
  for seed = 1, 40 do
    local net = random_network.make(seed)
    local graph, r = core.channels(net), random_network.source(seed)
    local score = scores(graph, function() return r.real(0, 1) end)
    local ok, kept = pcall(graph.cut, graph, { score = score, zeros = 1 + r.below(50) }) -- refused where there is less
    if ok then
      cuts = cuts + 1
      for name, mask in pairs(graph:masks(kept)) do net:set(name, mask, "mask") end
      local small = core.compact(net, {})
      local difference = random_network.difference(random_network.outputs(net, seed), random_network.outputs(small, seed))
      t.assertTrue(difference <= 1e-4, seed)
    end
  end
  t.assertTrue(cuts > 20)
end

function TestCut.test_bad_input()
  local graph = core.channels(made())
  local n = graph:count()
  local score = scores(graph, function(i) return i end)
  local function refused(sentence, f, ...)
    local ok, message = pcall(f, ...)
    t.assertFalse(ok)
    t.assertStrContains(message, sentence)
    t.assertNotStrContains(message, "\n")
  end
  refused("1 FLOPs cannot be reached: ", graph.cut, graph, { score = score, flops = 1 })
  refused("100000 zeros cannot be reached: all 24 groups of channels that may go have ", graph.cut, graph,
    { score = score, zeros = 100000 })
  refused("round_to=9 is more than the 8 channels of conv1; expected at most 8", graph.cut, graph,
    { score = score, zeros = 1, round_to = 9 })
  refused(("score: expected one for each of %d groups, got 1"):format(n), graph.cut, graph, { score = { 1 }, zeros = 1 })
  refused("the score of channel group 5 is NaN", graph.cut, graph,
    { score = scores(graph, function(i) return i == 5 and 0 / 0 or i end), zeros = 1 })
  refused("it belongs to another network", graph.masks, graph, { true, false })
  refused("has to stay: a head, an output or the input needs it", graph.masks, graph, scores(graph, function() return false end))
end

os.exit(t.LuaUnit.run())
