-- Training led by hand: steps and epochs give the bits that yl.train gives, records print, and whatever stops it, it can continue.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local training = require "support.training"
local top, data, model = training.top, training.data, training.model

local function options() return { epochs = 2, batch = 4, seed = 7, optim = { name = "adam", lr = 0.001 } } end

local function trained()
  local m = model()
  local trainer = yl.train { net = m, data = data(), options = options() }
  return m:checksum(), trainer
end

local function led(more)
  local spec = options()
  for key, value in pairs(more or {}) do spec[key] = value end
  spec.net, spec.data = model(), data()
  return yl.trainer(spec)
end

-- Returns what was printed.
local function quietly(f, ...) return select(2, training.quietly(f, ...)) end

TestTrainer = {}

function TestTrainer.testStepsGiveTheSameBits()
  local sum, trainer = trained()
  local by_hand = led()
  for _ = 1, 12 do by_hand:step() end -- 24 images in batches of 4, twice
  t.assertEquals(by_hand.net:checksum(), sum)
  t.assertEquals(by_hand.record.dev_loss, trainer.record.dev_loss)
  t.assertEquals(by_hand.record.train_loss, trainer.record.train_loss)
  t.assertEquals({ by_hand.epoch, by_hand.batch_done }, { 2, 0 })
end

function TestTrainer.testRunGoesOnFromAnyStep()
  local sum = trained()
  local by_hand = led()
  for _ in by_hand:steps(4) do end
  local said = quietly(by_hand.run, by_hand, 1)
  t.assertStrMatches(said, "epoch 1: train loss [%d.]+, dev loss [%d.]+, learning rate 0.001, .*")
  t.assertEquals({ by_hand.epoch, by_hand.batch_done }, { 1, 0 })
  by_hand:step()
  quietly(by_hand.run, by_hand)
  t.assertEquals(by_hand.epoch, 2)
  t.assertEquals(by_hand.net:checksum(), sum)
end

function TestTrainer.testRecords()
  local by_hand = led()
  t.assertEquals(tostring(by_hand), "trainer: epoch 0 of 2, batch 0 of 6, step 0")
  local s = by_hand:step()
  t.assertEquals({ s.step, s.epoch, s.lr }, { 1, 1, 0.001 })
  t.assertEquals({ s.loss, s.norm }, { by_hand.loss, by_hand.norm })
  t.assertStrMatches(tostring(s), "step 1: loss [%d.]+, gradient norm [%d.]+, learning rate 0.001")
  t.assertStrMatches(tostring(by_hand), "trainer: epoch 1 of 2, batch 1 of 6, step 1\nloss [%d.]+, learning rate 0.001, adam")
  by_hand.options.optim.lr = 0.0005
  t.assertEquals(by_hand:step().lr, 0.0005)
end

-- An error within a step, the second Ctrl-C say: the next step begins where the last whole one ended, in the same epoch.
function TestTrainer.testAfterAnError()
  local sum = trained()
  for _, at in ipairs { 1, 5, 6, 7, 12 } do -- of 6 steps an epoch
    local calls, by_hand = 0, led()
    local plan = by_hand.net.plan
    rawset(by_hand.net, "plan", function(net, spec) -- asked for before forward, so that no running statistics have moved
      if spec.mode == "train" then calls = calls + 1 end
      if calls == at and spec.mode == "train" then error("the lights went out", 0) end
      return plan(net, spec)
    end)
    quietly(function() t.assertErrorMsgContains("the lights went out", by_hand.run, by_hand) end)
    t.assertEquals(by_hand.batch_done, (at - 1) % 6)
    if at % 2 == 0 then by_hand:step() end
    local said = quietly(by_hand.run, by_hand)
    t.assertEquals(by_hand.epoch, 2)
    t.assertEquals(by_hand.net:checksum(), sum, "an error in step " .. at)
    if at == 1 then t.assertStrMatches(said, "epoch 1: .*\nepoch 2: .*") end
  end
