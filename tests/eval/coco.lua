-- COCO's protocol: the rules with their arithmetic, and random frames against a plain implementation.
local t = require "luaunit"
local boxes = require "support.boxes"
local truth, det, set = boxes.truth, boxes.det, boxes.set

local function car(frames, options) return set(frames):coco(options).classes.Car end

TestRules = {}

-- One truth, found with IoU .81: right at .5, .55, ..., .8, seven of ten.
function TestRules:testMeanOverOverlaps()
  local row = car { { { truth("Car", 0, 0, 100, 100) }, { det("Car", 0.9, 0, 0, 100, 81) } } }
  t.assertAlmostEquals(row.ap, 0.7, 1e-12)
  t.assertAlmostEquals(row.ar100, 0.7, 1e-12)
  t.assertAlmostEquals(row.ap50, 1, 1e-12)
  t.assertAlmostEquals(row.ap75, 1, 1e-12)
  row = car { { { truth("Car", 0, 0, 100, 100) }, { det("Car", 0.9, 0, 0, 100, 74) } } }
  t.assertAlmostEquals(row.ap75, 0, 1e-12)
end

-- Found first and a false one after: precision 1 at recall 1/2, so 51 of 101 recall points: 0, .01, ..., .50.
function TestRules:testRecallPoints()
  local row = car { { { truth("Car", 0, 0, 50, 50), truth("Car", 100, 0, 150, 50) },
    { det("Car", 0.9, 0, 0, 50, 50), det("Car", 0.8, 200, 0, 250, 50) } } }
  t.assertAlmostEquals(row.ap, 51 / 101, 1e-12)
  t.assertEquals({ row.n_gt, row.n_det, row.n_crowd }, { 2, 2, 0 })
end

-- 32 x 32 is small and medium, 96 x 96 medium and large.
function TestRules:testAreas()
  local function sizes(side)
    local row = car { { { truth("Car", 0, 0, side, side) }, { det("Car", 0.9, 0, 0, side, side) } } }
    return { row.ap_small > 0, row.ap_medium > 0, row.ap_large > 0 }
  end
  t.assertEquals(sizes(31), { true, false, false })
  t.assertEquals(sizes(32), { true, true, false })
  t.assertEquals(sizes(33), { false, true, false })
  t.assertEquals(sizes(96), { false, true, true })
  t.assertEquals(sizes(97), { false, false, true })
  t.assertEquals(car({ { { truth("Car", 0, 0, 31, 31) }, {} } }).ap_large, -1) -- no truth of that size
end

-- A detection without truth outside the range of sizes does not count there, one of the range's size does.
function TestRules:testFalseDetectionsOfOtherSizes()
  local row = car { { { truth("Car", 0, 0, 20, 20) }, { det("Car", 0.9, 300, 0, 400, 100), det("Car", 0.8, 0, 0, 20, 20) } } }
  t.assertAlmostEquals(row.ap50, 0.5, 1e-12)
  t.assertAlmostEquals(row.ap_small, 1, 1e-12)
end

function TestRules:testCrowds()
  local truths = { truth("Car", 0, 0, 50, 50), truth("DontCare", 100, 0, 300, 100) }
  local dets = { det("Car", 0.95, 120, 20, 140, 40), det("Car", 0.92, 150, 20, 170, 40), det("Car", 0.9, 0, 0, 50, 50) }
  t.assertAlmostEquals(car({ { truths, dets } }).ap, 1, 1e-12) -- a crowd takes any number
  t.assertAlmostEquals(car({ { truths, dets } }, { dontcare = "drop" }).ap, 1 / 3, 1e-12)
  truths[2] = truth("Misc", 100, 0, 300, 100, { ignore = true }) -- ignored by the class map: as a DontCare region
  t.assertAlmostEquals(car({ { truths, dets } }).ap, 1, 1e-12)
  t.assertEquals(set({ { truths, dets } }):coco().classes.Misc.n_gt, 0)
  truths[2] = truth("Van", 100, 0, 300, 100)
  t.assertAlmostEquals(car({ { truths, dets } }).ap, 1 / 3, 1e-12)
  t.assertAlmostEquals(car({ { truths, dets } }, { neighbours = true }).ap, 1, 1e-12)
  t.assertNil(set({ { truths, dets } }):coco { neighbours = true }.classes.Van)
  local people = { { truth("Pedestrian", 0, 0, 50, 100) }, { det("person", 0.9, 0, 0, 50, 100) } }
  t.assertAlmostEquals(set({ people }):coco { neighbours = true }.classes.Pedestrian.ap, 1, 1e-12) -- a network of COCO's
end

-- Equally near to two truths: the later one is taken, which leaves the first to the detection that lies on it.
function TestRules:testLaterOfEqualOverlaps()
  local row = car { { { truth("Car", 0, 0, 100, 100), truth("Car", 0, 20, 100, 120) },
    { det("Car", 0.9, 0, 10, 100, 110), det("Car", 0.8, 0, 0, 100, 100) } } }
  t.assertAlmostEquals(row.ap75, 1, 1e-12)
end

-- A hundred detections an image count, by score; ar1 and ar10 see the best one and ten.
function TestRules:testMostDetections()
  local truths, dets = {}, {}
  for i = 1, 120 do
    truths[i] = truth("Car", 60 * i, 0, 60 * i + 50, 50)
    dets[i] = det("Car", 1 - i / 1000, 60 * i, 0, 60 * i + 50, 50)
  end
  local row = car { { truths, dets } }
  t.assertAlmostEquals(row.ar1, 1 / 120, 1e-12)
  t.assertAlmostEquals(row.ar10, 10 / 120, 1e-12)
  t.assertAlmostEquals(row.ar100, 100 / 120, 1e-12)
  t.assertAlmostEquals(row.ap, 84 / 101, 1e-12) -- recall 100/120 = .8333: points 0 to .83
  t.assertEquals(row.n_det, 120)
