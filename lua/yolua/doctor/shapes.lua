-- Why an object may be hard to learn for a network: its shape beside the anchors, its place, and the objects that want the same prediction.
local iou = require "yolua.data.overlap".iou
local structure = require "yolua.model.structure"

local shapes = {}

local POOR <const> = 0.3   -- overlap of an object's shape with that of its best anchor
local SMALL <const> = 4    -- pixels of the input
local CROWDED <const> = 0.45 -- overlap above which suppression takes one of two boxes of a class

-- Every anchor of a model at that input size: {head, index (in the cfg's list, from 0), w, h (pixels of the input), cols, rows (of the
-- grid)}.
local function anchors_of(model, size)
  local out, layers = {}, {}
  for _, layer in ipairs(model.net:layers(size.h, size.w)) do layers[layer.name] = layer end
  for _, head in ipairs(model.heads) do
    local o, grid = structure.layer(model.structure, head.name).options, layers[head.name].shape
    local sides, mask = structure.numbers(o.anchors), structure.numbers(o.mask)
    local unit = head.kind == "region" and { size.w / grid[3], size.h / grid[2] } or { 1, 1 } -- region's are in cells
    for i = 1, head.anchors do
      local index = math.tointeger(mask[i] or i - 1)
      out[#out + 1] = { head = head.name, index = index, w = sides[2 * index + 1] * unit[1], h = sides[2 * index + 2] * unit[2],
        cols = grid[3], rows = grid[2] }
    end
  end
  return out
end

-- Centre and sides of a box in pixels of the input.
local function on_input(frame, box, size)
  local sx, sy, dx, dy = size.w / frame.width, size.h / frame.height, 0, 0
  if size.resize == "letterbox" then
    local s = math.min(sx, sy)
    dx, dy, sx, sy = (size.w - s * frame.width) / 2, (size.h - s * frame.height) / 2, s, s
  end
  return { x = (box[1] + box[3]) / 2 * sx + dx, y = (box[2] + box[4]) / 2 * sy + dy, w = (box[3] - box[1]) * sx,
    h = (box[4] - box[2]) * sy }
end

local function shape_iou(a, b)
  local both = math.min(a.w, b.w) * math.min(a.h, b.h)
  return both / (a.w * a.h + b.w * b.h - both)
end

-- The anchor whose shape is nearest, the overlap with it, and the cell of its grid that the centre lies in.
local function assign(model, size, object)
  local b, best, overlap = on_input(object.frame, object.box, size), nil, -1
  for _, anchor in ipairs(anchors_of(model, size)) do
    local o = shape_iou(b, anchor)
    if o > overlap then best, overlap = anchor, o end
  end
  return { box = b, anchor = best, overlap = overlap, col = math.floor(b.x / size.w * best.cols),
    row = math.floor(b.y / size.h * best.rows) }
end

local function called(object) return ("%s %d"):format(object.class, object.number) end

-- What the object's own shape and place say.
local function own_reasons(at, size)
  local out, b = {}, at.box
  if at.overlap < POOR then
    local sentence = "its shape (%.0fx%.0f at the input) overlaps that of its best anchor (%.0fx%.0f, anchor %d of %s) by %.2f only"
    out[#out + 1] = sentence:format(b.w, b.h, at.anchor.w, at.anchor.h, at.anchor.index, at.anchor.head, at.overlap)
  end
  if math.min(b.w, b.h) < SMALL then out[#out + 1] = ("at the input it is %.1fx%.1f pixels"):format(b.w, b.h) end
  if b.x < 0 or b.y < 0 or b.x >= size.w or b.y >= size.h then out[#out + 1] = "its centre lies outside the input" end
  return out
end

-- Reasons, as words, why `object` of `objects` ({frame, number, class, box, best}) was not learned; none where nothing is seen.
function shapes.reasons(model, size, objects, object)
  local at = assign(model, size, object)
  local out = own_reasons(at, size)
  for _, other in ipairs(objects) do
    if other ~= object and other.frame == object.frame then
      local there = assign(model, size, other)
      if there.anchor.head == at.anchor.head and there.anchor.index == at.anchor.index and there.col == at.col and there.row == at.row then
        out[#out + 1] = ("%s has the same cell (%d, %d) and anchor (%d of %s)"):format(called(other), at.col, at.row, at.anchor.index,
          at.anchor.head)
      end
      local overlap = iou(object.box, other.box)
      if other.class == object.class and overlap > CROWDED then
        out[#out + 1] = ("it overlaps %s by %.2f, so that suppression takes one of them"):format(called(other), overlap)
      end
    end
  end
  if object.best and object.best > 0.3 and object.best < 0.5 then
    out[#out + 1] = ("a box of its class overlaps it by %.2f: nearly there"):format(object.best)
  end
  return out
end

return shapes
