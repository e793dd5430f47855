-- Runs a model over a list of frames and scores what it finds by the protocols asked for. Behind run:eval and `yolua val`.
local anchors = require "yolua.eval.anchors"
local batches = require "yolua.data.batches"
local attributes = require "yolua.options.attributes"
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local detect = require "yolua.model.detect"
local eval = require "yolua.eval.protocols"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local ranks = require "yolua.ranks"
local progress = require "yolua.terminal.progress"
local stored = require "yolua.eval.stored"
local top1 = require "yolua.eval.top1"

local score = {
  drawn = 12,   -- frames whose detections are kept for pictures
  conf = 0.005, -- lowest score of a detection that counts, unless the options say otherwise
}

-- The poster's metric looks at one class a box, at score 0.5 and more, suppressed whatever the class.
local poster_view = { conf = 0.5, iou = 0.5, one_class = true, agnostic = true }

-- The protocols of the options; else all four where labels are KITTI's, and COCO's and VOC's where they are not; and `attributes` for a
-- network that predicts some, on data that have labels of them. Errors: `attributes` is asked for, and these are missing. A run's stages
-- (`one_of_several`) may differ in what they predict: those without attributes then have no such row.
function score.protocols(o, data, model, one_of_several)
  local asked, has, list = rawget(o, "protocol"), model and attributes.of_model(model) or {}, {}
  for _, name in ipairs(asked or {}) do
    if name == "attributes" and not data.set.labels_attributes then
      error(("protocol=attributes: data=%s has no labels of them"):format(data.name), 0)
    end
    if name ~= "attributes" or #has > 0 then list[#list + 1] = name end
  end
  if asked and #list < #asked and (#list == 0 or not one_of_several) then
    error(("protocol=attributes: %s predicts none"):format(model.path), 0)
  end
  if #list > 0 then return list end
  if not (data.name == "kitti" or data.name == "synthetic") then return { "coco", "voc" } end
  return #has > 0 and eval.all or eval.protocols
end

-- Whether the model's cfg and weights came apart, so that they may not belong together, and nobody has looked yet.
local function unmeasured(model) return model.pretrained and not model.notes and not model.anchors_fit end

-- What is drawn of a frame later.
local function keep_drawn(seen, data, frame, model, upright, found)
  seen.frames[#seen.frames + 1] = { id = frame.id, image = frame.image, upright = upright, truths = data:mapped(frame, model.names),
    dets = found }
end

