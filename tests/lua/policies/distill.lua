-- A teacher in a training: what it changes and what it leaves alone, that a resumed run ends in the same bytes, and what is refused.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local program = require "support.program"

local training = require "support.training"
local top, quiet = training.top, training.quietly

local function model(seed, o)
  local spec = { cfg = top .. "/tiny.cfg", names = top .. "/tiny.names", seed = seed or 3 }
  for key, value in pairs(o or {}) do spec[key] = value end
  return yl.load(spec)
end

local function options(o)
  return training.options({ epochs = 2, optim = { name = "sgd", lr = 0.01 }, data = {}, clip = 50 }, o)
end

local function data() return training.data { limit = 12 } end

-- A training with these policies; o: its options, and net, the network that is trained.
local function train(o, ...)
  local policies, net = { ... }, o and o.net or model()
  if o then o.net = nil end
  return (quiet(yl.train, { net = net, data = data(), options = options(o), table.unpack(policies) }))
end

local function losses()
  local list = {}
  return list, { name = "losses", on = { epoch_end = function(_, tr) list[#list + 1] = tr.record.distill_loss end } }
end

TestDistill = {}

function TestDistill.testItLearnsFromTheTeacher()
  local teacher = model(5)
  local before, list, watch = teacher:checksum(), losses()
  local taught = train({ epochs = 6 }, yl.distill { teacher, weight = 5 }, watch)
  t.assertEquals(#list, 6)
  t.assertTrue(list[6] < 0.7 * list[1], ("%g became %g"):format(list[1], list[6]))
  t.assertEquals(teacher:checksum(), before)
  t.assertNotEquals(taught.model:checksum(), train({ epochs = 6 }).model:checksum())
  t.assertTrue(taught.parts.distill.noobject > 0 and taught.parts.distill.features == 0)
  t.assertTrue(taught.record.train_loss > list[6])
end

-- A temperature softens what is taught: another gradient of about the same size.
function TestDistill.testTemperature()
  local list, watch = losses()
  local cold = train({ epochs = 1 }, yl.distill { model(5), weight = 5 })
  local warm = train({ epochs = 1 }, yl.distill { model(5), weight = 5, temperature = 4 }, watch)
  t.assertNotEquals(warm.model:checksum(), cold.model:checksum())
  t.assertTrue(list[1] > 0)
  t.assertErrorMsgContains("temperature", yl.distill, { model(5), temperature = 0 })
end

-- A teacher with no weight in a training's gradient leaves no trace: what is measured is what is added.
function TestDistill.testAlikeTeachersChangeNothing()
  local alone = train({ epochs = 1, batch = 12, optim = { name = "sgd", lr = 0 } })
  local list, watch = losses()
  local still = { epochs = 1, batch = 12, optim = { name = "sgd", lr = 0 }, statistics = "running" }
  local taught = train(still, yl.distill { model(), features = "conv*" }, watch)
  t.assertEquals(list[1], 0)
  t.assertEquals(alone.record.train_loss > 0, true)
  t.assertEquals(taught.parts.distill, { box = 0, object = 0, noobject = 0, class = 0, features = 0 })
end

function TestDistill.testFeatures()
  local list, watch = losses()
  local spec = { model(5), weight = 0, features = { "conv1.act", "conv4*" }, feature_weight = 20 }
  local taught = train({ epochs = 6 }, yl.distill(spec), watch)
  t.assertTrue(list[6] < 0.7 * list[1], ("%g became %g"):format(list[1], list[6]))
  t.assertTrue(taught.parts.distill.features > 0 and taught.parts.distill.box == 0)
end

-- The teacher sees what the network sees: pixels that a handler changed, batches in parts, sizes that change, a frozen body.
function TestDistill.testWhateverTheTrainingDoes()
  local dark = { name = "dark", on = { batch = function(_, tr) tr.pixels:mul_(0.5) end } }
  t.assertTrue(train({ subdivisions = 2, ema = 0.9 }, yl.distill { model(5) }, dark).record.distill_loss > 0)
  t.assertTrue(train({ multiscale = true, augment = { name = "standard" } }, yl.distill { model(5), features = "conv2" })
    .record.distill_loss > 0)
  local cached = train { freeze = "body", net = model():freeze "body" }
  local taught = train({ freeze = "body", net = model():freeze "body" }, yl.distill { model(5), features = "conv1" })
  t.assertTrue(cached.record.cached_body)
  t.assertFalse(taught.record.cached_body)
  t.assertEquals(taught.model.net:checksum "conv1.weight", cached.model.net:checksum "conv1.weight")
  t.assertNotEquals(taught.model.net:checksum "conv5.weight", cached.model.net:checksum "conv5.weight")
end

-- A step's loss is counted once, also where an error broke it off and it was done anew.
function TestDistill.testABrokenStepIsNotCounted()
  local list, watch = losses()
  local whole, other = losses()
  local failed = false
  local breaks = { name = "breaks", on = { loss = function(_, tr)
    if tr.step == 1 and tr.batch_done == 3 and not failed then
      failed = true
      error("once", 0)
    end
  end } }
  local net, o = model(), options { epochs = 1, batch = 4, subdivisions = 2, statistics = "running" }
  local trainer = yl.trainer { net = net, data = data(), options = o, yl.distill { model(5) }, breaks, watch }
  t.assertErrorMsgContains("once", quiet, trainer.run, trainer)
  quiet(trainer.run, trainer)
  local undisturbed = train({ epochs = 1, batch = 4, subdivisions = 2, statistics = "running" }, yl.distill { model(5) }, other)
  t.assertEquals(list, whole)
  t.assertEquals(net:checksum(), undisturbed.model:checksum())
end

TestResume = {}

local function run(spec, teacher, stop_at)
  local stopper = { name = "stopper", on = { step = function(_, tr)
    if tr.step ~= stop_at then return end
    os.execute "p=$PPID; (sleep 0.05; kill -INT $p) &" -- os.execute itself lets no SIGINT in
    local started = core.system.clock()
    while not core.system.interrupted() and core.system.clock() - started < 5 do end
  end } }
  return pcall(quiet, function()
    local r <close> = yl.run(yl.options(spec))
    return yl.train { net = model(), data = data(), run = r, options = options {}, yl.distill { teacher, features = "conv2" }, stopper }
  end)
end

function TestResume.testTheSameBytes()
  model(5):save(top .. "/teacher.safetensors")
  local teacher = top .. "/teacher.safetensors"
  t.assertTrue(run({ out = top .. "/whole" }, teacher))
  local ok, message = run({ out = top .. "/cut" }, teacher, 2) -- in the middle of the first epoch
  t.assertFalse(ok)
  t.assertStrContains(message, "stopped by the user in epoch 1 after step 2")
  t.assertTrue(run({ resume = top .. "/cut" }, teacher))
  t.assertEquals(core.files.hash(top .. "/cut/last.safetensors"), core.files.hash(top .. "/whole/last.safetensors"))
  local function record(dir)
    local r = core.json.decode(core.system.read(top .. dir .. "/metrics.jsonl"):match "^[^\n]*")
    return { r.distill_loss, r.train_loss }
  end
  t.assertTrue(record("/whole")[1] > 0)
  t.assertEquals(record "/cut", record "/whole")
end

function TestResume.testAnotherTeacher()
  model(5):save(top .. "/a.safetensors")
  model(6):save(top .. "/b.safetensors")
  run({ out = top .. "/other" }, top .. "/a.safetensors", 2)
  local ok, message = run({ resume = top .. "/other" }, top .. "/b.safetensors")
  t.assertFalse(ok)
  t.assertStrMatches(message, ".*%.lua:%d+: yl%.distill: this run began with another teacher: .*")
end

TestRefusals = {}

local function refused(sentence, o, spec)
  local before = o.net and o.net:checksum()
  local ok, message = pcall(train, o, yl.distill(spec))
  t.assertFalse(ok)
  t.assertStrMatches(message, "[^\n]*%.lua:%d+: yl%.distill: [^\n]*")
  t.assertStrContains(message, sentence)
  if o.net then t.assertEquals(o.net:checksum(), before) end
end

function TestRefusals.testTeachersThatDoNotFit()
  local net = model()
  refused("the teacher is the network that is trained", { net = net }, { net })
  refused("class 1 is 'Car' in " .. top .. "/tiny.cfg and 'a' in the teacher", {}, { (yl.transplant(model(5), { "a", "b", "c" })) })
  refused("cannot teach " .. top .. "/tiny.cfg at 160x96: region1 has 3 classes, the teacher's region1 has 2", {},
    { (yl.transplant(model(5), { "a", "b" })) })
  local cfg = core.system.read(top .. "/tiny.cfg")
  core.system.write(top .. "/other.cfg", (cfg:gsub("2%.2,1%.1", "2.9,1.1")))
  refused("anchor 1 of region1 is not that of the teacher's region1", {}, { model(5, { cfg = top .. "/other.cfg" }) })
  core.system.write(top .. "/narrow.cfg", (cfg:gsub("filters=16", "filters=10")))
  local narrow = model(5, { cfg = top .. "/narrow.cfg" })
  refused("features=conv2.act: the output of conv2.act is {24, 40, 16}, that of the teacher's {24, 40, 10}", {},
    { narrow, features = "conv2.act" })
  refused("features=conv9*: no layer of that name", {}, { narrow, features = "conv9*" })
  refused("features=region1: no layer of that name, besides heads", {}, { narrow, features = "region1" })
  refused("weight=0 and features=none leave nothing to teach", {}, { narrow, weight = 0 })
  t.assertTrue(train({}, yl.distill { narrow, features = "conv*" }).parts.distill.features > 0) -- those that agree
end

function TestRefusals.testArguments()
  t.assertErrorMsgContains("yl.distill: option 'teacher' is missing", yl.distill, {})
  t.assertErrorMsgContains("yl.distill: teacher: expected a model (of yl.load), got 3", yl.distill, { 3 })
  t.assertErrorMsgContains("nowhere.safetensors", yl.distill, { "nowhere.safetensors" })
  t.assertErrorMsgContains("option 'weight': expected a number of at least 0", yl.distill, { model(), weight = -1 })
  t.assertErrorMsgContains("has no option 'wieght'", yl.distill, { model(), wieght = 1 })
end

function TestRefusals.testATeacherOfNaNs()
  local teacher = model(5)
  teacher.layers.conv2.weight:fill_(0 / 0)
  refused("the teacher " .. top .. "/tiny.cfg gives NaN or infinity in region1", {}, { teacher })
end

-- What a handler of `loss` adds counts, or is refused.
function TestRefusals.testTheEventLoss()
  local function adds(value) return { name = "adds", on = { loss = function(_, tr) tr.parts.mine = value end } } end
  local plain, more = train { epochs = 1 }, train({ epochs = 1 }, adds { extra = 40 })
  t.assertAlmostEquals(more.record.train_loss, plain.record.train_loss + 10, 1e-6) -- 40 over the four images of a batch
  t.assertErrorMsgContains("t.parts.mine: expected { part = sum }", train, {}, adds(40))
  local assigns = { name = "x", on = { loss = function(_, tr) tr.plan = 1 end } }
  t.assertErrorMsgContains("t.plan cannot be assigned", train, {}, assigns)
end

TestVerb = {}

local function words(list)
  return table.move(list, 1, #list, 9, { "train", "cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", "data=kitti",
    "data.root=" .. top .. "/data", "data.limit=8", "epochs=1", "batch=4" })
end

function TestVerb.testTrain()
  model(5):save(top .. "/t.safetensors")
  local out = program.ok(words { "distill.teacher=" .. top .. "/t.safetensors", "distill.features=conv1.act", "out=" .. top .. "/verb" })
  t.assertStrContains(out, "teaches 1 head and the outputs of conv1.act")
  local record = core.json.decode(core.system.read(top .. "/verb/metrics.jsonl"))
  t.assertTrue(record.distill_loss > 0)
end

-- In pruning the dense network teaches, unless another is named; without a weight nobody does.
function TestVerb.testPrune()
  model(5):save(top .. "/dense.safetensors")
  local function prune(out, ...)
    program.ok { "prune", "model=" .. top .. "/dense.safetensors", "data=kitti", "data.root=" .. top .. "/data", "data.limit=4", "batch=4",
      "rounds=1", "target=.5", "protocol=voc", "out=" .. top .. out, ... }
    return core.json.decode(core.system.read(top .. out .. "/metrics.jsonl")).distill_loss
  end
  t.assertNil(prune "/alone")
  t.assertTrue(prune("/taught", "distill.weight=2") > 0)
  t.assertTrue(prune("/named", "distill.weight=2", "distill.teacher=" .. top .. "/dense.safetensors") > 0)
end

function TestVerb.testKeysWithoutATeacher()
  local status, _, err = program.run(words { "distill.weight=2", "out=" .. top .. "/none" })
  t.assertEquals(status, 2)
  t.assertStrContains(err, "distill.weight needs distill.teacher=CHECKPOINT")
  t.assertNil(core.files.kind(top .. "/none"))
end

training.run(t)
