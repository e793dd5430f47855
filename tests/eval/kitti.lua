-- KITTI's protocol: one case per rule, with the arithmetic, and random frames against a plain implementation of the rules.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"
local truth, det, set = boxes.truth, boxes.det, boxes.set

-- One frame's moderate numbers of a class at the last threshold.
local function last(truths, dets, class, level)
  local c = set { { truths, dets } }:kitti { curves = true }.classes[class or "Car"]
  if c == core.null then return nil end
  local l = c[level or "moderate"]
  local n = #l.thresholds
  return { n_gt = l.n_gt, tp = l.tp[n], fp = l.fp[n], fn = l.fn[n] }
end

-- A box of the given height that cannot meet those of other rows.
local function car(row, height, more) return truth("Car", 0, 100 * row, 100, 100 * row + height, more) end
local function found(row, height, score, more) return det("Car", score or 0.9, 0, 100 * row, 100, 100 * row + height, more) end

TestRules = {}

function TestRules:testTruthOfTheLeastHeightIsIgnored()
  t.assertEquals(last({ car(0, 26), car(1, 25) }, { found(0, 26) }), { n_gt = 1, tp = 1, fp = 0, fn = 0 })
  t.assertEquals(last({ car(0, 41), car(1, 40) }, { found(0, 41) }, "Car", "easy").n_gt, 1)
end

function TestRules:testDetectionOfTheLeastHeightCounts()
  t.assertEquals(last({ car(0, 50) }, { found(0, 50), found(1, 25, 0.95) }).fp, 1)
  t.assertEquals(last({ car(0, 50) }, { found(0, 50), found(1, 24.9, 0.95) }).fp, 0)
end

function TestRules:testOcclusionAndTruncationLimits()
  local function n(level, more) return last({ car(0, 50, more), car(1, 50) }, { found(1, 50) }, "Car", level).n_gt end
  t.assertEquals({ n("easy", { occluded = 0 }), n("easy", { occluded = 1 }) }, { 2, 1 })
  t.assertEquals({ n("moderate", { occluded = 1 }), n("moderate", { occluded = 2 }) }, { 2, 1 })
  t.assertEquals({ n("hard", { occluded = 2 }), n("hard", { occluded = 3 }) }, { 2, 1 })
  t.assertEquals({ n("easy", { truncated = 0.15 }), n("easy", { truncated = 0.16 }) }, { 2, 1 })
  t.assertEquals({ n("moderate", { truncated = 0.30 }), n("moderate", { truncated = 0.31 }) }, { 2, 1 })
  t.assertEquals({ n("hard", { truncated = 0.5 }), n("hard", { truncated = 0.51 }) }, { 2, 1 })
end

-- Of a truth 100 x 100 and a detection 100 x h inside it the overlap is h / 100.
function TestRules:testOverlapIsStrict()
  t.assertEquals(last({ truth("Car", 0, 0, 100, 100), car(5, 50) }, { det("Car", 0.9, 0, 0, 100, 70), found(5, 50) }),
    { n_gt = 2, tp = 1, fp = 1, fn = 1 })
  t.assertEquals(last({ truth("Car", 0, 0, 100, 100) }, { det("Car", 0.9, 0, 0, 100, 71) }), { n_gt = 1, tp = 1, fp = 0, fn = 0 })
  local two = { truth("Cyclist", 0, 0, 100, 100), truth("Cyclist", 0, 500, 100, 550) }
  t.assertEquals(last(two, { det("Cyclist", 0.9, 0, 0, 100, 50), det("Cyclist", 0.9, 0, 500, 100, 550) }, "Cyclist").tp, 1)
  t.assertEquals(last(two, { det("Cyclist", 0.9, 0, 0, 100, 51), det("Cyclist", 0.9, 0, 500, 100, 550) }, "Cyclist").tp, 2)
end

