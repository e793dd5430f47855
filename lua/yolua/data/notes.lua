-- What was peculiar about a list's labels and was read all the same: counted, and told once with the place of the first.
local core = require "yolua.core"

local Notes = {}
Notes.__index = Notes

local sentences = {
  flat = "boxes without area, which are left out: %d, the first at %s",
  polygons = "labels that are polygons, whose bounding boxes count: %d, the first at %s",
  outlines = "objects without a bbox, for which the box around their outline counts: %d, the first at %s",
  moved = "entries that name folders which are not here: %d, the first of them %s",
  unlabelled = "pictures without a label file, which count as background: %d, the first %s",
}
local order = { "flat", "polygons", "outlines", "moved", "unlabelled" }

-- told: kind -> place -> true, of what was counted for another list of the same data.
function Notes.new(told) return setmetatable({ told = told, counts = {}, first = {} }, Notes) end

-- Counts `count` (default 1) of a kind, of which the first stands at `place`; nothing where that place was counted before.
function Notes:add(kind, place, count)
  local told = self.told[kind] or {}
  self.told[kind] = told
  if told[place] then return end
  told[place] = true
  self.counts[kind], self.first[kind] = (self.counts[kind] or 0) + (count or 1), self.first[kind] or place
end

-- The sentences, in a fixed order.
function Notes:lines()
  local lines = {}
  for _, kind in ipairs(order) do
    if self.counts[kind] then lines[#lines + 1] = sentences[kind]:format(self.counts[kind], self.first[kind]) end
  end
  return lines
end

function Notes:tell(name)
  for _, line in ipairs(self:lines()) do core.system.warn(("%s: %s"):format(name, line)) end
end

return Notes
