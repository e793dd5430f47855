-- The bounding box of a COCO segmentation: polygons, or a mask in run lengths, down the columns, plain or in COCO's text form.
-- Source of the text form: rleFrString of cocoapi's maskApi.c.
local fail = require "yolua.data.fail"
local lists = require "yolua.data.lists"
local number = require "yolua.data.number"

local function grow(box, x1, y1, x2, y2)
  box[1], box[2], box[3], box[4] = math.min(box[1], x1), math.min(box[2], y1), math.max(box[3], x2), math.max(box[4], y2)
end

local function of_polygons(parts, where)
  local box = { math.huge, math.huge, -math.huge, -math.huge }
  for _, part in ipairs(parts) do
    lists.numbers(part, where, "segmentation")
    if #part < 6 or #part % 2 == 1 then
      fail("%s: expected x, y of three points or more in its segmentation, got %d numbers", where, #part)
    end
    for i = 1, #part, 2 do grow(box, part[i], part[i + 1], part[i], part[i + 1]) end
  end
  return box
end

-- Groups of 5 bits, the least first, bit 5: more follow; from the third number on the difference to the one before the last.
local function decode(text, where)
  local counts, i = {}, 1
  while i <= #text do
    local value, shift, byte = 0, 0
    repeat
      byte = (text:byte(i) or 0) - 48
      if byte < 0 or byte > 63 or shift > 40 then fail("%s: expected run lengths in its segmentation, byte %d is invalid", where, i) end
      value, shift, i = value | (byte & 31) << shift, shift + 5, i + 1
    until byte & 32 == 0
    if byte & 16 ~= 0 then value = value | -1 << shift end
    if #counts > 2 then value = value + counts[#counts - 1] end
    counts[#counts + 1] = value
  end
  return counts
end

local function of_runs(mask, where)
  local size = lists.numbers(mask.size, where, "size", 2)
  local h, w = number.side(size[1], where, "the height of its mask"), number.side(size[2], where, "the width of its mask")
  local counts = type(mask.counts) == "string" and decode(mask.counts, where) or lists.numbers(mask.counts, where, "counts")
  local box, at = { math.huge, math.huge, -math.huge, -math.huge }, 0
  for i, count in ipairs(counts) do
    number.whole(count, where, "a run length", 0, h * w - at)
    if i % 2 == 0 and count > 0 then
      local x1, x2, y1, y2 = at // h, (at + count - 1) // h, at % h, (at + count - 1) % h
      if x1 ~= x2 then y1, y2 = 0, h - 1 end
      grow(box, x1, y1, x2 + 1, y2 + 1)
    end
    at = at + count
  end
  return box
end

-- segmentation: of an annotation, decoded from JSON. Returns {x1, y1, x2, y2}; nil if there is none, or nothing in it.
return function(segmentation, where)
  if type(segmentation) ~= "table" or next(segmentation) == nil then return nil end
  local box
  if segmentation.counts ~= nil then box = of_runs(segmentation, where)
  else box = of_polygons(lists.read(segmentation, where, "segmentation", "part"), where) end
  return box[1] <= box[3] and box or nil
end
