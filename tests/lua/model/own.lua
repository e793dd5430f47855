-- What one adds to training in Lua, piece by piece: optimizers (against ours), data sets, freeze schedules, pixels; and refusals.
-- lua/README.md's examples are run from end to end in readme.lua.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local optimizer = require "yolua.train.optimizer"
local options = require "yolua.options.table"

local function net_of(...) return core.net { h = 4, w = 4, c = 3, layers = { ... }, seed = 3 } end

-- Fills the gradients of both networks with the same numbers.
local function same_gradients(a, b, seed)
  for _, r in ipairs(a:ranges()) do
    if r.kind ~= "statistic" then
      a:tensor(r.name, "grad"):normal_(seed, 0, 1)
      b:tensor(r.name, "grad"):normal_(seed, 0, 1)
    end
  end
end

local function assert_near(a, b, tolerance, slab)
  for _, r in ipairs(a:ranges()) do
    if not slab or r.kind ~= "statistic" then
      local x, y = a:get(r.name, slab), b:get(r.name, slab)
      for i = 1, #x do t.assertAlmostEquals(x[i], y[i], tolerance * math.max(1, math.abs(x[i])), r.name) end
    end
  end
end

TestOptimizer = {}

-- What a rule assigns or returns would be lost, and so would a step that it forgets: each is refused with the way it is done.
function TestOptimizer.testWhatWouldBeLost()
  local function said(pattern, rule)
    local net = net_of { "conv2d", filters = 2 }
    net:tensor("conv1.weight", "grad"):normal_(1, 0, 1)
    local before = net:get "conv1.weight"
    local ok, message = pcall(optimizer.step, rule, net, {}, { lr = 1e-3, images = 1 })
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*own%.lua:%d+: " .. pattern .. ".*")
    t.assertEquals(net:get "conv1.weight", before) -- and nothing has moved
  end
  said("p.gradient cannot be assigned: change it in place, as in p.gradient:copy_%(result%)",
    function(p) p.gradient = p.gradient * p.lr end)
  said("p.lr cannot be assigned: it is the schedule's", function(p) p.lr = 0 end)
  said("p.velocity cannot be assigned", function(p) p.velocity = p.gradient:clone() end)
  said("a parameter has no 'grad'", function(p) p.grad:mul_(p.lr) end)
  said("the optimizer's step for conv1.weight returned something; p.gradient must become", function(p) return p.gradient * p.lr end)
  said("the optimizer's step for conv1.weight did not change p.gradient", function() end)
  local net = net_of { "conv2d", filters = 2 }
  net:tensor("conv1.weight", "grad"):normal_(1, 0, 1)
  optimizer.step(function(p) return p.gradient:mul_(p.lr) end, net, {}, { lr = 1e-3, images = 1 }) -- what it changed may be returned
  t.assertEquals(net:get("conv1.weight", "grad")[1], 0)
end

-- Adam (Kingma and Ba 2015, algorithm 1), written as one would.
local function adam(p, o)
  local g = p.gradient
  if p.kind == "weight" then g:addmul_(p.value, o.decay) end
  p.m:mul_(o.beta1):addmul_(g, 1 - o.beta1)
  p.v:mul_(o.beta2):addmul_(g * g, 1 - o.beta2)
  local m, v = p.m / (1 - o.beta1 ^ p.count), p.v / (1 - o.beta2 ^ p.count)
  g:copy_(m / (v:sqrt() + o.epsilon) * p.lr)
end

-- Clipped, averaged and partly frozen, it walks where ours walks.
function TestOptimizer.testAdamOfOnesOwn()
  local layers = { { "conv2d", filters = 4 }, { "batchnorm" }, { "conv2d", filters = 2 } }
  local ours, own = net_of(table.unpack(layers)), net_of(table.unpack(layers))
  local o = { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.01 }
  for count = 1, 5 do
    for _, net in ipairs { ours, own } do net:freeze(count == 3 and "conv1" or "none") end
    same_gradients(ours, own, count)
    local s = { rule = "adam", lr = 0.01, clip = 2, images = 3, ema = 0.9 }
    for key, value in pairs(o) do s[key] = value end
    local norm = core.step(ours, s)
    t.assertAlmostEquals(optimizer.step(adam, own, o, s), norm, 1e-5 * norm)
    assert_near(ours, own, 1e-5)
    assert_near(ours, own, 1e-5, "ema")
    assert_near(ours, own, 1e-5, "adam_m")
  end
  t.assertEquals(own:get("conv1.weight", "grad")[1], 0) -- cleared
