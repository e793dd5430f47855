-- The protocol of labels beside box and class: which pairs count, and what each attribute's number and baseline are.
local t = require "luaunit"
local boxes = require "support.boxes"
local core = require "yolua.core"
local truth, det, set = boxes.truth, boxes.det, boxes.set

-- An object of class a at place i, and a detection there.
local function at(i, more) return truth("a", 100 * i, 0, 100 * i + 50, 50, more) end
local function found(i, more, score) return det("a", score or 0.9, 100 * i, 0, 100 * i + 50, 45, more) end

local function row(truths, dets, o)
  o = o or {}
  o.classes = o.classes or { "a", "b" }
  return set { { truths, dets } }:attributes(o)
end

TestAttributes = {}

function TestAttributes.testOrientation()
  local truths = { at(0, { alpha = 0 }), at(1, { alpha = math.pi / 2 }), at(2, { alpha = -10 }), at(3, { alpha = 3.1 }) }
  local dets = { found(0, { alpha = 0.5 }), found(1, { alpha = -math.pi / 2 }), found(2, { alpha = 1 }), found(3, { alpha = -3.1 }) }
  local r = row(truths, dets)
  t.assertEquals({ r.n_gt, r.matched, r.orientation.n, r.occlusion.n }, { 4, 4, 3, 0 })
  t.assertAlmostEquals(r.orientation.similarity, ((1 + math.cos(0.5)) / 2 + 0 + (1 + math.cos(6.2)) / 2) / 3, 1e-12)
  local x, y = 1 + 0 + math.cos(3.1), 0 + 1 + math.sin(3.1)
  t.assertAlmostEquals(r.orientation.baseline, (1 + math.sqrt(x * x + y * y) / 3) / 2, 1e-12)
  t.assertEquals(r.classes.a.orientation, r.orientation)
  t.assertEquals({ r.classes.b.n_gt, r.classes.b.orientation.similarity, r.occlusion.accuracy }, { 0, core.null, core.null })
  t.assertEquals({ r.protocol, r.iou, r.score }, { "attributes", 0.5, 0.25 })
end

function TestAttributes.testOcclusionAndTruncation()
  local truths, dets = {}, {}
  for i, pair in ipairs { { 0, 0 }, { 2, 1 }, { 2, 2 }, { 2, 0 }, { 3, 3 } } do
    truths[i], dets[i] = at(i, { occluded = pair[1], truncated = i == 5 and 0.5 or 0.1 * i }), found(i, { occluded = pair[2] })
  end
  dets[1].truncated, dets[2].truncated, dets[4].truncated = 0.3, 0.2, 0
  dets[5].occluded = nil -- a file's -1: unknown
  local r = row(truths, dets)
  t.assertEquals({ r.occlusion.n, r.occlusion.accuracy, r.occlusion.baseline }, { 4, 0.5, 0.75 })
  t.assertEquals(r.truncation.n, 3)
  t.assertAlmostEquals(r.truncation.error, (0.2 + 0 + 0.4) / 3, 1e-12)
  t.assertAlmostEquals(r.truncation.baseline, (0.1 + 0 + 0.2) / 3, 1e-12) -- of 0.1, 0.2, 0.4: the median is 0.2
end

-- The highest score takes an object; a second detection there, another class, a lower score and a region to ignore give no pair.
function TestAttributes.testWhatIsMatched()
  local truths = { at(0, { occluded = 1 }), at(1, { occluded = 1, ignore = true }), truth("b", 300, 0, 350, 50, { occluded = 1 }) }
  local dets = { found(0, { occluded = 0 }, 0.5), found(0, { occluded = 1 }, 0.6), found(1, { occluded = 0 }), found(3, { occluded = 0 }) }
  local r = row(truths, dets)
  t.assertEquals({ r.n_gt, r.matched, r.occlusion.n, r.occlusion.accuracy }, { 2, 1, 1, 1 })
  t.assertEquals({ r.classes.b.n_gt, r.classes.b.matched }, { 1, 0 })
  t.assertEquals(row(truths, dets, { score = 0.55, iou = 0.95 }).matched, 0) -- 45 of 50 rows overlap
  t.assertEquals(row(truths, { dets[1] }, { score = 0.55 }).matched, 0)
  t.assertEquals(row({}, {}).matched, 0)
end

-- The sum over classes is the whole, whatever the frames.
function TestAttributes.testSums()
  local frames = boxes.random_frames(5, 60, { "a", "b" }, true)
  for _, frame in ipairs(frames) do
    for i, g in ipairs(frame[1]) do g.occluded, g.alpha = i % 4, i / 3 end
    for i, d in ipairs(frame[2]) do d.occluded, d.truncated, d.alpha = i % 3, 0.25, i end
  end
  local r = set(frames):attributes { classes = { "a", "b" } }
  t.assertTrue(r.matched > 50)
  for _, key in ipairs { "n_gt", "matched" } do t.assertEquals(r.classes.a[key] + r.classes.b[key], r[key]) end
  local right = r.classes.a.occlusion.accuracy * r.classes.a.occlusion.n + r.classes.b.occlusion.accuracy * r.classes.b.occlusion.n
  t.assertAlmostEquals(r.occlusion.accuracy * r.occlusion.n, right, 1e-9)
end

os.exit(t.LuaUnit.run())
