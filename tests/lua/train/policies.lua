-- Policies on their own: what they ask of the trainer, epoch by epoch, and what they refuse.
local t = require "luaunit"
local core = require "yolua.core"
local freeze = require "yolua.policies.freeze"
local keep = require "yolua.policies.keep"
local stop = require "yolua.policies.stop"
local checkpoint = require "yolua.train.checkpoint"

TestFreeze = {}

-- The patterns that a policy asks for in the given epochs.
local function patterns(policy, epochs)
  local list = {}
  for _, epoch in ipairs(epochs) do
    policy.on.epoch_start(policy, { epoch = epoch, freeze = function(_, pattern) list[#list + 1] = pattern end })
  end
  return list
end

function TestFreeze.testSchedules()
  t.assertEquals(patterns(freeze { "body", until_epoch = 2 }, { 1, 2, 3, 4 }), { "body", "body", "none", "none" })
  t.assertEquals(patterns(freeze { "body", until_epoch = 1, after = "conv1*" }, { 1, 2 }), { "body", "conv1*" })
  t.assertEquals(patterns(freeze "conv1", { 1, 99 }), { "conv1", "conv1" })
  t.assertEquals(patterns(freeze { "all", until_epoch = 0 }, { 1 }), { "none" })
end

-- A resumed run asks anew: only the epoch decides.
function TestFreeze.testAnyOrderOfEpochs()
  t.assertEquals(patterns(freeze { "body", until_epoch = 2 }, { 3, 2, 3, 1 }), { "none", "body", "none", "body" })
end

function TestFreeze.testRefusals()
  t.assertErrorMsgContains("option 'until_epoch': expected an integer of at least 0 (epochs), got 'x'", freeze,
    { "body", until_epoch = "x" })
  t.assertErrorMsgContains("option 'after': expected strings, got a boolean", freeze, { "body", after = true })
  t.assertErrorMsgContains("freeze: expected one value for epoch 2, but this function returned 2", patterns,
    freeze(function() return "body", "conv1" end), { 2 })
  t.assertErrorMsgContains("yl.freeze: option 'layers' is missing", freeze, { until_epoch = 3 })
  t.assertErrorMsgContains("yl.freeze has no option 'until_epcoh', did you mean 'until_epoch'?", freeze, { "body", until_epcoh = 3 })
end

TestStop = {}

-- After which epoch of these numbers the policy ends the run; nil: never.
local function stopped(policy, metric, values)
  for i, value in ipairs(values) do
    local trainer = { record = { [metric] = value }, policies = { policy }, data = {} }
    policy.on.epoch_end(policy, trainer)
    if trainer.stop then return i end
  end
end

function TestStop.testPatience()
  t.assertEquals(stopped(stop { "dev_loss", patience = 1 }, "dev_loss", { 3, 2, 2, 1 }), 3)
  t.assertEquals(stopped(stop { "dev_loss", patience = 2 }, "dev_loss", { 3, 4, 2, 4, 3, 1 }), 5)
  t.assertNil(stopped(stop { "dev_loss", patience = 3 }, "dev_loss", { 3, 4, 4, 2, 4, 4, 1 }))
  t.assertEquals(stopped(stop { patience = 1 }, "dev_loss", { 1, 2 }), 2) -- dev_loss where nothing else is said
end

-- What is no loss is better when it is larger.
function TestStop.testMetrics()
  t.assertEquals(stopped(stop { "dev_ap", patience = 2 }, "dev_ap", { 0.1, 0.2, 0.2, 0.1 }), 4)
  t.assertNil(stopped(stop { "dev_ap", patience = 1 }, "dev_ap", { 0.1, 0.2, 0.3 }))
end

-- Patience survives a resume: the state is plain data with which another policy object continues.
function TestStop.testState()
  local a, b = stop { patience = 3 }, stop { patience = 3 }
  t.assertNil(stopped(a, "dev_loss", { 1, 2, 2 }))
  b.state = { value = a.state.value, waited = a.state.waited }
  t.assertEquals(stopped(b, "dev_loss", { 2 }), 1)
  t.assertEquals(a.name, b.name)
end

function TestStop.testANumberThatIsMissing()
  local ok, sentence = pcall(stopped, stop { "dev_ap", patience = 1 }, "other", { 1 })
  t.assertFalse(ok)
  t.assertStrMatches(sentence, ".*%.lua:%d+: stop: the epoch's record has no 'dev_ap'; yl%.evaluate, before it in the list, writes it")
end

-- Epochs in which nothing was evaluated count neither way.
function TestStop.testNotEvaluated()
  local none = core.null
  t.assertNil(stopped(stop { "dev_ap", patience = 2 }, "dev_ap", { none, 0.2, none, 0.1, none, 0.3 }))
  t.assertEquals(stopped(stop { "dev_ap", patience = 2 }, "dev_ap", { none, 0.2, none, 0.1, none, 0.1 }), 6)
end

-- A loss that is no number is no improvement, and does not hide later ones.
function TestStop.testNotANumber()
  t.assertEquals(stopped(stop { patience = 2 }, "dev_loss", { 0 / 0, 0 / 0, 1 }), 2)
  t.assertNil(stopped(stop { patience = 2 }, "dev_loss", { 0 / 0, 3, 4, 2 }))
end

TestKeep = {}

function TestKeep.setUp()
  TestKeep.real, TestKeep.saved = checkpoint.save, {}
  checkpoint.save = function(_, name) TestKeep.saved[#TestKeep.saved + 1] = name end
end

function TestKeep.tearDown() checkpoint.save = TestKeep.real end

-- Whether each of these epochs is marked as the best so far.
local function marked(policy, metric, values)
  local list = {}
  for i, value in ipairs(values) do
    local record = { [metric] = value }
    policy.on.epoch_end(policy, { epoch = i, record = record, policies = { policy }, data = {} })
    list[i] = record.best == metric
  end
  return list
end

function TestKeep.testBest()
  local policy = keep.best "dev_loss"
  t.assertEquals(marked(policy, "dev_loss", { 3, 4, 2, 2, 1.5 }), { true, false, true, false, true })
  t.assertEquals(policy.state, { value = 1.5, epoch = 5 })
  t.assertEquals(#TestKeep.saved, 3)
end

function TestKeep.testFileAndDirection()
  t.assertEquals(marked(keep.best("dev_ap", "ap.safetensors"), "dev_ap", { 0.2, 0.1, 0.3 }), { true, false, true })
  t.assertEquals(TestKeep.saved, { "ap.safetensors", "ap.safetensors" })
end

function TestKeep.testEpochs()
  local policy = keep.epochs { 2, 4 }
  for epoch = 1, 4 do policy.on.epoch_end(policy, { epoch = epoch }) end
  t.assertEquals(TestKeep.saved, { "epoch-2.safetensors", "epoch-4.safetensors" })
  t.assertErrorMsgContains("keep.epochs: epoch 4 is never trained: there are 3", policy.on.start, policy, { epochs = 3 })
  for _, bad in ipairs { {}, { 0 }, { 1.5 }, 3 } do
    t.assertErrorMsgContains("yl.keep.epochs: expected a list of whole numbers of at least 1", keep.epochs, bad)
  end
end

function TestKeep.testNotEvaluated()
  t.assertEquals(marked(keep.best "dev_ap", "dev_ap", { core.null, 0.1, core.null, 0.2 }), { false, true, false, true })
end

function TestKeep.testNotANumber()
  t.assertEquals(marked(keep.best "dev_loss", "dev_loss", { 0 / 0, 3, 0 / 0, 2 }), { false, true, false, true })
end

function TestKeep.testAMissingNumberIsNamed()
  t.assertErrorMsgContains("keep.best: the epoch's record has no 'dev_loss' (is there a dev split?)", marked, keep.best "dev_loss", "x",
    { 1 })
end

-- At the end it says which epoch was kept, and what the other number would have chosen.
function TestKeep.testWhatTheOtherNumberWouldHaveChosen()
  local said
  local function finish(name, kept, epochs)
    local policy = keep.best(name)
    policy.state.epoch = kept
    local run = { epochs = epochs, kept = {}, say = function(_, _, line) said = line end }
    policy.on.finish(policy, { run = run, training = 2 })
    t.assertEquals(run.kept, { said })
    return said
  end
  local epochs = { { epoch = 1, dev_loss = 1, dev_ap = 0.9 } } -- of another training
  for i, values in ipairs { { 3, 0.2 }, { 2.5, 0.59 }, { 2, 0.55 }, { 2.2, core.null }, { 0 / 0, 0.1 } } do
    epochs[i + 1] = { training = 2, epoch = i, dev_loss = values[1], dev_ap = values[2] }
  end
  t.assertEquals(finish("dev_loss", 3, epochs), "best.safetensors is epoch 3, the best by dev_loss (dev_loss 2.0000); dev_ap would have "
    .. "chosen epoch 2: dev_ap 0.5900 against 0.5500, dev_loss 2.5000")
  t.assertEquals(finish("dev_ap", 2, epochs), "best.safetensors is epoch 2, the best by dev_ap (dev_ap 0.5900); dev_loss would have chosen "
    .. "epoch 3: dev_loss 2.0000 against 2.5000, dev_ap 0.5500")
  t.assertStrContains(finish("dev_loss", 2, { epochs[2], epochs[3] }), "(dev_loss 2.5000) and by dev_ap (dev_ap 0.5900)")
  t.assertEquals(finish("dev_loss", 1, { { training = 2, epoch = 1, dev_loss = 4 } }),
    "best.safetensors is epoch 1, the best by dev_loss (dev_loss 4.0000)")
end

-- One number of the record has one writer.
function TestKeep.testTwoEvaluations()
  local evaluate = require "yolua.policies.evaluate"
  local first, second = evaluate "voc", evaluate "kitti"
  local training = { policies = { first, second }, data = { dev = { frames = { {} } } } }
  first.on.start(first, training)
  t.assertErrorMsgContains("yl.evaluate: 'evaluate.voc' writes the record's dev_ap already", second.on.start, second, training)
end

os.exit(t.LuaUnit.run())
