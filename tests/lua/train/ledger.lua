-- What a run directory knows of its trainings: several in one run, each resumed where it was; what a stop policy ended stays ended; what
-- may change on resume, and what is on record of it.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local files = core.files

local top = require("support.program").tiny()

local function quiet(f, ...)
  local said, real = {}, print
  rawset(_G, "print", function(text) said[#said + 1] = tostring(text) end)
  local ok, result = pcall(f, ...)
  rawset(_G, "print", real)
  if not ok then error(result, 0) end
  return result, table.concat(said, "\n")
end

local data = yl.data { name = "kitti", root = top .. "/data", map = "identity" }
local function model() return yl.load { cfg = top .. "/tiny.cfg", names = top .. "/tiny.names", seed = 3 } end

local function options(o)
  local all = yl.options { epochs = 2, batch = 8, seed = 7, optim = { name = "adam", lr = 1e-3 }, freeze = "none" }
  for key, value in pairs(o) do all[key] = value end
  return all
end

-- As `key=value` on the command line, which wins over the run's own options.
local function given(o, values)
  for path, value in pairs(values) do require("yolua.options.table").set(o, path, value, { where = "command line" }) end
  return o
end

local function read(dir, name) return core.system.read(("%s/%s/%s"):format(top, dir, name)) end
local function config(dir) return core.yaml.decode(read(dir, "config.yaml")) end
local function record(dir) return (read(dir, "config.yaml"):gsub("out: [^\n]*\n", "")) end -- a resumed run goes by resume=
local function hash(dir, name) return files.hash(("%s/%s/%s"):format(top, dir, name)) end

-- Ends the process's part of a run, as a kill would, at a step of a training.
local function bomb(at) return { name = "bomb", on = { step = function(_, tr) if tr.step == at then error("killed", 0) end end } } end

TestTrainings = {}

-- The head first, then everything; kill: {training, step}. Returns the network's checksum and what was printed.
local function two(o, kill)
  return quiet(function()
    local run <close> = yl.run(o)
    local net, sums = model(), {}
    for n, pattern in ipairs { "body", "none" } do
      o.epochs = n + 1
      local last = { name = "count", state = { epochs = 0 }, on = {
        epoch_end = function(self) self.state.epochs = self.state.epochs + 1 end } }
      yl.train { net = net, data = data, run = run, options = o, yl.freeze { pattern }, yl.keep.best "dev_loss", last,
        kill and kill[1] == n and bomb(kill[2]) or { name = "bomb" } }
      sums[n] = net:checksum() .. run:best():checksum()
      t.assertEquals(last.state.epochs, o.epochs)
    end
    return table.concat(sums, " ")
  end)
end

function TestTrainings.testKilledAndResumed()
  local want = two(options { out = top .. "/two" })
  t.assertEquals({ files.list(top .. "/two") }, { { "best-1.safetensors", "best.safetensors", "config.yaml", "last-1.safetensors",
    "last.safetensors", "log.txt", "metrics.jsonl" } })
  for i, kill in ipairs { { 1, 5 }, { 2, 2 }, { 2, 5 } } do -- 3 steps an epoch
    local dir = "killed" .. i
    t.assertErrorMsgContains("killed", two, options { out = top .. "/" .. dir }, kill)
    local sums, said = two(options { resume = top .. "/" .. dir })
    t.assertEquals(sums, want, dir)
    for _, name in ipairs { "last.safetensors", "best.safetensors", "last-1.safetensors", "best-1.safetensors" } do
      t.assertEquals(hash(dir, name), hash("two", name), dir .. " " .. name)
    end
    t.assertEquals(said:find "training 1 is done: training 2 has begun" ~= nil, i == 3) -- 2: it had no checkpoint yet
    local seen = {}
    for line in read(dir, "metrics.jsonl"):gmatch "[^\n]+" do
      local r = core.json.decode(line)
      seen[#seen + 1] = ("%d.%d"):format(r.training or 1, r.epoch)
    end
    t.assertEquals(seen, { "1.1", "1.2", "2.1", "2.2", "2.3" })
    local made = config(dir)
    t.assertEquals({ made.epochs, made.provenance.trainings[2].options }, { 2, { epochs = 3 } })
  end
end

-- A run whose trainings are all done gives the same again, and trains nothing.
function TestTrainings.testAllDone()
  local want = two(options { out = top .. "/done" })
  local before = { hash("done", "last.safetensors"), hash("done", "metrics.jsonl"), record "done" }
  local sums, said = two(options { resume = top .. "/done" })
  t.assertEquals(sums, want)
  t.assertStrContains(said, "all 3 epochs are done: nothing is left to train")
  t.assertNotStrContains(said, "train loss")
  t.assertEquals({ hash("done", "last.safetensors"), hash("done", "metrics.jsonl"), record "done" },
    before)
end

-- One training: files and records as ever, without a number.
function TestTrainings.testASingleOne()
  quiet(function()
    local run <close> = yl.run(options { out = top .. "/one" })
    yl.train { net = model(), data = data, run = run, options = options {} }
  end)
  t.assertEquals(files.list(top .. "/one"), { "config.yaml", "last.safetensors", "log.txt", "metrics.jsonl" })
  t.assertNotStrContains(read("one", "metrics.jsonl"), "training")
  t.assertNil(config("one").provenance.trainings)
  t.assertNil(config("one").provenance.changes)
  local notes = core.safetensors.info(top .. "/one/last.safetensors").metadata
  t.assertEquals({ notes.training, notes.stop, notes.frozen_at_start }, {})
end

-- A training ends when the next one of its run begins.
function TestTrainings.testOneAtATime()
  quiet(function()
    local run <close> = yl.run(options { out = top .. "/turns" })
    local a = yl.trainer { net = model(), data = data, run = run, options = options {} }
    local b = yl.trainer { net = model(), data = data, run = run, options = options {} }
    a:run(1)
    b:run(1)
    t.assertErrorMsgContains("training 1 of " .. top .. "/turns ended when training 2 began", a.run, a, 1)
  end)
end

-- What a policy froze is frozen again, also where it did so once.
function TestTrainings.testFrozenAgain()
  local function run(o, kill)
    return quiet(function()
      local made <close> = yl.run(o)
      local net = model()
      local once = { name = "once", on = { epoch_start = function(_, tr) if tr.epoch == 2 then tr:freeze "body" end end } }
      yl.train { net = net, data = data, run = made, options = o, once, kill or { name = "bomb" } }
      return net:checksum()
    end)
  end
  local want = run(options { out = top .. "/frozen", epochs = 4 })
  t.assertErrorMsgContains("killed", run, options { out = top .. "/thawed", epochs = 4 }, bomb(11))
  t.assertEquals(run(options { resume = top .. "/thawed" }), want)
end

TestStopped = {}

local function until_stopped(o, patience)
  return quiet(function()
    local run <close> = yl.run(o)
    local net = model()
    local rises = { name = "rises", on = { epoch_end = function(_, tr) tr.record.measure_loss = tr.epoch end } } -- never better
    local trainer = yl.train { net = net, data = data, run = run, options = o, rises,
      patience and yl.stop { "measure_loss", patience = patience } or { name = "none" } }
    return { trainer.epoch, net:checksum() }
  end)
end

-- What a stop policy ended stays ended, until more epochs are asked for, or the policy is another or gone.
function TestStopped.testResume()
  local first = until_stopped(options { out = top .. "/stop", epochs = 9 }, 1)
  t.assertEquals(first[1], 2)
  local again, said = until_stopped(options { resume = top .. "/stop" }, 1)
  t.assertEquals(again, first)
  t.assertStrContains(said, "'stop.measure_loss' ended the training after epoch 2: nothing is left to train")
  t.assertEquals(select(2, read("stop", "metrics.jsonl"):gsub("\n", "")), 2)
  t.assertEquals(until_stopped(given(options { resume = top .. "/stop" }, { epochs = 10 }), 1)[1], 3) -- no better: it ends again
  t.assertEquals(until_stopped(options { resume = top .. "/stop" }, 1)[1], 3)
  t.assertEquals(until_stopped(options { resume = top .. "/stop" }, 3)[1], 4)
  t.assertEquals(until_stopped(options { resume = top .. "/stop" })[1], 10)
end

TestChanges = {}

local function run(o, kill, ...)
  local more = { ... }
  return quiet(function()
    local made <close> = yl.run(o)
    return yl.train { net = model(), data = data, run = made, options = o, kill or { name = "bomb" }, table.unpack(more) }
  end)
end

-- In the middle of an epoch nothing may change that decides what is left of it; nothing is touched then.
function TestChanges.testMiddleOfAnEpoch()
  local stop = { name = "bomb", on = { step = function(_, tr)
    if tr.step ~= 5 then return end
    os.execute "p=$PPID; (sleep 0.05; kill -INT $p) &" -- Ctrl-C saves in the middle of the epoch
    local started = core.system.clock()
    while not core.system.interrupted() and core.system.clock() - started < 5 do end
  end } }
  t.assertErrorMsgContains("stopped by the user in epoch 2", run, options { out = top .. "/middle", epochs = 3 }, stop)
  local before = record "middle"
  for path, text in pairs { batch = "batch=4", ["optim.lr"] = "optim.lr=0.5", seed = "seed=4", freeze = "freeze=body" } do
    local o = given(options { resume = top .. "/middle" }, { [path] = path == "freeze" and "body" or path == "optim.lr" and 0.5 or 4 })
    local ok, sentence = pcall(run, o)
    t.assertFalse(ok)
    t.assertStrContains(sentence, ("resume: %s/middle is in the middle of epoch 2, where "):format(top))
    t.assertStrContains(sentence, "cannot be changed to " .. text .. ": finish that epoch first")
    t.assertEquals(read("middle", "config.yaml"), before)
  end
  t.assertEquals(run(given(options { resume = top .. "/middle" }, { epochs = 2 })).epoch, 2) -- so it ends the epoch
end

-- Between epochs they may; both are on record, and a schedule continues from the share of epochs already done.
function TestChanges.testBetweenEpochs()
  local rates = {}
  local watch = { name = "watch", on = { step = function(_, tr) rates[#rates + 1] = tr.lr end } }
  local function shares(s) return s.step / s.steps end
  local o = options { out = top .. "/between", epochs = 2, batch = 4 }
  o.optim.schedule = shares
  run(o)
  o = given(options { resume = top .. "/between" }, { batch = 8, epochs = 4, ["optim.lr"] = 0.5 })
  o.optim.schedule = shares
  local _, said = run(o, nil, watch)
  t.assertStrContains(said, "from epoch 3 on: batch=8 epochs=4 optim.lr=0.5 (before: batch=4 epochs=2 optim.lr=0.001)")
  for i, rate in ipairs(rates) do t.assertAlmostEquals(rate, (6 + i - 1) / 12, 1e-12) end
  t.assertEquals(#rates, 6)
  local made = config "between"
  t.assertEquals({ made.batch, made.epochs, made.optim.lr }, { 8, 4, 0.5 })
  t.assertEquals(made.provenance.changes, { { from_epoch = 3, before = { batch = 4, epochs = 2, ["optim.lr"] = 0.001 },
    after = { batch = 8, epochs = 4, ["optim.lr"] = 0.5 } } })
  t.assertNil(made.provenance.training) -- no recipe takes it for a run of these options
end

-- A run that is done is not rewritten to what was not run.
function TestChanges.testNothingLeft()
  run(options { out = top .. "/finished" })
  local before = record "finished"
  local _, said = run(given(options { resume = top .. "/finished" }, { batch = 4, ["optim.lr"] = 0.5 }))
  t.assertStrContains(said, "all 2 epochs are done: nothing is left to train (raise epochs= to continue); batch=4 optim.lr=0.5 changes "
    .. "nothing, recorded is batch=8 optim.lr=0.001")
  t.assertEquals(read("finished", "config.yaml"), before)
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
