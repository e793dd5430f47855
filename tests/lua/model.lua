-- Models: plans made once and dropped when freezing changes, counts, checksums, the layer table, and what a checkpoint keeps.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"
local Model = require "yolua.model"

local function network()
  return core.net { h = 8, w = 12, c = 3, seed = 2, layers = {
    { "conv2d", filters = 4, size = 3, pad = true, bias = false }, { "batchnorm", name = "conv1.bn" }, { "activation", name = "conv1.act" },
    { "conv2d", filters = 7, size = 1 }, { "region", classes = 2, num = 1, anchors = { 1, 1 } },
  } }
end

local function model() return Model.new { net = network(), names = { "car", "person" }, path = "here.cfg" } end

TestModel = {}

-- What is assigned to a model has its effect or is refused with the way; so are names that it does not have.
function TestModel.testAssignments()
  local m = model()
  local function fails(sentence, f)
    local ok, message = pcall(f)
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*model%.lua:%d+: .*")
    t.assertStrContains(message, sentence)
  end
  m.names = { "truck", "person" }
  t.assertEquals(m.names, { "truck", "person" })
  fails("model.names: expected a list of 2 names", function() m.names = { "a" } end)
  fails("model.names: expected a string as name 2, got a number", function() m.names = { "a", 2 } end)
  fails("model.names: expected a list of 2 names", function() m.names = "a" end)
  t.assertEquals(m.names, { "truck", "person" })
  fails("model.frozen cannot be assigned: net:freeze(pattern) freezes", function() m.frozen = "body" end)
  fails("model.layers cannot be assigned", function() m.layers = {} end)
  fails("model.lr cannot be assigned", function() m.lr = 1 end)
  fails("model[1] cannot be assigned", function() m[1] = 1 end)
  fails("model.detect cannot be assigned", function() m.detect = 1 end)
  fails("a model has no 'nmaes', did you mean 'names'?", function() return m.nmaes end)
  fails("a model has no 'train', did you mean 'yl.train'?", function() return m.train end)
  fails("a model has no 'eval', did you mean 'run:eval'?", function() return m.eval end)
  t.assertNil(m.frozen)
  m:close()
  t.assertEquals(tostring(m), "model (closed)")
  fails("the network is closed", function() m:counts() end)
  fails("the network is closed", function() return m.layers.conv1 end)
end

