-- Short hands of the evaluation tests: truths, detections, sets, and random ones.
local core = require "yolua.core"

local boxes = {}

-- truth("Car", x1, y1, x2, y2, {occluded = ...}), det("Car", score, x1, y1, x2, y2, {alpha = ...})
function boxes.truth(class, x1, y1, x2, y2, more)
  local row = { class = class, box = { x1, y1, x2, y2 }, truncated = 0, occluded = 0, alpha = 0.5 }
  for k, v in pairs(more or {}) do row[k] = v end
  return row
end

function boxes.det(class, score, x1, y1, x2, y2, more)
  local row = { class = class, score = score, box = { x1, y1, x2, y2 }, alpha = 0.5 }
  for k, v in pairs(more or {}) do row[k] = v end
  return row
end

-- set{ {truths, dets}, {truths, dets}, ... }: frames named 000001, 000002, ...
function boxes.set(frames)
  local set = core.eval_set()
  for i, frame in ipairs(frames) do set:add(("%06d"):format(i), frame[1], frame[2]) end
  return set
end

-- A generator of its own, so that the cases do not change with Lua's.
function boxes.random(seed)
  local state = seed
  return function(low, high)
    state = (state * 6364136223846793005 + 1442695040888963407)
    local fraction = ((state >> 11) & ((1 << 53) - 1)) / 2.0 ^ 53
    return low + (high - low) * fraction
  end
end

-- Frames of a mediocre detector: shifted truths, misses, false ones, wrong classes, equal scores, regions to ignore.
function boxes.random_frames(seed, count, classes, ignore)
  local draw, frames = boxes.random(seed), {}
  local function pick() return classes[1 + math.floor(draw(0, #classes))] end
  for f = 1, count do
    local truths, dets = {}, {}
    for i = 1, math.floor(draw(0, 7)) do
      local x, y, w, h = draw(0, 900), draw(0, 200), 8 * math.exp(draw(0, 3)), 8 * math.exp(draw(0, 2.6))
      truths[i] = boxes.truth(pick(), x, y, x + w, y + h)
      for _ = 1, math.floor(draw(0, 2.7)) do
        local dx, dy, dw, dh = draw(-0.25, 0.25) * w, draw(-0.25, 0.25) * h, draw(0.8, 1.25), draw(0.8, 1.25)
        local class = draw(0, 1) < 0.9 and truths[i].class or pick()
        dets[#dets + 1] = boxes.det(class, math.floor(draw(0, 40)) / 40, x + dx, y + dy, x + dx + w * dw, y + dy + h * dh)
      end
      if ignore and draw(0, 1) < 0.15 then truths[i].ignore = true end
    end
    for _ = 1, math.floor(draw(0, 3)) do
      local x, y = draw(0, 900), draw(0, 200)
      dets[#dets + 1] = boxes.det(pick(), math.floor(draw(0, 40)) / 40, x, y, x + draw(5, 200), y + draw(5, 100))
    end
    frames[f] = { truths, dets }
  end
  return frames
end

-- The folder of real data, or nil, with one visible line.
function boxes.data(file, what)
  local folder = os.getenv "YOLUA_DATA" or (os.getenv "YOLUA_SOURCE" or ".") .. "/../shared/data"
  local probe = io.open(folder .. "/" .. file)
  if probe then
    probe:close()
    return folder
  end
  print(("SKIP %s: %s/%s is missing"):format(what, folder, file))
end

return boxes
