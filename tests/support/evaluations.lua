-- Made-up evaluations (yolua.eval.stored): frames of KITTI's classes, and a detector that is as good as it is told to be. The same
-- numbers every time.
local stored = require "yolua.eval.stored"

local evaluations = {}

local SIZES = { Car = { 90, 60 }, Pedestrian = { 30, 80 }, Cyclist = { 50, 70 } }
local NAMES = { "Car", "Pedestrian", "Cyclist" }

-- Numbers 0 <= x < 1: the minimal standard generator of Park and Miller.
local function stream(seed)
  local state = seed * 7919 % 2147483646 + 1
  return function()
    state = state * 48271 % 2147483647
    return (state - 1) / 2147483646
  end
end

local function truth_of(draw)
  local class = NAMES[1 + math.floor(draw() ^ 2 * 3)]
  local w, h = SIZES[class][1] * (0.5 + draw()), SIZES[class][2] * (0.4 + draw())
  local x, y = draw() * (1240 - w), draw() * (370 - h)
  return { class = class, box = { x, y, x + w, y + h }, truncated = draw() < 0.2 and 0.4 or 0, occluded = math.floor(draw() * 2.5),
    alpha = -10, ignore = false }
end

-- A detection near a truth, or anywhere; scores have few values, so that some are equal.
local function detection_of(draw, o, truth)
  local class, b = NAMES[1 + math.floor(draw() * 3)], { draw() * 1000, draw() * 200 }
  if truth then
    local w, h = truth.box[3] - truth.box[1], truth.box[4] - truth.box[2]
    local function off(side) return (draw() - 0.5) * side * o.shake end
    class, b = truth.class, { truth.box[1] + off(w), truth.box[2] + off(h), truth.box[3] + off(w), truth.box[4] + off(h) }
  else b[3], b[4] = b[1] + 20 + 80 * draw(), b[2] + 30 + 50 * draw() end
  local score = (truth and 0.4 or 0.01) + 0.6 * draw()
  return { class = class, box = b, score = math.floor(score * 50) / 50 }
end

-- o: frames (40), seed (of the truths), net (seed of the detector), shake (how far its boxes are off: 0.1), missed (share of the truths
-- that it misses: 0.2), false_alarms (each frame: 2), drives (how many; nil: unknown), first (number of the first frame: 1), and fields
-- of yolua.eval.stored.
function evaluations.make(o)
  local how = { shake = o.shake or 0.1, missed = o.missed or 0.2, false_alarms = o.false_alarms or 2 }
  local scene, net, frames = stream(o.seed or 1), stream(1000 + (o.net or 1)), {}
  for i = 1, o.frames or 40 do
    local frame = { id = ("%06d"):format((o.first or 1) + i - 1), drive = o.drives and ("drive%d"):format(i % o.drives) or nil,
      truths = {}, dets = {} }
    for k = 1, math.floor(scene() * 7) do
      frame.truths[k] = truth_of(scene)
      if net() > how.missed then table.insert(frame.dets, detection_of(net, how, frame.truths[k])) end
    end
    for _ = 1, how.false_alarms do table.insert(frame.dets, detection_of(net, how)) end
    if scene() < 0.2 then table.insert(frame.truths, { class = "DontCare", box = { 10, 10, 300, 200 }, ignore = true }) end
    table.sort(frame.dets, function(a, b) return a.score > b.score end)
    frames[i] = frame
  end
  return stored.new { stage = o.stage or "made", split = o.split or "dev", data = { name = o.data or "kitti" }, map = o.map or "identity",
    names = NAMES, classes = o.classes or NAMES, protocols = o.protocols or { "kitti", "voc", "coco", "poster" },
    options = o.options or { conf = 0.005, iou = 0.45, voc = {}, coco = {}, poster = {} }, frames = frames }
end

return evaluations
