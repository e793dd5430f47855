-- Anchors of a [yolo] list that no head predicts (YOLOv3-tiny's first): Darknet counts objects nearest to them as background. Here such an
-- anchor gets a slot, rows of its own in the convolution of the head with the finest grid.
--
--   local slots = unpredicted.slots(model)   -- {[head's name] = {{index =, shape =, like =, was =}, ...}}
--
-- index: its place in the list, from 0; shape: its {w, h}; like: the head's slot of nearest shape, `was`. Its rows are to start as those of
-- that slot, so that boxes come out as they did.
local kmeans = require "yolua.data.kmeans"
local structure = require "yolua.model.structure"

local unpredicted = {}

-- The heads that share a list of anchors: {list -> {used = {number -> true}, heads = {{head, mask, cells}, ...}}}
local function groups(model)
  local cells, out = {}, {}
  for _, layer in ipairs(model.net:layers()) do cells[layer.name] = layer.shape[2] * layer.shape[3] end
  for _, head in ipairs(model.heads) do
    local o = structure.layer(model.structure, head.name).options
    local mask, key = structure.numbers(o.mask), table.concat(structure.numbers(o.anchors), ",")
    if #mask > 0 then
      local group = out[key] or { used = {}, heads = {}, list = structure.numbers(o.anchors) }
      for _, index in ipairs(mask) do group.used[index] = true end
      group.heads[#group.heads + 1] = { head = head, mask = mask, cells = cells[head.name] }
      out[key] = group
    end
  end
  return out
end

local function finest(heads)
  local best = heads[1]
  for _, h in ipairs(heads) do best = h.cells > best.cells and h or best end
  return best
end

local function shape(list, index) return { list[2 * index + 1], list[2 * index + 2] } end

local function slots_of(group)
  local to, found, shapes = finest(group.heads), {}, {}
  for k, index in ipairs(to.mask) do shapes[k] = shape(group.list, index) end
  for index = 0, #group.list // 2 - 1 do
    if not group.used[index] then
      local own = shape(group.list, index)
      local like = kmeans.nearest(own, shapes)
      found[#found + 1] = { index = index, shape = own, like = like, was = shapes[like] }
    end
  end
  return to.head.name, found
end

function unpredicted.slots(model)
  local out = {}
  for _, group in pairs(groups(model)) do
    local name, found = slots_of(group)
    out[name] = #found > 0 and found or nil
  end
  return out
end

function unpredicted.line(head, found)
  local words = {}
  for i, slot in ipairs(found) do
    words[i] = ("%gx%g (from those of %gx%g)"):format(slot.shape[1], slot.shape[2], slot.was[1], slot.was[2])
  end
  return ("%s: rows of their own for anchors that no head predicts: %s"):format(head.name, table.concat(words, ", "))
end

return unpredicted