-- One pass over the list: each frame with its truths, what every protocol sees of it, and what the poster's does. Returns {frames, set,
-- poster_set} of yolua.eval.stored, and how they were looked at.
local function look(model, list, o, seen, more)
  local data, frames, numbers = list.data, {}, stored.numbers(model.names)
  local drives, set, poster, labels = data:drives(), core.eval_set(), core.eval_set(), attributes.labels(model)
  local function get(key) return rawget(o, key) end -- a table of options refuses keys that it lacks
  local from = get "data" or {}
  local view = detect.view(o)
  view.conf, view.clip = view.conf or score.conf, view.clip == true -- a training's `clip` is a number: its gradient's largest norm
  local fit = unmeasured(model) and anchors.new(model) or nil
  local size = input.of(model, o, more.size)
  local pass = { views = { view, poster_view, fit and anchors.view }, resize = size.resize, imgsz = { size.w, size.h }, batch = get "batch",
    workers = from.workers, strict = from.strict ~= false, upright = data.options.exif == "apply" }
  local bar <close> = progress.new { label = "split " .. list.name, total = #list.frames }
  local function each(i, found, poster_found, fit_found)
    local frame = list.frames[i]
    bar:update(i)
    local truths = data:rows(frame, model.names)
    set:add(frame.id, truths, found)
    poster:add(frame.id, truths, poster_found)
    frames[i] = { id = frame.id, drive = drives[frame.id], truths = truths, dets = stored.pack(found, numbers, labels),
      poster = stored.pack(poster_found, numbers, labels) }
    if fit then fit:add(data:mapped(frame, model.names), fit_found) end
    if i <= score.drawn then keep_drawn(seen, data, frame, model, pass.upright, found) end
  end
  local stats = more.source and detect.source(model, more.source, { views = pass.views, w = size.w, h = size.h }, each)
    or detect(model, list.frames, pass, each)
  seen.infer_ms, seen.images, seen.seconds, seen.input = stats.infer_ms, stats.images, stats.seconds, size
  if fit then model.anchors_fit = fit:warn() end
  return { frames = frames, set = set, poster_set = poster },
    { conf = view.conf, iou = view.iou, nms = view.nms, vote = view.vote, clip = view.clip, w = size.w, h = size.h, resize = size.resize }
end

-- The protocols' own options; a data set that marks difficult objects has them forgiven unless the call says otherwise.
local function protocol_options(o, set, out)
  for _, key in ipairs { "voc", "coco", "poster" } do
    out[key] = {}
    for name, value in pairs(rawget(o, key) or {}) do out[key][name] = value end
  end
  local said = getmetatable(o) and options.explicit(o, "voc.difficult")
  if set.difficult and not said then out.voc.difficult = set.difficult end
  out.curves = rawget(o, "curves") or nil
  return out
end

-- Refuses a call of `who` (run:eval, say) with other things than a model and a split.
function score.check(who, model, list)
  callback.model(who, model)
  local good = type(list) == "table" and type(list.frames) == "table" and list.data
  callback.argument(good, who, "a split (data.dev, data:list \"dev\")", list)
end

-- Of pictures with a class each: the row top1.
local function classified(model, list, more)
  local source = more.source or batches.pixels { list = list, pixels = list.data.source.pixels, data = list.data, names = model.names,
    batch = top1.batch, seed = 1, train = false }
  local row, stats = top1.score(model, list, source)
  row.protocol, row.split, row.stage, row.images = "top1", list.name, more.stage or core.null, row.n
  return { row }, { frames = {}, infer_ms = stats.infer_ms, images = stats.images, seconds = stats.seconds,
    input = { w = model.w, h = model.h, resize = model.resize } }
end

-- model: of yl.load; list: a split of yl.data; o: conf, iou, nms, vote, resize, imgsz, batch, protocol, and the protocols' own options.
-- The first time that it scores a model whose weights were loaded, it warns of anchors that are not theirs (yolua.eval.anchors).
-- more: stage, one_of_several (stages), protocols and size ({imgsz}), both instead of o's, source (of the list's images: yolua.batches).
-- Returns the rows of results.json, and what a report draws: {frames = {{id, image, truths, dets}}, curves = {class -> precision and
-- recall}, infer_ms, images, seconds, input = {w, h, resize}, stored = what it was computed from (yolua.eval.stored)}.
local function run(model, list, o, more)
  local seen, data = { frames = {} }, list.data
  data:follow(model)
  if data.source.pixels then return classified(model, list, more) end
  local protocols = more.protocols or score.protocols(o, data, model, more.one_of_several)
  local looked, how = look(model, list, o, seen, more)
  local map = data:map(model.names)
  local self = stored.new { stage = more.stage, split = list.name, data = { name = data.name, hash = more.hash }, map = map.name,
    names = model.names, classes = map.classes, protocols = protocols, labels = attributes.labels(model),
    options = protocol_options(o, data.set, how), frames = looked.frames, set = looked.set,
    poster_set = looked.poster_set }
  local rows, set = self:rows(), self:set_for "voc"
  seen.curves, seen.confusion, seen.stored = set:curves { classes = map.classes }, set:confusion { classes = map.classes }, self
  return rows, seen
end

-- Of several ranks the first one does it; the others are given the rows, and nothing to draw.
function score.run(model, list, o, more)
  score.check("eval.score", model, list)
  local seen = { frames = {} }
  local rows = ranks.first(function()
    local rows, own = run(model, list, o, more)
    seen = own
    return rows
  end)
  return rows, seen
end

return setmetatable(score, { __call = function(_, ...) return score.run(...) end })
