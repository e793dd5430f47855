-- What an evaluation looked at: its frames with their truths and detections. From it come the rows of results.json, those of several
-- evaluations pooled into one, and comparisons. yolua.eval.stages keeps it on disk.
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"

local stored = {}

local UNKNOWN <const> = -10.0 -- of an attribute: one head predicts it and another does not

-- How a detection is packed: the class's number among the names, score, box, and the attributes of these labels (alpha, ...).
function stored.layout(labels) return "<I2ddddd" .. ("d"):rep(#(labels or {})) end

local Stored = { __name = "stored evaluation" }
Stored.__index = Stored

-- fields: title (what sentences call it; may be missing), stage, split, data {name, hash}, map (the class map's name), names (the network's
-- classes), classes (the list that the protocols report, see core.eval_set), protocols, options {conf, iou, clip, w, h, resize, voc, coco,
-- poster, curves}, labels (of the attributes that the network predicts; nil: it predicts none), frames = {{id, drive, truths, dets,
-- poster}, ...}; truths and detections as set:add takes them. Detections may also be packed (stored.pack), which takes a tenth of the
-- memory.
function stored.new(fields) return setmetatable(fields, Stored) end

-- {class's name -> number}, for stored.pack.
function stored.numbers(names)
  local numbers = {}
  for i, name in ipairs(names) do numbers[name] = numbers[name] or i end
  return numbers
end

-- A list of detections as a text, each as stored.layout says.
function stored.pack(list, numbers, labels)
  local out, layout, values = {}, stored.layout(labels), {}
  for i, d in ipairs(list) do
    local b = d.box
    for k, label in ipairs(labels or {}) do values[k] = d[label] or UNKNOWN end
    out[i] = layout:pack(numbers[d.class], d.score, b[1], b[2], b[3], b[4], table.unpack(values))
  end
  return table.concat(out)
end

-- The detections of a frame as a list. key: "dets" or "poster"; nil where it has none of that kind.
function Stored:detections(frame, key)
  local packed, list = frame[key], {}
  if type(packed) ~= "string" then return packed end
  local layout, labels = stored.layout(self.labels), self.labels or {}
  for at = 1, #packed, layout:packsize() do
    local values = { layout:unpack(packed, at) }
    local d = { class = self.names[values[1]], score = values[2], box = { values[3], values[4], values[5], values[6] } }
    for k, label in ipairs(labels) do
      if values[6 + k] ~= UNKNOWN then d[label] = values[6 + k] end
    end
    list[#list + 1] = d
  end
  return list
end

function Stored:__len() return #self.frames end

function Stored:__tostring()
  return ("%s: %d frames of %s"):format(self.stage or "evaluation", #self.frames, self.split or self.data.name)
end

-- What the protocols are computed on: the set of all detections, and the poster's. They are made once.
function Stored:sets()
  if self.set then return self.set, self.poster_set end
  local set, poster = core.eval_set(), core.eval_set()
  for _, frame in ipairs(self.frames) do
    local dets = self:detections(frame, "dets")
    set:add(frame.id, frame.truths, dets)
    poster:add(frame.id, frame.truths, self:detections(frame, "poster") or dets)
  end
  self.set, self.poster_set = set, poster
  return set, poster
end

-- The same evaluation with other frames.
function stored.with_frames(self, frames)
  local other = {}
  for key, value in pairs(self) do other[key] = value end
  other.frames, other.set, other.poster_set = frames, nil, nil
  return stored.new(other)
end

-- The set that a protocol is computed on.
function Stored:set_for(protocol)
  local set, poster = self:sets()
  return protocol == "poster" and poster or set
end

-- The rows of results.json, one for each protocol (default: those that it was evaluated by).
function Stored:rows(protocols)
  local rows = {}
  local about = { split = self.split, stage = self.stage, classes = self.classes }
  for i, name in ipairs(protocols or self.protocols) do
    local o = { protocol = { name } }
    for key, value in pairs(self.options) do o[key] = value end
    rows[i] = eval.rows(self:set_for(name), o, about)[1]
    rows[i].images = #self.frames
  end
  return rows
end

-- A protocol's figures on resamples of the frames (core.eval_set's), and the names of the classes.
function Stored:resampler(protocol)
  return eval.resampler(protocol, self:set_for(protocol), self.options, { classes = self.classes })
end

-- ---- pooled ----------------------------------------------------------------------------------------------------------------

-- Plain data as text, whatever the order of its keys: equal texts, equal data.
local function text(value)
  if type(value) ~= "table" or next(value) == nil then return "nothing" end
  return core.json.encode(value)
end

-- What two evaluations must share to be put side by side; a sentence where they do not, else nil.
local MUST = {
  { "data", function(s) return s.data.name end, "other data" }, { "map", function(s) return text(s.classes) end, "another class map" },
}
for _, protocol in ipairs { "voc", "coco", "poster" } do
  table.insert(MUST, { protocol, function(s) return text(s.options[protocol]) end, ("other options of %s"):format(protocol) })
end

local function said(key, self)
  if key == "data" then return ("data=%s"):format(tostring(self.data.name)) end
  if key ~= "map" then return text(self.options[key]) end
  local list = {}
  for i, class in ipairs(self.classes or {}) do list[i] = type(class) == "table" and class.name or class end
  return ("map %s, classes %s"):format(tostring(self.map), table.concat(list, ", "))
end

-- Why the two cannot be put side by side or pooled: what differs, and how, for a sentence; nil where nothing does.
function stored.differ(a, b)
  for _, must in ipairs(MUST) do
    if must[2](a) ~= must[2](b) then return must[3], said(must[1], a), said(must[1], b) end
  end
end

-- The frames of several evaluations as one. Errors: an empty list; data, class maps, options of protocols or the networks' classes that
-- differ; a frame that occurs twice.
function stored.pool(list, stage)
  if type(list) ~= "table" or #list == 0 then error("stored.pool: expected a list of stored evaluations, got none", 2) end
  local first, frames, has, names = list[1], {}, {}, {}
  for i, self in ipairs(list) do
    local what, a, b = stored.differ(first, self)
    if what then error(("stored.pool: evaluation %d was made with %s: %s, and the first with %s"):format(i, what, b, a), 2) end
    if text(self.labels) ~= text(first.labels) then
      error(("stored.pool: evaluation %d is of a network with other attributes than the first"):format(i), 2)
    end
    if text(self.names) ~= text(first.names) then
      error(("stored.pool: evaluation %d is of a network with other classes than the first"):format(i), 2)
    end
    for _, frame in ipairs(self.frames) do
      if has[frame.id] then
        error(("stored.pool: frame %s is in evaluations %d and %d: expected each frame once"):format(frame.id, has[frame.id], i), 2)
      end
      has[frame.id], frames[#frames + 1] = i, frame
    end
    names[i] = self.split
  end
  local pooled = { frames = frames, stage = stage or first.stage, split = table.concat(names, "+") }
  for _, key in ipairs { "data", "map", "names", "classes", "protocols", "labels", "options" } do pooled[key] = first[key] end
  return stored.new(pooled)
end

return stored
