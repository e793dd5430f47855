-- `yolua prune` and recipes/prune_gradual.lua as a user calls them: results.json, dry runs, files with schedules, and what is refused.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local top = program.tiny()

local function words(...)
  return { "prune", "config=" .. top .. "/config.yaml", "threads=2", "data.limit=8", "epochs=1", "protocol=voc", ... }
end

TestPrune = {}

function TestPrune.testResults()
  local r = program.json(words("rounds=2", "target=.5", "schedule=linear", "out=" .. top .. "/a"))
  t.assertEquals({ r.recipe, r.target, #r.rounds, r.epochs }, { "prune", 0.5, 2, 2 })
  t.assertAlmostEquals(r.sparsity, 0.5, 1e-4)
  for i, round in ipairs(r.rounds) do
    t.assertEquals({ round.round, round.params }, { i, r.params })
    for _, key in ipairs { "sparsity", "nonzero", "flops", "bytes", "ms", "dev_loss", "ap" } do t.assertNumber(round[key], key) end
  end
  t.assertEquals(r.rounds[2].nonzero, r.nonzero)
  t.assertTrue(r.speed.dense.ms > 0 and r.speed.masked.ms > 0 and r.speed.compact.ms > 0)
  t.assertEquals({ r.eval[1].stage, r.eval[2].stage }, { "Dense", "Pruned" })
  t.assertEquals(core.json.decode(core.system.read(top .. "/a/results.json")).rounds[2].sparsity, r.sparsity)
end

-- Rounds of parts of an epoch: all of them are made, in the dry run too, and the advice names rounds that another epoch would make.
function TestPrune.testPartsOfEpochs()
  local function call(...) return words("epochs=.3", "rounds=3", "target=.6", "schedule=linear", "batch=2", "judge=none", ...) end
  local dry, made = program.json(call "dry_run=true"), program.json(call("out=" .. top .. "/parts"))
  t.assertEquals({ #dry.rounds, #made.rounds, made.epochs, made.rounds[1].step, made.rounds[2].step, made.rounds[3].step },
    { 3, 3, 1, 1, 2, 4 })
  t.assertAlmostEquals({ dry.rounds[3].sparsity, made.rounds[3].sparsity }, { 0.6, 0.6 }, 1e-3)
  local _, out = program.run { "prune", "resume=" .. top .. "/parts" }
  t.assertStrContains(out, "all 1 epochs are done: nothing is left to train (raise rounds= above 3 to continue)")
  _, out = program.run { "prune", "resume=" .. top .. "/parts", "rounds=2" }
  t.assertStrContains(out, "(raise rounds= above 3 to continue)")
end

-- A teacher that is named teaches, though the verb's weight is 0 without one.
function TestPrune.testTeacher()
  program.json(words("rounds=1", "target=.1", "judge=none", "out=" .. top .. "/teacher"))
  local teacher = "distill.teacher=" .. top .. "/teacher/last.safetensors"
  program.json(words("rounds=1", "target=.2", "judge=none", teacher, "distill.temperature=2", "out=" .. top .. "/taught"))
  t.assertStrContains(core.system.read(top .. "/taught/metrics.jsonl"), '"distill_loss":')
  local status, _, err = program.run(words("rounds=1", teacher, "distill.weight=0", "dry_run=true"))
  t.assertEquals(status, 2, err)
  t.assertStrContains(err, "weight=0 and features=none leave nothing to teach")
end

function TestPrune.testDryRun()
  local r = program.json(words("rounds=4", "hold=2", "target=.5", "dry_run=true", "schedule=linear", "out=" .. top .. "/dry"))
  t.assertEquals(#r.rounds, 4)
  for i, wanted in ipairs { 0.25, 0.5, 0.5, 0.5 } do t.assertAlmostEquals(r.rounds[i].sparsity, wanted, 1e-4) end
  t.assertEquals(r.rounds[4].zeros, math.floor(0.5 * r.prunable + 0.5))
  t.assertNil(core.files.kind(top .. "/dry"))
  t.assertStrContains(program.ok(words("dry_run=true")), "prunable numbers\nround")
  t.assertStrContains(program.ok(words("dry_run=true", "max_drop=.1", "assume.ap=1,.5", "rounds=4")), "rolled back\n")
  local status, _, err = program.run(words("assume.ap=1,.5"))
  t.assertEquals({ status, err }, { 2, "yolua: command line: prune: assume.ap has no effect without dry_run=true\n" })
end

-- Ten lines in a file and one command.
function TestPrune.testAScheduleInAFile()
  local path = top .. "/mine.lua"
  core.system.write(path, "-- a tenth each\nreturn function(s)\n  return s.sparsity + 0.1\nend\n")
  local r = program.json(words("rounds=2", "schedule=" .. path, "judge=none", "out=" .. top .. "/file"))
  t.assertAlmostEquals(r.sparsity, 0.2, 1e-4)
  core.system.write(path, "return function(s)\n  return s.sparsity - 0.1\nend\n")
  local status, _, err = program.run(words("rounds=1", "schedule=" .. path, "judge=none", "out=" .. top .. "/file-2"))
  t.assertEquals(status, 1)
  t.assertStrContains(err, path .. ":1: the pruning schedule: expected a sparsity from 0 to below 1 for round 1, but this function "
    .. "returned -0.1")
  core.system.write(path, "return function(s)\n  stp = 0.1\n  return s.sparsity + stp\nend\n")
  status, _, err = program.run(words("schedule=" .. path, "dry_run=true"))
  t.assertEquals(status, 1)
  t.assertStrContains(err, path .. ":2: assignment to undeclared global 'stp' (write: local stp = ...)")
  core.system.write(path, "return 3\n")
  status, _, err = program.run(words("schedule=" .. path))
  t.assertEquals(status, 1)
  t.assertStrContains(err, "yolua: " .. path .. ": expected a file that returns a schedule, a function of the state, got 3")
  core.system.write(path, "error('boom')\n")
  status, _, err = program.run(words("schedule=" .. path))
  t.assertEquals(status, 1)
  t.assertStrContains(err, "yolua: " .. path .. ":1: boom\n")
end

-- One line with file and line says what is wrong in a schedule: in a dry run, over a finished run, at the prompt, in a training.
function TestPrune.testAnErrorInASchedule()
  local path, dir, code = top .. "/faulty.lua", top .. "/replayed", top .. "/code.lua"
  core.files.make_folder(dir)
  core.system.write(dir .. "/rounds.json", core.json.encode { target = 0.8, of = 1, ramp = 1, prunable = 1000, dense = { sparsity = 0 },
    rounds = { { round = 1, try = 1, sparsity = 0.4, epochs = 1, epoch = 1, step = 9 } } })
  for body, sentence in pairs {
    ["\n  return s.history[1].ap"] = ":2: attempt to index a nil value",
    ["\n  return s:rollback { epoch = 2 }"] = ":1: s:rollback has no option 'epoch' (epochs, target)",
  } do
    core.system.write(path, "return function(s)" .. body .. "\nend\n")
    core.system.write(code, ("yl.prune.dry_run(yl.load { model = 'street' }, { schedule = '%s' })\n"):format(path))
    for _, call in ipairs {
      words("schedule=" .. path, "dry_run=true"), words("schedule=" .. path, "judge=none", "out=" .. top .. "/faulty"),
      { "-e", ("yl.prune.replay('%s', '%s')"):format(dir, path) }, { input = code },
    } do
      local _, _, err = program.run(call)
      t.assertEquals(select(2, err:gsub("yolua: " .. path:gsub("%p", "%%%0") .. sentence:gsub("%p", "%%%0") .. "[^\n]*\n$", "")), 1, err)
    end
  end
end

function TestPrune.testResume()
  program.ok(words("rounds=3", "target=.6", "judge=none", "out=" .. top .. "/b"))
  program.ok(words("rounds=2", "target=.6", "judge=none", "schedule=linear", "out=" .. top .. "/c"))
  local status, out, err = program.run { "prune", "resume=" .. top .. "/c" } -- nothing is left to do
  t.assertEquals(status, 0, err)
  t.assertStrContains(out, "nothing is left to train (raise rounds= above 2 to continue)")
  for _, case in ipairs { { "target=.3", "prune: target: 0.6 of the" }, { "target.flops=.9", "prune: target.flops: the network has 0." },
    { "schedule=poster", "prune: schedule: the pruning has ended after 2" } } do
    status, _, err = program.run { "prune", "resume=" .. top .. "/c", case[1] }
    t.assertEquals(status, 2, err)
    t.assertStrContains(err, "command line: " .. case[2])
  end
  t.assertEquals(core.json.decode(core.system.read(top .. "/c/results.json")).epochs, 2)
end

-- A run that is killed outright in the middle of a round, and resumed, ends in the same bytes.
function TestPrune.testKill()
  local path = top .. "/killed.lua"
  core.system.write(path, [[
local yl = require "yolua"
local o = yl.options({}, { "prune" })
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load { cfg = o.cfg, names = o.names }
local kill = { name = "kill", on = { step = function(_, t)
  if t.step == KILL and not run.resumed then io.popen("kill -KILL $PPID"):close() end
end } }
yl.train { net = net, data = data, run = run, options = o, yl.prune(o), kill }
]])
  local text = core.system.read(path)
  local function run(name, step, ...)
    core.system.write(path, (text:gsub("KILL and", step .. " and")))
    return program.run { path, "config=" .. top .. "/config.yaml", "threads=2", "data.limit=8", "data.workers=0", "epochs=2", "rounds=2",
      "target=.6", "max_drop=1", "ema=.5", "optim=adam", "out=" .. top .. "/" .. name, ... }
  end
  t.assertEquals(run("whole", 0), 0)
  for _, step in ipairs { 3, 6, 7 } do -- of eight steps, four a round
    local name = "killed-" .. step
    local status = run(name, step)
    t.assertNotEquals(status, 0)
    t.assertEquals(program.run { path, "resume=" .. top .. "/" .. name }, 0)
    for _, file in ipairs { "last", "best" } do
      t.assertEquals(core.files.hash(("%s/%s/%s.safetensors"):format(top, name, file)), core.files.hash(top .. "/whole/" .. file
        .. ".safetensors"), name .. " " .. file)
    end
  end
end

function TestPrune.testRefusals()
  for _, case in ipairs {
    { "target=90", "prune: target: expected a share of zeros from 0 to below 1 (.9 is 90 %), got 90" },
    { "score=magnitud", "prune: unknown score 'magnitud', did you mean 'magnitude'?" },
    { "schedule=nowhere.lua", "prune: schedule: there is no file 'nowhere.lua'" },
    { "scope=globl", "prune: unknown scope 'globl'" },
    { "pattern=4:2", "prune: pattern: expected N:M" },
    { "keep=.95", "prune: keep: 0.95 is never reached" },
    { "rewind_epoch=1", "prune: rewind_epoch has no effect with rewind=none: expected rewind=weights" },
    { "step=.02", "prune: step has no effect with schedule=cubic: expected schedule=poster, FILE.lua" },
    { "pattern=2:4", "prune: target: at most" },
    { "target.flops=99e9", "prune: target.flops: the network has" },
    { "epochs=.4", "prune: a round of 0.4 epochs has 0.8 steps (an epoch has 2): expected at least 1", "batch=4" },
    { "keep=.2", "prune: keep has no effect with masks=once, whose zeros train away: expected masks=hold or gradient", "masks=once" },
    { "max_drop=.1", "prune: max_drop: there is no AP to judge by with judge=none", "judge=none" },
    { "pattern=block", "prune: target: the pattern fits none of these parameters", "block=1000,1000" },
    { "distill.temperature=2", "distill.temperature has no effect with distill.weight=0" },
    { "distill.feature_weight=2", "distill.feature_weight has no effect without distill.features=", "distill.weight=1" },
    { "sparsity=.5", "yolua prune has no option 'sparsity', did you mean 'target.sparsity'?\n" },
    { "sparsity=.5,.8", "yolua prune has no option 'sparsity', did you mean 'target.sparsity'? It takes one number; yolua sensitivity "
      .. "has a sparsity that takes several\n" },
  } do
    for _, how in ipairs { "out=" .. top .. "/bad", "dry_run=true" } do
      local status, _, err = program.run(words(case[1], how, case[3]))
      t.assertEquals(status, 2, case[1])
      t.assertStrContains(err, "yolua: command line: " .. case[2])
      t.assertEquals(select(2, err:gsub("\n", "")), 1)
    end
    t.assertNil(core.files.kind(top .. "/bad"))
  end
end

-- What a file set is refused at its line there, what the command line set as that; a network decides whether a name fits.
function TestPrune.testPlaces()
  local path = top .. "/wrong.yaml"
  local function refused(yaml, where, sentence, ...)
    core.system.write(path, core.system.read(top .. "/config.yaml"):gsub("\nepochs:[^\n]*", "") .. "\n" .. yaml .. "\n")
    local _, lines = core.system.read(path):gsub("\n", "")
    local status, _, err = program.run { "prune", "config=" .. path, "judge=none", ... }
    local place = where == "file" and ("%s:%d"):format(path, lines) or where
    t.assertEquals({ status, err:find("yolua: " .. place .. ": prune: " .. sentence, 1, true) ~= nil }, { 2, true }, err)
  end
  refused("target: 2", "file", "target: expected a share of zeros", "dry_run=true")
  refused("target: {sparsity: 2}", "file", "target: expected a share of zeros", "dry_run=true")
  refused("hold: 3", "file", "hold: expected less than the 2 rounds", "rounds=2", "dry_run=true")
  refused("epochs: 0", "file", "expected rounds of more than 0 epochs", "dry_run=true")
  refused("target: .5", "command line", "hold: expected less than the 2 rounds", "rounds=2", "hold=2", "dry_run=true")
  refused("only: [conv99]", "file", "only: 'conv99' matches no parameter", "dry_run=true")
  refused("target: .5", "command line", "except: 'conv99' matches no parameter", "except=conv99", "out=" .. top .. "/wrong")
  refused("only: [conv99]", "file", "only: 'conv99' matches no parameter", "out=" .. top .. "/wrong")
  refused("target: .5", "command line", "only: conv1.bn.mean is a statistic", "only=conv1.bn.mean", "dry_run=true")
  t.assertNil(core.files.kind(top .. "/wrong"))
end

-- As train and val do, it asks for data; and what is wrong leaves no run directory.
function TestPrune.testNoData()
  for _, verb in ipairs { "prune", "sensitivity" } do
    local status, _, err = program.run { verb, "out=" .. top .. "/nothing" }
    t.assertEquals({ status, (err:find("yolua: no data set given: expected data=kitti", 1, true)) }, { 2, 1 }, err)
  end
  for _, word in ipairs { "score=magnitud", "pattern=blok", "method=tucker", "only=conv99", "sparsity=.9,.5" } do
    local status, _, err = program.run { "sensitivity", "config=" .. top .. "/config.yaml", "data.limit=8", word,
      "out=" .. top .. "/nothing" }
    t.assertEquals(status, 2, err)
  end
  t.assertNil(core.files.kind(top .. "/nothing"))
end

TestHelp = {}

function TestHelp.testState()
  local page = program.ok { "help", "prune.state" }
  for _, field in ipairs(require("yolua.prune.state").fields) do t.assertStrContains(page, "s." .. field[1]) end
  t.assertStrContains(program.ok { "help", "prune" }, "max_drop")
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
