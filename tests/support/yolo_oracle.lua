-- The yolo head's loss in plain Lua, double precision: it gathers, per prediction, the list of objects that teach it. x carries
-- n, h, w, c; info carries net_w and net_h.
local check = require "support.layercheck"
local attributes = require "support.attributes_oracle"
local boxes = require "support.overlap"

local function probability(o, x) return o.new_coords and x or boxes.logistic(x) end

local function size(o, x) return o.new_coords and (2 * x) ^ 2 or math.exp(x) end

local function decode(x, o, info, e, i, j, anchor)
  local s = o.scale_x_y or 1
  return { (j + s * probability(o, e[0]) - (s - 1) / 2) / x.w, (i + s * probability(o, e[1]) - (s - 1) / 2) / x.h,
    size(o, e[2]) * o.anchors[2 * anchor + 1] / info.net_w, size(o, e[3]) * o.anchors[2 * anchor + 2] / info.net_h }
end

local function entropy(o, logit, target)
  if o.new_coords then return (logit - target) ^ 2 / 2 end
  local p = boxes.logistic(logit)
  return -target * math.log(p) - (1 - target) * math.log(1 - p)
end

-- Which anchors an object chooses: the best of all, and with iou_thresh the others that are close enough.
local function anchors_of(o, info, row)
  local best, found, chosen = 0, 0, {}
  for a = 0, o.num - 1 do
    local iou = boxes.iou({ 0, 0, o.anchors[2 * a + 1] / info.net_w, o.anchors[2 * a + 2] / info.net_h }, { 0, 0, row[3], row[4] })
    if iou > best then best, found = iou, a end
    if iou > (o.iou_thresh or 1) then chosen[a] = true end
  end
  chosen[found] = true
  return chosen
end

local function box_loss(x, o, info, e, i, j, anchor, row, key)
  local s, kind = o.scale_x_y or 1, o.iou_loss or "mse"
  if kind ~= "mse" then
    local box = decode(x, o, info, e, i, j, anchor)
    return 1 - boxes[kind](box, row, function(alpha) return info.keep(key, alpha) end)
  end
  local ux, uy = (row[1] * x.w - j + (s - 1) / 2) / s, (row[2] * x.h - i + (s - 1) / 2) / s
  local tw, th = row[3] * info.net_w / o.anchors[2 * anchor + 1], row[4] * info.net_h / o.anchors[2 * anchor + 2]
  if o.new_coords then tw, th = math.sqrt(tw) / 2, math.sqrt(th) / 2 else tw, th = math.log(tw), math.log(th) end
  return (2 - row[3] * row[4]) * (s * entropy(o, e[0], ux) + s * entropy(o, e[1], uy) + (e[2] - tw) ^ 2 / 2 + (e[3] - th) ^ 2 / 2)
end

local function teachers_of(x, o, info, rows, i, j, anchor, box)
  local list, best, near = {}, 0, nil
  for _, row in ipairs(boxes.objects(rows)) do
    local iou = boxes.iou(box, row)
    if iou > best then best, near = iou, row end
    local inside = math.min(math.floor(row[2] * x.h), x.h - 1) == i and math.min(math.floor(row[1] * x.w), x.w - 1) == j
    if inside and anchors_of(o, info, row)[anchor] then list[#list + 1] = row end
  end
  if best > (o.truth_thresh or 1) then
    local known = false
    for _, row in ipairs(list) do known = known or row == near end
    if not known then list[#list + 1] = near end
  end
  return list, best
end

local function add_taught(sums, x, o, info, e, i, j, anchor, list, key, best)
  local aims, distinct, smooth = {}, 0, o.label_smooth_eps or 0
  for _, row in ipairs(list) do
    if not aims[row[5]] then distinct = distinct + 1 end
    aims[row[5]] = true
  end
  sums.object = sums.object + (o.obj_normalizer or 1) * entropy(o, e[4], o.rescore and info.keep(key, best) or 1)
  for k = 0, o.classes - 1 do
    sums.class = sums.class + (o.cls_normalizer or 1) * entropy(o, e[5 + k], aims[k] and 1 - smooth / 2 or smooth / 2)
  end
  for r, row in ipairs(list) do
    local loss = box_loss(x, o, info, e, i, j, anchor, row, key .. "/" .. r)
    local share = (o.iou_thresh or 1) < 1 and 1 / distinct or 1
    sums.box = sums.box + (o.iou_normalizer or 0.75) * loss * share
    attributes.teach(sums, o, e, row, share)
  end
end

local function predict(sums, x, o, info, rows, n, i, j, a)
  local numbers = attributes.size(o)
  local anchor, at, e, sure = o.mask and o.mask[a + 1] or a, check.at(x, n, i, j, a * numbers), {}, false
  for k = 0, numbers - 1 do e[k] = x[at + k] end
  local box = decode(x, o, info, e, i, j, anchor)
  local list, best = teachers_of(x, o, info, rows, i, j, anchor, box)
  if #list > 0 then return add_taught(sums, x, o, info, e, i, j, anchor, list, at, best) end
  for k = 0, o.classes - 1 do sure = sure or probability(o, e[5 + k]) > 0.25 end
  if boxes.forgiven(rows, box) or (sure and best > (o.ignore_thresh or 0.5)) then return end
  sums.noobject = sums.noobject + (o.obj_normalizer or 1) * entropy(o, e[4], 0)
end

local function loss(x, truth, o, info)
  local sums = attributes.parts(o)
  for n = 0, x.n - 1 do
    for i = 0, x.h - 1 do
      for j = 0, x.w - 1 do
        for a = 0, (o.mask and #o.mask or o.num) - 1 do predict(sums, x, o, info, truth[n + 1], n, i, j, a) end
      end
    end
  end
  return sums
end

return { loss = loss }
