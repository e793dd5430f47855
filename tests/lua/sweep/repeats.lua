-- folds= and seeds=: each repeat is a run of its own, the folds' test lists are pooled into one set, the seeds' figures averaged.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local stages = require "yolua.eval.stages"
local stored = require "yolua.eval.stored"
local files = core.files

local top = program.tiny()

-- A list of the frames first..last of the tiny data set, which has 32.
local function list(name, first, last)
  local ids = {}
  for i = first, last do ids[#ids + 1] = ("%06d\n"):format(i) end
  core.system.write(("%s/data/ImageSets/%s.txt"):format(top, name), table.concat(ids))
end

for name, parts in pairs { a = { 0, 11, 12, 15, 16, 23 }, b = { 16, 27, 28, 31, 0, 7 }, c = { 16, 27, 28, 31, 4, 11 } } do
  list(name .. "_train", parts[1], parts[2])
  list(name .. "_pick", parts[3], parts[4])
  list(name .. "_test", parts[5], parts[6])
end

local function drives(of)
  local lines = {}
  for i = 0, 31 do lines[#lines + 1] = ("%06d %s\n"):format(i, of(i)) end
  core.system.write(top .. "/data/ImageSets/drives.txt", table.concat(lines))
end

local function call(out, ...)
  return { "recipes/coco_ft.lua", "config=" .. top .. "/config.yaml", "epochs=1", "protocol=kitti,voc", "out=" .. top .. "/" .. out, ... }
end

local function results(out) return core.json.decode(core.system.read(("%s/%s/results.json"):format(top, out))) end

TestRepeats = {}

function TestRepeats.testFolds()
  drives(function(i) return "drive" .. i // 4 end)
  local out, err = program.ok(call("folds", "folds=a,b"))
  t.assertEquals(err, "")
  local r = results "folds"
  t.assertEquals({ r.folds, r.seeds, #r.trials, r.recipe, r.epochs }, { { "a", "b" }, 1, 2, "coco_ft", 2 })
  t.assertEquals({ r.trials[1].fold, r.trials[2].fold }, { "a", "b" })
  t.assertEquals(#r.eval, 4) -- Original and Coco-FT by two protocols
  for _, row in ipairs(r.eval) do t.assertEquals({ row.images, row.split }, { 16, "a_test+b_test" }) end
  local parts = {}
  for i, trial in ipairs(r.trials) do
    parts[i] = stages.read(trial.dir, "Coco-FT")
    local config = core.yaml.decode(core.system.read(trial.dir .. "/config.yaml"))
    local fold = trial.fold
    t.assertEquals({ config.data.train, config.data.pick, config.data.dev }, { fold .. "_train", fold .. "_pick", fold .. "_test" })
  end
  local pooled = core.json.decode(core.json.encode(stored.pool(parts, "Coco-FT"):rows()))
  t.assertEquals({ r.eval[3], r.eval[4] }, pooled)
  t.assertEquals(stages.list(top .. "/folds"), { "Original", "Coco-FT" })
  t.assertEquals(#stages.read(top .. "/folds", "Coco-FT"), 16) -- for `yolua compare`
  t.assertStrContains(core.system.read(top .. "/folds/results.md"), "| figure | a | b | pooled |")
  t.assertStrContains(out, "pooled")
  -- the same call again has nothing to do
  out = program.ok(call("folds", "folds=a,b"))
  t.assertStrContains(out, "2 of them done")
  t.assertEquals(results "folds", r)
end

function TestRepeats.testSeeds()
  program.ok(call("seeds", "seeds=3", "seed=5", "jobs=2"))
  local r = results "seeds"
  local maps = {}
  for i, trial in ipairs(r.trials) do
    t.assertEquals(trial.seed, 4 + i)
    for _, row in ipairs(trial.eval) do
      if row.stage == "Coco-FT" and row.protocol == "voc" then maps[i] = row.map end
    end
  end
  t.assertEquals(#maps, 3)
  local mean = (maps[1] + maps[2] + maps[3]) / 3
  local sum = 0
  for _, map in ipairs(maps) do sum = sum + (map - mean) ^ 2 end
  local found
  for i, row in ipairs(r.eval) do
    if row.stage == "Coco-FT" and row.protocol == "voc" then
      found = true
      t.assertAlmostEquals(row.map, mean, 1e-15)
      t.assertAlmostEquals(r.spread[i].map, math.sqrt(sum / 2), 1e-15)
      t.assertTrue(r.spread[i].map > 0)
    end
  end
  t.assertTrue(found)
  t.assertStrContains(core.system.read(top .. "/seeds/results.md"), "| figure | seed 5 | seed 6 | seed 7 | mean | standard deviation |")
end

-- A config file, or a recipe, may ask for them too; the repeats do not ask again.
function TestRepeats.testConfig()
  core.system.write(top .. "/seeds.yaml", core.system.read(top .. "/config.yaml"):gsub("out: [^\n]*", "seeds: 2") .. "")
  local result = program.json { "train", "config=" .. top .. "/seeds.yaml", "epochs=1", "data.limit=4", "protocol=voc",
    "out=" .. top .. "/config" }
  t.assertEquals({ result.seeds, #result.trials, #result.eval, result.recipe }, { 2, 2, 1, "train" })
end

-- In a sweep, a repeated call is one trial with the pooled figures.
function TestRepeats.testInASweep()
  core.system.write(top .. "/sweep.lua", ([[return { recipe = "SOURCE/recipes/coco_ft.lua", config = "TOP/config.yaml", epochs = 1,
    folds = { "a", "b" }, protocol = "voc", { seed = 3 } }]]):gsub("TOP", top):gsub("SOURCE", program.source))
  local result = program.json { "sweep", top .. "/sweep.lua", "out=" .. top .. "/sweep" }
  t.assertEquals({ result.trials[1].status, result.trials[1].result.eval[1].images }, { "done", 16 })
end

TestWrong = {}

local function refused(sentence, ...)
  local status, out, err = program.run(call("wrong", ...))
  t.assertEquals({ status, out }, { 2, "" }, err)
  t.assertStrContains(err, sentence)
  t.assertEquals(select(2, err:gsub("\n", "")), 1, err)
  t.assertNil(files.kind(top .. "/wrong"))
end

function TestWrong.testCalls()
  drives(function(i) return "drive" .. i // 4 end)
  refused("data.train=train and folds= cannot both be given", "folds=a,b", "data.train=train")
  refused("frame 000004 is in b_test and in c_test: expected each frame in one test list", "folds=b,c")
  refused("fold d: recipes/coco_ft.lua:12: ", "folds=a,d")
  refused("seeds", "seeds=0")
  refused("is the same as trial 1", "folds=a,a")
  refused("resume= continues one run", "folds=a,b", "resume=" .. top .. "/x")
end

-- A drive in two lists of a fold is warned of, once.
function TestWrong.testSharedDrives()
  drives(function(i) return i < 20 and "drive1" or "drive2" end)
  local _, err = program.ok(call("shared", "folds=a", "protocol=voc"))
  t.assertStrContains(err, "a_train and a_test share 1 drive (drive1): numbers on the second will look too good")
  t.assertStrContains(err, "a_train and a_pick share 1 drive (drive1)")
end

local code = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(code)
