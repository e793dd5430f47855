-- Teaching between plans: the teacher is only read, its plan keeps to the arena's rules, and what does not fit is refused by name.
local t = require "luaunit"
local core = require "yolua.core"

local function network(o)
  o = o or {}
  local classes = o.classes or 2
  local head = { o.kind or "yolo", name = o.name or "head1", classes = classes, num = 2, anchors = o.anchors or { 4, 6, 10, 8 },
    softmax = o.softmax, new_coords = o.new_coords, scale_x_y = o.scale_x_y }
  local layers = {
    { "conv2d", filters = o.width or 6, size = 3, pad = true, stride = o.stride or 2, bias = false }, { "batchnorm", name = "conv1.bn" },
    { "activation", name = "conv1.act" },
    { "conv2d", name = "out", filters = 2 * (5 + classes), size = 1 }, head,
  }
  if o.second then
    layers[#layers + 1] = { "conv2d", name = "out2", filters = 7 + classes - 2, size = 1, inputs = { "conv1.act" } }
    layers[#layers + 1] = { "yolo", name = "head2", classes = classes, num = 1, anchors = { 3, 3 } }
  end
  return core.net { h = 8, w = 8, c = 3, seed = o.seed or 1, layers = layers }
end

local function input(n)
  local x = {}
  for i = 1, n * 8 * 8 * 3 do x[i] = 0.5 + 0.5 * math.sin(0.37 * i) end
  return x
end

local function student(net, spec)
  spec = spec or {}
  local plan = net:plan { mode = spec.mode or "train", batch = 2, outputs = spec.outputs }
  plan:input(input(2))
  plan:forward {}
  plan:loss { {}, { { 0.5, 0.5, 0.4, 0.4, 1, 0 } } }
  return plan
end

local function teacher(net, o)
  local plan = net:plan { mode = "infer", batch = o and o.batch or 2, outputs = o and o.outputs }
  plan:input(input(o and o.batch or 2))
  plan:forward {}
  return plan
end

local function values(net)
  local sums = {}
  for _, r in ipairs(net:ranges()) do sums[#sums + 1] = net:checksum(r.name) end
  return table.concat(sums)
end

TestTeaching = {}

function TestTeaching.testTheTeacherIsOnlyRead()
  local net, other = network { seed = 1 }, network { seed = 2, second = false }
  local before, own = values(other), values(net)
  local plan, source = student(net, { outputs = "conv1.act" }), teacher(other, { outputs = "conv1.act" })
  local outputs = source:output "head1"
  local parts = plan:distill(source, {})
  plan:backward()
  t.assertTrue(parts.noobject > 0 and parts.features > 0)
  t.assertEquals(source:output "head1", outputs)
  core.step(net, { rule = "sgd", lr = 0.1 })
  t.assertEquals(values(other), before)
  t.assertNotEquals(values(net), own)
end

-- The input goes from plan to plan on the device.
function TestTeaching.testFeedFrom()
  local net, other = network { seed = 1 }, network { seed = 2 }
  local plan, by_hand = student(net), teacher(other):output "head1"
  local fed = other:plan { mode = "infer", batch = 2 }
  fed:feed_from(plan)
  fed:forward {}
  t.assertEquals(fed:output "head1", by_hand)
  t.assertErrorMsgContains("expected an input of {1, 8, 8, 3}, got {2, 8, 8, 3}", function()
    other:plan({ mode = "infer", batch = 1 }):feed_from(plan)
  end)
  t.assertErrorMsgContains("both plans run one network", function() net:plan({ batch = 2 }):feed_from(plan) end)
end

-- Many steps: the student's outputs become the teacher's.
function TestTeaching.testItTeaches()
  local net, other = network { seed = 1 }, network { seed = 2 }
  local plan = net:plan { mode = "train", batch = 2 }
  local source, first, last = teacher(other), nil, nil
  for _ = 1, 150 do
    plan:input(input(2))
    plan:forward {}
    plan:loss { {}, {} }
    net:zero "grad"
    local parts = plan:distill(source, { heads = 20 })
    last = parts.box + parts.object + parts.noobject + parts.class
    first = first or last
    plan:backward()
    core.step(net, { rule = "adam", lr = 0.02, images = 2 })
  end
  t.assertTrue(last < first / 4, ("%g became %g"):format(first, last))
end

TestArena = {}

-- Another plan of the teacher's network, or of the student's, takes the memory: refused, never silently wrong.
function TestArena.testTheArenasRules()
  local net, other = network { seed = 1 }, network { seed = 2 }
  local plan, source = student(net), teacher(other)
  teacher(other, { batch = 1 })
  t.assertErrorMsgContains("another plan of this network has run since", plan.distill, plan, source, {})
  source = teacher(other)
  plan:distill(source, {})
  teacher(net, { batch = 1 })
  t.assertErrorMsgContains("another plan of this network has run since", plan.distill, plan, source, {})
end

function TestArena.testOrderOfCalls()
  local net, other = network { seed = 1 }, network { seed = 2 }
  local source = other:plan { mode = "infer", batch = 2 }
  local plan = net:plan { mode = "train", batch = 2 }
  plan:input(input(2))
  plan:forward {}
  t.assertErrorMsgContains("run loss first", plan.distill, plan, source, {})
  plan:loss { {}, {} }
  t.assertErrorMsgContains("run forward first", plan.distill, plan, source, {})
  source = teacher(other)
  plan:distill(source, {})
  plan:backward()
  t.assertErrorMsgContains("the last backward consumed its results", plan.distill, plan, source, {})
  local infer = student(net, { mode = "infer" })
  t.assertErrorMsgContains("made for inference", infer.distill, infer, source, {})
end

TestRefusals = {}

function TestRefusals.testWhatDoesNotFit()
  local function refused(sentence, own, others)
    local net, other = network(own), network(others)
    t.assertErrorMsgContains(sentence, net.check_teacher, net, other, 8, 8)
    local plan, source = student(net), teacher(other)
    t.assertErrorMsgContains(sentence, plan.distill, plan, source, {})
  end
  refused("head1 has 2 classes, the teacher's head1 has 3", {}, { classes = 3 })
  refused("anchor 2 of head1 is not that of the teacher's big: the same output gives a box of", {},
    { name = "big", anchors = { 4, 6, 10, 9 } })
  refused("anchor 1 of head1", {}, { scale_x_y = 1.5 })
  refused("head1 has 4 rows of cells, the teacher's head1 has 8", {}, { stride = 1 })
  refused("as many heads as the network, 1, got 2", {}, { second = true })
  refused("the classes of head1 do not exclude each other, those of the teacher's head1 do", { kind = "region", anchors = { 1, 1, 2, 2 } },
    { kind = "region", anchors = { 1, 1, 2, 2 }, softmax = true })
  refused("the same new_coords in head1", { new_coords = true }, {})
end

-- A region head counts anchors in cells, a yolo head in pixels: what gives the same boxes fits.
function TestRefusals.testOtherUnitsFit()
  local net = network { kind = "region", anchors = { 2, 3, 5, 4 } }
  net:check_teacher(network { anchors = { 4, 6, 10, 8 } }, 8, 8)
  t.assertErrorMsgContains("anchor 1", net.check_teacher, net, network { anchors = { 2, 3, 5, 4 } }, 8, 8)
end

function TestRefusals.testTheNetworkItself()
  local net = network()
  t.assertErrorMsgContains("the teacher is the network that it is to teach", net.check_teacher, net, net, 8, 8)
  local plan = student(net)
  t.assertErrorMsgContains("the teacher is the network", plan.distill, plan, plan, {})
  local headless = core.net { h = 8, w = 8, c = 3, seed = 1, layers = { { "conv2d", filters = 2, size = 1 } } }
  t.assertErrorMsgContains("has no head", headless.check_teacher, headless, net, 8, 8)
end

function TestRefusals.testFeatures()
  local net, wide = network { width = 6 }, network { width = 7 }
  t.assertErrorMsgContains("the output of conv1.act is {4, 4, 6}, that of the teacher's {4, 4, 7}", net.check_teacher, net, wide, 8, 8,
    "conv1.act")
  t.assertErrorMsgContains("the network has no layer 'conv9'", net.check_teacher, net, wide, 8, 8, "conv9")
  net:check_teacher(wide, 8, 8, "out")
  t.assertErrorMsgContains("outputs: the network has no layer 'conv9'", net.plan, net, { outputs = "out,conv9" })
  local plan = student(net, { outputs = "out" })
  t.assertErrorMsgContains("the teacher's plan does not keep the output of 'out'", plan.distill, plan, teacher(wide), {})
  t.assertErrorMsgContains("distill: option 'heads': expected a number of at least 0, got -1",
    plan.distill, plan, teacher(wide), { heads = -1 })
end

os.exit(t.LuaUnit.run())
