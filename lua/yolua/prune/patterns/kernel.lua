-- Kernel patterns: of each 3x3 kernel `entries` (2 or 3) neighbouring weights stay, in one of the 8 shapes that suit most kernels (R-TOSS,
-- Balasubramaniam et al. 2023). 1x1 convolutions are taken as kernels of nine neighbouring input channels; other sizes stay as they are.
local core = require "yolua.core"

local SHAPES = 8

-- Where the kernel's nine numbers lie: length of a block, and how far apart its numbers are.
local function layout(r)
  local out, kh, kw, c = table.unpack(r.dims)
  if not c then return end -- a connected layer
  if kh == 3 and kw == 3 then return 9, c end
  if kh == 1 and kw == 1 and out and c >= 9 then return c, 1 end
end

local function prepare(list, how)
  local shapes = core.prune.shapes(how.entries)
  local votes = {}
  for i = 1, #shapes do votes[i] = 0 end
  for _, entry in ipairs(list) do
    local length, stride = layout(entry.range)
    for i, n in ipairs(length and core.prune.vote(entry.score, entry.mask, length, stride, shapes) or {}) do votes[i] = votes[i] + n end
  end
  local order, best = {}, {}
  for i = 1, #shapes do order[i] = i end
  table.sort(order, function(a, b) return votes[a] > votes[b] or votes[a] == votes[b] and a < b end)
  for i = 1, math.min(SHAPES, #order) do best[i] = shapes[order[i]] end
  return best
end

return { prepare = prepare, fits = function(r) return layout(r) ~= nil end, keep = function(r, score, mask, _, shapes)
  local length, stride = layout(r)
  core.prune.keep_shape(score, mask, length, stride, shapes)
end }
