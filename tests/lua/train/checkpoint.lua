-- Checkpoints, sources and the watchdog of the training loop, on the tiny data set.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local batches = require "yolua.data.batches"
local checkpoint = require "yolua.train.checkpoint"

local training = require "support.training"
local top, model, quiet = training.top, training.model, training.quietly

local function data(limit) return training.data { limit = limit } end

local function options(o) return training.options({ epochs = 1, optim = { name = "sgd", lr = 0.01 }, data = {} }, o) end

TestCheckpoint = {}

local function run_with(out, o, ...)
  local policies = { ... }
  return quiet(function()
    local run <close> = yl.run(yl.options { out = out })
    return yl.train { net = model(), data = data(), run = run, options = options(o), table.unpack(policies) }
  end)
end

function TestCheckpoint.testNotes()
  local counter = { name = "counter", state = { heard = 0 }, on = { step = function(self) self.state.heard = self.state.heard + 1 end } }
  local trainer = run_with(top .. "/a", { epochs = 2 }, counter)
  local notes = core.safetensors.info(top .. "/a/last.safetensors").metadata
  local clocks = core.json.decode(notes.clocks)
  t.assertEquals({ clocks.epoch, clocks.step, clocks.seen, clocks.batch_done }, { 2, 12, 48, 0 })
  t.assertEquals(core.json.decode(notes.policies).counter, { heard = 12 })
  t.assertEquals({ notes.seed, notes.threads, notes.frozen }, { "7", tostring(core.system.threads()), "none" })
  t.assertEquals(yl.load({ model = top .. "/a/last.safetensors" }):checksum(), trainer.model:checksum())
end

-- No path, time, host name or revision: equal runs give equal bytes, wherever they are written.
function TestCheckpoint.testEqualRunsGiveEqualFiles()
  run_with(top .. "/b")
  run_with(top .. "/elsewhere/c")
  t.assertEquals(core.files.hash(top .. "/b/last.safetensors"), core.files.hash(top .. "/elsewhere/c/last.safetensors"))
  for _, text in pairs(core.safetensors.info(top .. "/b/last.safetensors").metadata) do t.assertNotStrContains(text, top) end
end

-- A resumed run hands each policy its state by name, before the first epoch; a policy that is new keeps its own.
function TestCheckpoint.testPoliciesStatesComeBack()
  run_with(top .. "/d", nil, { name = "x", state = { n = 41 } })
  local seen = {}
  local x = { name = "x", state = { n = 0 }, on = { epoch_start = function(self) seen.x = self.state.n end } }
  local y = { name = "y", state = { n = 5 }, on = { epoch_start = function(self) seen.y = self.state.n end } }
  local trainer = quiet(function()
    local run <close> = yl.run(yl.options { resume = top .. "/d" })
    return yl.train { net = model(), data = data(), run = run, options = options { epochs = 2 }, x, y }
  end)
  t.assertEquals({ seen, trainer.epoch, trainer.step }, { { x = 41, y = 5 }, 2, 12 })
end

-- Whatever plain data a state holds comes back as it was; what a checkpoint cannot hold is refused before the first step.
function TestCheckpoint.testStatesOfAllKinds()
  local function made() return { best = math.huge, worst = -math.huge, none = 0 / 0, one = 1.0, by_epoch = {}, on = true } end
  local function filled(self, tr) self.state.by_epoch[tr.epoch] = tr.epoch / 2 end
  run_with(top .. "/g", { epochs = 2 }, { name = "x", state = made(), on = { epoch_end = filled } })
  local seen
  local x = { name = "x", state = {}, on = { start = function(self) seen = self.state end } }
  quiet(function()
    local run <close> = yl.run(yl.options { resume = top .. "/g" })
    yl.train { net = model(), data = data(), run = run, options = options { epochs = 2 }, x }
  end)
  t.assertEquals({ seen.best, seen.worst, seen.none ~= seen.none, seen.on }, { math.huge, -math.huge, true, true })
  t.assertEquals({ math.type(seen.one), seen.by_epoch[1], seen.by_epoch[2], math.type(seen.by_epoch[2]) }, { "float", 0.5, 1.0, "float" })
  local steps = 0
  local function late(self) self.state.f = print end
  for event in pairs { start = 1, [""] = 1 } do
    t.assertErrorMsgContains("policy 'x': state.f is a function", run_with, top .. "/h", nil, { name = "x", on = { start = late,
      step = function() steps = steps + 1 end }, state = event == "start" and {} or { f = print } })
  end
  t.assertEquals(steps, 0)
end