function TestRules:testNeighboursAndDontCareForgive()
  t.assertEquals(last({ car(0, 50), truth("Van", 0, 100, 100, 150), truth("Truck", 0, 200, 100, 250) },
    { found(0, 50), found(1, 50), found(2, 50) }), { n_gt = 1, tp = 1, fp = 1, fn = 0 })
  -- 0.7 of the detection's own area must lie inside, strictly
  t.assertEquals(last({ car(0, 50), truth("DontCare", 0, 100, 70, 200) }, { found(0, 50), found(1, 50) }).fp, 1)
  t.assertEquals(last({ car(0, 50), truth("DontCare", 0, 100, 71, 200) }, { found(0, 50), found(1, 50) }).fp, 0)
end

function TestRules:testDuplicatesAreFalse()
  t.assertEquals(last({ car(0, 50), car(1, 50) }, { found(0, 50, 0.95), found(0, 50, 0.92), found(1, 50) }),
    { n_gt = 2, tp = 2, fp = 1, fn = 0 })
end

-- A short detection of another class takes the truth: neither true positive nor missed.
function TestRules:testShortDetectionOfAnotherClass()
  local rows = last({ truth("Car", 0, 0, 100, 26), car(1, 50) }, { det("Pedestrian", 0.9, 0, 0, 100, 24), found(1, 50) })
  t.assertEquals(rows, { n_gt = 2, tp = 1, fp = 0, fn = 0 })
end

-- Second pass: the valid detection with the larger overlap wins over the higher score, and over any short one.
function TestRules:testLargestOverlapWins()
  local rows = set { { { car(0, 100) }, { found(0, 80, 0.9, { alpha = 3.6415926535897931 }), found(0, 95, 0.8) } } }
      :kitti { curves = true }.classes.Car.easy
  t.assertEquals({ rows.thresholds, rows.tp, rows.fp }, { { 0.9 }, { 1 }, { 0 } })
  t.assertAlmostEquals(rows.aos[1], 0, 1e-15) -- at 0.9 only the first is in, and it looks the other way
end

-- An ignored truth that stands earlier takes its detection first.
function TestRules:testFileOrderOfTruths()
  local valid, ignored = truth("Car", 0, 0, 100, 100), truth("Car", 0, 0, 100, 100, { occluded = 3 })
  local other, also = car(5, 50), found(5, 50)
  t.assertEquals(last({ valid, ignored, other }, { found(0, 100), also }), { n_gt = 2, tp = 2, fp = 0, fn = 0 })
  t.assertEquals(last({ ignored, valid, other }, { found(0, 100), also }), { n_gt = 2, tp = 1, fp = 0, fn = 1 })
end

-- Equal scores in the first pass: the first of the file is taken, so that nothing is left for the second truth.
function TestRules:testFirstOfEqualScores()
  local truths = { truth("Car", 0, 0, 100, 100), truth("Car", 0, 20, 100, 100) }
  local dets = { det("Car", 0.9, 0, 12, 100, 100), det("Car", 0.9, 0, 0, 100, 75) } -- the second one meets the first truth only
  t.assertEquals(set({ { truths, dets } }):kitti { curves = true }.classes.Car.easy.thresholds, { 0.9 })
end

-- Equal overlaps (.9) in the second pass: again the first, which the second truth would have needed.
function TestRules:testFirstOfEqualOverlaps()
  local truths = { truth("Car", 0, 0, 100, 100), truth("Car", 0, 30, 100, 100), car(5, 50) }
  local dets = { det("Car", 0.9, 0, 10, 100, 100), det("Car", 0.8, 0, 0, 100, 90), found(5, 50, 0.5) }
  t.assertEquals(last(truths, dets), { n_gt = 3, tp = 2, fp = 1, fn = 1 })
end

-- Of two short detections the first of the file is taken.
function TestRules:testFirstOfShortDetections()
  local truths = { truth("Car", 0, 10, 100, 36), truth("Car", 0, 5, 100, 31), car(5, 50) }
  local dets = { det("Car", 0.9, 0, 10, 100, 34), det("Car", 0.9, 0, 12, 100, 36), found(5, 50, 0.5) }
  t.assertEquals(last(truths, dets), { n_gt = 3, tp = 1, fp = 0, fn = 1 })
