-- How much longer a training step takes whose Lua layers leave backward out. build/yolua tests/bench/layer_tape.lua
-- In turns, medians of CPU time: a network of convolutions each followed by an activation in Lua, and the activations alone.
local yl = require "yolua"
local core = yl.core

local function silu(name, backward)
  yl.layer { name = name, channels = "each", reads = backward and "x" or nil, backward = backward,
    forward = function(_, x, y) x:mul(x:sigmoid(), y) end }
end

silu("written", function(_, x, _, dy, dx) -- s (1 + x (1 - s)) dy
  local s = x:sigmoid()
  s:neg(dx):add_(1):mul_(x):add_(1):mul_(s):mul_(dy)
end)
silu "noted"

local function scale(name, backward)
  yl.layer { name = name, reads = backward and "x" or nil, backward = backward,
    parameters = function(_, x) return { { "scale", "scale", { x.c } } } end,
    forward = function(l, x, y) x:mul(l.parameters.scale, y) end }
end

scale("scale_written", function(l, x, _, dy, dx)
  if dx then dy:mul(l.parameters.scale, dx) end
  if l.gradients.scale then (x * dy):sum({ 1, 2, 3 }, l.gradients.scale) end
end)
scale "scale_noted"

local function network(kinds, convolutions)
  local layers = { { "conv2d", filters = 16, size = 3, pad = 1 } }
  for i = 1, 6 do
    layers[#layers + 1] = { kinds[(i - 1) % #kinds + 1] }
    if convolutions then layers[#layers + 1] = { "conv2d", filters = 16 * 2 ^ (i // 2) // 1, size = 3, pad = 1, stride = i % 2 + 1 } end
  end
  return core.net { h = 96, w = 160, c = 3, seed = 1, layers = layers }
end

local function stepper(net)
  local plan = net:plan { mode = "train", batch = 4 }
  local shape = plan:shape(#net:layers())
  local count = shape[1] * shape[2] * shape[3] * shape[4]
  plan:input(yl.randn { 4 * 96 * 160 * 3, seed = 1 }:totable())
  local dy = yl.randn { count, seed = 2 }:totable()
  return function()
    plan:forward {}
    local start = os.clock()
    plan:forward {}
    plan:backward(dy)
    return os.clock() - start
  end
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

local rounds = 9
for _, case in ipairs { { "x sigmoid(x) and convolutions", { "written" }, { "noted" }, true },
  { "x sigmoid(x) alone", { "written" }, { "noted" } }, { "a factor per channel alone", { "scale_written" }, { "scale_noted" } } } do
  local a, b = stepper(network(case[2], case[4])), stepper(network(case[3], case[4]))
  local times = { {}, {} }
  for i = 1, rounds do times[1][i], times[2][i] = a(), b() end
  local written, noted = median(times[1]), median(times[2])
  print(("%-32s with backward %7.1f ms, without %7.1f ms: %.2f times"):format(case[1], 1e3 * written, 1e3 * noted, noted / written))
end
