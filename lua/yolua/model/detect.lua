-- yl.detect(model, images, o, callback): images stream through the loader into an inference plan; boxes come back in order.
-- model:detect(picture, o): one picture in memory.
local batches = require "yolua.data.batches"
local check_call = require "yolua.options.callback"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local structs = require "yolua.options.structs"
local terminal = require "yolua.terminal"

local detect = {}
local BATCH = structs.field("loader", "batch")[3]

-- A list of detections prints as a table: class, score, corners.
local Detections = { __name = "detections" }

function Detections:__tostring()
  if #self == 0 then return "no objects" end
  local columns, rows = { { "class" }, { "score", right = true } }, {}
  for i, name in ipairs { "x1", "y1", "x2", "y2" } do columns[i + 2] = { name, right = true } end
  for i, d in ipairs(self) do
    rows[i] = { d.class, ("%.3f"):format(d.score) }
    for k = 1, 4 do rows[i][k + 2] = ("%.1f"):format(d.box[k]) end
  end
  return table.concat(terminal.columns(columns, rows), "\n")
end

-- The plan's detections of one image, with names for class numbers.
local function named(found, names)
  for _, d in ipairs(found) do d.class = names[d.class] end
  return setmetatable(found, Detections)
end

-- The options of model:detect.
local check = options.declare("net:detect", fields.get {
  structs.field("detect", "conf"), "suppression", fields.pick("eval", "resize"), "size", structs.field("detect", "clip"),
})

-- What a table of options says of how boxes are chosen.
function detect.view(o)
  local view = { conf = rawget(o, "conf"), clip = rawget(o, "clip") }
  for _, field in ipairs(fields.groups.suppression) do view[field[1]] = rawget(o, field[1]) end
  return view
end

-- What model:detect does; see there.
function detect.picture(model, picture, o)
  o = check(o)
  if type(picture) == "string" then picture = require "yolua.data.image"(picture) end
  local size = input.of(model, o)
  local plan = model:plan { mode = "infer", batch = 1, h = size.h, w = size.w }
  local view = detect.view(o)
  view.resize = size.resize
  local found = plan:predict(picture, view)
  return named(found, model.names)
end

-- Hands out what was found on a batch, image by image.
local function give(model, batch, found, o, callback)
  local indices, sizes, failures = batch:indices(), batch.sizes and batch:sizes() or {}, o.on_bad and batch:failures() or {}
  for k = 1, batch.count do
    local lists = {}
    for v = 1, #o.views do lists[v] = named(found[v][k], model.names) end
    lists[#o.views + 1] = sizes[k]
    if failures[k] then o.on_bad(indices[k], failures[k]) else callback(indices[k], table.unpack(lists)) end
  end
end

-- Detections of every image of a source (yolua.batches), once, in its order; o: views, w, h, and `slots` where short batches run in
-- plans of that size. callback and the value: detect.stream's.
function detect.source(model, source, o, callback)
  local stats = { images = 0, seconds = 0 }
  for batch in source:epoch(0) do
    local started, found = core.system.clock(), {}
    local plan = model:plan { mode = "infer", part = source.part, batch = o.slots or batch.count, h = o.h, w = o.w }
    source:feed(plan, batch)
    plan:forward()
    for v, view in ipairs(o.views) do found[v] = source:detect(plan, batch, view) end
    stats.seconds = stats.seconds + core.system.clock() - started
    give(model, batch, found, o, callback)
    stats.images = stats.images + batch.count
  end
  if stats.images < source.size then
    core.system.clear_interrupt()
    error(("stopped by the user after %d of %d images"):format(stats.images, source.size), 0)
  end
  stats.infer_ms = stats.images > 0 and 1e3 * stats.seconds / stats.images or nil
  return stats
end

-- model: of yl.load. images: paths, or frames with an `image`. o: conf (lowest score), iou, nms and vote (of suppression), clip (boxes
-- to the image), resize ("letterbox" or "stretch"), imgsz ({w, h}), batch, workers, strict; or `views`, a list of {conf, iou, nms, vote,
-- clip, one_class, agnostic, max, origin}, one detection list each out of the same pass.
-- upright: pictures are turned by their EXIF orientation. on_bad(i, sentence): called for a picture that cannot be read, which then fails
-- nothing else.
-- callback(i, detections [, detections of the second view ...], {width, height}): of the i-th image, in list order; a detection is
-- {class = name, score, box = {x1, y1, x2, y2}} in pixels of the original image, by falling score.
-- Returns {images, seconds (of network and boxes, without decoding), infer_ms (per image)}.
function detect.stream(model, images, o, callback)
  check_call.model("yl.detect", model)
  check_call.argument(type(images) == "table", "yl.detect", "a list of images as its second argument", images)
  check_call.argument(type(o) == "table", "yl.detect", "a table of options as its third argument", o)
  check_call.argument(type(callback) == "function", "yl.detect", "a function as its fourth argument", callback)
  if model.c ~= 3 then error(("%s: the network takes %d channels, pictures have 3"):format(model.path, model.c), 2) end
  if #images == 0 then return { images = 0, seconds = 0 } end
  local size = input.of(model, o)
  local batch = math.min(o.batch or BATCH, #images)
  local source <close> = batches.pictures { images = images, batch = batch, w = size.w, h = size.h, resize = size.resize,
    workers = o.workers, strict = o.strict, upright = o.upright, told = o.on_bad ~= nil, net = model.net }
  local views = o.views or { detect.view(o) }
  return detect.source(model, source, { views = views, w = size.w, h = size.h, slots = batch, on_bad = o.on_bad }, callback)
end

-- Frames of a stream (core.stream), one by one as they come. o: conf, iou, nms, vote, clip, resize, imgsz, upright as above.
-- callback(number, image, detections), or callback(number, nil, nil, sentence) for a frame that cannot be read. Returns how many there
-- were, broken ones too. Errors: the user asked to stop (which is told with the number of frames), no stream of a known kind.
function detect.frames(model, stream, o, callback)
  local how, warned = detect.view(o), false
  how.resize, how.imgsz = o.resize, o.imgsz
  while not stream:over() do
    local ok, image, note = pcall(stream.next, stream, o.upright)
    if core.system.interrupted() then
      core.system.clear_interrupt()
      error(("stopped by the user after %d frames"):format(ok and image and stream:frame() - 1 or stream:frame()), 0)
    end
    if not ok then error(image, 0) end
    local _ <close> = image
    if not image and not note then break end
    if not image and stream:frame() == 0 then error(note, 0) end -- nothing that could be a frame
    if not image then callback(stream:frame(), nil, nil, note)
    else
      if note > 1 and not o.upright and not warned then
        core.system.warn(("frame %d has an EXIF orientation (%d), which is ignored: exif=apply turns it"):format(stream:frame(), note))
        warned = true
      end
      callback(stream:frame(), image, detect.picture(model, image, how))
    end
  end
  return stream:frame()
end

return setmetatable(detect, { __call = function(_, ...) return detect.stream(...) end })
