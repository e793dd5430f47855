-- Whether a network's anchors are those that its weights were trained with. Weights and cfg that do not belong together (another mask,
-- another order, a list for another size) load and run, and boxes come out too large or too small.
--
-- For every head and anchor: the median of log(predicted side / true side), over detections whose class fits and whose centre lies near
-- that of the object. A factor alone is no fault (one data set boxes its bicycles otherwise than another), so it is one only where it
-- can be explained (yolua.eval.explain).
local core = require "yolua.core"
local explain = require "yolua.eval.explain"
local structure = require "yolua.model.structure"

local anchors = {
  view = { iou = 1, origin = true }, -- the detections that it looks at (plan:detect): of the usual score, nothing suppressed
}

local LEAST = 20  -- boxes that an anchor is judged by
local NEAR = 0.25 -- of a side: how far apart two centres are at most

local Fit = {}
Fit.__index = Fit

-- One head's slots {index = anchor's number in the list, from 0; w, h; logs = {w = {}, h = {}}}, and the list that they are taken from.
local function head_of(head, s)
  local o = structure.layer(s, head.name).options
  local sides, mask = structure.numbers(o.anchors), structure.numbers(o.mask)
  local out = { name = head.name, kind = head.kind, list = {}, slots = {} }
  for i = 1, #sides // 2 do out.list[i] = { w = sides[2 * i - 1], h = sides[2 * i] } end
  for i = 1, head.anchors do
    local index = math.tointeger(mask[i] or i - 1)
    out.slots[i] = { index = index, w = out.list[index + 1].w, h = out.list[index + 1].h, logs = { w = {}, h = {} } }
  end
  return out
end

-- What collects over a model's detections.
function anchors.new(model)
  local self = setmetatable({ path = model.path, heads = {} }, Fit)
  for i, head in ipairs(model.heads) do self.heads[i] = head_of(head, model.structure) end
  return self
end

-- The truth of the class whose centre is nearest, in shares of its sides; nil where none is near.
local function nearest(truths, d)
  local x, y, best, found = (d.box[1] + d.box[3]) / 2, (d.box[2] + d.box[4]) / 2, NEAR, nil
  for i, truth in ipairs(truths) do
    local b = truth.box
    local w, h = b[3] - b[1], b[4] - b[2]
    local apart = truth.class == d.class and w > 0 and h > 0
      and math.max(math.abs((b[1] + b[3]) / 2 - x) / w, math.abs((b[2] + b[4]) / 2 - y) / h) or 1
    if apart < best then best, found = apart, i end
  end
  return found
end

-- One image. truths: {class, box, ignore} by the network's classes (data:mapped); found: its detections by anchors.view, in falling
-- order of score. Of an object the best detection of each anchor counts.
function Fit:add(truths, found)
  local taken = {}
  for _, d in ipairs(found) do
    local i = nearest(truths, d)
    local key = i and ("%d/%d/%d"):format(i, d.head, d.anchor)
    if i and not truths[i].ignore and not taken[key] then
      taken[key] = true
      local logs, b, t = self.heads[d.head].slots[d.anchor].logs, d.box, truths[i].box
      table.insert(logs.w, math.log(math.max(b[3] - b[1], 1e-6) / (t[3] - t[1])))
      table.insert(logs.h, math.log(math.max(b[4] - b[2], 1e-6) / (t[4] - t[2])))
    end
  end
end

local function median(list)
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[n // 2 + 1] or (list[n // 2] + list[n // 2 + 1]) / 2
end

local function fault_of(head, slots)
  local way = explain(head, slots)
  return way and { mask = way.mask, scale = way.scale, turned = way.turned, left = math.exp(way.left) }
end

-- {{name, kind, list (the cfg's anchors), anchors = {{index, w, h, boxes, factor_w, factor_h}, ...}, fault}, ...}, a head each. Factors are
-- there from 20 boxes on. fault: {mask =, scale = or turned =, left = the largest factor that is left with it}; nil if there is none.
function Fit:result()
  local out = {}
  for i, head in ipairs(self.heads) do
    local measured, rows = {}, {}
    for k, slot in ipairs(head.slots) do
      local n = #slot.logs.w
      rows[k] = { index = slot.index, w = slot.w, h = slot.h, boxes = n }
      if n >= LEAST then
        slot.f = { w = median(slot.logs.w), h = median(slot.logs.h) }
        measured[#measured + 1] = slot
        rows[k].factor_w, rows[k].factor_h = math.exp(slot.f.w), math.exp(slot.f.h)
      end
    end
    out[i] = { name = head.name, kind = head.kind, list = head.list, anchors = rows, fault = fault_of(head, measured) }
  end
  return out
end

-- ---- as text ---------------------------------------------------------------------------------------------------------------

local function joined(list, f)
  local words = {}
  for i, item in ipairs(list) do words[i] = f(item) end
  return table.concat(words, ", ")
end

local function short(x) return ("%.3g"):format(x) end

local function option(kind, key)
  for _, field in ipairs(core.layers.fields(kind)) do
    if field[1] == key then return field end
  end
end

local UNITS = { pixels = "pixels of the cfg's width and height", cells = "cells of its grid" }

-- What the cfg would have to say.
local function remedy(head)
  local fault = head.fault
  if fault.mask and option(head.kind, "mask") then return ("with mask = %s they fit"):format(table.concat(fault.mask, ",")) end
  if fault.mask then
    return ("in the order %s they fit (anchors = %s)"):format(table.concat(fault.mask, ","),
      joined(fault.mask, function(k) return ("%s,%s"):format(short(head.list[k + 1].w), short(head.list[k + 1].h)) end))
  end
  if fault.turned then return "with width and height of each the other way round they fit" end
  return ("multiplied by %s they fit ([%s] takes them in %s)"):format(short(fault.scale), head.kind,
    UNITS[option(head.kind, "anchors")[4]])
end

-- What is wrong with a head, as one sentence; nil where nothing is.
function anchors.sentence(path, head)
  if not head.fault then return nil end
  local measured = {}
  for _, a in ipairs(head.anchors) do measured[#measured + 1] = a.factor_w and a or nil end
  return ("%s: the anchors of %s are not those of its weights: boxes of %s are %s times as wide and high as the objects; %s"):format(
    path, head.name, joined(measured, function(a) return ("anchor %d (%sx%s)"):format(a.index, short(a.w), short(a.h)) end),
    joined(measured, function(a) return ("%.2f/%.2f"):format(a.factor_w, a.factor_h) end), remedy(head))
end

-- Warns of every head at fault, in one line. Returns the result.
function Fit:warn()
  local words, result = {}, self:result()
  for _, head in ipairs(result) do words[#words + 1] = anchors.sentence(self.path, head) end
  if #words > 0 then core.system.warn(table.concat(words, "; ")) end
  return result
end

-- The factors as a table: its head, and a line for each anchor.
function anchors.table(result)
  local lines = {}
  for _, head in ipairs(result) do
    for _, a in ipairs(head.anchors) do
      local function factor(x) return x and ("%.2f"):format(x) or "-" end
      lines[#lines + 1] = { head.name, ("%d: %sx%s"):format(a.index, short(a.w), short(a.h)), tostring(a.boxes), factor(a.factor_w),
        factor(a.factor_h) }
    end
  end
  return { "head", "anchor", "boxes", "width", "height" }, lines
end

return anchors
