-- The pruning policy in trainings: masks hold after every step, whatever trains; rounds are as asked for; a run that was killed continues
-- with the same bytes; the gate and a schedule's rollback leave the network of before.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local ranges = require "yolua.prune.ranges"

local training = require "support.training"
local top, model, quiet = training.top, training.model, training.quietly

core.system.threads(1) -- the network is tiny: a second thread is only waited for; TestResume has a case with two

local function options(o)
  return training.options({ epochs = 1, optim = { name = "sgd", lr = 0.01, momentum = 0.9, decay = 1e-3 } }, o)
end

local SLABS = { "value", "momentum", "adam_m", "adam_v", "ema", "grad" }

-- Every copy of a masked number, checked one by one, besides the program's own check.
local function holds(net, what)
  core.prune.check(net)
  local zeros = 0
  for _, r in ipairs(net:ranges()) do
    if r.kind ~= "statistic" and core.has_slab(net, "mask") then
      local mask = net:tensor(r.name, "mask")
      for _, slab in ipairs(SLABS) do
        if core.has_slab(net, slab) then
          local left = mask:eq(0):to("f32"):mul(net:tensor(r.name, slab):abs()):sum()
          t.assertTrue(left == 0, ("%s: %s of %s"):format(what, slab, r.name))
        end
      end
      zeros = zeros + r.count - mask:to("i64"):sum()
    end
  end
  return zeros
end

-- A policy that looks after every step and epoch.
local function watch(what)
  local seen = { steps = 0, most = 0 }
  local function look(_, tr)
    seen.steps, seen.most = seen.steps + 1, math.max(seen.most, holds(tr.model.net, what .. ", step " .. tr.step))
  end
  return { name = "watch", on = { step = look, epoch_end = look } }, seen
end

local function run_with(out, o, spec, ...)
  local more = { ... }
  return quiet(function()
    local run <close> = yl.run(yl.options(out.resume and { resume = out.resume } or { out = out }))
    local tr = yl.train { net = model(o and o.freeze), data = training.data { limit = 8 }, run = run, options = options(o), yl.prune(spec),
      table.unpack(more) }
    return { tr = tr, pruning = run.pruning, dir = run.dir }
  end)
end

TestMasks = {}

local RECIPES = {
  sgd = {}, nesterov = { optim = { name = "sgd", lr = 0.01, momentum = 0.9, nesterov = true } },
  adam = { optim = { name = "adam", lr = 1e-3 } }, adamw = { optim = { name = "adamw", lr = 1e-3, decay = 0.01 } },
  ema = { ema = 0.9, optim = { name = "adam", lr = 1e-3 } }, accumulation = { subdivisions = 2 }, clipping = { clip = 0.5 },
  freezing = { freeze = "conv1" },
}

