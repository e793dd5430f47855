-- core.net: what a table has to say to become a network, and what is refused.
local t = require "luaunit"
local core = require "yolua.core"

-- Fails with that sentence, one line long.
local function refused(sentence, f, ...)
  local done, message = pcall(f, ...)
  t.assertFalse(done, sentence)
  t.assertStrContains(message, sentence)
  t.assertNotStrContains(message, "\n")
  t.assertNotStrContains(message, "bad argument #-") -- a place on the stack tells nobody anything
end

local function one(layer) return { h = 8, w = 8, c = 3, layers = { layer } } end

TestBuilding = {}

function TestBuilding.testTables()
  refused("expected a table, got nothing", core.net)
  refused("layers: expected a list of layers, got a nil", core.net, { h = 8, w = 8 })
  refused("layers: expected a list of layers, got a number", core.net, { h = 8, w = 8, layers = 3 })
  refused("the network has no layers", core.net, { h = 8, w = 8, layers = {} })
  refused("layer 1: expected a table, got a string", core.net, one "conv2d")
  refused("layer 1: expected its kind as a string first, got a nil", core.net, one {})
  refused("layer 1: expected its kind as a string first, got a number", core.net, one { 5 })
end

function TestBuilding.testSizes()
  refused("1..65536", core.net, { w = 8, layers = { { "maxpool" } } })
  refused("network: option 'h': expected an integer (px), got 8.5", core.net, { h = 8.5, w = 8, layers = { { "maxpool" } } })
  refused("network: option 'w': expected an integer (px), got 'wide'", core.net, { h = 8, w = "wide", layers = { { "maxpool" } } })
  refused("device 'tpu' is unknown", core.net, { h = 8, w = 8, device = "tpu", layers = { { "maxpool" } } })
end

function TestBuilding.testLayers()
  refused("unknown layer 'conv2', did you mean 'conv2d'?", core.net, one { "conv2" })
  refused("did you mean 'filters'", core.net, one { "conv2d", fitlers = 3 })
  refused("conv2d: option 'filters': a function is not a valid option value", core.net, one { "conv2d", filters = print })
  refused("layer 7: expected 0..0", core.net, one { "maxpool", inputs = { 7 } })
  refused("the network has no layer 'x'", core.net, one { "maxpool", inputs = { "x" } })
  refused("inputs: expected a list of layers, got a number", core.net, one { "maxpool", inputs = 0 })
  refused("layer: option 'name': expected a text, got 5", core.net, one { "maxpool", name = 5 })
  refused("layer name 'a' is taken", core.net,
          { h = 8, w = 8, layers = { { "maxpool", name = "a" }, { "maxpool", name = "a" } } })
end

function TestBuilding.testLists()
  refused("region: option 'anchors': expected numbers, got a boolean as number 2", core.net, one { "region", anchors = { 1, true } })
  local many = {}
  for i = 1, 65 do many[i] = i end
  refused("region: option 'anchors': expected at most 64 numbers, got 65", core.net, one { "region", anchors = many })
end

os.exit(t.LuaUnit.run())
