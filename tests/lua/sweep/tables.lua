-- The tables of a sweep: a column for each option that differs, a line for each stage, cells that a spreadsheet reads.
local t = require "luaunit"
local core = require "yolua.core"
local tables = require "yolua.sweep.tables"
local spread = require "yolua.sweep.spread"

local function row(stage, map, car)
  return { protocol = "kitti", stage = stage, split = "dev", images = 5, map = map,
    classes = { Car = { moderate = { ap_r40 = car, n_gt = 4, precision = { 1, 2 } } }, Van = core.null } }
end

local function trials()
  return {
    { number = 1, name = "a, b", recipe = "r.lua", hash = "h1", status = "done", words = { "batch=8", "seed=1" },
      result = { epochs = 2, seconds = 3.25, eval = { row("Original", 0.1, 0.25), row("Coco-FT", 0.5, 0.75) } } },
    { number = 2, recipe = "r.lua", hash = "h2", status = "failed", reason = 'said "no"', words = { "batch=8", "seed=2" } },
  }
end

TestTables = {}

function TestTables.testCsv()
  t.assertEquals(tables.csv(trials()), [[
trial,name,hash,status,reason,seed,epochs trained,seconds,stage,kitti mean,kitti Car,kitti Van
1,"a, b",h1,done,,1,2,3.2,Original,0.10000000000000001,0.25,
1,"a, b",h1,done,,1,2,3.2,Coco-FT,0.5,0.75,
2,,h2,failed,"said ""no""",2,,,,,,
]])
end

function TestTables.testMarkdown()
  local text = tables.markdown("mine", trials())
  t.assertStrContains(text, "# mine\n\n1 of 2 trials are done.")
  t.assertStrContains(text, "| 1 | a, b | 1 | done | 2 | 3 | Coco-FT | 0.500 | 0.750 |  |")
  t.assertStrContains(text, '- trial 2 (h2): said "no"')
end

function TestTables.testSpread()
  local all = { { row("Coco-FT", 0.5, 0.2) }, { row("Coco-FT", 0.7, 0.2) }, { row("Coco-FT", 0.9, 0.5) } }
  local mean, deviation = spread.mean(all)[1], spread.deviation(all)[1]
  t.assertAlmostEquals(mean.map, 0.7, 1e-15)
  t.assertAlmostEquals(deviation.map, 0.2, 1e-15)
  t.assertAlmostEquals(deviation.classes.Car.moderate.ap_r40, math.sqrt(0.03), 1e-15)
  t.assertEquals({ mean.seeds, mean.images, deviation.images, mean.stage, mean.classes.Van }, { 3, 5, 5, "Coco-FT", core.null })
  t.assertEquals(mean.classes.Car.moderate.precision, core.null) -- a list, whose length differs from seed to seed
end

os.exit(t.LuaUnit.run())
