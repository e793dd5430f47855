-- The first test of a detector and its data: trains on one batch until it is learned, and says which head, class or box does not get there,
-- and why that may be. What cannot be learned from four frames will not be learned from four thousand.
local detect = require "yolua.model.detect"
local input = require "yolua.model.input"
local iou = require "yolua.data.overlap".iou
local shapes = require "yolua.doctor.shapes"
local trainer = require "yolua.train.trainer"

local overfit = {}

local LOOK <const> = 25      -- steps between two looks at what is found
local SCORE <const>, OVERLAP <const> = 0.25, 0.5 -- of a box that counts as learned
local FALLEN <const> = 0.2   -- of a part's first loss: more than that is left where it was not learned

overfit.fields = {
  { "overfit", "bool", false, "", "train on one batch until it is learned, and say what does not get there", aliases = { "sanity" } },
  { "batch", "int", 4, "images", "overfit=true: frames of that batch", min = 1, max = 1024, aliases = { "batch_size", "bs" } },
  { "steps", "int", 300, "steps", "overfit=true: how long to try", min = 1, max = 1000000 },
  { "lr", "number", 1e-3, "1/step", "overfit=true: learning rate (of Adam)", min = 0, max = 1e3 },
  { "freeze", "list", "none", "", "overfit=true: none, body, or layer names with globs (conv1*)" },
}

-- The first frames of the training split (or of data.split=) with objects that the network has a class for, as a list of the data.
local function choose(data, names, count)
  local whole, frames = data.options.split and data:list() or data.train, {}
  for _, frame in ipairs(whole.frames) do
    local useful = false
    for _, row in ipairs((data:truth(frame, names))) do useful = useful or row[6] == 0 end
    if useful and frame.image and #frames < count then frames[#frames + 1] = frame end
  end
  if #frames == 0 then
    error(("doctor: no frame of %s has an object of the network's classes: there is nothing to learn"):format(whole.name), 0)
  end
  return setmetatable({ name = whole.name, frames = frames, data = data }, getmetatable(whole))
end

