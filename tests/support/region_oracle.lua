-- The region head's loss in plain Lua, double precision, written the way Darknet goes: first every prediction as if empty, then the
-- objects in order, each overwriting what its prediction was taught before. x carries n, h, w, c.
local check = require "support.layercheck"
local attributes = require "support.attributes_oracle"
local boxes = require "support.overlap"

local function entry_of(x, o, n, i, j, a)
  local size = attributes.size(o)
  local e, at = {}, check.at(x, n, i, j, a * size)
  for k = 0, size - 1 do e[k] = x[at + k] end
  return e
end

local function softmax(e, o)
  local top, sum, p = -math.huge, 0, {}
  for k = 1, o.classes do top = math.max(top, e[4 + k]) end
  for k = 1, o.classes do
    p[k] = math.exp(e[4 + k] - top)
    sum = sum + p[k]
  end
  for k = 1, o.classes do p[k] = p[k] / sum end
  return p
end

local function classes(e, o)
  if o.softmax then return softmax(e, o) end
  local p = {}
  for k = 1, o.classes do p[k] = boxes.logistic(e[4 + k]) end
  return p
end

local function decode(x, o, e, i, j, a)
  return { (j + boxes.logistic(e[0])) / x.w, (i + boxes.logistic(e[1])) / x.h, math.exp(e[2]) * o.anchors[2 * a + 1] / x.w,
    math.exp(e[3]) * o.anchors[2 * a + 2] / x.h }
end

local function squares(scale, ...)
  local sum = 0
  for _, off in ipairs { ... } do sum = sum + scale / 2 * off * off end
  return sum
end

local function empty(x, o, info, n, i, j, a, rows)
  local e = entry_of(x, o, n, i, j, a)
  local box, best = decode(x, o, e, i, j, a), 0
  for _, row in ipairs(boxes.objects(rows)) do best = math.max(best, boxes.iou(box, row)) end
  local taught = attributes.parts(o)
  if best <= (o.thresh or 0.5) and not boxes.forgiven(rows, box) then
    taught.noobject = squares(o.noobject_scale or 1, boxes.logistic(e[4]))
  end
  if info.step * x.n < (o.prior_images or 0) then
    taught.box = squares(o.prior_scale or 0.01, boxes.logistic(e[0]) - 0.5, boxes.logistic(e[1]) - 0.5, e[2], e[3])
  end
  return taught
end

local function choose(x, o, n, i, j, row)
  local best, found = 0, 0
  for a = 0, o.num - 1 do
    local e = entry_of(x, o, n, i, j, a)
    local w, h = o.anchors[2 * a + 1] / x.w, o.anchors[2 * a + 2] / x.h
    if not o.bias_match then w, h = w * math.exp(e[2]), h * math.exp(e[3]) end
    local iou = boxes.iou({ 0, 0, w, h }, { 0, 0, row[3], row[4] })
    if iou > best then best, found = iou, a end
  end
  return found
end

local function class_loss(e, o, class)
  local p, sum = classes(e, o), 0
  if o.softmax then return -(o.class_scale or 1) * math.log(p[class + 1]) end
  for k = 1, o.classes do sum = sum - math.log(k == class + 1 and p[k] or 1 - p[k]) end
  return (o.class_scale or 1) * sum
end

local function teach(x, o, info, n, i, j, a, row, key)
  local e = entry_of(x, o, n, i, j, a)
  local aim = { row[1] * x.w - j, row[2] * x.h - i, math.log(row[3] * x.w / o.anchors[2 * a + 1]),
    math.log(row[4] * x.h / o.anchors[2 * a + 2]) }
  local wanted = o.rescore and info.keep(key, boxes.iou(decode(x, o, e, i, j, a), row)) or 1
  local taught = attributes.parts(o)
  taught.box = squares(o.coord_scale or 1, boxes.logistic(e[0]) - aim[1], boxes.logistic(e[1]) - aim[2], e[2] - aim[3], e[3] - aim[4])
  taught.object = squares(o.object_scale or 1, boxes.logistic(e[4]) - wanted)
  taught.class = class_loss(e, o, row[5])
  attributes.teach(taught, o, e, row)
  return taught
end

local function loss(x, truth, o, info)
  local sums = attributes.parts(o)
  for n = 0, x.n - 1 do
    local taught, rows = {}, truth[n + 1]
    for i = 0, x.h - 1 do
      for j = 0, x.w - 1 do
        for a = 0, o.num - 1 do taught[(i * x.w + j) * o.num + a] = empty(x, o, info, n, i, j, a, rows) end
      end
    end
    for r, row in ipairs(boxes.objects(rows)) do
      local i, j = math.min(math.floor(row[2] * x.h), x.h - 1), math.min(math.floor(row[1] * x.w), x.w - 1)
      local a = choose(x, o, n, i, j, row)
      taught[(i * x.w + j) * o.num + a] = teach(x, o, info, n, i, j, a, row, n .. "/" .. r)
    end
    for _, parts in pairs(taught) do
      for part, value in pairs(parts) do sums[part] = sums[part] + value end
    end
  end
  return sums
end

return { loss = loss, entry_of = entry_of, classes = classes }
