-- k-means over box sizes with the distance 1 - IoU of boxes that share their centre (Redmon and Farhadi, "YOLO9000", section 2;
-- Darknet's calc_anchors). A centre is its members' mean width and height. Deterministic: the same sizes give the same anchors.
local kmeans = {}

local function iou(w1, h1, w2, h2)
  local inter = (w1 < w2 and w1 or w2) * (h1 < h2 and h1 or h2)
  return inter / (w1 * h1 + w2 * h2 - inter)
end

-- The number of the centre nearest to a size, and their IoU.
function kmeans.nearest(size, centres)
  local w, h, best, at = size[1], size[2], -1, 0
  for k = 1, #centres do
    local overlap = iou(w, h, centres[k][1], centres[k][2])
    if overlap > best then best, at = overlap, k end
  end
  return at, best
end

-- The centre nearest to each size, in `of`; returns whether any changed, and the mean IoU with the nearest.
local function assign(sizes, centres, of)
  local changed, total = false, 0
  for i, size in ipairs(sizes) do
    local at, best = kmeans.nearest(size, centres)
    if of[i] ~= at then of[i], changed = at, true end
    total = total + best
  end
  return changed, total / #sizes
end

-- The first centre is the size of median area; each further one is drawn with a chance that grows with its distance to those
-- there are (k-means++), at evenly spaced quantiles instead of random ones.
local function first_centres(sizes, k)
  local order, distance, centres = table.move(sizes, 1, #sizes, 1, {}), {}, {}
  table.sort(order, function(a, b)
    local x, y = a[1] * a[2], b[1] * b[2]
    if x ~= y then return x < y end
    return a[1] < b[1]
  end)
  centres[1] = order[(#order + 1) // 2]
  for i = 1, #order do distance[i] = math.huge end
  while #centres < k do
    local last, sum = centres[#centres], 0
    for i, size in ipairs(order) do
      local d = 1 - iou(size[1], size[2], last[1], last[2])
      if d < distance[i] then distance[i] = d end
      sum = sum + distance[i]
    end
    if sum <= 0 then return nil, #centres end -- fewer different sizes than centres
    local left, at = sum * (#centres % 7 + 0.5) / 7, 0
    repeat
      at = at + 1
      left = left - distance[at]
    until left <= 0 and distance[at] > 0 or at == #order
    while distance[at] <= 0 do at = at - 1 end
    centres[#centres + 1] = order[at]
  end
  return centres
end

local function means(sizes, centres, of)
  local sum = {}
  for k = 1, #centres do sum[k] = { 0, 0, 0 } end
  for i, size in ipairs(sizes) do
    local s = sum[of[i]]
    s[1], s[2], s[3] = s[1] + size[1], s[2] + size[2], s[3] + 1
  end
  for k, s in ipairs(sum) do
    if s[3] > 0 then centres[k] = { s[1] / s[3], s[2] / s[3] } end
  end
end

-- sizes: list of {w, h} > 0; k: number of centres. Returns the centres by ascending area, and the mean IoU of each size with the
-- best of them. Errors: no sizes, or fewer different sizes than k.
function kmeans.run(sizes, k, rounds)
  if #sizes == 0 then error("anchors: no boxes to cluster", 2) end
  local centres, found = first_centres(sizes, k)
  if not centres then error(("anchors: k = %d, but the boxes have only %d different sizes"):format(k, found), 2) end
  centres = { table.unpack(centres) }
  local of = {}
  for _ = 1, rounds or 300 do
    if not assign(sizes, centres, of) then break end
    means(sizes, centres, of)
  end
  table.sort(centres, function(a, b) return a[1] * a[2] < b[1] * b[2] end)
  return centres, kmeans.mean_iou(sizes, centres)
end

-- The mean over the sizes of the IoU with the best of the anchors.
function kmeans.mean_iou(sizes, anchors)
  local _, mean = assign(sizes, anchors, {})
  return mean
end

return kmeans
