-- The labels that heads can predict beside box and class: orientation, occlusion, truncation (runtime/core/attributes.h has the table).
local core = require "yolua.core"

local attributes = { list = core.layers.attributes(), names = {} }
for i, a in ipairs(attributes.list) do attributes.names[i] = a.name end

-- The entries of the table that a text ("orientation,truncation", as options have it) or a list names, in the table's order.
function attributes.of(value)
  local has, out = {}, {}
  local words = type(value) == "table" and table.concat(value, ",") or value or "none"
  for word in words:gmatch "[^,%s]+" do has[word] = true end
  for _, a in ipairs(attributes.list) do
    if has[a.name] then out[#out + 1] = a end
  end
  return out
end

-- Numbers per anchor.
function attributes.width(list)
  local sum = 0
  for _, a in ipairs(list) do sum = sum + a.width end
  return sum
end

-- Those that some head of the model predicts.
function attributes.of_model(model)
  local names = {}
  for _, head in ipairs(model.heads) do
    for _, a in ipairs(head.attributes) do names[#names + 1] = a.name end
  end
  return attributes.of(names)
end

-- Whether an option of a head's loss has an effect on this head: false for the weight of what it does not predict.
function attributes.takes(head, key)
  local name = key:match "^(%w+)_weight$"
  for _, a in ipairs(name and head.attributes or {}) do
    if a.name == name then return true end
  end
  return name == nil
end

-- The labels that detections of the model have (alpha, ...); nil where it predicts none.
function attributes.labels(model)
  local list = {}
  for i, a in ipairs(attributes.of_model(model)) do list[i] = a.label end
  return #list > 0 and list or nil
end

-- What a detection shows beside class and score on a picture, where an arrow shows alpha: "occluded 2, truncated 0.40"; "" for an object
-- that is whole and visible.
function attributes.note(d)
  local words = {}
  if (d.occluded or 0) > 0 then words[1] = ("occluded %d"):format(d.occluded) end
  if (d.truncated or 0) >= 0.1 then words[#words + 1] = ("truncated %.2f"):format(d.truncated) end
  return #words > 0 and " " .. table.concat(words, ", ") or ""
end

-- Their names for a sentence.
function attributes.text(list)
  local names = {}
  for i, a in ipairs(list) do names[i] = a.name end
  return #names > 0 and table.concat(names, ",") or "none"
end

-- Whether a label of a row or a detection is known.
function attributes.known(a, value) return value ~= nil and value >= a.low and value <= a.high end

return attributes