function TestModel.testFields()
  local m = model()
  t.assertEquals({ m.w, m.h, m.c, #m.heads, m.heads[1].conv }, { 12, 8, 3, 1, "conv2" })
  t.assertEquals(m.layers.conv1.weight:shape(), { 4, 3, 3, 3 })
end

function TestModel.testNamesMustFitTheHead()
  t.assertErrorMsgContains("here.cfg: region1 has 2 classes, but 3 names were given", Model.new,
    { net = network(), names = { "a", "b", "c" }, path = "here.cfg" })
end

-- The same request gives the same plan; whatever differs gives another one.
function TestModel.testPlansAreKept()
  local m = model()
  local plan = m:plan { mode = "infer", batch = 2 }
  t.assertIs(m:plan { mode = "infer", batch = 2 }, plan)
  t.assertIs(m:plan { batch = 2, h = 8, w = 12 }, plan)
  for _, spec in ipairs { { batch = 1 }, { batch = 2, mode = "train" }, { batch = 2, h = 16 }, { batch = 2, w = 24 },
    { batch = 2, algorithm = "gemm" }, { batch = 2, slab = "ema" }, { batch = 2, part = "body" }, { batch = 2, keep = true },
    { batch = 2, whole_gradient = true } } do
    local other = m:plan(spec)
    t.assertFalse(other == plan)
    t.assertIs(m:plan(spec), other)
  end
  t.assertIs(m:plan { batch = 2, keep = false }, plan)
  t.assertErrorMsgContains("unknown option 'kept', did you mean 'keep'?", m.plan, m, { batch = 2, kept = true })
end

function TestModel.testFreezingDropsPlans()
  local m = model()
  local plan = m:plan { mode = "train", batch = 1 }
  t.assertIs(m:freeze { "conv1", "conv2.bias" }, m)
  t.assertEquals({ m.frozen, m.frozen_ranges }, { "conv1,conv2.bias", 6 })
  t.assertFalse(pcall(plan.forward, plan)) -- closed
  t.assertFalse(m:plan { mode = "train", batch = 1 } == plan)
  t.assertErrorMsgContains("'konv'", m.freeze, m, "konv")
  for _, empty in ipairs { "", " , ", {}, { "" } } do
    local ok, message = pcall(function() local _ = m:freeze(empty) end)
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*model%.lua:%d+: net:freeze: expected a pattern or .* %('none' freezes nothing%), got '.*'")
  end
  t.assertEquals(m.frozen, "conv1,conv2.bias")
end

function TestModel.testSet()
  local m = model()
  local mask = yl.ones { 4, 3, 3, 3 }
  mask[1] = 0
  t.assertIs(m:set("conv1.weight", mask, "mask"), m)
  t.assertEquals(m.layers.conv1.weight[1]:abs():sum(), 0)
  t.assertEquals(m:counts().nonzero, m:counts().params - 27 - 4 - 4 - 7) -- and what starts at zero: biases and means
  t.assertEquals(m:set("conv2.bias", yl.arange(1, 7)).layers.conv2.bias:sum(), 28)
  t.assertErrorMsgContains("net:set: expected nothing after the slab, got 5", m.set, m, "conv2.bias", yl.zeros { 7 }, nil, 5)
  t.assertErrorMsgContains("nothing is expected here, got 5", m.net.set, m.net, "conv2.bias", yl.zeros { 7 }, "value", 5)
  t.assertEquals(m.layers.conv2.bias:sum(), 28)
end

-- 4*27 weights, 4 times 4 of batch-norm, 7*4 + 7 of the head.
function TestModel.testCounts()
  local m = model()
  local c = m:counts()
  t.assertEquals({ c.params, c.bytes, c.frozen }, { 159, 636, 0 })
  m:freeze "body"
  t.assertEquals(m:counts().frozen, 124)
  local zeros = {}
  for i = 1, 108 do zeros[i] = i <= 100 and 0 or 1 end
  local before = m:counts().nonzero
  local was = 0
  for _, value in ipairs(m.net:get "conv1.weight") do was = was + (value ~= 0 and 1 or 0) end
  m.net:set("conv1.weight", zeros)
  t.assertEquals(m:counts().nonzero, before - was + 8)
end

-- Two per multiply-add of both convolutions at each of the 96 cells, and whatever the small layers count; twice the cells, twice that.
function TestModel.testFlops()
  local m = model()
  local convs = 2 * 96 * (4 * 27 + 7 * 4)
  t.assertTrue(m:flops() >= convs and m:flops() < 1.3 * convs)
  t.assertEquals(m:flops(16, 12), 2 * m:flops())
end

function TestModel.testChecksum()
  local m, same = model(), model()
  local sum, ranges, numbers = m:checksum()
  t.assertEquals({ sum, ranges, numbers }, { same:checksum(), 7, 159 })
  local bias = m.net:get "conv2.bias"
  bias[7] = bias[7] + 1
  m.net:set("conv2.bias", bias)
  t.assertNotEquals(m:checksum(), sum)
  local function body(r) return r.layer:find "^conv1" end
  t.assertEquals({ m:checksum(body) }, { same:checksum(body) })
  t.assertEquals(select(2, m:checksum(body)), 5)
end

function TestModel.testTable()
  local m = model():freeze "body"
  t.assertEquals(tostring(m), m:table())
  t.assertStrMatches(m:table(80), ".*\nconv1 +conv2d 3x3 bn %S+ +8x12x4 +124 +%S+  frozen\n.*")
  t.assertStrMatches(m:table(80), ".*\ntotal +159 +%S+")
end

-- What is saved comes back: structure, names, values, notes.
function TestModel.testSaveAndLoad()
  local path = os.tmpname() .. ".safetensors"
  local m = model()
  m:save(path, { remark = "mine" })
  local again = yl.load { model = path }
  t.assertEquals(again:checksum(), m:checksum())
  t.assertEquals({ again.names, again.structure, again.notes.remark }, { m.names, m.structure, "mine" })
  t.assertEquals({ again.pretrained, again.path }, { true, path })
  os.remove(path)
end

-- A small checkpoint holds the values alone; a full one the optimizer's state as well.
function TestModel.testFullKeepsTheOptimizersState()
  local small, full = os.tmpname() .. ".safetensors", os.tmpname() .. ".safetensors"
  local m = model()
  local plan = m:plan { mode = "train", batch = 1 }
  plan:input(yl.zeros { 8 * 12 * 3 }:totable())
  plan:forward { seed = 1, step = 1 }
  plan:loss { { { 0.5, 0.5, 0.3, 0.3, 1, 0 } } }
  plan:backward()
  core.step(m.net, { rule = "sgd", lr = 0.1, momentum = 0.9, decay = 0, images = 1 })
  m:save(small, nil, false)
  m:save(full, nil, true)
  t.assertTrue(#core.system.read(full) >= #core.system.read(small) + 4 * 151) -- a momentum for all but the statistics
  t.assertEquals(yl.load({ model = full }):checksum(), m:checksum())
  os.remove(small)
  os.remove(full)
end

-- Statistics that are kept stay frozen whatever else is thawed, until they are given back; a network without any has none to keep.
function TestModel.testKeepStatistics()
  local m = yl.load { model = "street" }
  local function frozen(pattern)
    local n = 0
    for _, r in ipairs(m.net:ranges()) do n = n + (r.frozen and r.name:find(pattern) and 1 or 0) end
    return n
  end
  m:freeze "all"
  local layers = frozen "%.var$"
  m:freeze "none":keep_statistics(true)
  t.assertEquals({ frozen "%.mean$", frozen "%.var$", frozen "" }, { layers, layers, 2 * layers })
  m:freeze "conv1"
  t.assertEquals({ frozen "%.var$", frozen "^conv1%.", m.frozen }, { layers, 5, "conv1" })
  m:keep_statistics(false)
  t.assertEquals(frozen "", 5)
  t.assertEquals(model():keep_statistics(true):freeze("none").frozen, "none")
end

function TestModel.testCloseEndsTheNetwork()
  local m = model()
  m:plan { batch = 1 }
  m:close()
  t.assertEquals(next(m.plans), nil)
  t.assertFalse(pcall(m.counts, m))
end

-- A list's length is what its __len says, which may be anything.
function TestModel.testLengthsOfLists()
  for _, n in ipairs { 1 << 61, 1 << 60, -1 } do
    local list = setmetatable({ "a", "b" }, { __len = function() return n end })
    for _, f in ipairs { core.image.check, function() core.labels.kitti("x.txt", { classes = list }) end,
      function() core.loader { samples = list, width = 8, height = 8 } end } do
      t.assertErrorMsgContains("expected a list, got one whose length is " .. n, f, list)
    end
  end
end

-- What cannot be saved is refused with the line that asked.
function TestModel.testRefusedSavesHaveAPlace()
  local net = core.net { h = 3, w = 3, c = 1, layers = { { "conv2d" } } }
  local m = require("yolua.model").new { net = net, names = {}, path = "x" }
  local _, sentence = pcall(function() m:save "body" end)
  t.assertStrMatches(sentence, ".*model%.lua:%d+: net:save: 'body': expected a name that ends in .*")
end

os.exit(t.LuaUnit.run())
