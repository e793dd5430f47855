-- The extra labels of the heads (orientation, occlusion, truncation) in plain Lua, double precision, for the heads' oracles.
-- o.attributes is a list of names; a truth row has alpha, occluded and truncated as its numbers 7 to 9.
local boxes = require "support.overlap"

local attributes = {}

local WIDTH, ORDER = { orientation = 2, occlusion = 4, truncation = 1 }, { "orientation", "occlusion", "truncation" }

local function chosen(o)
  local has, list = {}, {}
  for _, name in ipairs(o.attributes or {}) do has[name] = true end
  for i, name in ipairs(ORDER) do
    if has[name] then list[#list + 1] = { name = name, column = 6 + i, width = WIDTH[name], weight = o[name .. "_weight"] or 1 } end
  end
  return list
end

-- Numbers per anchor.
function attributes.size(o)
  local size = 5 + o.classes
  for _, a in ipairs(chosen(o)) do size = size + a.width end
  return size
end

-- Sums at zero for the parts that the head reports.
function attributes.parts(o)
  local parts = { box = 0, object = 0, noobject = 0, class = 0 }
  for _, a in ipairs(chosen(o)) do parts[a.name] = 0 end
  return parts
end

local loss = {}

function loss.orientation(e, at, alpha)
  return alpha >= -2 * math.pi and alpha <= 2 * math.pi and ((e[at] - math.sin(alpha)) ^ 2 + (e[at + 1] - math.cos(alpha)) ^ 2) / 2 or 0
end

function loss.occlusion(e, at, class)
  if class ~= 0 and class ~= 1 and class ~= 2 and class ~= 3 then return 0 end
  local sum = 0
  for k = 0, 3 do sum = sum + math.exp(e[at + k] - e[at + class]) end
  return math.log(sum)
end

function loss.truncation(e, at, share)
  local p = boxes.logistic(e[at])
  return share >= 0 and share <= 1 and -share * math.log(p) - (1 - share) * math.log(1 - p) or 0
end

-- Adds what a row teaches the prediction with inputs e (from 0).
function attributes.teach(sums, o, e, row, share)
  local at = 5 + o.classes
  for _, a in ipairs(chosen(o)) do
    if row[a.column] then sums[a.name] = sums[a.name] + a.weight * (share or 1) * loss[a.name](e, at, row[a.column]) end
    at = at + a.width
  end
end

return attributes
