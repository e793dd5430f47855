-- The poster's table: our figures are the poster metric's, and its numbers are judged by the interval of ours.
local t = require "luaunit"
local yl = require "yolua"
local evaluations = require "support.evaluations"
local stages = require "yolua.eval.stages"
local stored = require "yolua.eval.stored"
local training = require "support.training"

local top = training.top

TestPosterTable = {}

local function run_of(name, list)
  local dir = top .. "/" .. name
  for i, stage in ipairs(list) do
    stages.write(dir, evaluations.make { stage = stage, classes = { "Car", "Pedestrian" }, frames = 30 }, i)
  end
  return { dir = dir, options = { seed = 1 } }
end

function TestPosterTable.testFigures()
  local run = run_of("poster", { "Original", "Coco-FT", "mine" })
  local made = yl.poster_table(run)
  t.assertEquals(#made.rows, 4) -- two of the poster's stages, two classes that the networks know
  local want = stages.read(run.dir, "Coco-FT"):rows { "poster", "voc" }
  for _, row in ipairs(made.rows) do
    local name = row.class == "Car" and "Car" or "Pedestrian"
    local classes = want[1].classes[name]
    t.assertAlmostEquals(row.precision.value, classes.precision, 1e-6)
    t.assertAlmostEquals(row.recall.value, classes.recall, 1e-6)
    t.assertAlmostEquals(row.f1.value, classes.f1, 1e-6)
    t.assertEquals(row.truths, classes.tp + classes.fn)
    t.assertEquals(row.ap, want[2].classes[name].ap)
    for _, key in ipairs { "precision", "recall", "f1" } do
      local f = row[key]
      t.assertTrue(f.low < f.value and f.value < f.high, row.class .. "'s " .. key)
    end
  end
  t.assertEquals(made.rows[4].published, { precision = .65, recall = .82 })
  t.assertEquals(made.body[5], { "Original", "Car", "precision", "0.44", made.body[5][5], made.body[5][6] })
  t.assertStrMatches(made.body[5][5], "%d%.%d%d %(%d%.%d%d to %d%.%d%d%)")
  t.assertEquals(made.body[7][4], "0.76")
  t.assertTrue(#tostring(made):match "\n([^\n]+)" <= 80)
  t.assertEquals(tostring(yl.poster_table(run)), tostring(made)) -- drawn from the run's seed
end

-- The spread of a share over n frames with one object each is the binomial's.
function TestPosterTable.testIntervalIsTheBinomials()
  local frames = {}
  for i = 1, 100 do
    local box = { 0, 0, 50, 50 }
    frames[i] = { id = ("%06d"):format(i), truths = { { class = "Car", box = box, truncated = 0, occluded = 0, ignore = false } },
      dets = i <= 30 and { { class = "Car", score = 0.9, box = box } } or {} }
  end
  local self = stored.new { frames = frames, stage = "Coco-FT", split = "dev", data = { name = "kitti" }, map = "identity",
    names = { "Car" }, classes = { "Car" }, protocols = { "voc", "poster" }, options = evaluations.make {}.options }
  stages.write(top .. "/binomial", self, 1)
  local row = yl.poster_table({ dir = top .. "/binomial", options = { seed = 3 } }).rows[1]
  t.assertAlmostEquals(row.recall.value, .3, 1e-12)
  local spread = 1.96 * math.sqrt(.3 * .7 / 100)
  t.assertAlmostEquals(row.recall.low, .3 - spread, .015)
  t.assertAlmostEquals(row.recall.high, .3 + spread, .015)
  t.assertEquals(row.precision.value, 1)
end

function TestPosterTable.testPublished()
  local poster = require "yolua.eval.poster_table"
  t.assertAlmostEquals(poster.best_f1 "Person", 2 * .7 * .53 / 1.23, 1e-12)
  t.assertAlmostEquals(poster.best_f1 "Car", 2 * .7 * .83 / 1.53, 1e-12)
  t.assertAlmostEquals(poster.best_f1 "Cyclist", 2 * .23 / 1.23, 1e-12)
end

function TestPosterTable.testRefusals()
  t.assertErrorMsgContains("has none of the poster's stages", yl.poster_table, run_of("none", { "mine" }))
  t.assertErrorMsgContains("yl.poster_table: expected a run", yl.poster_table, 7)
end

os.exit(t.LuaUnit.run())
