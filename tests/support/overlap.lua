-- Boxes in plain Lua, double precision: what the heads' oracles measure with. A box is {cx, cy, w, h}.
local boxes = {}

function boxes.logistic(x) return 1 / (1 + math.exp(-x)) end

local function side(a, b, c, size)
  local low = math.max(a[c] - a[size] / 2, b[c] - b[size] / 2)
  local high = math.min(a[c] + a[size] / 2, b[c] + b[size] / 2)
  return high - low
end

local function enclosing(a, b, c, size)
  return math.max(a[c] + a[size] / 2, b[c] + b[size] / 2) - math.min(a[c] - a[size] / 2, b[c] - b[size] / 2)
end

function boxes.intersection(a, b) return math.max(0, side(a, b, 1, 3)) * math.max(0, side(a, b, 2, 4)) end

function boxes.iou(a, b)
  local inter = boxes.intersection(a, b)
  return inter / (a[3] * a[4] + b[3] * b[4] - inter)
end

function boxes.giou(a, b)
  local inter = boxes.intersection(a, b)
  local union, c = a[3] * a[4] + b[3] * b[4] - inter, enclosing(a, b, 1, 3) * enclosing(a, b, 2, 4)
  return inter / union - (c - union) / c
end

function boxes.diou(a, b)
  local d = (a[1] - b[1]) ^ 2 + (a[2] - b[2]) ^ 2
  return boxes.iou(a, b) - d / (enclosing(a, b, 1, 3) ^ 2 + enclosing(a, b, 2, 4) ^ 2)
end

-- `keep(value)` gives alpha as it was before any perturbation: it is a constant to the gradient.
function boxes.ciou(a, b, keep)
  local v = 4 / math.pi ^ 2 * (math.atan(b[3] / b[4]) - math.atan(a[3] / a[4])) ^ 2
  local alpha = keep(v / (1 - boxes.iou(a, b) + v + 1e-6))
  return boxes.diou(a, b) - alpha * v
end

-- The objects of an image: rows of kind 0; and whether one of the other rows forgives a predicted box.
function boxes.objects(rows)
  local out = {}
  for _, row in ipairs(rows) do
    if row[6] == 0 then out[#out + 1] = row end
  end
  return out
end

function boxes.forgiven(rows, box)
  for _, row in ipairs(rows) do
    if row[6] == 1 and boxes.intersection(box, row) > 0.5 * box[3] * box[4] then return true end
    if row[6] == 2 and boxes.iou(box, row) > 0.5 then return true end
  end
  return false
end

return boxes