function TestMasks.testHoldAfterEveryStep()
  for name, o in pairs(RECIPES) do
    local policy, seen = watch(name)
    local made = run_with(top .. "/hold-" .. name, o, { target = 0.8, rounds = 3, every = 1, judge = "none" }, policy)
    local list = ranges.of(made.tr.model, {})
    local share, zeros, count = ranges.sparsity(made.tr.model, list)
    t.assertEquals(zeros, math.floor(0.8 * count + 0.5), name) -- what was asked for is what it got
    t.assertAlmostEquals(share, 0.8, 1 / count)
    t.assertEquals({ seen.steps, seen.most }, { 6 + 3, zeros }, name)
    t.assertEquals(#list, o.freeze and 3 or 4) -- the last convolution is no candidate, nor what is frozen
    for _, file in ipairs { "last", "best" } do
      local again = yl.load { model = made.dir .. "/" .. file .. ".safetensors", full = true }
      t.assertEquals(holds(again.net, name), zeros)
    end
  end
end

-- Masked gradients keep the zeros under SGD, beside a pull on the scales too.
function TestMasks.testGradients()
  for name, pull in pairs { plain = 0, pulled = 1e-3 } do
    local made = run_with(top .. "/gradients-" .. name, { optim = { name = "sgd", lr = 0.01, momentum = 0, decay = 0 } },
      { target = 0.6, rounds = 2, every = 1, judge = "none", masks = "gradient", bn_decay = pull })
    t.assertAlmostEquals(ranges.sparsity(made.tr.model, ranges.of(made.tr.model, {})), 0.6, 1e-3, name)
  end
end

-- Rounds and what is recorded of them.
function TestMasks.testRounds()
  local made = run_with(top .. "/rounds", nil, { target = 0.6, rounds = 3, schedule = "linear" })
  local p = made.pruning
  t.assertEquals({ p.target, #p.rounds, made.tr.epoch }, { 0.6, 3, 3 })
  for i, r in ipairs(p.rounds) do
    t.assertAlmostEquals(r.sparsity, 0.2 * i, 1e-4)
    t.assertEquals({ r.round, r.epoch, r.step }, { i, i, 2 * i })
    t.assertTrue(r.ms > 0 and r.dev_loss > 0 and r.ap >= 0 and r.flops < p.dense.flops and r.params == p.dense.params)
    t.assertTrue(r.nonzero < p.dense.nonzero)
  end
  local lines = require("yolua.report.rundir").metrics(made.dir)
  t.assertAlmostEquals(lines[2].sparsity, 0.4, 1e-4)
  t.assertEquals(core.json.decode(core.system.read(made.dir .. "/rounds.json")).rounds[3].sparsity, p.rounds[3].sparsity)
  t.assertNil(core.system.read(made.dir .. "/log.txt"):find("the pruning ends", 1, true)) -- as asked for: nothing more to say
end

-- FLOPs of single zeros fall along the schedule to the goal, to within a weight; a schedule sees the share of them that is gone.
function TestMasks.testFlops()
  local seen = {}
  local made = run_with(top .. "/flops", nil, { target = { flops = 0.6 }, rounds = 2, judge = "none", schedule = function(s)
    seen[#seen + 1] = { s.start, s.sparsity, s.target, s.epoch }
    return s.start + (s.target - s.start) * s.round / s.rounds
  end })
  local p = made.pruning
  local function share(r) return r.flops / p.dense.flops end
  t.assertAlmostEquals({ share(p.rounds[1]), share(p.rounds[2]) }, { 0.8, 0.6 }, 2e-3)
  t.assertTrue(share(p.rounds[1]) <= 0.8 and share(p.rounds[2]) <= 0.6)
  t.assertAlmostEquals(seen, { { 0, 0, 0.4, 0 }, { 0, 1 - share(p.rounds[1]), 0.4, 1 } }, 1e-12)
  t.assertEquals({ p.target, p.rounds[1].gone }, { { flops = 0.6 }, 0.2 })
end

-- Rounds of parts of an epoch cut between steps; rounds at the end may only retrain.
function TestMasks.testShortRoundsAndHold()
  local at = {}
  local watcher = { name = "w", on = { step = function(_, tr) at[tr.step] = ranges.sparsity(tr.model, ranges.of(tr.model, {})) end } }
  local made = run_with(top .. "/short", nil, { target = 0.4, rounds = 4, every = 0.5, hold = 2, schedule = "linear", judge = "none" },
    watcher)
  t.assertEquals({ made.tr.epoch, made.tr.step, #made.pruning.rounds }, { 2, 4, 4 })
  for i, wanted in ipairs { 0.4, 0.4, 0.4, 0.4 } do t.assertAlmostEquals(at[i], wanted, 1e-3, i) end -- seen after the cut of step 1
  t.assertAlmostEquals(made.pruning.rounds[1].sparsity, 0.2, 1e-3)
end

-- keep=: the rounds meet these sparsities exactly, and each one's network is kept in full; refusals come before anything is trained.
function TestMasks.testKept()
  local made = run_with(top .. "/kept", { ema = 0.9, optim = { name = "adam", lr = 1e-3 } },
    { target = 0.8, rounds = 4, schedule = "linear", keep = { 0.7, 0.3 }, judge = "none" })
  local list, asked = yl.prune.kept(made), {}
  for i, r in ipairs(made.pruning.rounds) do asked[i] = r.asked end
  t.assertAlmostEquals(asked, { 0.2, 0.3, 0.6, 0.7 }, 1e-9) -- the last one says that 80 % would take another round
  t.assertEquals({ #list, list[1].mark, list[1].round, list[2].mark, list[2].epoch, list[2].file },
    { 2, 0.7, 4, 0.3, 2, "sparsity-30.safetensors" })
  for _, kept in ipairs(list) do
    local again = yl.load { model = made.dir .. "/" .. kept.file, full = true }
    t.assertEquals(holds(again.net, kept.file), math.floor(kept.mark * made.pruning.prunable + 0.5))
    t.assertTrue(core.has_slab(again.net, "ema") and core.has_slab(again.net, "adam_m"))
  end
  local resumed = run_with({ resume = top .. "/kept" }, { ema = 0.9, optim = { name = "adam", lr = 1e-3 } },
    { target = 0.8, rounds = 4, schedule = "linear", keep = { 0.7, 0.3 }, judge = "none" })
  t.assertEquals(yl.prune.kept(resumed), list)
  t.assertEquals({ list[2].name, list:ends(4) }, { "30 %", { 4 + 4, 2 + 4 } })
  t.assertEquals(yl.prune.kept(made.dir), list) -- the run's directory says the same
  t.assertErrorMsgContains("yl.prune.kept: " .. top .. " is not the run of a pruning (rounds.json is missing)", yl.prune.kept, top)
  t.assertErrorMsgContains("yl.prune.kept: expected a run (of yl.run) or the path of its directory, got 3", yl.prune.kept, 3)
  for keep, sentence in pairs { [{ 0.9 }] = "keep: 0.9 is never reached: expected at most the target, 0.8",
    [{ 50 }] = "keep: expected sparsities above 0 and below 1 (.9 is 90 %), got 50", [{ 0.5, 0.5 }] = "got 0.5 twice" } do
    t.assertErrorMsgContains(sentence, yl.prune, { target = 0.8, keep = keep })
  end
end

-- A round that is taken back takes what it kept along.
function TestMasks.testKeptAndTakenBack()
  local undone = false
  local made = run_with(top .. "/kept-undone", nil, { target = 0.8, rounds = 3, keep = { 0.4 }, judge = "none", schedule = function(s)
    if s.round == 2 and not undone then
      undone = true
      return s:rollback { target = 0.35 }
    end
    return 0.4
  end })
  local list = yl.prune.kept(made)
  t.assertEquals({ #list, list[1].round, #made.pruning.rounds }, { 1, 2, 3 })
end

-- A schedule's file that changed while the run stood still: that is said and recorded, and the next round asks it as it is now.
function TestMasks.testChangedSchedule()
  local path, spec = top .. "/mine.lua", { target = 0.8, rounds = 3, judge = "none" }
  spec.schedule = path
  local function write(step) core.system.write(path, ("return function(s) return s.sparsity + %g end\n"):format(step)) end
  local halt = { name = "halt", on = { epoch_start = function(_, tr)
    if tr.epoch == 2 then error "halted" end
  end } }
  write(0.1)
  t.assertErrorMsgContains("halted", run_with, top .. "/changed", nil, spec, halt)
  write(0.3)
  local made = run_with({ resume = top .. "/changed" }, nil, spec)
  local got = {}
  for i, r in ipairs(made.pruning.rounds) do got[i] = r.sparsity end
  t.assertAlmostEquals(got, { 0.1, 0.4, 0.7 }, 1e-3)
  t.assertStrContains(core.system.read(made.dir .. "/log.txt"),
    ("the schedule %s has changed since the run began: from round 2 on it is asked as it is now"):format(path))
  local _, record = require("yolua.report.rundir").config(made.dir)
  t.assertEquals(record.changes[1].from_round, 2)
  run_with({ resume = top .. "/changed" }, nil, spec)
  t.assertEquals(select(2, core.system.read(made.dir .. "/log.txt"):gsub("has changed since", "")), 1) -- told once
end

TestRewinding = {}

-- The learning-rate schedule begins again in each round, and before the first cut it is the dense phase's.
function TestRewinding.testLearningRate()
  local rates = {}
  local watcher = { name = "w", on = { step = function(_, tr) rates[tr.step] = tr.lr end } }
  local o = { optim = { name = "sgd", lr = 1, momentum = 0, schedule = function(s) return 1e-3 * (s.step + 1) / s.steps end } }
  run_with(top .. "/rewind-lr", o, { target = 0.4, rounds = 2, every = 2, dense = 1, rewind = "lr", judge = "none" }, watcher)
  for step, wanted in ipairs { 0.5, 1, 0.25, 0.5, 0.75, 1, 0.25, 0.5, 0.75, 1 } do
    t.assertAlmostEquals(rates[step], 1e-3 * wanted, 1e-9, step)
  end
end

-- What is left has, right after each cut, the values that it had after that epoch.
function TestRewinding.testWeights()
  local values = {}
  local watcher = { name = "w", on = { epoch_start = function(_, tr) values[tr.epoch] = tr.model.net:get "conv2.weight" end } }
  run_with(top .. "/rewind-weights", { optim = { name = "adam", lr = 1e-2 } },
    { target = 0.6, rounds = 2, dense = 2, rewind = "weights", rewind_epoch = 1, schedule = "linear", judge = "none" }, watcher)
  t.assertNotEquals(values[2], values[1])
  for epoch = 3, 4 do
    local zeros = 0
    for i, x in ipairs(values[epoch]) do
      zeros = zeros + (x == 0 and 1 or 0)
      t.assertTrue(x == 0 or x == values[2][i], epoch)
    end
    t.assertTrue(zeros > 100 * (epoch - 2) and zeros < #values[epoch])
  end
end

-- A score that gathers while it trains has a round to do so before the first cut.
function TestRewinding.testMovementGathersFirst()
  local made = run_with(top .. "/movement", nil, { target = 0.4, rounds = 1, score = "movement", judge = "none" })
  t.assertEquals({ made.tr.epoch, made.pruning.rounds[1].epoch }, { 2, 2 })
  local lines = require("yolua.report.rundir").metrics(made.dir)
  t.assertEquals({ lines[1].sparsity, lines[1].round }, { 0, 0 })
  t.assertAlmostEquals(lines[2].sparsity, 0.4, 1e-3)
  local first, count = made.tr.model.net:tensor("conv1.weight", "mask"):to("i64"):sum(), 216
  t.assertTrue(first > 0 and first < count) -- not simply the first numbers
end

TestResume = {}

local function hashes(dir)
  return { core.files.hash(dir .. "/last.safetensors"), core.files.hash(dir .. "/best.safetensors") }
end

-- A run that an error breaks off in the middle of a round, and that is resumed, ends in the same bytes.
function TestResume.testSameBytes()
  for name, case in pairs {
    plain = { { target = 0.7, rounds = 3, judge = "none" }, { 3, 5 } },
    short = { { target = 0.7, rounds = 6, every = 0.5, judge = "none" }, { 3 } },
    movement = { { target = 0.7, rounds = 3, score = "movement", judge = "none" }, { 4 } },
    rewind = { { target = 0.7, rounds = 2, dense = 1, rewind = "weights", rewind_epoch = 1, judge = "none" }, { 4 } },
    gate = { { target = 0.7, rounds = 3, max_drop = 1 }, { 4 } },
    returns = { { rounds = 3, judge = "none", schedule = function(s)
      if s.round == 2 and s.try == 1 and not s.memory.back then
        s.memory.back = true
        return s.sparsity + 0.1
      end
      if s.round == 3 and s.try == 1 then return s:rollback { target = 0.15 } end
      return s.sparsity + 0.1
    end }, { 5 } },
  } do
    local o = { optim = { name = "adam", lr = 1e-3 }, ema = 0.5 }
    core.system.threads(name == "plain" and 2 or 1)
    local whole = run_with(top .. "/whole-" .. name, o, case[1])
    for _, step in ipairs(case[2]) do
      local dir = ("%s/cut-%s-%d"):format(top, name, step)
      local cut = { name = "cut", on = { step = function(_, tr)
        if tr.step == step then
          require("yolua.train.checkpoint").save(tr)
          error "cut off"
        end
      end } }
      local ok, message = pcall(run_with, dir, o, case[1], cut)
      t.assertFalse(ok)
      t.assertStrContains(message, "cut off")
      run_with({ resume = dir }, o, case[1])
      t.assertEquals(hashes(dir), hashes(whole.dir), name .. step)
    end
  end
  core.system.threads(1)
end

TestGate = {}

-- A network that loses: whatever is cut, AP falls by more than nothing. `stop` ends with the dense network.
function TestGate.testStop()
  local ap = 0.5
  local measure = require "yolua.prune.measure"
  local real = measure.ap
  measure.ap = function() ap = ap - 0.1 return ap end
  local ok, made = pcall(run_with, top .. "/gate", nil, { target = 0.6, rounds = 3, schedule = "linear", max_drop = 0.15, gate = "stop" })
  measure.ap = real
  t.assertTrue(ok, made)
  local p = made.pruning
  t.assertEquals({ #p.rounds, p.rounds[1].rolled_back, p.rounds[2].rolled_back, made.tr.epoch }, { 2, nil, true, 2 })
  t.assertAlmostEquals(p.sparsity, 0.2, 1e-4) -- in hand, and kept
  local best = yl.load { model = made.dir .. "/best.safetensors" }
  t.assertAlmostEquals(ranges.sparsity(best, ranges.of(best, {})), 0.2, 1e-4)
  t.assertTrue(made.tr.stop)
end

-- The AP of each measurement in turn, the dense network's first.
local function with_aps(list, f, ...)
  local measure = require "yolua.prune.measure"
  local real, i = measure.ap, 0
  measure.ap = function()
    i = i + 1
    return list[i] or list[#list], "AP"
  end
  local ok, made = pcall(f, ...)
  measure.ap = real
  if not ok then error(made, 0) end
  return made
end

-- What a run says and records of the rounds that it took back: lines of the log, and each epoch's list of {round, from, to, why}.
local function taken_back(made)
  local lines, records = {}, {}
  for line in core.system.read(made.dir .. "/log.txt"):gmatch "[^\n]+" do
    if line:find "rolled back" then lines[#lines + 1] = line end
  end
  for i, record in ipairs(require("yolua.report.rundir").metrics(made.dir)) do
    for _, r in ipairs(record.rollbacks or {}) do
      records[#records + 1] = { i, r.round, math.floor(1000 * r.from + 0.5), math.floor(1000 * r.to + 0.5), r.why }
    end
  end
  return lines, records
end

function TestGate.testHalve()
  local made = with_aps({ 0.5, 0.5, 0.3, 0.5, 0.5 }, run_with, top .. "/halve", nil,
    { target = 0.6, rounds = 4, schedule = "linear", max_drop = 0.1, gate = "halve" })
  local list = {}
  for i, r in ipairs(made.pruning.rounds) do list[i] = { r.round, r.try, math.floor(1000 * r.sparsity + 0.5), r.rolled_back or false } end
  t.assertEquals(list, { { 1, 1, 150, false }, { 2, 1, 300, true }, { 2, 2, 225, false }, { 3, 1, 300, false } })
  local lines, records = taken_back(made)
  t.assertEquals(records, { { 2, 2, 300, 150, "AP fell by 0.200, more than 0.1, at 30.00 % zeros" } })
  t.assertEquals(lines, { "round 2 is rolled back, from 30.00 % zeros to 15.00 %: " .. records[1][5],
    "the pruning ends with 30.01 % zeros, below its target of 60.00 %; 1 of its 4 rounds was rolled back" })
end

function TestGate.testBackoff()
  local made = with_aps({ 0.5, 0.3, 0.5, 0.5 }, run_with, top .. "/backoff", nil,
    { target = 0.6, rounds = 4, schedule = "linear", max_drop = 0.1, gate = "backoff" })
  local list = {}
  for i, r in ipairs(made.pruning.rounds) do list[i] = { r.round, r.try, r.epochs, math.floor(100 * r.sparsity + 0.5) } end
  t.assertEquals(list, { { 1, 1, 1, 15 }, { 1, 2, 2, 15 }, { 2, 1, 1, 30 } })
  made = with_aps({ 0.5, 0.3 }, run_with, top .. "/backoff-3", nil,
    { target = 0.6, rounds = 9, schedule = "linear", max_drop = 0.1, gate = "backoff" })
  t.assertEquals({ #made.pruning.rounds, made.pruning.sparsity, made.tr.stop }, { 3, 0, true })
end

-- A cut that the end of the training leaves no time to judge is taken back, and every figure is of the network that passed; resumed with
-- more rounds, the round begins again.
function TestGate.testTheLastCutIsJudgedOrTakenBack()
  local spec = { rounds = 3, schedule = function(s) return 0.2 * s.round end, max_drop = 0.1, gate = "backoff" }
  local made = with_aps({ 0.5, 0.5, 0.3, 0.5 }, run_with, top .. "/unjudged", nil, spec)
  local p = made.pruning
  t.assertEquals({ #p.rounds, p.rounds[2].rolled_back, made.tr.epoch }, { 2, true, 3 }) -- round 2 had one of its two epochs
  t.assertAlmostEquals({ p.sparsity, p.best.sparsity, 1 - p.nonzero / p.params }, { 0.2, 0.2, 1 - p.rounds[1].nonzero / p.params }, 1e-4)
  t.assertStrContains(core.system.read(made.dir .. "/log.txt"), "\nround 2, try 2, is taken back, from 40.00 % zeros to 20.00 %: the "
    .. "training of 3 epochs ends before it could be judged\n")
  t.assertEquals(yl.load { model = made.dir .. "/last.safetensors" }:counts().nonzero, p.nonzero)
  spec.rounds = 6
  made = with_aps({ 0.5 }, run_with, { resume = made.dir }, nil, spec)
  local list = {}
  for i, r in ipairs(made.pruning.rounds) do list[i] = { r.round, r.try, r.epochs } end
  t.assertEquals({ list[3], list[4] }, { { 2, 2, 2 }, { 3, 1, 1 } })
end

-- What a gate has ended continues where it is asked for more.
function TestGate.testContinues()
  local spec = { target = 0.6, rounds = 3, schedule = "linear", max_drop = 0.1, gate = "stop" }
  local made = with_aps({ 0.5, 0.3 }, run_with, top .. "/ended", nil, spec)
  t.assertEquals({ #made.pruning.rounds, made.tr.stop, made.pruning.sparsity }, { 1, true, 0 })
  spec.max_drop, spec.rounds = 0.4, 4
  made = with_aps({ 0.3 }, run_with, { resume = made.dir }, nil, spec)
  t.assertEquals({ #made.pruning.rounds, made.pruning.rounds[2].round }, { 4, 1 }) -- three epochs of four were left
  t.assertAlmostEquals(made.pruning.sparsity, 0.45, 1e-3)
end

-- More rounds than there were: a schedule that would be elsewhere by now waits where it is.
function TestGate.testMoreRounds()
  local spec = { target = 0.6, rounds = 2, schedule = "cubic", judge = "none" }
  local made = run_with(top .. "/more", nil, spec)
  spec.rounds = 4
  local p = run_with({ resume = made.dir }, nil, spec).pruning
  t.assertEquals(#p.rounds, 4)
  t.assertAlmostEquals({ p.rounds[2].sparsity, p.rounds[3].sparsity, p.rounds[4].sparsity }, { 0.6, 0.6, 0.6 }, 1e-4)
end

-- Of short rounds, too, only the snapshot that can be returned to is kept.
function TestGate.testSnapshotsOfShortRounds()
  local most = 0
  local watcher = { name = "w", on = { step = function(_, tr)
    local count = 0
    for _, path in ipairs(core.files.list(tr.run.dir)) do count = count + (path:find "^prune%-%d" and 1 or 0) end
    most = math.max(most, count)
  end } }
  local made = with_aps({ 0.5 }, run_with, top .. "/short-snapshots", { batch = 1 },
    { target = 0.6, rounds = 16, every = 0.125, max_drop = 0.1 }, watcher)
  t.assertEquals(#made.pruning.rounds, 16)
  t.assertEquals(most, 2) -- the last checkpoint's, and that of the round that is open
end

TestOwn = {}

-- The other things that a schedule may ask for; what it asked for is kept with each round.
function TestOwn.testBudgets()
  local made = run_with(top .. "/budgets", nil, { rounds = 3, judge = "none", max_drop = nil, schedule = function(s)
    return { flops = 1 - 0.2 * s.round }
  end })
  local p = made.pruning
  for i, r in ipairs(p.rounds) do
    t.assertAlmostEquals(r.flops / p.dense.flops, 1 - 0.2 * i, 5e-3)
    t.assertAlmostEquals(r.goal.flops, 1 - 0.2 * i, 1e-12)
  end
  t.assertEquals(#p.rounds, 3)
  local function slow() return { ms = 1e3 } end
  made = run_with(top .. "/budgets-ms", nil, { rounds = 2, judge = "none", pattern = "channel", schedule = slow })
  t.assertEquals(made.pruning.rounds[2].goal, { ms = 1e3 })
end

-- Zeros that nothing holds train on: an epoch's record counts those that there are.
function TestMasks.testSparsityOfOnce()
  local made = run_with(top .. "/once", nil, { target = 0.5, rounds = 2, schedule = "linear", masks = "once", judge = "none" })
  local records = require("yolua.report.rundir").metrics(made.dir)
  t.assertTrue(records[1].sparsity < 0.05 and records[2].sparsity < 0.05)
end

-- The sketch of the manual: two percent of what is left as long as the loss forgives it; else undo, and retrain longer.
function TestOwn.testACarefulSchedule()
  local said = {}
  local function careful(s)
    said[#said + 1] = { s.round, s.try, s.epochs }
    if s.round == 2 and s.try == 1 and #said == 2 then return s:rollback { epochs = 2 * s.epochs } end
    return s.sparsity + 0.02 * (1 - s.sparsity)
  end
  local made = run_with(top .. "/careful", nil, { schedule = careful, rounds = 4, judge = "none" })
  t.assertEquals(said, { { 1, 1, 1 }, { 2, 1, 1 }, { 2, 1, 2 } })
  local list = {}
  for i, r in ipairs(made.pruning.rounds) do
    list[i] = { r.round, r.try, r.epochs, math.floor(1e4 * r.sparsity + 0.5), r.rolled_back or false }
  end
  t.assertEquals(list, { { 1, 1, 1, 200, true }, { 1, 2, 2, 200, false }, { 2, 1, 1, 396, false } })
  local lines, records = taken_back(made)
  t.assertEquals(records, { { 2, 1, 20, 0, "the schedule asks for it" } })
  t.assertStrContains(core.system.read(made.dir .. "/log.txt"), "\nround 1, try 2: 2.00 % zeros, dev loss ")
  t.assertEquals(lines, { "round 1 is rolled back, from 2.00 % zeros to 0.00 %: the schedule asks for it",
    "the pruning ends with 3.96 % zeros; 1 of its 3 rounds was rolled back" })
end

-- A replay asks when the run's schedule was asked: not for the round that was repeated, but where it asked for that.
function TestOwn.testReplayOfARollback()
  local asked = {}
  local function careful(s)
    local last = s.history[#s.history]
    asked[#asked + 1] = ("%d.%d %.3f"):format(s.round, s.try, s.sparsity)
    s.memory.last = last -- a record is plain data
    if s.round == 2 and last.epochs == 1 then return s:rollback { epochs = 2 } end
    return s.sparsity + 0.02
  end
  local made = run_with(top .. "/replayed", nil, { schedule = careful, rounds = 4, judge = "none" })
  local before = table.concat(asked, ", ")
  t.assertEquals(before, "1.1 0.000, 2.1 0.020, 2.1 0.020")
  asked = {}
  local again = yl.prune.replay(made.dir, careful)
  t.assertEquals(table.concat(asked, ", "), before)
  local rows = {}
  for i, r in ipairs(again.rounds) do rows[i] = { r.round, r.action or math.floor(100 * r.sparsity + 0.5), r.was and "stood" or "back" } end
  t.assertEquals(rows, { { 1, 2, "stood" }, { 2, "roll back, 2 epochs", "back" }, { 2, 4, "stood" } })
  t.assertStrContains(tostring(again), "dev loss before")
end

-- A finished run that is asked for another goal and has nothing left to train is not judged by it.
function TestOwn.testNothingLeft()
  local made = run_with(top .. "/left", nil, { target = 0.4, rounds = 1, judge = "none" })
  local before = core.files.hash(made.dir .. "/rounds.json")
  local again = run_with({ resume = made.dir }, nil, { target = 0.7, rounds = 1, judge = "none" })
  t.assertEquals({ core.files.hash(made.dir .. "/rounds.json"), again.pruning.target }, { before, 0.4 })
  t.assertEquals(made.pruning.speed.dense.nonzero, made.pruning.dense.nonzero)
  t.assertNotStrContains(core.system.read(made.dir .. "/log.txt"), "below its target")
end

-- A goal in FLOPs that is not reached, as the run says at its end.
function TestOwn.testBelowItsGoal()
  local made = run_with(top .. "/below", nil, { rounds = 5, judge = "none", target = { flops = 0.4 }, schedule = function(s)
    return s.round == 2 and s:stop() or 0.3
  end })
  local line = core.system.read(made.dir .. "/log.txt"):match "\nthe pruning ends with [^\n]*"
  t.assertStrMatches(line, "\nthe pruning ends with %d+%.%d%d %% zeros, 30%.%d%d %% of the dense network's FLOPs gone, below its target of "
    .. "60%.00 %%")
end

function TestOwn.testStop()
  local made = run_with(top .. "/stop", nil, { rounds = 5, judge = "none", schedule = function(s)
    return s.round == 3 and s:stop() or 0.1 * s.round
  end })
  t.assertEquals({ #made.pruning.rounds, made.tr.stop, made.tr.epoch }, { 2, true, 2 })
  local function checksum(name) return yl.load { model = made.dir .. "/" .. name }:checksum() end
  t.assertEquals(checksum "last.safetensors", checksum "best.safetensors") -- as it is
  t.assertAlmostEquals(made.pruning.sparsity, 0.2, 1e-4)
end

TestRefusals = {}

local function refused(sentence, spec, o)
  local m = model(o and o.freeze)
  local before = m:checksum()
  local ok, message = pcall(quiet, function()
    return yl.train { net = m, data = training.data { limit = 8 }, options = options(o), yl.prune(spec) }
  end)
  t.assertFalse(ok, sentence)
  t.assertStrContains(tostring(message), sentence)
  t.assertNotStrContains(tostring(message), "\n")
  return m:checksum() == before, tostring(message)
end

function TestRefusals.testOptions()
  refused("prune: target: expected a share of zeros from 0 to below 1 (.9 is 90 %), got 90", { target = 90 })
  refused("prune: target: expected a share of zeros from 0 to below 1 (.9 is 90 %), got 1", { target = 1 })
  refused("prune: target: expected a share of zeros from 0 to below 1 (.9 is 90 %), got -0.1", { target = -0.1 })
  refused("prune: unknown score 'magnitud', did you mean 'magnitude'?", { score = "magnitud" })
  refused("prune: unknown scope 'globl', did you mean 'global'?", { scope = "globl" })
  refused("prune: pattern: expected N:M with 1 <= N < M <= 1024, got '4:2'", { pattern = "4:2" })
  refused("prune: pattern: unknown pattern 'blok', did you mean 'block'?", { pattern = "blok" })
  refused("prune: unknown schedule 'cubik', did you mean 'cubic'?", { schedule = "cubik" })
  refused("prune: hold: expected less than the 3 rounds that there are, got 3", { rounds = 3, hold = 3 })
  refused("prune: rewind_epoch: expected at most the epochs before the first cut (dense=1), got 2",
    { rewind = "weights", rewind_epoch = 2 })
  refused("prune: dense: this score looks at training steps: expected at least 1 epoch before the first cut, got 0",
    { score = "movement", dense = 0 })
  refused("prune: max_drop: there is no AP to judge by", { max_drop = 0.1, judge = "none" })
  refused("prune: masks=gradient keeps its masks where this score gathers", { masks = "gradient", score = "taylor" })
  refused("prune: expected rounds of more than 0 epochs, got 0", { every = 0 })
  refused("yl.prune has no option 'taget', did you mean 'target'?", { taget = 0.5 })
end

function TestRefusals.testParameters()
  for _, case in ipairs {
    { "prune: except: 'cnv1' matches no parameter, did you mean 'conv1'?", { except = "cnv1" } },
    { "prune: only: 'conv9*' matches no parameter", { only = "conv9*" } },
    { "prune: only: conv1.bn.mean is a statistic: only weights, biases and scales can be pruned", { only = "conv1.bn.mean" } },
    { "prune: only: conv1.weight is frozen: what is pruned has to train", { only = "conv*" }, { freeze = "conv1" } },
    { "no parameter is left to prune", {}, { freeze = "body" } },
    { "no parameter is left to prune", { except = "conv*" } },
  } do
    t.assertTrue(refused(case[1], case[2], case[3]), case[1]) -- and nothing has changed
  end
end

-- A thing of a schedule that cannot be: its file and line, and the network as it was.
function TestRefusals.testSchedules()
  local here = debug.getinfo(1, "S").short_src
  local function bad(sentence, f, rounds)
    local same, message = refused(sentence, { schedule = f, rounds = rounds or 1, judge = "none" })
    t.assertEquals(message:match "^(.-): ", ("%s:%d"):format(here, debug.getinfo(f, "S").linedefined), message)
    if not rounds then t.assertTrue(same, sentence) end
  end
  bad("the pruning schedule: expected a sparsity from 0 to below 1 for round 1, but this function returned nothing (is a return missing?)",
    function() end)
  bad("for round 1, but this function returned nan", function() return 0 / 0 end)
  bad("for round 1, but this function returned 1.5", function() return 1.5 end)
  bad("for round 1, but this function returned 'much'", function() return "much" end)
  bad("expected one value for round 1, but this function returned 2", function() return 0.1, 0.2 end)
  bad("expected a sparsity, {flops = n} or {ms = n} for round 1, but this function returned a table", function() return { flop = 3 } end)
  bad("expected at least the sparsity of now, 0.5", function(s) return s.round == 1 and 0.5 or 0.3 end, 2)
  bad("rolled back in round 1, but there is no earlier round to return to", function(s) return s:rollback() end)
  local _, message = refused("the state of a pruning schedule has no 'sparsty', did you mean 'sparsity'?",
    { schedule = function(s) return s.sparsty end, judge = "none" })
  t.assertStrContains(message, here .. ":")
  local function misspelt(s) return s.round == 2 and s.history[1].mAP or 0.1 end
  _, message = refused("a round of s.history has no 'mAP', did you mean 'ap'? (round, try, ", { rounds = 2, judge = "none",
    schedule = misspelt })
  t.assertStrContains(message, here .. ":")
  refused("s.round cannot be assigned", { schedule = function(s) s.round = 3 end, judge = "none" })
end

function TestRefusals.testTargetsOutOfReach()
  t.assertTrue(refused("prune: target: at most", { pattern = "2:4", target = 0.9, rounds = 1, judge = "none", schedule = "oneshot" }))
  t.assertTrue(refused("prune: target.flops: the network has", { target = { flops = 99e9 }, judge = "none" }))
  t.assertTrue(refused("FLOPs cannot be reached", { target = { flops = 10 }, rounds = 1, judge = "none" }))
  t.assertTrue(refused("prune: target.ms: expected pattern=channel", { target = { ms = 0.001 }, rounds = 1, judge = "none" }))
end

training.run(t)
