-- A small network with a layer of each kind that knows bytes, and ranges of its activations.
local core = require "yolua.core"

local small = {}


small.cfg = [[
[net]
width=8
height=8
channels=3

[convolutional]
batch_normalize=1
filters=5
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=6
size=3
stride=2
pad=1
activation=relu

[upsample]
stride=2

[route]
layers=-1,-3

[convolutional]
filters=11
size=1
stride=1
activation=leaky

[shortcut]
from=-1
activation=linear

[convolutional]
filters=4
size=1
stride=1
activation=linear
]]

small.ranges = { input = { 0, 1 }, layers = { ["conv1.act"] = { -0.4, 3 }, maxpool1 = { -9, 9 }, ["conv2.act"] = { 0, 2.5 },
  upsample1 = { 0, 9 }, route1 = { -0.5, 3 }, ["conv3.act"] = { -0.3, 2 }, shortcut1 = { -0.6, 4 } }, f32 = {} }

-- The network itself, its weights drawn from one seed.
function small.network()
  local net = core.darknet.parse_cfg(small.cfg, "small.cfg", "cpu")
  net:init(7)
  for _, r in ipairs(net:ranges()) do
    local numbers = net:get(r.name)
    for i = 1, r.count do
      if r.kind == "statistic" then numbers[i] = 0.5 + 0.05 * (i % 7) end
      if r.kind == "bias" then numbers[i] = 0.1 * (i % 5) - 0.1 end
    end
    net:set(r.name, numbers)
  end
  return net
end

return small
