-- Two real COCO detectors from end to end: they find what Darknet finds, they score on real frames what they did when these numbers
-- were taken, and fine-tuning them starts with the same losses. Skipped where the data are not at hand.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local boxes = require "support.boxes"

local DATA = boxes.data("weights/yolo-lite/coco.weights", "real detectors, reference detections and KITTI frames")
if not DATA then os.exit(0) end

local function detector(name)
  local stem = name == "yolo-lite" and "coco" or "yolo-fastest-1.1"
  local path = ("%s/weights/%s/%s"):format(DATA, name, stem)
  return yl.load { cfg = path .. ".cfg", weights = path .. ".weights", names = DATA .. "/weights/coco.names" }
end

local function kitti(limit) return yl.data { name = "kitti", root = DATA .. "/kitti", limit = limit } end

-- ---- reference detections ----

local function iou(a, b)
  local w, h = math.min(a[3], b[3]) - math.max(a[1], b[1]), math.min(a[4], b[4]) - math.max(a[2], b[2])
  if w <= 0 or h <= 0 then return 0 end
  return w * h / ((a[3] - a[1]) * (a[4] - a[2]) + (b[3] - b[1]) * (b[4] - b[2]) - w * h)
end

-- Which of `mine` agree with one of Darknet's: the class, the score within .02, the box by an IoU of .95.
local function agreeing(d, mine, used)
  local found = false
  for i, e in ipairs(mine) do
    if e.class == d.class and math.abs(e.score - d.score) <= 0.02 and iou(e.box, d.box) >= 0.95 then found, used[i] = true, true end
  end
  return found
end

-- Of Darknet's detections with a score of .10 and more: how many are found, of how many; and what is found beyond all of Darknet's.
local function compare(name)
  local reference = core.json.decode(core.system.read(("%s/weights/%s/reference_detections.json"):format(DATA, name)))
  local images, found, wanted, extra = {}, 0, 0, 0
  for i, r in ipairs(reference) do images[i] = DATA .. "/images/" .. r.image end
  yl.detect(detector(name), images, { conf = 0.05, iou = 0.45, resize = "stretch", batch = 4 }, function(i, mine)
    local used = {}
    for _, d in ipairs(reference[i].detections) do
      local hit = agreeing(d, mine, used)
      if d.score >= 0.10 then found, wanted = found + (hit and 1 or 0), wanted + 1 end
    end
    for k, e in ipairs(mine) do
      if e.score > 0.12 and not used[k] then extra = extra + 1 end
    end
  end)
  return { found, wanted, extra }
end

TestDetectors = {}

function TestDetectors.testReferenceDetections()
  t.assertEquals(compare "yolo-lite", { 98, 98, 0 })
  t.assertEquals(compare "yolo-fastest", { 71, 71, 0 })
end

-- ---- the first twenty dev frames ----

-- Counts are exact but for a detection at a threshold's edge; fractions within .003.
local GOLDEN = {
  ["yolo-lite"] = {
    voc = 0.014309770870908, coco = 0.0051487524796591, kitti = 0.0040686274509804, poster = 0.051315789471973,
    ap = { person = { 34, 0.017838354854136776 }, bicycle = { 20, 0.018181818181818184 }, car = { 94, 0.021218910447675446 },
      train = { 2, 0 } },
    counts = { person = { 2, 18, 26 }, bicycle = { 0, 0, 12 }, car = { 6, 51, 59 } },
  },
  ["yolo-fastest"] = {
    voc = 0.21498910760166, coco = 0.074288640082439, kitti = 0.059669085874801, poster = 0.11874999999703,
    ap = { person = { 34, 0.011652541105407734 }, bicycle = { 20, 0.06455479452054795 }, car = { 94, 0.26102182205339225 },
      train = { 2, 0.5227272727272727 } },
    counts = { person = { 0, 9, 29 }, bicycle = { 0, 0, 16 }, car = { 19, 21, 62 } },
  },
}

local function check_scores(name)
  local want, row = GOLDEN[name], {}
  local protocols = { "kitti", "voc", "coco", "poster" }
  local rows = require("yolua.eval.score")(detector(name), kitti(20).dev, { resize = "stretch" }, { stage = "x", protocols = protocols })
  for _, r in ipairs(rows) do
    row[r.protocol] = r
    t.assertEquals(r.images, 20)
    t.assertAlmostEquals(r.map, want[r.protocol], 0.003, name .. " " .. r.protocol)
  end
  for class, w in pairs(want.ap) do
    t.assertEquals(row.voc.classes[class].n_gt, w[1], class)
    t.assertAlmostEquals(row.voc.classes[class].ap, w[2], 0.003, name .. " " .. class)
  end
  for class, w in pairs(want.counts) do
    local c = row.poster.classes[class]
    for i, key in ipairs { "tp", "fp", "fn" } do t.assertAlmostEquals(c[key], w[i], 1, ("%s %s %s"):format(name, class, key)) end
  end
end

function TestDetectors.testScoresOfYoloLite() check_scores "yolo-lite" end
function TestDetectors.testScoresOfYoloFastest() check_scores "yolo-fastest" end

-- ---- the first steps of Coco-FT ----

-- The losses per image of the steps of one epoch over the first 24 frames, as recipes/coco_ft.lua takes them.
local function losses(name, features)
  local list = {}
  local ears = { name = "ears", on = { step = function(_, trainer) list[#list + 1] = trainer.loss end } }
  yl.train { net = detector(name):freeze "body", data = kitti(24), ears, options = { epochs = 1, batch = 8, resize = "stretch", seed = 1,
    optim = { name = "adam", lr = 1e-3 }, data = { features = features } } }
  return list
end

local function check_losses(name, want)
  for _, features in ipairs { 1024, 0 } do -- with the body's output cached, and computed anew
    local got = losses(name, features)
    t.assertEquals(#got, 3)
    for i = 1, 3 do t.assertAlmostEquals(got[i], want[i], 1e-3 * want[i], ("%s, step %d, features %d"):format(name, i, features)) end
  end
end

function TestDetectors.testFirstLossesOfYoloLite() check_losses("yolo-lite", { 12.4132106, 11.70954, 13.0058005 }) end
function TestDetectors.testFirstLossesOfYoloFastest() check_losses("yolo-fastest", { 52.9725737, 46.4245882, 40.3758726 }) end

os.exit(t.LuaUnit.run())
