-- Layers written in Lua that say what their channels are made of: one that mixes channels loses rows and columns, and wrong answers are one
-- sentence with the function's place.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local random_network = require "support.random_network"

-- A 1x1 convolution with a bias.
local function linear(name, channels)
  yl.layer {
    name = name, fields = { { "n", "int", 1, "", "outputs", min = 1 } }, width = "n", reads = "x",
    shape = function(o) return { c = o.n } end,
    parameters = function(o, x)
      return { { "weight", "weight", { o.n, x.c }, role = "factor", per_out = true, per_in = true },
        { "bias", "bias", { o.n }, role = "offset", per_out = true } }
    end,
    channels = channels,
    forward = function(l, x, y)
      local n, h, w, c = table.unpack(x:shape())
      local p = l.parameters
      y:copy_((x:reshape(n * h * w, c):matmul(p.weight:transpose()) + p.bias):reshape(n, h, w, -1))
    end,
    backward = function(_, _, _, _, dx) if dx then dx:fill_(0) end end,
  }
end

TestChannels = {}

function TestChannels.test_a_layer_that_mixes()
  linear("linear", function(_, x) return { { 1, 1, x.c, "mix" }, uniform = true } end)
  local net = core.net { h = 4, w = 4, c = 2, seed = 2, layers = { { "conv2d", filters = 6, size = 1 },
    { "activation", activation = "logistic" }, { "linear", n = 5 }, { "activation" }, { "linear", n = 3 } } }
  net:set("conv1.weight", { 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1 }, "mask") -- constants 0.5, which the bias takes in
  net:set("linear1.weight", { 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0 }, "mask")
  local made = core.compact(net, {})
  local widths = {}
  for i, layer in ipairs(made:layers()) do widths[i] = layer.shape[4] end
  t.assertEquals(widths, { 4, 4, 3, 3, 3 })
  t.assertEquals(made:layers()[3].options.n, "3")
  t.assertNotEquals(made:get "linear1.bias"[1], net:get "linear1.bias"[1])
  t.assertTrue(random_network.difference(random_network.outputs(net, 1), random_network.outputs(made, 1)) <= 1e-4)
end

function TestChannels.test_wrong_answers()
  for sentence, answer in pairs {
    ["expected a list of sources {input, first, last, use}, got a number"] = 3,
    ["source 1: expected {input, first, last, use}, got a string"] = { "x" },
    ["source 1: expected {input, first, last, use} with whole numbers from 1, got 0"] = { { 1, 0, 2 } },
    ["source 1: the last channel, 1, comes before the first, 2"] = { { 1, 2, 1 } },
    ["source 1: expected the use each, mix or whole, got 'some'"] = { { 1, 1, 1, "some" } },
    ["unknown key 'unifrom'; expected sources, uniform, zero and parts"] = { { 1, 1, 1 }, unifrom = true },
    ["zero: expected plain, sum or product, got 'add'"] = { { 1, 1, 1 }, zero = "add" },
    ["parts: expected a whole number from 1, got 0"] = { { 1, 1, 1 }, parts = 0 },
    ["wrong1: output channel 1: its channels 1..9 of input 1 do not exist"] = { { 1, 1, 9, "mix" } },
    ["wrong1: output channel 1: its channels 1..1 of input 2 do not exist"] = { { 2, 1, 1 } },
    ["wrong1: 4 parts do not divide its channels"] = { { 1, 1, 6, "mix" }, parts = 4 },
  } do
    linear("wrong", function() return answer end)
    local net = core.net { h = 2, w = 2, c = 6, layers = { { "wrong", n = 2 } } }
    local ok, message = pcall(core.channels, net)
    t.assertFalse(ok)
    t.assertStrContains(message, sentence)
    t.assertFalse(pcall(core.compact, net, {}))
  end
end

-- A mixing layer whose parameters do not say so.
function TestChannels.test_a_factor_is_missing()
  yl.layer { name = "plain", channels = function(_, x) return { { 1, 1, x.c, "mix" } } end, forward = function(_, x, y) y:copy_(x) end,
    backward = function(_, _, _, dy, dx) dx:copy_(dy) end }
  local ok, message = pcall(core.channels, core.net { h = 2, w = 2, c = 3, layers = { { "plain" } } })
  t.assertFalse(ok)
  t.assertStrContains(message, "plain1: it mixes channels, so it needs a parameter that is a factor")
end

-- Parameters that count channels and do not say so.
function TestChannels.test_sizes_that_are_not_told()
  yl.layer { name = "silent", channels = "each", parameters = function(_, x) return { { "k", "scale", { x.c } } } end, reads = "x",
    forward = function(l, x, y) x:mul(l.parameters.k, y) end, backward = function(_, _, _, dy, dx) if dx then dx:copy_(dy) end end }
  local net = core.net { h = 2, w = 2, c = 3, layers = { { "conv2d", filters = 4, size = 1 }, { "silent" }, { "conv2d", size = 1 } } }
  net:set("conv1.weight", { 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1 }, "mask")
  local ok, message = pcall(core.compact, net, {})
  t.assertFalse(ok)
  t.assertStrContains(message, "silent1.k: the smaller network wants 3 numbers here, but 4 belong to the channels that are left")
end

function TestChannels.test_descriptors()
  local function refused(sentence, spec)
    spec.name, spec.forward, spec.backward = "refused", function() end, function() end
    local ok, message = pcall(yl.layer, spec)
    t.assertFalse(ok)
    t.assertStrContains(message, sentence)
  end
  refused("'channels': expected 'each' or a function, got all", { channels = "all" })
  refused("'channels': expected 'each' or a function, got boolean", { channels = true })
  refused("'width': expected the name of a field of type int, got 'n'", { width = "n" })
  refused("'width': expected the name of a field of type int, got 'n'", { width = "n", fields = { { "n", "number", 1 } } })
end

os.exit(t.LuaUnit.run())
