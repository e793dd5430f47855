-- What to draw on a picture of detections: each truth and each detection with its role, matched as VOC does at IoU 0.5, highest
-- score first. Regions to ignore forgive a detection that lies in them by half.
local attributes = require "yolua.options.attributes"
local overlap = require "yolua.data.overlap"

local matches = {}

local function forgiven(det, truths)
  for _, truth in ipairs(truths) do
    if truth.ignore and overlap.both(det.box, truth.box) > 0.5 * overlap.area(det.box) then return true end
  end
  return false
end

local function labelled(thing) return ("%s %.2f%s"):format(thing.class, thing.score, attributes.note(thing)) end

-- truths: {class, box, ignore}; dets: {class, score, box}, classes by the same names. Detections below `conf` are left out.
-- Returns the list for image:draw, and the numbers of hits, misses and false alarms.
function matches.of(truths, dets, conf)
  local list, taken, count = {}, {}, { hit = 0, miss = 0, false_alarm = 0 }
  local function add(role, thing, label, alpha) list[#list + 1] = { box = thing.box, role = role, label = label, alpha = alpha } end
  local order = {}
  for _, det in ipairs(dets) do
    if det.score >= (conf or 0.25) then order[#order + 1] = det end
  end
  table.sort(order, function(a, b) return a.score > b.score end)
  local later = {}
  for _, det in ipairs(order) do
    local at = overlap.best(det, truths, taken)
    local role = at and "hit" or forgiven(det, truths) and "ignore" or "false_alarm"
    if at then taken[at] = true end
    if count[role] then count[role] = count[role] + 1 end
    later[#later + 1] = { role, det }
  end
  for i, truth in ipairs(truths) do
    if truth.ignore then add("ignore", truth)
    elseif taken[i] then add("truth", truth)
    else
      add("miss", truth, truth.class)
      count.miss = count.miss + 1
    end
  end
  for _, pair in ipairs(later) do add(pair[1], pair[2], labelled(pair[2]), pair[2].alpha) end
  return list, count.hit, count.miss, count.false_alarm
end

return matches