end

function TestRules:testMeanLeavesOutClassesWithoutTruth()
  local row = set({ { { truth("a", 0, 0, 50, 50), truth("b", 90, 0, 150, 50) }, { det("a", 0.9, 0, 0, 50, 50),
    det("c", 0.9, 0, 0, 50, 50) } } }):coco { classes = { "a", "b", "c" } }
  t.assertAlmostEquals(row.ap, 0.5, 1e-12)
  t.assertEquals({ row.map == row.ap, row.classes.c.ap, row.classes.b.ap, row.n_gt }, { true, -1, 0, 2 })
end

-- ---- a plain implementation ------------------------------------------------------------------------------------------------

local ranges = { all = { 0, 1e10 }, small = { 0, 1024 }, medium = { 1024, 9216 }, large = { 9216, 1e10 } }

local function size(b) return (b[3] - b[1]) * (b[4] - b[2]) end

local function overlap(d, g, crowd)
  local w, h = math.min(d[3], g[3]) - math.max(d[1], g[1]), math.min(d[4], g[4]) - math.max(d[2], g[2])
  if w <= 0 or h <= 0 then return 0 end
  return w * h / (crowd and size(d) or size(d) + size(g) - w * h)
end

local function sorted(dets, class)
  local list = {}
  for i, d in ipairs(dets) do
    if d.class == class then list[#list + 1] = { d = d, at = i } end
  end
  table.sort(list, function(a, b)
    if a.d.score ~= b.d.score then return a.d.score > b.d.score end
    return a.at < b.at
  end)
  return list
end

-- Appends { score, right, counts } per detection of a frame; returns the number of truths that count.
local function match(frame, class, range, least, most, out)
  local truths, wanted = {}, 0
  for pass = 1, 2 do
    for _, g in ipairs(frame[1]) do
      local a = size(g.box)
      local ignored = g.ignore or a < range[1] or a > range[2]
      if (g.ignore or g.class == class) and (pass == 1) == not ignored then
        truths[#truths + 1] = { g = g, ignored = ignored }
        if pass == 1 then wanted = wanted + 1 end
      end
    end
  end
  for i, entry in ipairs(sorted(frame[2], class)) do
    if i > most then break end
    local best, best_iou = nil, math.min(least, 1 - 1e-10)
    for _, g in ipairs(truths) do
      if best and not best.ignored and g.ignored then break end
      local o = overlap(entry.d.box, g.g.box, g.g.ignore)
      if (not g.taken or g.g.ignore) and o >= best_iou then best, best_iou = g, o end
    end
    if best then best.taken = true end
    local a = size(entry.d.box)
    local counts = best and not best.ignored or not best and a >= range[1] and a <= range[2]
    out[#out + 1] = { score = entry.d.score, right = best ~= nil, counts = counts, at = #out }
  end
  return wanted
end

-- Precision at 101 recalls and the last recall, at one overlap; nil without truth.
local function at_overlap(frames, class, range, least, most)
  local rows, wanted, tp, fp, curve = {}, 0, 0, 0, {}
  for _, frame in ipairs(frames) do wanted = wanted + match(frame, class, range, least, most, rows) end
  if wanted == 0 then return nil end
  table.sort(rows, function(a, b)
    if a.score ~= b.score then return a.score > b.score end
    return a.at < b.at
  end)
  for _, row in ipairs(rows) do
    if row.counts then
      if row.right then tp = tp + 1 else fp = fp + 1 end
      curve[#curve + 1] = { recall = tp / wanted, precision = tp / (tp + fp) }
    end
  end
  local sum = 0
  for i = 0, 100 do
    local point, best = i == 100 and 1.0 or i * 0.01, 0
    for _, p in ipairs(curve) do
      if p.recall >= point then best = math.max(best, p.precision) end
    end
    sum = sum + best
  end
  return sum / 101, tp / wanted
end

local function plain(frames, class, range, most, from, to)
  local ap, ar, n = 0, 0, 0
  for i = from or 0, to or 9 do
    local p, r = at_overlap(frames, class, range, i == 9 and 0.95 or 0.5 + i * ((0.95 - 0.5) / 9), most)
    if not p then return -1, -1 end
    ap, ar, n = ap + p, ar + r, n + 1
  end
  return ap / n, ar / n
end

TestPlain = {}

function TestPlain:testRandomFrames()
  for seed = 1, 5 do
    local frames = boxes.random_frames(seed, 25, { "a", "b" }, true)
    local row, sum = set(frames):coco { classes = { "a", "b" } }, 0
    for _, class in ipairs { "a", "b" } do
      local got = row.classes[class]
      local ap, ar = plain(frames, class, ranges.all, 100)
      t.assertAlmostEquals(got.ap, ap, 1e-9)
      t.assertAlmostEquals(got.ar100, ar, 1e-9)
      t.assertAlmostEquals(got.ap50, (plain(frames, class, ranges.all, 100, 0, 0)), 1e-9)
      t.assertAlmostEquals(got.ap75, (plain(frames, class, ranges.all, 100, 5, 5)), 1e-9)
      t.assertAlmostEquals(got.ar1, select(2, plain(frames, class, ranges.all, 1)), 1e-9)
      for _, name in ipairs { "small", "medium", "large" } do
        local p, r = plain(frames, class, ranges[name], 100)
        t.assertAlmostEquals(got["ap_" .. name], p, 1e-9)
        t.assertAlmostEquals(got["ar_" .. name], r, 1e-9)
      end
      sum = sum + ap
    end
    t.assertAlmostEquals(row.ap, sum / 2, 1e-9)
  end
end

os.exit(t.LuaUnit.run())