end

-- Every copy of a masked weight is zero after a step.
function TestOptimizer.testMasks()
  local net = net_of { "conv2d", filters = 1, size = 3 }
  local mask = yl.ones { 1, 3, 3, 3 }
  mask:reshape(-1):slice(1, 1, 5):fill_(0)
  net:set("conv1.weight", mask, "mask")
  for count = 1, 2 do
    same_gradients(net, net, count)
    optimizer.step(adam, net, { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0 },
      { lr = 0.1, images = 1, ema = 0.9 })
  end
  for _, slab in ipairs { "value", "ema", "adam_m", "adam_v" } do
    local values = net:get("conv1.weight", slab)
    for i = 1, 5 do t.assertEquals(values[i], 0, slab) end
    t.assertNotEquals(values[6], 0, slab)
  end
end

function TestOptimizer.testNotFinite()
  local net = net_of { "conv2d", filters = 1 }
  local function blow(p) p.gradient:fill_(1 / 0) end
  net:tensor("conv1.weight", "grad"):fill_(1)
  t.assertErrorMsgContains("the gradient of conv1.weight is NaN or infinite", optimizer.step, blow, net, {},
    { lr = 1, images = 1, count = 1 })
end

function TestOptimizer.testRegistering()
  yl.optimizer { name = "plain", fields = { { "push", "number", 2, "", "factor", min = 0 } }, step = function() end }
  local o = options.check("test", require("yolua.options.fields").get { "optim" }, { optim = { name = "plain", push = 3 } })
  t.assertEquals(o.optim.push, 3)
  t.assertErrorMsgContains("has no option 'optim.psh', did you mean 'optim.push'?", options.check, "test",
    require("yolua.options.fields").get { "optim" }, { optim = { name = "plain", psh = 3 } })
  local page = require("yolua.help.pages").page
  t.assertStrContains(page "plain", "optim=plain")
  t.assertStrContains(page "optimizers", "plain")
  t.assertStrContains(page "yl.optimizer", "subtracted")
  t.assertErrorMsgContains("unknown optim 'plian', did you mean 'plain'?", options.check, "test",
    require("yolua.options.fields").get { "optim" }, { optim = { name = "plian" } })
  t.assertErrorMsgContains("yl.optimizer 'adam': an optimizer of that name already exists", yl.optimizer,
    { name = "adam", step = function() end })
  t.assertErrorMsgContains("expected step = function(p, o)", yl.optimizer, { name = "x" })
  t.assertErrorMsgContains("expected name = a word", yl.optimizer, { name = "a b", step = function() end })
  t.assertErrorMsgContains("yl.optimizer has no option 'stpe', did you mean 'step'?", yl.optimizer, { stpe = 1 })
end

TestDataset = {}


local count = 0

local function data_of(list, more)
  count = count + 1
  local d = { name = "mine" .. count, classes = { "car", "dog" }, rootless = true, frames = function() return list end }
  for key, value in pairs(more or {}) do d[key] = value end
  yl.dataset(d)
  return yl.data { name = d.name, images = false }
end

local function box(...) return { class = "car", box = { ... } } end

