-- Whether a network and a data set go together: its classes meet the data's, and its anchors are those of its weights.
local anchors = require "yolua.eval.anchors"
local detect = require "yolua.model.detect"
local inputs = require "yolua.cli.inputs"
local tables = require "yolua.report.tables"

local fit = {}

local MOST = 300 -- frames that are looked at

-- The call's network, and the data set where it names one. Errors: what yl.load and yl.data refuse, and classes that have none in common.
function fit.open(o)
  local self = { model = inputs.network(o), frames = {} }
  if not o.data.name then return self end
  self.data = require "yolua.data"(o.data)
  self.data:map(self.model.names)
  return self
end

-- Takes the frames to look at: the first of the options' split, else of dev, else of all, that can be read. What cannot is among the
-- data's faults already. facts: of the pictures that were looked at, by path.
function fit.choose(self, facts)
  local ok, list = pcall(self.data.list, self.data, nil, function() end)
  for _, frame in ipairs(ok and list.frames or {}) do
    local fact = frame.image and facts[frame.image]
    if #self.frames < MOST and frame.image and not (fact and fact.sentence) then table.insert(self.frames, frame) end
  end
  self.list = ok and list or nil
end

-- {model, split, images, heads = as yolua.eval.anchors gives them, each with `sentence` where its anchors are at fault}
function fit.measure(self, o, progress)
  local collected, names = anchors.new(self.model), self.model.names
  detect(self.model, self.frames, { views = { anchors.view }, resize = o.resize, imgsz = o.imgsz }, function(i, found)
    collected:add(self.data:mapped(self.frames[i], names), found)
    progress("detections", i, #self.frames)
  end)
  local heads = collected:result()
  for _, head in ipairs(heads) do head.sentence = anchors.sentence(self.model.path, head) end
  return { model = self.model.path, split = self.list and self.list.name, images = #self.frames, heads = heads }
end

-- Whether a head's anchors do not fit.
function fit.faulty(result)
  for _, head in ipairs(result.heads) do
    if head.sentence then return true end
  end
  return false
end

-- The result as lines for a person.
function fit.lines(result)
  local out = { ("network %s"):format(result.model) }
  if result.split then
    out[1] = ("%s on %d frames of %s: sides of its boxes, as a share of the objects' (median)"):format(out[1], result.images, result.split)
  end
  for _, line in ipairs(tables.align(anchors.table(result.heads))) do out[#out + 1] = "  " .. line end
  for _, head in ipairs(result.heads) do out[#out + 1] = head.sentence end
  return out
end

return fit
