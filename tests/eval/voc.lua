-- VOC's average precision and its precision-recall curve: the rules with their arithmetic, and random frames against a plain
-- implementation.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"
local truth, det, set = boxes.truth, boxes.det, boxes.set

local function car(frames, options) return set(frames):voc(options).classes.Car end

TestRules = {}

function TestRules:testInclusivePixels()
  -- 10 x 10 inclusive pixels against 5 of them: 50 / 100; without the +1: (9 * 4) / 81
  local frames = { { { truth("Car", 0, 0, 9, 9) }, { det("Car", 0.9, 0, 0, 9, 4) } } }
  t.assertEquals(car(frames).tp, 1)
  t.assertEquals(car(frames, { compare = "gt" }).tp, 0)
  t.assertEquals(car(frames, { plus1 = false }).tp, 0)
  t.assertEquals(car(frames, { plus1 = false, iou = 4 / 9 }).tp, 1)
end

function TestRules:testBestTruthOnly()
  -- both detections are nearest to the first truth: the second one has no second choice
  local frames = { { { truth("Car", 0, 0, 99, 99), truth("Car", 0, 0, 99, 79) },
    { det("Car", 0.9, 0, 0, 99, 99), det("Car", 0.8, 0, 0, 99, 94) } } }
  local row = car(frames)
  t.assertEquals({ row.tp, row.fp, row.n_gt, row.n_det }, { 1, 1, 2, 2 })
end

-- Equally near to two truths: the first one is taken, and the detection that lies on it comes too late.
function TestRules:testFirstOfEqualOverlaps()
  local row = car { { { truth("Car", 0, 0, 99, 99), truth("Car", 0, 20, 99, 119) },
    { det("Car", 0.9, 0, 10, 99, 109), det("Car", 0.8, 0, 0, 99, 99) } } }
  t.assertEquals({ row.tp, row.fp }, { 1, 1 })
end

function TestRules:testDifficultTruthsForgive()
  for _, more in ipairs { { occluded = 3 }, { truncated = 0.6 }, { box = { 0, 0, 100, 25 } } } do
    local hard = truth("Car", 0, 0, 100, 100, more)
    local frames = { { { hard, truth("Car", 300, 0, 400, 100) }, { det("Car", 0.9, table.unpack(hard.box)),
      det("Car", 0.8, 300, 0, 400, 100) } } }
    local row = car(frames, { difficult = "hard" })
    t.assertEquals({ row.n_gt, row.n_det, row.tp, row.fp, row.ap }, { 1, 2, 1, 0, 1.0 })
    t.assertEquals(car(frames).n_gt, 2)
  end
  local row = car({ { { truth("Car", 0, 0, 99, 25.5, { occluded = 2, truncated = 0.5 }) }, {} } }, { difficult = "hard" })
  t.assertEquals(row.n_gt, 1)
end

-- Scores .9 right, .8 wrong, .7 right, .6 wrong of 4 truths: precision 1, 1/2, 2/3, 1/2 at recall 1/4, 1/4, 2/4, 2/4.
-- Area: 1/4 * 1 + 1/4 * 2/3 = 5/12. Eleven points: t = 0, .1, .2 -> 1; .3, .4, .5 -> 2/3; the others 0: (3 + 2) / 11.
local function four()
  local truths, dets = {}, {}
  for i = 1, 4 do truths[i] = truth("Car", 100 * i, 0, 100 * i + 50, 50) end
  for i, at in ipairs { 1, 9, 2, 8 } do dets[i] = det("Car", 1 - i / 10, 100 * at, 0, 100 * at + 50, 50) end
  return { { truths, dets } }
end

function TestRules:testAreas()
  local row = set(four()):voc()
  t.assertAlmostEquals(row.classes.Car.ap, 5 / 12, 1e-15)
  t.assertAlmostEquals(row.classes.Car.ap07, 5 / 11, 1e-15)
  t.assertAlmostEquals(row.map, 5 / 12, 1e-15)
  t.assertEquals({ row.protocol, row.iou, row.plus1, row.compare, row.difficult }, { "voc", 0.5, true, "ge", "none" })
  t.assertEquals({ row.classes.Van.ap, row.classes.Van.ap07, set({}):voc().map }, { core.null, core.null, core.null })
end

function TestRules:testCurve()
  local curve = set(four()):curves { classes = { "Car" } }.Car
  t.assertEquals(curve.n_gt, 4)
  t.assertEquals(curve.precision, { 1.0, 1 / 2, 2 / 3, 2 / 4 })
  t.assertEquals(curve.recall, { 1 / 4, 1 / 4, 2 / 4, 2 / 4 })
  t.assertEquals(curve.f1, { 2 / 5, 2 / 6, 4 / 7, 4 / 8 }) -- 2 tp / (detections + truths)
  t.assertEquals(curve.best, { f1 = 4 / 7, score = curve.score[3], precision = 2 / 3, recall = 0.5 })
  local none = set(four()):curves { classes = { "Van" } }.Van
  t.assertEquals({ none.n_gt, none.score, none.best.f1 }, { 0, {}, core.null })
end

-- A threshold cannot part two equal scores, so the best point lies after both.
function TestRules:testBestPointOfEqualScores()
  local truths, dets = { truth("Car", 0, 0, 50, 50) }, { det("Car", 0.5, 0, 0, 50, 50), det("Car", 0.5, 200, 0, 250, 50) }
  t.assertEquals(set({ { truths, dets } }):curves().Car.best, { f1 = 2 / 3, score = 0.5, precision = 0.5, recall = 1.0 })
