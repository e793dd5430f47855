-- How boxes {x1, y1, x2, y2} overlap, and which thing of a class lies where another one does.
local overlap = {}

function overlap.area(b) return (b[3] - b[1]) * (b[4] - b[2]) end

-- The area that two boxes share.
function overlap.both(a, b)
  local w, h = math.min(a[3], b[3]) - math.max(a[1], b[1]), math.min(a[4], b[4]) - math.max(a[2], b[2])
  return w > 0 and h > 0 and w * h or 0
end

-- That area over the one that they cover together; 0 of boxes that share none.
function overlap.iou(a, b)
  local both = overlap.both(a, b)
  return both > 0 and both / (overlap.area(a) + overlap.area(b) - both) or 0
end

-- The place in `list` of the thing that overlaps `thing` most, of the same class, by an IoU of at least 0.5, and that IoU; nil where there
-- is none. Things are {class, box}; taken: set of places that do not count, nor do things to ignore.
function overlap.best(thing, list, taken)
  local best, at = 0.5, nil
  for i, other in ipairs(list) do
    local o = not other.ignore and not taken[i] and other.class == thing.class and overlap.iou(thing.box, other.box) or 0
    if o >= best then best, at = o, i end
  end
  return at, at and best
end

return overlap