-- Notes that another program wrote, or that were damaged, end in one sentence that names the file; nothing has changed then.
function TestCheckpoint.testBrokenNotes()
  run_with(top .. "/f")
  local path = top .. "/f/last.safetensors"
  local good, whole = core.safetensors.info(path).metadata, model()
  core.restore(whole.net, path, true)
  local function refused(key, text, sentence)
    local notes = {}
    for k, v in pairs(good) do notes[k] = v end
    notes[key] = text
    core.save(whole.net, path, notes, true)
    local m = model()
    local before = m:checksum()
    local ok, message = pcall(quiet, function()
      local run <close> = yl.run(yl.options { resume = top .. "/f" })
      return yl.train { net = m, data = data(), run = run, options = options { epochs = 2 } }
    end)
    t.assertFalse(ok)
    t.assertStrContains(message, path .. ": no run can continue from it: " .. sentence)
    t.assertEquals(m:checksum(), before)
  end
  local function clock(pattern, by) return (good.clocks:gsub(pattern, by)) end
  for _, text in ipairs { "7", "[1]", "{", "null" } do
    refused("clocks", text, "expected a map as its 'clocks'")
    refused("policies", text, "expected a map as its 'policies'")
  end
  refused("clocks", clock('"epoch":%d+', '"epoch":-5'), "its clock 'epoch' is -5")
  refused("clocks", clock('"step":%d+', '"step":1.5'), "its clock 'step' is 1.5")
  refused("clocks", clock('"seen":%d+', '"seen":"many"'), "its clock 'seen' is many")
  refused("clocks", clock('"loss_sum":[%d.]+', '"loss_sum":null'), "its clock 'loss_sum' is nil")
  refused("clocks", clock('"batch_done":%d+', '"batch_done":7'), "it did 7 batches of an epoch that has 6 here")
  for _, text in ipairs { "many", "0", "1e9", "1.5" } do refused("threads", text, "expected 1 to 1024 threads, got " .. text) end
end

-- Without a run nothing is written.
function TestCheckpoint.testWithoutARun()
  t.assertNil(checkpoint.save({ model = false }))
end

-- A run that was cut off before its first checkpoint starts anew and forgets the lines it had.
function TestCheckpoint.testResumeWithoutACheckpoint()
  run_with(top .. "/e")
  os.remove(top .. "/e/last.safetensors")
  local trainer = quiet(function()
    local run <close> = yl.run(yl.options { resume = top .. "/e" })
    return yl.train { net = model(), data = data(), run = run, options = options() }
  end)
  t.assertEquals(trainer.step, 6)
  t.assertEquals(core.files.hash(top .. "/e/last.safetensors"), core.files.hash(top .. "/b/last.safetensors"))
  t.assertEquals(select(2, core.system.read(top .. "/e/metrics.jsonl"):gsub("\n", "")), 1)
end

TestSources = {}