end

function TestRules:testTiesAreSettledByFrame()
  local right = { { truth("Car", 0, 0, 50, 50) }, { det("Car", 0.5, 0, 0, 50, 50) } }
  local wrong = { {}, { det("Car", 0.5, 0, 0, 50, 50) } }
  t.assertEquals(car({ right, wrong }).ap, 1.0)
  t.assertEquals(car({ wrong, right }).ap, 0.5)
end

function TestRules:testClassLists()
  local s = set { { { truth("Car", 0, 0, 50, 50), truth("van", 100, 0, 150, 50), truth("Tram", 300, 0, 350, 50, { ignore = true }) },
    { det("car", 0.9, 0, 0, 50, 50), det("CAR", 0.8, 100, 0, 150, 50), det("train", 0.7, 300, 0, 350, 50) } } }
  local row = s:voc { classes = { { name = "car", "Van" }, { name = "train", "Tram" } } }
  t.assertEquals({ row.classes.car.n_gt, row.classes.car.tp, row.classes.train.n_gt, row.classes.train.fp }, { 2, 2, 0, 1 })
  t.assertEquals(s:voc { classes = "coco" }.classes.car.tp, 2)
  t.assertErrorMsgContains("classes: 'Car' was given to 'a' and to 'b'", function()
    s:voc { classes = { { name = "a", "Car" }, { name = "b", "Car" } } }
  end)
  t.assertErrorMsgContains("classes: expected at least one", function() s:voc { classes = {} } end)
  t.assertErrorMsgContains("classes: 2: expected a name", function() s:voc { classes = { "a", 7 } } end)
  t.assertErrorMsgContains("got 'pascal'", function() s:voc { classes = "pascal" } end)
  t.assertErrorMsgContains("unknown option 'iuo', did you mean 'iou'?", function() s:voc { iuo = 0.5 } end)
  t.assertErrorMsgContains("voc: option 'iou': expected a number in 0..1, got 7", function() s:voc { iou = 7 } end)
  t.assertErrorMsgContains("compare': expected one of ge|gt", function() s:voc { compare = "lt" } end)
end

-- ---- a plain implementation ------------------------------------------------------------------------------------------------

local function overlap(a, b)
  local w = math.min(a[3], b[3]) - math.max(a[1], b[1]) + 1
  local h = math.min(a[4], b[4]) - math.max(a[2], b[2]) + 1
  if w <= 0 or h <= 0 then return 0 end
  local function size(x) return (x[3] - x[1] + 1) * (x[4] - x[2] + 1) end
  return w * h / (size(a) + size(b) - w * h)
end

local function plain(frames, class, least)
  local list, n_gt, taken, precision, recall, tp = {}, 0, {}, {}, {}, 0
  for f, frame in ipairs(frames) do
    for _, g in ipairs(frame[1]) do n_gt = n_gt + (g.class == class and not g.ignore and 1 or 0) end
    for _, d in ipairs(frame[2]) do
      if d.class == class then list[#list + 1] = { d = d, f = f, at = #list } end
    end
  end
  table.sort(list, function(a, b)
    if a.d.score ~= b.d.score then return a.d.score > b.d.score end
    return a.at < b.at
  end)
  for k, entry in ipairs(list) do
    local best, found = 0, nil
    for _, g in ipairs(frames[entry.f][1]) do
      local o = g.class == class and not g.ignore and overlap(entry.d.box, g.box) or 0
      if o > best then best, found = o, g end
    end
    if found and best >= least and not taken[found] then
      taken[found] = true
      tp = tp + 1
    end
    precision[k], recall[k] = tp / k, tp / n_gt
  end
  local area, last = 0, 0
  for k = 1, #list do -- each step of recall at the best precision from there on
    if recall[k] > last then area = area + (recall[k] - last) * math.max(table.unpack(precision, k)) end
    last = recall[k]
  end
  local eleven = 0
  for i = 0, 10 do
    local best = 0
    for k = 1, #list do
      if recall[k] >= i / 10 then best = math.max(best, precision[k]) end
    end
    eleven = eleven + best / 11
  end
  return { n_gt = n_gt, n_det = #list, tp = tp, fp = #list - tp, ap = area, ap07 = eleven }
end

TestPlain = {}

function TestPlain:testRandomFrames()
  for seed = 1, 8 do
    local frames = boxes.random_frames(seed, 30, { "a", "b", "c" }, true)
    local row, sum = set(frames):voc { classes = { "a", "b", "c" }, iou = 0.3 + seed / 20 }, 0
    for _, class in ipairs { "a", "b", "c" } do
      local got, want = row.classes[class], plain(frames, class, 0.3 + seed / 20)
      for _, key in ipairs { "n_gt", "n_det", "tp", "fp" } do t.assertEquals(got[key], want[key]) end
      t.assertAlmostEquals(got.ap, want.ap, 1e-12)
      t.assertAlmostEquals(got.ap07, want.ap07, 1e-12)
      sum = sum + want.ap
    end
    t.assertAlmostEquals(row.map, sum / 3, 1e-12)
  end
end

os.exit(t.LuaUnit.run())
