-- The poster's metric and its quirks, one by one.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"
local truth, det, set = boxes.truth, boxes.det, boxes.set

local function counts(truths, dets, options, class)
  local row = set { { truths, dets } }:poster(options).classes[class or "Car"]
  return { row.tp, row.fp, row.fn }
end

TestPoster = {}

function TestPoster:testScoreAndOverlap()
  local one = { truth("Car", 0, 0, 100, 100) }
  t.assertEquals(counts(one, { det("Car", 0.5, 0, 0, 100, 51) }), { 1, 0, 0 })
  t.assertEquals(counts(one, { det("Car", 0.4999, 0, 0, 100, 51) }), { 0, 0, 1 })
  t.assertEquals(counts(one, { det("Car", 0.4999, 0, 0, 100, 51) }, { score = 0.4 }), { 1, 0, 0 })
  t.assertEquals(counts(one, { det("Car", 0.5, 0, 0, 100, 50) }), { 0, 1, 0 }) -- .5 is not enough, yet marks the truth
end

function TestPoster:testOneTruthMayGiveManyTruePositives()
  local d = det("Car", 0.9, 0, 0, 100, 100)
  t.assertEquals(counts({ truth("Car", 0, 0, 100, 100) }, { d, d, d }), { 3, 0, 0 })
end

-- A prediction marks the truth of largest overlap whatever its class, and the first one where nothing overlaps.
function TestPoster:testAnyPredictionMarksATruth()
  local truths = { truth("Car", 0, 0, 100, 100), truth("Truck", 300, 0, 400, 100) }
  t.assertEquals(counts(truths, { det("Pedestrian", 0.9, 300, 0, 400, 100) }), { 0, 0, 1 })
  t.assertEquals(counts(truths, { det("Pedestrian", 0.9, 300, 0, 400, 100) }, nil, "Truck"), { 0, 0, 0 })
  t.assertEquals(counts(truths, { det("Pedestrian", 0.9, 600, 0, 700, 100) }), { 0, 0, 0 })
  t.assertEquals(counts(truths, { det("Pedestrian", 0.9, 600, 0, 700, 100) }, nil, "Pedestrian"), { 0, 1, 0 })
  t.assertEquals(counts({}, { det("Car", 0.9, 600, 0, 700, 100) }), { 0, 1, 0 })
end

-- Apart on both axes: (-100) * (-50) / (10000 + 2500 - 5000) = 2/3, which is more than a half.
function TestPoster:testItsOwnOverlap()
  local truths, dets = { truth("Car", 0, 0, 100, 100) }, { det("Car", 0.9, 200, 150, 250, 200) }
  t.assertEquals(counts(truths, dets), { 0, 1, 0 })
  t.assertEquals(counts(truths, dets, { variant = "unclamped" }), { 1, 0, 0 })
  t.assertEquals(counts(truths, dets, { variant = "literal" }), { 1, 0, 0 })
end

-- 50.9 is cut to 50 pixels: 100 x 50 in 100 x 100 is .5, while 50.9 would do.
function TestPoster:testWholePixels()
  local truths, dets = { truth("Car", 0, 0, 100, 50.9) }, { det("Car", 0.9, 0, 0, 100, 100) }
  local size = { variant = "literal", width = 1024, height = 512 } -- whose fractions are exact
  t.assertEquals(counts(truths, dets), { 1, 0, 0 })
  t.assertEquals(counts(truths, dets, size), { 0, 1, 0 })
end

function TestPoster:testClasses()
  local truths = { truth("Van", 0, 0, 100, 100), truth("Person_sitting", 200, 0, 250, 100), truth("Misc", 400, 0, 500, 100),
    truth("DontCare", 600, 0, 700, 100) }
  local dets = { det("Car", 0.9, 0, 0, 100, 100), det("person", 0.9, 200, 0, 250, 100), det("Misc", 0.9, 400, 0, 500, 100) }
  t.assertEquals(counts(truths, dets, { classes = "coco" }, "car"), { 1, 0, 0 })
  t.assertEquals(counts(truths, dets, { classes = "coco" }, "person"), { 1, 0, 0 })
  t.assertNil(set({ { truths, dets } }):poster { classes = "coco" }.classes.Misc)
  t.assertEquals(counts(truths, dets, nil, "Misc"), { 1, 0, 0 })
  t.assertEquals(counts(truths, dets, nil, "Car"), { 0, 1, 0 })
end

function TestPoster:testRates()
  local truths = { truth("Car", 0, 0, 100, 100), truth("Car", 300, 0, 400, 100), truth("Tram", 500, 0, 600, 100) }
  local dets = { det("Car", 0.9, 0, 0, 100, 100), det("Car", 0.8, 0, 0, 100, 40) }
  local row = set({ { truths, dets } }):poster()
  t.assertEquals(row.classes.Car.precision, 1 / (2 + 1e-9))
  t.assertEquals(row.classes.Car.recall, 1 / (2 + 1e-9))
  t.assertEquals(row.classes.Car.f1, 2 / 4)
  t.assertEquals(row.map, (1 / (2 + 1e-9) + 0) / 2) -- Car and Tram have truths
  t.assertEquals({ row.protocol, row.variant, set({}):poster().map }, { "poster", "clean", core.null })
end

-- One class per box, then suppression whatever the class: of three, the best stays.
function TestPoster:testReduced()
  local dets = { det("Truck", 0.6, 0, 0, 100, 100), det("Car", 0.9, 0, 0, 100, 100), det("Van", 0.8, 0, 0, 100, 90) }
  local one = { truth("Car", 0, 0, 100, 100) }
  t.assertEquals(counts(one, dets, nil, "Truck"), { 0, 1, 0 })
  t.assertEquals(counts(one, dets, { reduce = true }, "Truck"), { 0, 0, 0 })
  t.assertEquals(counts(one, dets, { reduce = true }, "Van"), { 0, 0, 0 })
  t.assertEquals(counts(one, dets, { reduce = true }), { 1, 0, 0 })
end

os.exit(t.LuaUnit.run())
