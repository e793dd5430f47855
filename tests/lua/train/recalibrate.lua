-- Statistics estimated anew, on the tiny data set: what they become, what they are good for, and what is refused.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local training = require "support.training"
local quiet = training.quietly

local data = training.data {}

local function net(freeze) return training.model(freeze) end

local function recalibrate(...) return quiet(yl.recalibrate, ...) end

-- conv3.bn.mean and the like, in one list.
local function statistics(model)
  local list = {}
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "statistic" then table.move(model.net:get(r.name), 1, r.count, #list + 1, list) end
  end
  return list
end

local function values(model) return (model:checksum(function(r) return r.kind ~= "statistic" end)) end

TestRecalibrate = {}

-- In inference each channel of a batch-norm's output then has the mean `bias` and the deviation `scale` over those pictures.
function TestRecalibrate.testMoments()
  local model = net()
  local before = values(model)
  local _, frames = yl.recalibrate(model, data.train, { frames = 24, batch = 24 })
  t.assertEquals(frames, 24)
  t.assertEquals(values(model), before)
  local source = require("yolua.data.batches").pictures { images = data.train.frames, batch = 24, w = 160, h = 96, resize = "stretch",
    workers = 0 }
  local plan = model:plan { mode = "infer", batch = 24, keep = true }
  for batch in source:epoch(0) do plan:load(batch) end
  plan:forward()
  source:close()
  for _, layer in ipairs { "conv1.bn", "conv4.bn" } do
    local y, shape = plan:output(layer)
    local bn = yl.tensor(y):reshape(-1, shape[4])
    t.assertTrue(bn:mean(1):abs():max() < 1e-3, layer)
    t.assertTrue((bn * bn):mean(1):add_(-1):abs():max() < 2e-2, layer) -- eps, and n - 1
  end
end

-- A batch-norm behind smaller weights gives what it gave, once its statistics know them.
function TestRecalibrate.testSmallerWeights()
  local o = training.options { epochs = 3, optim = { name = "adam", lr = 3e-3 } }
  local trained = quiet(yl.train, { net = net(), data = data, options = o })
  local model = trained.model
  local function loss() return (quiet(trained.dev_loss, trained)) end
  recalibrate(model, data.train, { frames = 24 })
  local whole = loss()
  for i = 2, 4 do model.layers["conv" .. i].weight:mul_(0.25) end
  local smaller = loss()
  recalibrate(model, data.train, { frames = 24 })
  t.assertTrue(math.abs(smaller - whole) > 0.01 * whole, ("%g, then %g"):format(whole, smaller))
  t.assertAlmostEquals(loss(), whole, 1e-3 * whole)
end

function TestRecalibrate.testFrozenAndAveraged()
  local model, frozen = net(), net "all"
  recalibrate(model, data.train, { frames = 8 })
  recalibrate(frozen, data.train, { frames = 8 })
  t.assertEquals(statistics(frozen), statistics(model))
  t.assertEquals(frozen.frozen, "all")
  local averaged = quiet(yl.train, { net = net(), data = data, options = training.options { epochs = 1, ema = 0.9 } }).model
  local before = averaged.net:get("conv1.bn.mean", "ema")
  recalibrate(averaged, data.train, { frames = 8 })
  t.assertNotEquals(averaged.net:get("conv1.bn.mean", "ema"), before)
end

-- The same pictures give the same bytes; fewer than there are lie evenly over the split.
function TestRecalibrate.testRepeatable()
  local one, two = net(), net()
  recalibrate(one, data.train, { frames = 6, batch = 4 })
  recalibrate(two, data.train, { frames = 6, batch = 4, workers = 0 })
  t.assertEquals(statistics(one), statistics(two))
  recalibrate(two, data.train, { frames = 7, batch = 4 })
  t.assertNotEquals(statistics(one), statistics(two))
end

-- A picture that cannot be read leaves the network as it was.
function TestRecalibrate.testAllOrNothing()
  local model = net()
  local before = model:checksum()
  local list = { name = "broken", data = data, frames = { data.train.frames[1], { id = "x", image = training.top .. "/none.png" } } }
  t.assertErrorMsgContains("none.png", recalibrate, model, list, { batch = 1 })
  t.assertEquals(model:checksum(), before)
end

function TestRecalibrate.testRefusals()
  local model = net()
  t.assertErrorMsgContains("yl.recalibrate: expected a model (of yl.load), got 3", yl.recalibrate, 3, data.train)
  t.assertErrorMsgContains("yl.recalibrate: expected a split (data.train), got nothing", yl.recalibrate, model)
  t.assertErrorMsgContains("the split has no frames", yl.recalibrate, model, { name = "x", data = data, frames = {} })
  t.assertErrorMsgContains("has no option 'frame', did you mean 'frames'?", yl.recalibrate, model, data.train, { frame = 1 })
  core.system.write(training.top .. "/plain.cfg", (core.system.read(training.top .. "/tiny.cfg"):gsub("batch_normalize=1\n", "")))
  local plain = yl.load { cfg = training.top .. "/plain.cfg", names = training.top .. "/tiny.names" }
  t.assertErrorMsgContains("has no batch-norm, so no statistics to estimate", yl.recalibrate, plain, data.train)
end

training.run(t)
