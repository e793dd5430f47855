-- Residual branches: which there are, and a network without them.
local t = require "luaunit"
local yl = require "yolua"

local branches = require "yolua.prune.branches"
local core = yl.core
local training = require "support.training"
local top = training.top

local function conv(filters, size)
  return ("[convolutional]\nbatch_normalize=1\nfilters=%d\nsize=%d\npad=1\nactivation=leaky\n"):format(filters, size)
end

-- conv2 and conv3 are added to conv1; conv4 and conv5 to that, but conv4 is read by the route as well; conv7 is added to conv6.
local CFG = "[net]\nwidth=32\nheight=32\nchannels=3\n" .. conv(8, 3) .. conv(6, 1) .. conv(8, 3)
  .. "[shortcut]\nfrom=-3\nactivation=linear\n" .. conv(6, 1) .. conv(8, 3)
  .. "[shortcut]\nfrom=-3\nactivation=linear\n[route]\nlayers=-1,-3\n"
  .. conv(8, 1) .. conv(8, 3)
  .. "[shortcut]\nfrom=-2\nactivation=linear\n[convolutional]\nfilters=18\nsize=1\nactivation=linear\n"
  .. "[yolo]\nmask=0,1,2\nanchors=2,2,4,4,8,8\nnum=3\nclasses=1\n"

local function model()
  core.system.write(top .. "/branches.cfg", CFG)
  core.system.write(top .. "/branches.names", "thing\n")
  return yl.load { cfg = top .. "/branches.cfg", names = top .. "/branches.names" }
end

TestBranches = {}

function TestBranches.testFound()
  t.assertEquals(branches.of(model()), {
    { name = "shortcut1", layers = { "conv2", "conv2.bn", "conv2.act", "conv3", "conv3.bn", "conv3.act" } },
    { name = "shortcut3", layers = { "conv7", "conv7.bn", "conv7.act" } },
  })
  t.assertEquals(branches.of(training.model()), {})
end

-- The same numbers as a network whose branch adds zeros.
function TestBranches.testWithout()
  local net = model()
  local list = branches.of(net)
  local small = branches.without(net, { list[1] })
  local left = {}
  for _, layer in ipairs(small.net:layers()) do left[layer.name] = true end
  t.assertEquals({ left.conv1, left.conv2, left.conv3, left.shortcut1, left.conv4, left.shortcut2, left.conv7, left.shortcut3 },
    { true, nil, nil, nil, true, true, true, true })
  net.layers["conv3.bn"].scale:fill_(0)
  net.layers["conv3.bn"].bias:fill_(0)
  local function outputs(m)
    local plan = m.net:plan { mode = "infer", batch = 1 }
    core.noise(plan, 3)
    plan:forward()
    return plan:output(#m.net:layers())
  end
  local a, b = outputs(net), outputs(small)
  t.assertEquals(#a, #b)
  for i = 1, #a do t.assertAlmostEquals(a[i], b[i], 1e-4) end
end

-- A proposal leaves out the branch whose one useful filter would be padded to four, and keeps the other.
function TestBranches.testProposed()
  local net = model()
  local w = net.layers.conv2.weight
  for i = 2, 6 do w[i]:copy_(w[1]) end -- one direction: rank 1
  local function names(depth)
    local p, left = yl.propose(net, { flops = 0.5, round_to = 4, min_channels = 4, depth = depth }), {}
    t.assertTrue(p.flops <= 0.5 * net:flops())
    for _, layer in ipairs(p.net.net:layers()) do left[layer.name] = true end
    return left, p
  end
  local deep = names(false)
  local shallow, proposal = names(true)
  t.assertEquals({ deep.conv2, deep.shortcut1, deep.shortcut3 }, { true, true, true })
  t.assertEquals({ shallow.conv2, shallow.conv3, shallow.shortcut1, shallow.shortcut3 }, { nil, nil, nil, true })
  t.assertStrMatches(tostring(proposal), ".*conv2 .-gone\n.*")
end

training.run(t)
