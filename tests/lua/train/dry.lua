-- dry_run=true tells what a recipe would do and take; it trains nothing and leaves nothing.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local files = core.files

local top = program.tiny()

local function call(recipe, ...)
  return { recipe, "config=" .. top .. "/config.yaml", "dry_run=true", "out=" .. top .. "/runs/x", ... }
end

TestDry = {}

-- Nothing but the tiny data set lies in the folder afterwards.
local function check_nothing_left(before)
  t.assertNil(files.kind(top .. "/runs"))
  t.assertEquals(files.list(top), before)
end

local RECIPES = { { "coco_ft" }, { "coco_full" }, { "kitti_ft" }, { "kitti" }, { "pretrain_synthetic" }, { "prune_gradual" },
  { "propose_topology", "budget=0.9" } } -- the tiny network cannot be made much smaller

function TestDry.testRecipes()
  local before = files.list(top)
  for _, recipe in ipairs(RECIPES) do
    local out = program.ok(call(("recipes/%s.lua"):format(recipe[1]), "epochs=3", recipe[2]))
    t.assertStrContains(out, "dry run: nothing is trained or kept")
    t.assertStrContains(out, "training 1: ")
    t.assertNotNil(out:find "in all: %d trainings?, %d+ epochs, about [%d.]+ %a+, %d+ MiB on disk, %d+ MiB of memory", out)
    t.assertNotStrContains(out, "train loss")
    t.assertNotStrContains(out, "results in")
    check_nothing_left(before)
  end
end

function TestDry.testFigures()
  local result = program.json(call("train", "epochs=5", "batch=8", "freeze=body", "optim.lr=0.004", "optim.schedule=cosine",
    "optim.warmup=3", "optim.power=1", "ema=0.9"))
  t.assertEquals({ result.dry_run, result.epochs, #result.trainings }, { true, 5, 1 })
  local training = result.trainings[1]
  t.assertEquals({ training.epochs, training.steps }, { 5, 15 }) -- 24 frames
  t.assertAlmostEquals(training.lr.start, 0.004 / 3, 1e-12)
  t.assertTrue(training.lr.peak > training.lr["end"] and training.lr.peak <= 0.004)
  t.assertEquals({ #training.frozen, training.frozen[1].pattern, training.frozen[1].trained }, { 1, "body", 24 * 33 })
  t.assertTrue(training.seconds > 0 and training.seconds < 60)
  t.assertTrue(training.bytes > 2 * 4 * 16336, training.bytes) -- two checkpoints of 16336 numbers
  t.assertTrue(training.memory_bytes > 10 * 2 ^ 20)
end

-- Several trainings are told one by one; one that lies finished beside the run is taken.
function TestDry.testSeveral()
  local before = files.list(top)
  local out = program.ok(call("recipes/coco_full.lua", "epochs=3", "ft.epochs=2"))
  t.assertNotNil(out:find "training 1: 2 epochs.-frozen body.-training 2: 3 epochs.-frozen none.-in all: 2 trainings, 5 epochs", out)
  check_nothing_left(before)
end

-- A freeze schedule is told by stretches of epochs.
function TestDry.testSchedule()
  core.system.write(top .. "/thaw.lua", [[
local yl = require "yolua"
local o = yl.options { epochs = 6 }
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load(o)
local function thaw(epoch) return epoch <= 2 and "body" or { "conv1", "conv2" } end
yl.train { net = net, data = data, run = run, options = o, yl.freeze(thaw), yl.evaluate { "voc", every = 2 }, yl.keep.best "dev_ap" }
run:eval("mine", run:best(), data.dev)
run:best():save(run:path "mine.weights")
run:report()
]])
  local out = program.ok(call(top .. "/thaw.lua", "epochs=6"))
  t.assertNotNil(out:find "epochs 1 to 2: frozen body; 792 of 16336 parameters train.-epochs 3 to 6: frozen conv1,conv2;", out)
  t.assertStrContains(out, "mine: an evaluation on the 8 frames of dev")
  os.remove(top .. "/thaw.lua")
end

-- Repeats: the first one is measured.
function TestDry.testSeeds()
  local result = program.json(call("train", "epochs=2", "seeds=3"))
  t.assertEquals({ result.runs, result.epochs, #result.trainings }, { 3, 6, 1 })
  t.assertNil(files.kind(top .. "/runs"))
end

function TestDry.testResume()
  local status, _, err = program.run(call("train", "resume=" .. top .. "/x"))
  t.assertEquals({ status, err }, { 2, "yolua: dry_run=true tells of a new run: resume= cannot be given with it\n" })
end

local code = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(code)
