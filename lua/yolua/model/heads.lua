-- What a training changes in a network's heads before its first step: options of their losses, and the anchors.
--
-- A slot is one of a head's boxes per cell: {head, index (from 1), w, h}, its anchor in pixels of the input. Several slots may have the
-- same anchor (YOLOv3-tiny's two heads share one), and a list may hold anchors that no head predicts (its first).
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"
local kmeans = require "yolua.data.kmeans"
local structure = require "yolua.model.structure"

local heads = {}

local function has(kind, key)
  for _, field in ipairs(core.layers.fields(kind)) do
    if field[1] == key then return true end
  end
  return false
end

-- Gives a head other options.
local function set(model, head, values)
  model:drop_plans()
  model.net:options(head.name, values)
  model.structure = structure.of(model.net)
end

-- Sets options of the losses of all heads that have them. Returns {key, kind} for each that a head's kind lacks, and
-- {key, kind, name} for the weight of an attribute that the head of that name does not predict.
function heads.set(model, values)
  local lacking = {}
  for _, head in ipairs(model.heads) do
    local own = {}
    for key, value in pairs(values) do
      if not has(head.kind, key) then lacking[#lacking + 1] = { key, head.kind }
      elseif not attributes.takes(head, key) then lacking[#lacking + 1] = { key, head.kind, head.name }
      else own[key] = value end
    end
    if next(own) then set(model, head, own) end
  end
  table.sort(lacking, function(a, b) return a[1] < b[1] end)
  return lacking
end

-- The pixels of the input w x h that an anchor's numbers count: a cell's for [region], one for [yolo].
local function units(model, head, w, h)
  if has(head.kind, "mask") then return 1, 1 end
  for _, layer in ipairs(model.net:layers(h, w)) do
    if layer.name == head.name then return w / layer.shape[3], h / layer.shape[2] end
  end
end

-- The heads with their lists, {head, list = {{w, h}, ...}, mask = {numbers from 1}}, in pixels of an input w x h.
local function lists(model, w, h)
  local out = {}
  for i, head in ipairs(model.heads) do
    local o = structure.layer(model.structure, head.name).options
    local sides, mask, x, y = structure.numbers(o.anchors), structure.numbers(o.mask), units(model, head, w, h)
    local entry = { head = head, x = x, y = y, list = {}, mask = {} }
    for k = 1, #sides // 2 do entry.list[k] = { sides[2 * k - 1] * x, sides[2 * k] * y } end
    for k = 1, head.anchors do entry.mask[k] = math.tointeger(mask[k] or k - 1) + 1 end
    out[i] = entry
  end
  return out
end

-- The slots of all heads, those of finer grids first, then by area.
local function slots(model, w, h)
  local out, fine = {}, {}
  for _, layer in ipairs(model.net:layers(h, w)) do fine[layer.name] = layer.shape[2] * layer.shape[3] end
  for _, entry in ipairs(lists(model, w, h)) do
    for k, at in ipairs(entry.mask) do
      out[#out + 1] = { entry = entry, index = k, w = entry.list[at][1], h = entry.list[at][2], cells = fine[entry.head.name] }
    end
  end
  table.sort(out, function(a, b)
    if a.cells ~= b.cells then return a.cells > b.cells end
    if a.w * a.h ~= b.w * b.h then return a.w * a.h < b.w * b.h end
    return a.index < b.index
  end)
  return out
end

local function text(list, x, y)
  local words = {}
  for i, a in ipairs(list) do words[i] = ("%.17g,%.17g"):format(a[1] / (x or 1), a[2] / (y or 1)) end
  return table.concat(words, ", ")
end

local function sides_of(list)
  local out = {}
  for i, slot in ipairs(list) do out[i] = { slot.w, slot.h } end
  return out
end

-- Which anchors of an entry's list some head of the same list predicts: {number -> new number}, and the list of these.
local function predicted(all, entry)
  local used, place, kept = {}, {}, {}
  for _, other in ipairs(all) do
    if text(other.list) == text(entry.list) then
      for _, at in ipairs(other.mask) do used[at] = true end
    end
  end
  for at, anchor in ipairs(entry.list) do
    if used[at] then
      kept[#kept + 1] = anchor
      place[at] = #kept
    end
  end
  return place, kept
end

local function masked(entry, place)
  local mask = {}
  for k, at in ipairs(entry.mask) do mask[k] = place[at] - 1 end
  return mask
end

-- How many sizes {w, h} have an anchor of `list` nearest whose number is not in `place`.
local function lost(sizes, list, place)
  local count = 0
  for _, size in ipairs(sizes) do
    if not place[kmeans.nearest(size, list)] then count = count + 1 end
  end
  return count
end

-- The heads whose lists hold anchors that no head predicts: {entry, place, kept}; and what concerns the boxes, as a sentence's begin.
local function unpredicted(model, sizes, w, h)
  local all, found = lists(model, w, h), {}
  for _, entry in ipairs(all) do
    local place, kept = predicted(all, entry)
    if #kept < #entry.list then found[#found + 1] = { entry = entry, place = place, kept = kept } end
  end
  if #found == 0 then return found end
  local first = found[1]
  return found, ("anchors: %d of %d are predicted by no head, and nearest to %d of %d boxes"):format(#first.entry.list - #first.kept,
    #first.entry.list, lost(sizes, first.entry.list, first.place), #sizes)
end

-- Changes nothing. Returns lines that say how many boxes are background because no head predicts the anchor nearest to them.
function heads.keep(model, sizes, w, h)
  local found, what = unpredicted(model, sizes, w, h)
  return { #found > 0 and what .. ", which are background (anchors=predicted: others learn them)" or nil }
end

-- Takes anchors that no head predicts out of the heads' lists. Boxes stay as they are. Returns lines that say so.
function heads.drop_unpredicted(model, sizes, w, h)
  local found, what = unpredicted(model, sizes, w, h)
  for _, f in ipairs(found) do
    local entry = f.entry
    set(model, entry.head, { anchors = text(f.kept, entry.x, entry.y), num = #f.kept, mask = table.concat(masked(entry, f.place), ",") })
  end
  return { #found > 0 and what .. ", which others learn now" or nil }
end

-- Refuses anchors that no head predicts: rows for them are a new head's matter.
function heads.need_all(model, sizes, w, h)
  local _, what = unpredicted(model, sizes, w, h)
  if what then error(what .. ": anchors=all needs a recipe whose yl.transplant is given { anchors = \"all\" }, such as kitti.lua", 0) end
  return {}
end

-- Boxes stay what they were: sides are exp(output) * anchor, so where the anchor of a row's slot becomes `now` and was `was` (both {w, h}),
-- the biases of width and height take the difference. Where the head has another formula, or its convolution no bias, they have to be
-- learned anew. row: of the convolution, from 0, where the slot's begin.
function heads.keep_box(net, s, head, row, was, now)
  local name = head.conv .. ".bias"
  if structure.layer(s, head.name).options.new_coords == "true" then return end
  for _, range in ipairs(net:ranges()) do
    if range.name == name then
      local bias = net:get(name)
      for side = 1, 2 do bias[row + 2 + side] = bias[row + 2 + side] + math.log(was[side] / now[side]) end
      net:set(name, bias)
    end
  end
end

-- Which centre each slot gets: a head's slots share the centres at their places, most alike shapes first, so that rows that have learned
-- flat objects get a flat anchor.
local function matched(list, centres)
  local pairs_of, place, taken = {}, {}, {}
  for i, slot in ipairs(list) do
    for k, other in ipairs(list) do
      if other.entry == slot.entry then
        pairs_of[#pairs_of + 1] = { slot = i, centre = k, iou = kmeans.mean_iou({ { slot.w, slot.h } }, { centres[k] }) }
      end
    end
  end
  table.sort(pairs_of, function(a, b)
    if a.iou ~= b.iou then return a.iou > b.iou end
    if a.slot ~= b.slot then return a.slot < b.slot end
    return a.centre < b.centre
  end)
  for _, pair in ipairs(pairs_of) do
    if not place[pair.slot] and not taken[pair.centre] then place[pair.slot], taken[pair.centre] = pair.centre, true end
  end
  return place
end

-- The anchors of all heads' options, as one list in which each slot has its own, at place[slot].
local function rewrite(model, list, centres, place)
  local mask = {}
  for i, slot in ipairs(list) do
    mask[slot.entry] = mask[slot.entry] or {}
    mask[slot.entry][slot.index] = place[i]
  end
  for entry, places in pairs(mask) do
    local own, values = {}, {}
    for k, at in ipairs(places) do own[k], values[k] = centres[at], at - 1 end
    if has(entry.head.kind, "mask") then
      set(model, entry.head, { anchors = text(centres), num = #centres, mask = table.concat(values, ",") })
    else set(model, entry.head, { anchors = text(own, entry.x, entry.y) }) end
  end
end

local function shown(list)
  local words = {}
  for i, c in ipairs(list) do words[i] = ("%.0fx%.0f"):format(c[1], c[2]) end
  return table.concat(words, " ")
end

-- Fits the anchors to the sizes {w, h} of a data set's boxes, in pixels of an input w x h, by k-means: the smallest go to the finest
-- head. Before training every box comes out as it did. Anchors that are better than what k-means finds stay. Returns lines that say so.
function heads.fit(model, sizes, w, h)
  local list = slots(model, w, h)
  local before, after = sides_of(list), kmeans.run(sizes, #list)
  for _, c in ipairs(after) do c[1], c[2] = math.floor(c[1] * 100 + 0.5) / 100, math.floor(c[2] * 100 + 0.5) / 100 end
  local old, new = kmeans.mean_iou(sizes, before), kmeans.mean_iou(sizes, after)
  local was = ("anchors: mean best IoU of %d boxes at %dx%d: %.3f (%s)"):format(#sizes, w, h, old, shown(before))
  if new <= old + 1e-6 then return { was .. "; k-means finds no better ones" } end
  local place = matched(list, after)
  for i, slot in ipairs(list) do
    local head = slot.entry.head
    heads.keep_box(model.net, model.structure, head, (slot.index - 1) * head.size, { slot.w, slot.h }, after[place[i]])
  end
  rewrite(model, list, after, place)
  return { ("%s, fitted %.3f (%s)"):format(was, new, shown(after)) }
end

return heads