end

-- The optimizer is the last of a step: where it fails, the whole step is taken back. Running statistics have moved, weights have not.
function TestTrainer.testAfterAnErrorOfTheOptimizer()
  local whole, by_hand = led { subdivisions = 2 }, led { subdivisions = 2 }
  quietly(whole.run, whole)
  local real, calls = core.step, 0
  core.step = function(...)
    calls = calls + 1
    if calls == 6 then error("the lights went out", 0) end -- the last step of the first epoch
    return real(...)
  end
  quietly(function() t.assertErrorMsgContains("the lights went out", by_hand.run, by_hand) end)
  core.step = real
  local said = quietly(by_hand.run, by_hand)
  t.assertStrMatches(said, "epoch 1: .*\nepoch 2: .*")
  t.assertEquals(tostring(by_hand), tostring(whole))
  local function learned(r) return r.kind ~= "statistic" end
  t.assertEquals(by_hand.net:checksum(learned), whole.net:checksum(learned))
end

-- A handler that fails ends the call; the next call continues with it. Every epoch is trained and recorded once, and every handler gets
-- each event once, but for `batch`, whose pixels are loaded anew.
function TestTrainer.testAfterAnErrorOfAHandler()
  local sum = trained()
  local calls = { start = 1, epoch_start = 2, batch = 12, step = 12, epoch_end = 2, finish = 1 }
  for event, count in pairs(calls) do
    for _, at in ipairs { 1, count } do
      local before, after, failing, records = 0, 0, 0, {}
      local function fail()
        failing = failing + 1
        if failing == at then error("once", 0) end
      end
      local by_hand = led { { name = "before", on = { [event] = function() before = before + 1 end } },
        { name = "once", on = { [event] = fail } },
        { name = "after", on = { [event] = function() after = after + 1 end,
          epoch_end = function(_, tr) after, records[#records + 1] = after + (event == "epoch_end" and 1 or 0), tr.record.epoch end } } }
      local said = quietly(function()
        t.assertErrorMsgContains("once", by_hand.run, by_hand)
        by_hand:run()
        by_hand:run() -- nothing is left
      end)
      local where = ("%s, call %d"):format(event, at)
      t.assertEquals({ by_hand.epoch, by_hand.step and records }, { 2, { 1, 2 } }, where)
      t.assertStrMatches(said, "epoch 1: [^\n]*\nepoch 2: [^\n]*")
      t.assertEquals(tostring(by_hand):match "step %d+", "step 12", where)
      t.assertEquals(by_hand.net:checksum(), sum, where)
      t.assertEquals({ before, failing, after }, { event == "batch" and count + 1 or count, count + 1, count }, where)
    end
  end
end

-- A training that a policy ended says so and trains nothing, until it is told to.
function TestTrainer.testEndedByAPolicy()
  local by_hand = led { { name = "mine", on = { epoch_end = function(_, tr) tr.stop = tr.epoch == 1 end } } }
  local said = quietly(function()
    by_hand:run()
    by_hand:run()
    t.assertErrorMsgContains("the training was ended by 'mine' after epoch 1; t.stop = false continues it", by_hand.step, by_hand)
    for _ in by_hand:steps() do error "a step was made" end
    t.assertEquals(by_hand.epoch, 1)
    by_hand.stop = false
    by_hand:run()
  end)
  t.assertEquals(by_hand.epoch, 2)
  t.assertStrContains(said, "the training was ended by 'mine' after epoch 1")
  t.assertErrorMsgContains("a trainer's 'lr' cannot be set: t.options.optim.lr = ... changes the rate", function() by_hand.lr = 0 end)
  t.assertErrorMsgContains("a trainer's 'epochs' cannot be set", function() by_hand.epochs = 9 end)
end

-- Options that were settled when the training began, and arguments that ask for nothing.
-- A handler that ends the training as an epoch begins: that epoch is not trained, and can be later.
function TestTrainer.testEndedBeforeAnEpoch()
  local sum, whole = nil, (trained())
  local stopping = { name = "mine", on = { epoch_start = function(_, tr) tr.stop = tr.epoch == 2 end,
    epoch_end = function(_, tr) sum = tr.model:checksum() end } }
  local by_hand = led { stopping }
  quietly(by_hand.run, by_hand)
  t.assertEquals({ by_hand.epoch, by_hand.batch_done, by_hand.stop, (by_hand.net:checksum()) }, { 1, 0, true, sum })
  by_hand = led { { name = "mine", on = { epoch_start = function(_, tr) tr.stop = tr.epoch == 2 and tr.step == 6 and not sum end } } }
  sum = nil
  for _ = 1, 6 do by_hand:step() end
  t.assertErrorMsgContains("the training was ended by 'mine' after epoch 1; t.stop = false continues it", by_hand.step, by_hand)
  sum, by_hand.stop = true, false
  for _ = 1, 6 do by_hand:step() end
  t.assertEquals({ by_hand.epoch, (by_hand.net:checksum()) }, { 2, whole })
end

function TestTrainer.testWhatHasNoEffect()
  local by_hand = led {}
  by_hand.options.batch = 2
  t.assertErrorMsgContains("a trainer's options.batch cannot be set: it was settled when the training began", by_hand.step, by_hand)
  t.assertEquals(by_hand.step and by_hand.options.batch ~= 2, true)
  by_hand.options.epochs = -2
  t.assertErrorMsgContains("option 'epochs': expected an integer in 0..1000000 (epochs), got -2", by_hand.run, by_hand)
  t.assertErrorMsgContains("trainer:step: expected no argument (trainer:steps(n) gives n steps), got 3", by_hand.step, by_hand, 3)
  for _, bad in ipairs { -1, "x", 1.5 } do
    t.assertErrorMsgContains("trainer:steps: expected a whole number of at least 0, got ", by_hand.steps, by_hand, bad)
    t.assertErrorMsgContains("trainer:run: expected a whole number of at least 0, got ", by_hand.run, by_hand, bad)
  end
  quietly(function() t.assertEquals(by_hand:run(1).epoch, 1) end)
end

-- Ctrl-C, which a policy plays here, ends the run after its step; the same call continues it bit for bit.
function TestTrainer.testAfterCtrlC()
  local sum, steps = trained(), 0
  local kill = { name = "ctrl-c", on = { step = function()
    steps = steps + 1
    if steps == 4 or steps == 6 then
      os.execute "p=$PPID; (sleep 0.05; kill -INT $p) &" -- os.execute itself lets no SIGINT in
      local started = core.system.clock()
      while not core.system.interrupted() and core.system.clock() - started < 5 do end
    end
  end } }
  local by_hand = led { kill }
  quietly(function()
    t.assertErrorMsgContains("stopped by the user in epoch 1 after step 4; :step() and :run() continue it", by_hand.run, by_hand)
    t.assertFalse(core.system.interrupted())
    by_hand:step()
    t.assertErrorMsgContains("stopped by the user in epoch 1 after step 6", by_hand.step, by_hand) -- before the dev loss
    t.assertEquals(by_hand.epoch, 1)
    by_hand:run()
  end)
  t.assertEquals(by_hand.net:checksum(), sum)
end

function TestTrainer.testFaults()
  t.assertErrorMsgContains("yl.trainer: 'net' is missing", yl.trainer, { data = data() })
  t.assertErrorMsgContains("yl.trainer: 'data' is missing", yl.trainer, { net = model() })
  t.assertErrorMsgContains("yl.trainer: 'batch' must be given inside 'options'", yl.trainer, { net = model(), data = data(), options = {},
    batch = 2 })
  t.assertErrorMsgContains("'bach', did you mean 'batch'?", yl.trainer, { net = model(), data = data(), bach = 2 })
end

-- Two trainers of one network: each trains with its own options, whoever was made or ran last.
function TestTrainer.testTwoOfOneNetwork()
  local m, d = model(), data()
  local first = yl.trainer { net = m, data = d, batch = 4, ema = 0.9, statistics = "running" }
  local second = yl.trainer { net = m, data = d, batch = 4 }
  quietly(function()
    first:step()
    t.assertTrue(m.averaged and m.statistics_fixed)
    second:step()
    t.assertFalse(m.averaged or m.statistics_fixed)
    first:step()
    t.assertTrue(m.averaged and m.statistics_fixed)
  end)
end

function TestTrainer.testAllFrozenIsTold()
  local program = require "support.program"
  local code = ([[local yl = require "yolua"
    yl.train { net = yl.load { cfg = "%s/tiny.cfg", names = "%s/tiny.names" }, data = yl.data { name = "kitti", root = "%s/data",
      map = "identity" }, options = { epochs = 1, batch = 8 }, yl.freeze %%q }]]):format(top, top, top)
  local warning = "every parameter is frozen: this training changes nothing"
  local _, err = program.ok { "-e", code:format "all" }
  t.assertStrContains(err, warning)
  t.assertEquals(select(2, err:gsub(warning, "")), 1)
  _, err = program.ok { "-e", code:format "body" }
  t.assertNotStrContains(err, warning)
end

-- ---- what callbacks of a training call at the wrong moment -------------------------------------------------------------------------

local calls = {
  close = function(m) m:close() end,
  core_close = function(m) m.net:close() end,
  freeze = function(m) m:freeze "conv1" end,
  drop_plans = function(m) m:drop_plans() end,
  detect = function(m) m:detect(yl.zeros { 96, 160, 3, dtype = "u8" }) end,
  t_freeze = function(_, s) s:freeze "conv1" end,
  t_drop = function(_, s) s:drop() end,
  collect = function() collectgarbage() collectgarbage() end,
}
local harmless, events = { collect = true, detect = true }, { batch = true, step = true, epoch_start = true, epoch_end = true }

local shared
local now -- the call that the callback named `now.where` makes
local function at(where, s)
  if not now or now.where ~= where or now.done then return end
  now.done = true
  now.call(now.model, s)
end

yl.optimizer { name = "calling", step = function(p) at "optimizer" p.gradient:mul_(p.lr) at "optimizer" end }

-- In the middle of a step, what frees or remakes the network is refused. Between steps, what can be done is done, and closing the
-- network ends the training with one sentence. A network that was not closed can then be trained further.
local function try(where, name)
  local m = model()
  shared = shared or data()
  local trainer = yl.trainer { net = m, data = shared, batch = 24, epochs = 1,
    optim = { name = "calling", lr = 1e-4, schedule = function(s) at "schedule" return s.lr end },
    yl.freeze(function() at "freeze" return "none" end),
    events[where] and { name = "calls", on = { [where] = function(_, s) at(where, s) end } } or nil }
  now = { where = where, call = calls[name], model = m }
  local ok, message = pcall(quietly, function() trainer:run() end)
  t.assertTrue(now.done)
  if not ok then
    t.assertStrMatches(message, ".*trainer%.lua:%d+: .*")
    t.assertNotStrContains(message, "yolua/lua/")
    t.assertNotStrContains(message, "traceback")
  end
  if where == "batch" or where == "optimizer" then
    local plans_rest = where == "optimizer" and name == "drop_plans" -- backward is done: the plans are made anew
    t.assertEquals(ok, harmless[name] or plans_rest)
  end
  now = nil
  if not m.net:closed() then quietly(trainer.run, trainer, 1) end
end

TestCallbacks = {}
for _, where in ipairs { "batch", "step", "epoch_start", "epoch_end", "optimizer", "schedule", "freeze" } do
  for name in pairs(calls) do
    if events[where] or not name:find "^t_" then -- the others are given no trainer
      TestCallbacks[("test_%s_%s"):format(where, name)] = function() try(where, name) end
    end
  end
end

training.run(t)
