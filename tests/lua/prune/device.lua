-- A device's table of milliseconds: what it says of a smaller network, what it prunes to, and which tables are refused.
local t = require "luaunit"
local core = require "yolua.core"
local device = require "yolua.prune.device"
local training = require "support.training"
local yl = require "yolua"

local path = training.top .. "/device.json"

local function write(value) core.system.write(path, type(value) == "string" and value or core.json.encode(value)) end

-- A device that takes a nanosecond for each FLOP, and a millisecond for the first layer besides.
local function table_of(net)
  local list = {}
  for i, layer in ipairs(net.net:layers()) do list[i] = { name = layer.name, ms = 1e-6 * layer.flops + (i == 1 and 1 or 0) } end
  return list
end

TestDevice = {}

function TestDevice.testTime()
  local net = training.model()
  local list = table_of(net)
  write { layers = list }
  local total = 0
  for _, layer in ipairs(list) do total = total + layer.ms end
  local known = device.read(path)
  t.assertAlmostEquals(known:time(net.net, net.net, net.h, net.w), total, 1e-12)
  table.remove(list, 4)
  write { layers = list }
  local missing = device.read(path)
  t.assertErrorMsgContains("device.json has no layer '", missing.time, missing, net.net, net.net, net.h, net.w)
end

function TestDevice.testPrunesToIt()
  local net = training.model()
  write { layers = table_of(net) }
  local dense = net:flops()
  local made = training.quietly(function()
    local run <close> = yl.run(yl.options { out = training.top .. "/run" })
    yl.train { net = net, data = training.data { limit = 8 }, run = run,
      options = training.options({ epochs = 1, optim = { name = "sgd", lr = 1e-3 } }),
      yl.prune { pattern = "channel", target = { ms = 1 + 0.5e-6 * dense, table = path }, rounds = 3, judge = "none" } }
    return run.pruning
  end)
  local small = yl.compact(net)
  t.assertTrue(small:flops() <= 0.55 * dense and small:flops() >= 0.3 * dense, small:flops() / dense)
  t.assertTrue(made.rounds[1].flops < dense and made.rounds[1].flops > small:flops())
end

function TestDevice.testRefusals()
  for text, sentence in pairs { ["{}"] = "expected a table with 'layers', a list of {name, ms}",
    ['{"layers": [1]}'] = "layer 1: expected {name, ms}, got 1",
    ['{"layers": [{"name": "a"}]}'] = "layer 1: expected a name and milliseconds of at least 0, got a and nil",
    ['{"layers": [{"name": "a", "ms": -1}]}'] = "got a and -1", ["{"] = "device.json",
    ['{"layers": [{"name": "a", "ms": 1}, {"name": "a", "ms": 1}]}'] = "layer 2: 'a' occurs twice" } do
    write(text)
    t.assertErrorMsgContains(sentence, device.read, path)
  end
  t.assertErrorMsgContains("target.table: expected target.ms", yl.prune, { target = { sparsity = 0.5, table = path } })
end

training.run(t)
