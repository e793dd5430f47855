-- What explains that boxes of a head's anchors come out too large or too small: that the cfg's anchors are not those of the weights, but
-- stand in another order, are chosen by another mask, or are all too large or too small by one factor.
--
-- An explanation is a function of (head, odd, rest): the anchors whose factors are beyond 1.25, and the others that were measured. An
-- anchor is a slot with w, h, and f = {w, h}, the logs of its factors. It gives {to = function(slot) -> {w, h} instead, ...}, or nil.
local WRONG = math.log(1.25)
local RIGHT = math.log(1.15)
local LONE = math.log(1.5) -- one anchor that is wrong may meet another by chance: it has to be further off

-- How far the factors are from 1 at most (log) where the anchors' sides become those of `to(slot)`.
local function left_over(slots, to)
  local most = 0
  for _, slot in ipairs(slots) do
    local a = to(slot)
    most = math.max(most, math.abs(slot.f.w + math.log(a.w / slot.w)), math.abs(slot.f.h + math.log(a.h / slot.h)))
  end
  return most
end

local function itself(slot) return slot end

local explanations = {}

-- One factor for all anchors of the head: that there is one is told by the middle of the range, which it is by the mean over boxes.
function explanations.scale(_, odd)
  local low, high, sum, boxes = math.huge, -math.huge, 0, 0
  for _, slot in ipairs(odd) do
    low, high = math.min(low, slot.f.w, slot.f.h), math.max(high, slot.f.w, slot.f.h)
    sum, boxes = sum + #slot.logs.w * (slot.f.w + slot.f.h) / 2, boxes + #slot.logs.w
  end
  local middle = math.exp(-(low + high) / 2)
  if #odd < 2 or math.abs(math.log(middle)) <= WRONG then return nil end -- some factor always fits a single anchor
  return { scale = math.exp(-sum / boxes), to = function(slot) return { w = slot.w * middle, h = slot.h * middle } end }
end

-- Width and height of each anchor the other way round.
function explanations.turned(_, odd)
  return #odd > 1 and { turned = true, to = function(slot) return { w = slot.h, h = slot.w } end } or nil
end

-- The number of the list's anchor that fits the slot best.
local function best_anchor(list, slot)
  local least, best = math.huge, nil
  for k, a in ipairs(list) do
    local left = left_over({ slot }, function() return a end)
    if left < least then least, best = left, k - 1 end
  end
  return best
end

-- The whole mask: slots that were not measured move by as many places as the others where these agree; else they keep their anchor, or
-- take one that is left.
local function completed(head, picks, used)
  local step, mask = nil, {}
  for slot, pick in pairs(picks) do
    local own = pick - slot.index
    step = (step == nil or step == own) and own or 0
  end
  local function free(k) return head.list[k + 1] and not used[k] and k end
  for i, slot in ipairs(head.slots) do
    local pick = picks[slot] or free(slot.index + step) or free(slot.index)
    for k = 0, #head.list - 1 do pick = pick or free(k) end
    mask[i], used[pick] = pick, true
  end
  return mask
end

-- Another choice, or another order, of the cfg's own anchors.
function explanations.order(head, odd, rest)
  local picks, used = {}, {}
  for _, slot in ipairs(rest) do picks[slot], used[slot.index] = slot.index, true end
  for _, slot in ipairs(odd) do
    local best = best_anchor(head.list, slot)
    if used[best] then return nil end
    picks[slot], used[best] = best, true
  end
  if #odd == 1 and left_over(odd, itself) <= LONE then return nil end
  return { mask = completed(head, picks, used), to = function(slot) return head.list[picks[slot] + 1] end }
end

-- head: {list = the cfg's anchors, slots = all of the head's}; slots: those that were measured. Gives what brings every anchor that is
-- beyond 1.25 within 1.15, and none of the others beyond 1.25: {mask =} (numbers in the list, from 0), {scale =} or {turned = true}, with
-- `left`, the log of the largest factor that is left; of several that which fits best. Nil where nothing does, or nothing is beyond.
return function(head, slots)
  local odd, rest, best = {}, {}, nil
  for _, slot in ipairs(slots) do table.insert(left_over({ slot }, itself) > WRONG and odd or rest, slot) end
  if #odd == 0 then return nil end
  for _, name in ipairs { "order", "scale", "turned" } do
    local way = explanations[name](head, odd, rest)
    local left = way and left_over(odd, way.to) or math.huge
    if left <= RIGHT and left_over(rest, way.to) <= WRONG and (not best or left < best.left) then
      best, way.left = way, left
    end
  end
  return best
end
