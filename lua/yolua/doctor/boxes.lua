-- Labelled boxes that are read without complaint and yet worth a look, how large the objects are, and whether 3D boxes lie where the
-- 2D ones do.
local core = require "yolua.core"
local overlap = require "yolua.data.overlap"

local boxes = {}

-- What is odd about a row: under 2 pixels on a side, one side over 20 times the other, or all of the image; nil where nothing is.
function boxes.oddity(frame, row)
  local w, h = row.box[3] - row.box[1], row.box[4] - row.box[2]
  if w < 2 or h < 2 then return ("%.1f x %.1f pixels"):format(w, h) end
  if w > 20 * h or h > 20 * w then return ("%.0f x %.0f pixels, one side over 20 times the other"):format(w, h) end
  if frame.width and w * h > 0.98 * frame.width * frame.height then return "covers the whole image" end
end

function boxes.same(a, b)
  for i = 1, 4 do
    if a.box[i] ~= b.box[i] then return false end
  end
  return a.class == b.class
end

-- COCO's sizes: small below 32 x 32 pixels, large from 96 x 96.
function boxes.size(row)
  local area = (row.box[3] - row.box[1]) * (row.box[4] - row.box[2])
  return area < 32 ^ 2 and "small" or area < 96 ^ 2 and "medium" or "large"
end

local function clipped(box, frame)
  if not frame.width then return box end
  local w, h = frame.width - 1, frame.height - 1
  return { math.max(0, math.min(w, box[1])), math.max(0, math.min(h, box[2])), math.max(0, math.min(w, box[3])),
    math.max(0, math.min(h, box[4])) }
end

local NEAR = 0.3 -- KITTI's own labels reach down to .48, at people who walk: their 3D box is wider than what one sees of them

-- Counts into `out` ({checked, outliers}) how the row's 3D box, seen through the calibration, covers its 2D box.
function boxes.project(frame, row, calib, out)
  local box = core.labels.project(calib, row)
  if not box then return end
  out.checked = out.checked + 1
  local seen = overlap.iou(clipped(box, frame), row.box)
  if seen >= NEAR then return end
  out.outliers[#out.outliers + 1] = ("%s:%d: %s: the 3D box is seen at %.0f %.0f %.0f %.0f, IoU %.2f with the 2D box"):format(frame.label,
    row.line, row.class, box[1], box[2], box[3], box[4], seen)
end

return boxes