end

function TestRules:testSubmission()
  t.assertNil(last({ car(0, 50) }, { det("Car", 0.9, -1, 0, 100, 50) }))
  t.assertEquals(last({ car(0, 50) }, { det("car", 0.9, -1, 0, 100, 50), det("CAR", 0.1, 0, 700, 9, 709) }).tp, 1)
  t.assertEquals(set({ { {}, {} } }):kitti().map, core.null)
end

-- Our mean, over the classes with moderate truth: losing a class must not raise it.
function TestRules:testMean()
  local function found_all(...)
    local truths, dets = { truth("DontCare", 900, 0, 950, 50) }, {}
    for i, class in ipairs { "Car", "Pedestrian", "Cyclist" } do
      for k = 1, 5 do truths[#truths + 1] = truth(class, 200 * i, 100 * k, 200 * i + 60, 100 * k + 50) end
    end
    for _, class in ipairs { ... } do
      for _, row in ipairs(truths) do
        if row.class == class then dets[#dets + 1] = det(class, 0.9, table.unpack(row.box)) end
      end
    end
    return truths, dets
  end
  local all = set { { found_all("Car", "Pedestrian", "Cyclist") } }:kitti()
  t.assertAlmostEquals(all.map, all.classes.Car.moderate.ap_r40, 1e-15)
  local one = set { { found_all "Car" } }:kitti()
  t.assertEquals({ one.classes.Pedestrian, one.classes.Cyclist }, { core.null, core.null })
  t.assertAlmostEquals(one.map, all.map / 3, 1e-15)
  t.assertEquals(set({ { { car(0, 50) }, {} } }):kitti().map, 0.0)
  -- a class with detections alone, or with truths that are all too small to count, is left out
  local truths, dets = found_all("Car", "Pedestrian", "Cyclist")
  for i = #truths, 1, -1 do
    if truths[i].class == "Cyclist" then table.remove(truths, i) end
  end
  t.assertAlmostEquals(set { { truths, dets } }:kitti().map, all.map, 1e-15)
  truths[#truths + 1] = truth("Cyclist", 0, 0, 9, 9)
  t.assertAlmostEquals(set { { truths, dets } }:kitti().map, all.map, 1e-15)
end

function TestRules:testNamesOfCoco()
  t.assertEquals(last({ truth("Pedestrian", 0, 0, 50, 100) }, { det("person", 0.9, 0, 0, 50, 100) }, "Pedestrian").tp, 1)
  t.assertEquals(last({ truth("Cyclist", 0, 0, 50, 100) }, { det("bicycle", 0.9, 0, 0, 50, 100) }, "Cyclist").tp, 1)
end

function TestRules:testOrientationNeedsEveryAngle()
  local easy = set { { { car(0, 50) }, { found(0, 50) } } }:kitti().classes.Car.easy
  t.assertAlmostEquals(easy.aos_r11, 1 / 11, 1e-15)
  easy = set { { { car(0, 50) }, { found(0, 50), det("Misc", 0, 0, 0, 1, 1, { alpha = -10 }) } } }:kitti { curves = true }.classes.Car.easy
  t.assertEquals({ easy.aos_r11, easy.aos_r40, easy.aos }, { core.null, core.null, core.null })
  -- a right angle: (1 + cos(pi / 2)) / 2
  easy = set { { { car(0, 50) }, { found(0, 50, 0.9, { alpha = 0.5 + math.pi / 2 }) } } }:kitti().classes.Car.easy
  t.assertAlmostEquals(easy.aos_r11, 0.5 / 11, 1e-15)
end

-- Two truths, found with 0.9 and 0.5, a false one at 0.7: precision 1 at recall 1/2, 2/3 at recall 1.
function TestRules:testCurve()
  local easy = set { { { car(0, 50), car(1, 50) }, { found(0, 50, 0.9), found(3, 50, 0.7), found(1, 50, 0.5) } } }
      :kitti { curves = true }.classes.Car.easy
  t.assertEquals({ easy.thresholds, easy.tp, easy.fp, easy.fn }, { { 0.9, 0.5 }, { 1, 2 }, { 0, 1 }, { 1, 0 } })
  t.assertEquals({ easy.precision[1], easy.precision[2], easy.precision[3], #easy.precision }, { 1.0, 2 / 3, 0.0, 41 })
  t.assertAlmostEquals(easy.ap_r11, 1 / 11, 1e-15) -- slots 0, 4, 8, ...
  t.assertAlmostEquals(easy.ap_r40, (2 / 3) / 40, 1e-15) -- slots 1 to 40
end

-- First pass: the van, which stands first, takes the higher score, so the car's is 0.8. Second pass at 0.8: the van takes by
-- overlap (.92 before .85) what the car had; the other one does not meet the car (.65) and lies in a DontCare region. 0 / 0.
function TestRules:testNotANumber()
  local truths = { truth("Van", 0, 0, 100, 100), truth("Car", 0, 0, 100, 80), truth("DontCare", 0, 15, 100, 100) }
  local dets = { det("Car", 0.9, 0, 15, 100, 100), det("Car", 0.8, 0, 0, 100, 92) }
  local row = set { { truths, dets } }:kitti { curves = true }
  local easy = row.classes.Car.easy
  t.assertEquals({ easy.thresholds, easy.tp, easy.fp, easy.fn }, { { 0.8 }, { 0 }, { 0 }, { 1 } })
  t.assertEquals({ easy.precision[1], easy.precision[2], easy.ap_r11, easy.ap_r40 }, { core.null, 0.0, core.null, 0.0 })
end

-- ---- a plain implementation ------------------------------------------------------------------------------------------------

local limits = { easy = { 40, 0, 0.15 }, moderate = { 25, 1, 0.3 }, hard = { 25, 2, 0.5 } }
local neighbour = { Car = "Van", Pedestrian = "Person_sitting" }

local function area(b) return (b[3] - b[1]) * (b[4] - b[2]) end

local function inter(a, b)
  local w, h = math.min(a[3], b[3]) - math.max(a[1], b[1]), math.min(a[4], b[4]) - math.max(a[2], b[2])
  return (w <= 0 or h <= 0) and 0 or w * h
end

local function match(frame, class, level, threshold, scores)
  local limit, least, n = limits[level], class == "Car" and 0.7 or 0.5, { n_gt = 0, tp = 0, fp = 0, fn = 0, aos = 0 }
  local state, used = {}, {}
  for i, d in ipairs(frame[2]) do
    state[i] = math.abs(d.box[2] - d.box[4]) < limit[1] and "ignored" or d.class == class and "valid" or "absent"
    if threshold and d.score < threshold then state[i] = "absent" end
  end
  for _, g in ipairs(frame[1]) do
    local fails = g.occluded > limit[2] or g.truncated > limit[3] or g.box[4] - g.box[2] <= limit[1]
    local kind = g.class == class and (fails and "ignored" or "valid") or g.class == neighbour[class] and "ignored" or "absent"
    local best, best_score, best_iou = nil, -1e7, 0
    for i, d in ipairs(kind == "absent" and {} or frame[2]) do
      local overlap = inter(d.box, g.box)
      overlap = overlap / (area(d.box) + area(g.box) - overlap)
      if state[i] ~= "absent" and not used[i] and overlap > least then
        if not threshold then
          if d.score > best_score then best, best_score = i, d.score end
        elseif state[i] == "valid" then
          if overlap > best_iou then best, best_iou = i, overlap end
        elseif not best then best = i end
      end
    end
    if kind == "valid" then n.n_gt = n.n_gt + 1 end
    if best then used[best] = true end
    if best and kind == "valid" and state[best] == "valid" then
      n.tp = n.tp + 1
      n.aos = n.aos + (1 + math.cos(g.alpha - frame[2][best].alpha)) / 2
      if scores then scores[#scores + 1] = frame[2][best].score end
    elseif not best and kind == "valid" then n.fn = n.fn + 1 end
  end
  for i, d in ipairs(frame[2]) do
    local excused = false
    for _, g in ipairs(frame[1]) do
      excused = excused or g.class == "DontCare" and inter(d.box, g.box) / area(d.box) > least
    end
    if state[i] == "valid" and not used[i] and not excused then n.fp = n.fp + 1 end
  end
  return n
end

local function over_frames(frames, ...)
  local sum = { n_gt = 0, tp = 0, fp = 0, fn = 0, aos = 0 }
  for _, frame in ipairs(frames) do
    for key, value in pairs(match(frame, ...)) do sum[key] = sum[key] + value end
  end
  return sum
end

local function plain(frames, class, level)
  local scores, out, current = {}, { thresholds = {}, tp = {}, fp = {}, fn = {} }, 0
  out.n_gt = over_frames(frames, class, level, nil, scores).n_gt
  table.sort(scores, function(a, b) return a > b end)
  for i, score in ipairs(scores) do
    local left, right = i / out.n_gt, i < #scores and (i + 1) / out.n_gt or i / out.n_gt
    if i == #scores or right - current >= current - left then
      table.insert(out.thresholds, score)
      current = current + 1.0 / 40.0
    end
  end
  local p, a = {}, {}
  for k = 1, 41 do
    local n = out.thresholds[k] and over_frames(frames, class, level, out.thresholds[k])
    if n then out.tp[k], out.fp[k], out.fn[k] = n.tp, n.fp, n.fn end
    p[k], a[k] = n and n.tp / (n.tp + n.fp) or 0, n and n.aos / (n.tp + n.fp) or 0
  end
  for k = 1, #out.thresholds do p[k], a[k] = math.max(table.unpack(p, k)), math.max(table.unpack(a, k)) end
  out.ap_r40, out.aos_r40 = 0, 0
  for k = 2, 41 do out.ap_r40, out.aos_r40 = out.ap_r40 + p[k] / 40, out.aos_r40 + a[k] / 40 end
  return out
end

TestPlain = {}

-- Fifty truths, all found: the recall step is accumulated, which chooses other scores than k / 40 would.
function TestPlain:testAccumulatedStep()
  local frames = {}
  for i = 1, 50 do frames[i] = { { car(0, 50) }, { found(0, 50, i / 50) } } end
  local want = plain(frames, "Car", "easy").thresholds
  t.assertEquals(set(frames):kitti { curves = true }.classes.Car.easy.thresholds, want)
  t.assertTrue(#want <= 41)
end

function TestPlain:testRandomFrames()
  local classes = { "Car", "Car", "Van", "Pedestrian", "Person_sitting", "Cyclist", "Truck", "DontCare" }
  for seed = 1, 6 do
    local frames, draw = boxes.random_frames(seed, 40, classes), boxes.random(seed)
    for _, frame in ipairs(frames) do
      for _, row in ipairs(frame[1]) do
        row.occluded, row.truncated = math.floor(draw(0, 2.5)), math.floor(draw(0, 4)) / 8
        row.alpha = draw(-3, 3)
      end
      for _, row in ipairs(frame[2]) do row.alpha = draw(-3, 3) end
    end
    local row = set(frames):kitti { curves = true }
    for _, class in ipairs { "Car", "Pedestrian", "Cyclist" } do
      for level in pairs(limits) do
        local got, want = row.classes[class][level], plain(frames, class, level)
        for _, key in ipairs { "n_gt", "thresholds", "tp", "fp", "fn" } do t.assertEquals(got[key], want[key], class .. level .. key) end
        t.assertAlmostEquals(got.ap_r40, want.ap_r40, 1e-12)
        t.assertAlmostEquals(got.aos_r40, want.aos_r40, 1e-12)
      end
    end
  end
end

os.exit(t.LuaUnit.run())
