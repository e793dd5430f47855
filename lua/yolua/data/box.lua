-- A labelled box against its image, by the rule that C's readers of label files follow: finite, not inverted, and at most 2 % of the
-- image's size outside it; so small an excess is clipped.
local fail = require "yolua.data.fail"
local number = require "yolua.data.number"

-- box {x1, y1, x2, y2} in pixels, width and height of the image (nil: unknown), where: the row's place for the sentence.
-- Returns the clipped box; nil where it has no area.
return function(box, width, height, where)
  for i = 1, 4 do number.any(box[i], where, "a side of its box") end
  if box[3] < box[1] or box[4] < box[2] then
    fail("%s: expected a box with x1 < x2 and y1 < y2, got %g %g %g %g", where, box[1], box[2], box[3], box[4])
  end
  if box[3] == box[1] or box[4] == box[2] then return nil end
  if not width then return box end
  local x, y = 0.02 * width, 0.02 * height
  if box[1] < -x or box[2] < -y or box[3] > width + x or box[4] > height + y then
    fail("%s: expected a box inside the image of %dx%d, got %g %g %g %g", where, width, height, box[1], box[2], box[3], box[4])
  end
  local clipped = { math.max(0, box[1]), math.max(0, box[2]), math.min(width, box[3]), math.min(height, box[4]) }
  return clipped[1] < clipped[3] and clipped[2] < clipped[4] and clipped or nil
end