-- The objects to learn: {frame, number (in its frame), class, box, found}.
local function objects_of(data, list, names)
  local out = {}
  for _, frame in ipairs(list.frames) do
    local number = 0
    for _, truth in ipairs(data:mapped(frame, names)) do
      if not truth.ignore and not truth.neighbour then
        number = number + 1
        out[#out + 1] = { frame = frame, number = number, class = truth.class, box = truth.box }
      end
    end
  end
  return out
end

-- Marks the objects that the network finds: a box of the class over each, none for two. Returns how many.
local function look(model, list, objects, o)
  local found, count = {}, 0
  detect(model, list.frames, { conf = SCORE, resize = o.resize, imgsz = o.imgsz, workers = 0 }, function(i, dets)
    found[list.frames[i]] = dets
  end)
  for _, object in ipairs(objects) do
    object.found, object.best = false, 0
    for _, d in ipairs(found[object.frame]) do
      local overlap = iou(d.box, object.box)
      if overlap > object.best and d.class == object.class then object.best = overlap end
      if overlap >= OVERLAP and d.class == object.class and not d.taken and not object.found then object.found, d.taken = true, true end
    end
    count = count + (object.found and 1 or 0)
  end
  return count
end

local function copy(parts)
  local out = {}
  for head, list in pairs(parts) do
    out[head] = {}
    for part, value in pairs(list) do out[head][part] = value end
  end
  return out
end

-- Steps until everything is found, or for as long as is allowed.
local function train(model, list, objects, o, progress)
  local data = list.data
  rawset(data, "train", list)
  rawset(data, "dev", setmetatable({ name = "none", frames = {}, data = data }, getmetatable(list)))
  local t <close> = trainer { net = model, data = data, options = { epochs = o.steps, batch = #list.frames, freeze = o.freeze,
    resize = o.resize, imgsz = o.imgsz, optim = { name = "adam", lr = o.lr }, data = { features = 0, workers = 0 } } }
  local first, found = nil, 0
  for step = 1, o.steps do
    t:step()
    first = first or copy(t.parts)
    progress("training", step, o.steps)
    if step % LOOK == 0 or step == o.steps then
      found = look(model, list, objects, o)
      if found == #objects then break end
    end
  end
  return { first = first, last = copy(t.parts), steps = #list.frames > 0 and t.epoch or 0, found = found }
end

-- Of each head and part: its loss per image at the first and the last step, and whether it fell.
local function losses(run, images)
  local out = {}
  for head, parts in pairs(run.last) do
    for part, value in pairs(parts) do
      local before = run.first[head] and run.first[head][part] or 0
      out[#out + 1] = { head = head, part = part, first = before / images, last = value / images,
        learned = value <= FALLEN * before or value / images < 0.01 }
    end
  end
  table.sort(out, function(a, b) return a.head < b.head or a.head == b.head and a.part < b.part end)
  return out
end

local function classes_of(objects)
  local out, at = {}, {}
  for _, object in ipairs(objects) do
    local c = at[object.class]
    if not c then
      c = { class = object.class, objects = 0, found = 0 }
      at[object.class], out[#out + 1] = c, c
    end
    c.objects, c.found = c.objects + 1, c.found + (object.found and 1 or 0)
  end
  table.sort(out, function(a, b) return a.class < b.class end)
  return out
end

-- The heads whose last convolution is frozen.
local function frozen_heads(model)
  local frozen, out = {}, {}
  for _, range in ipairs(model.net:ranges()) do frozen[range.name] = range.frozen end
  for _, head in ipairs(model.heads) do
    if frozen[head.conv .. ".weight"] then out[#out + 1] = head.name end
  end
  return out
end

-- model: yl.load's; data: a yl.data of its own, whose lists this replaces; o: batch, steps, lr, freeze, resize, imgsz. Returns {model,
-- split, images, steps, objects, found, losses = {{head, part, first, last, learned}}, classes = {{class, objects, found}}, missing =
-- {{frame, class, box, reasons}}, frozen = {names of heads}}. The model is trained and of no further use.
function overfit.run(model, data, o, progress)
  local list = choose(data, model.names, o.batch)
  data:follow(model)
  model:freeze(o.freeze)
  local objects, size = objects_of(data, list, model.names), input.of(model, o)
  local frozen = frozen_heads(model) -- as asked for: the training may say otherwise
  local run = train(model, list, objects, o, progress)
  local missing = {}
  for _, object in ipairs(objects) do
    if not object.found then
      missing[#missing + 1] = { frame = object.frame.id, class = object.class, box = object.box,
        reasons = shapes.reasons(model, size, objects, object) }
    end
  end
  return { model = model.path, split = list.name, images = #list.frames, steps = run.steps, objects = #objects, found = run.found,
    losses = losses(run, #list.frames), classes = classes_of(objects), missing = missing, frozen = frozen }
end

-- Whether something was not learned.
function overfit.faulty(result) return result.found < result.objects end

-- ---- as text ---------------------------------------------------------------------------------------------------------------

-- The result as lines for a person.
function overfit.lines(result)
  local tables, out = require "yolua.report.tables", {}
  out[1] = ("overfit: %d of %d objects in %d frames of %s are found after %d steps"):format(result.found, result.objects, result.images,
    result.split, result.steps)
  local body = {}
  for i, l in ipairs(result.losses) do
    body[i] = { "  " .. l.head, l.part, ("%.4f"):format(l.first), ("%.4f"):format(l.last), l.learned and "learned" or "not learned" }
  end
  table.move(tables.align({ "  head", "loss", "first step", "last step", "" }, body), 1, #body + 1, 2, out)
  for _, head in ipairs(result.frozen) do
    out[#out + 1] = ("  %s: its last convolution is frozen (freeze=): it cannot learn"):format(head)
  end
  for _, c in ipairs(result.classes) do
    if c.found < c.objects then out[#out + 1] = ("  class %s: %d of %d found"):format(c.class, c.found, c.objects) end
  end
  for _, m in ipairs(result.missing) do
    out[#out + 1] = ("  not found: %s in frame %s, box %.0f %.0f %.0f %.0f: %s"):format(m.class, m.frame, m.box[1], m.box[2], m.box[3],
      m.box[4], #m.reasons > 0 and table.concat(m.reasons, "; ")
        or "nothing in its shape or place explains it (steps= and lr= give it more time)")
  end
  return out
end

return overfit