function TestDataset.testSplitsAndRows()
  local data = data_of {
    { id = "a", split = "train", width = 20, height = 10, objects = { box(1, 2, 5, 6), { class = "dog", box = { 0, 0, 3, 3 } } } },
    { id = "b", split = "train", width = 20, height = 10 },
    { id = "c", split = "dev", width = 20, height = 10, objects = { box(1, 1, 2, 2) } },
  }
  t.assertEquals({ #data.train, #data.dev, #data:list "all" }, { 2, 1, 3 })
  t.assertEquals((data:truth(data.train.frames[1], { "dog", "car" })), { { 1, 2, 5, 6, 1, 0 }, { 0, 0, 3, 3, 0, 0 } })
  t.assertEquals(#data:rows(data.train.frames[2]), 0)
  t.assertErrorMsgContains("no such split 'dve'", data.list, data, "dve")
end

function TestDataset.testBoxesWithoutArea()
  local list = data_of({ { id = "a", width = 20, height = 10, objects = { box(1, 2, 1, 6), box(1, 2, 5, 6), box(1, 2, 5,
    2) } } }):list "all"
  t.assertEquals({ #list.frames[1].objects, list.frames[1].objects[1].line }, { 1, 2 })
  t.assertStrMatches(list.notes:lines()[1], "boxes without area, which are left out: 2, the first at data=mine%d+: frame a: object 1")
end

function TestDataset.testRefusals()
  local function refused(sentence, list)
    local ok, message = pcall(function() return data_of(list):list "all" end)
    t.assertFalse(ok)
    t.assertStrContains(message, sentence)
  end
  refused("frame a: object 1: class 'cat' is not among 'classes'", { { id = "a", objects = { { class = "cat", box = { 0, 0, 1, 1 } } } } })
  refused("frame a: object 2: expected a box {x1, y1, x2, y2}", { { id = "a", objects = { box(0, 0, 1, 1), box(3, 3, 2, 4) } } })
  refused("frame a: object 1: expected a box", { { id = "a", objects = { box(0, 0, 1) } } })
  refused("frame a: object 1: expected a box", { { id = "a", objects = { box(0, 0, 0 / 0, 1) } } })
  refused("frame a: object 1: expected {class =, box =}, got 7", { { id = "a", objects = { 7 } } })
  refused("frame a: expected a list of objects, got 'none'", { { id = "a", objects = "none" } })
  refused("frame a: object 1: expected a number as occluded, got '3'", { { id = "a", objects = { { class = "car", box = { 0, 0, 1, 1 },
    occluded = "3" } } } })
  refused("frame a: expected a whole number from 1 to 65535 as its width, got 20.5", { { id = "a", width = 20.5, height = 10 } })
  refused("frame a: object 1: expected a box inside the image of 20x10", { { id = "a", width = 20, height = 10, objects = { box(0, 0, 30,
    5) } } })
  refused("frame a: expected a path as image, got 7", { { id = "a", image = 7 } })
  refused("expected a list of frames, but this function returned nothing (is a return missing?)", nil)
  refused("frame a: occurs twice", { { id = "a" }, { id = "a" } })
  refused("frame 1: expected {id = text", { { name = "a" } })
  refused("no such image none.png", { { id = "a", image = "none.png" } })
  t.assertErrorMsgContains("expected frames = function(o)", yl.dataset, { name = "x", classes = { "a" } })
  t.assertErrorMsgContains("expected classes = {names}", yl.dataset, { name = "x", frames = function() end })
  t.assertErrorMsgContains("a data set of that name already exists", yl.dataset,
    { name = "kitti", classes = { "a" }, frames = function() end })
end

TestFreezeByFunction = {}

function TestFreezeByFunction.testAskedInEveryEpoch()
  local policy, asked = yl.freeze(function(epoch, trainer) return epoch < trainer.last and { "conv1", "conv2" } or "none" end), {}
  for epoch = 1, 3 do
    policy.on.epoch_start(policy, { epoch = epoch, last = 3, freeze = function(_, pattern) asked[epoch] = pattern end })
  end
  t.assertEquals(asked, { { "conv1", "conv2" }, { "conv1", "conv2" }, "none" })
  t.assertErrorMsgContains("freeze: expected a string or a list of strings for epoch 1, but this function returned nothing", function()
    local silent = yl.freeze(function() end)
    silent.on.epoch_start(silent, { epoch = 1 })
  end)
end

TestPixels = {}

-- What is lent goes back into the plan's input when the loan is closed, and is dead from then on.
function TestPixels.testLoan()
  local net = net_of { "activation", activation = "linear", inputs = { 0 } }
  local plan = net:plan { batch = 2 }
  local kept
  t.assertErrorMsgContains("give the plan its input", plan.lend_input, plan)
  plan:input(yl.ones { 96 }:totable())
  do
    local pixels, loan <close> = plan:lend_input()
    t.assertNotNil(loan)
    t.assertEquals(pixels:shape(), { 2, 4, 4, 3 })
    t.assertEquals(pixels:sum(), 96)
    pixels:fill_(3)
    local other <close> = net:plan { batch = 4 } -- another plan may run while it is lent
    other:input(yl.full { 192, value = 7 }:totable())
    other:forward()
    kept = pixels
  end
  t.assertErrorMsgContains("no longer valid", kept.fill_, kept, 1)
  plan:forward()
  t.assertEquals((plan:output(1))[96], 3)
end

os.exit(t.LuaUnit.run())