-- Whether the body's output was cached, and what was warned of.
local function cached(o, freeze)
  local warnings, real, seen = {}, core.system.warn, nil
  core.system.warn = function(text) warnings[#warnings + 1] = text:find "body" and text or nil end
  local ears = { name = "ears", on = { epoch_end = function(_, tr) seen = tr.record.cached_body end } }
  local ok, reason = pcall(yl.train, { net = model(freeze or "body"), data = data(), options = options(o), ears })
  core.system.warn = real
  assert(ok, reason)
  return seen, warnings
end

function TestSources.testAFrozenBodyIsCached()
  t.assertEquals({ cached() }, { true, {} })
  t.assertEquals({ cached({}, "none") }, { false, {} })
  t.assertEquals({ cached { data = { features = 0 } } }, { false, {} })
  t.assertEquals({ cached { augment = { name = "standard" } } }, { false, {} })
end

-- 32 frames of 6 x 10 x 32 numbers of 4 bytes take .234 MiB: a smaller budget refuses with one sentence, once in two epochs.
function TestSources.testTheBudget()
  t.assertAlmostEquals(batches.feature_bytes(model "body", 96, 160, 32), 32 * 6 * 10 * 32 * 4, 32 * 6 * 10 * 32)
  local yes, warnings = cached { data = { features = 0.05 }, epochs = 2 }
  t.assertFalse(yes)
  t.assertEquals(#warnings, 1)
  t.assertStrContains(warnings[1], "more than the 0 MiB allowed: it is computed again in every epoch")
  t.assertEquals({ cached { data = { features = 0.5 } } }, { true, {} })
end

TestBatches = {}

local function picks_of(source, epoch, start)
  local list = {}
  for batch in source:epoch(epoch, start) do list[#list + 1] = { batch.count, table.unpack(batch.picks) } end
  return list
end

local function features(train, size, batch)
  local m, d = model "body", data(size)
  local images = batches.images { data = d, list = d.train, names = m.names, batch = batch, w = 160, h = 96, resize = "stretch", seed = 1,
    train = false, cache = 1 }
  local made = batches.features { model = m, source = images, seed = 1, batch = batch, train = train, body_batch = batch, h = 96, w = 160 }
  images:close()
  return made, m
end

-- Evaluation takes the list in its order, the last batch as short as it is.
function TestBatches.testListOrder()
  local source = features(false, 7, 3)
  t.assertEquals(picks_of(source, 0), { { 3, 1, 2, 3 }, { 3, 4, 5, 6 }, { 1, 7 } })
  source:close()
end

-- Training takes each image once an epoch, in an order of the epoch's own, and completes the last batch from the epoch's front.
function TestBatches.testPermutations()
  local source = features(true, 7, 3)
  local first, second = picks_of(source, 1), picks_of(source, 2)
  local seen = {}
  for i = 1, 7 do seen[i] = first[(i - 1) // 3 + 1][(i - 1) % 3 + 2] end
  t.assertEquals({ first[3][1], first[3][3], first[3][4] }, { 3, first[1][2], first[1][3] })
  table.sort(seen)
  t.assertEquals(seen, { 1, 2, 3, 4, 5, 6, 7 })
  t.assertNotEquals(first, second)
  t.assertEquals(picks_of(source, 1), first)
  t.assertEquals(picks_of(source, 1, 3), { first[3] }) -- a resumed epoch continues where it was
  t.assertEquals(picks_of(source, 1, 4), {})
  source:close()
end

-- The loader and the cache agree on which images an epoch's batches hold.
function TestBatches.testLoaderAndCacheDrawAlike()
  local source, m = features(true, 7, 3)
  local d = data(7)
  local images = batches.images { data = d, list = d.train, names = m.names, batch = 3, w = 160, h = 96, resize = "stretch", seed = 1,
    train = true, cache = 1 }
  local drawn = {}
  for batch in images:epoch(2) do drawn[#drawn + 1] = batch:indices() end
  local wanted = {}
  for i, picks in ipairs(picks_of(source, 2)) do wanted[i] = table.move(picks, 2, #picks, 1, {}) end
  t.assertEquals(drawn, wanted)
  images:close()
  source:close()
end

TestWatchdog = {}

local function poisoned(name, value)
  local m = model()
  local numbers = m.net:get(name)
  numbers[1] = value
  m.net:set(name, numbers)
  return m
end

-- One sentence: epoch, iteration, learning rate, the first layer whose output is not finite, the image.
function TestWatchdog.testSentence()
  for _, case in ipairs { { "conv1.weight", 0 / 0, "conv1" }, { "conv3.bn.bias", math.huge, "conv3" } } do
    local ok, sentence = pcall(yl.train, { net = poisoned(case[1], case[2]), data = data(), options = options() })
    t.assertFalse(ok)
    t.assertStrMatches(sentence, "training stopped in epoch 1, iteration 0 %(learning rate 0%.01%): " .. case[3]
      .. "[%w.]* gives NaN or infinity for image .*/image_2/%d+%.png")
  end
end

-- The image is looked up by its place in the batch; without one, the reason stands alone.
function TestWatchdog.testWhichImage()
  local layer, image = "conv2", 2
  local plan = { forward = function() end, close = function() end, not_finite = function() return layer, image end }
  local frames = { { id = "a" }, { id = "b" }, { id = "c" } }
  local trainer = { epoch = 3, step = 17, lr = 0.5, options = {}, data = { train = { frames = frames } },
    model = { net = { plan = function() return plan end } } }
  local source, batch = { feed = function() end }, { indices = function() return { 2, 3, 1 } end }
  local function sentence()
    return select(2, pcall(require("yolua.train.watchdog").stop, trainer, source, batch, "x.lua:3: the norm is inf"))
  end
  t.assertEquals(sentence(), "training stopped in epoch 3, iteration 17 (learning rate 0.5): conv2 gives NaN or infinity for image c")
  layer, image = nil, nil
  t.assertEquals(sentence(), "training stopped in epoch 3, iteration 17 (learning rate 0.5): x.lua:3: the norm is inf")
end

-- A rate that is far too high is caught as well, some iterations on.
function TestWatchdog.testDivergence()
  local o = options { epochs = 20, optim = { name = "sgd", lr = 100, momentum = 0.9, warmup = 0 } }
  local ok, sentence = pcall(yl.train, { net = model(), data = data(), options = o })
  t.assertFalse(ok)
  t.assertStrMatches(sentence, "training stopped in epoch %d+, iteration %d+ %(learning rate %d+%): [^\n]+")
end

training.run(t)
