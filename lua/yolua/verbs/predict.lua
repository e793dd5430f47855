-- `yolua predict`: detections on one image, a folder of images, the images that a list names, or the frames of a stream; each is given
-- as it comes.
local conf = require "yolua.report.conf"
local core = require "yolua.core"
local drawn = require "yolua.predict.drawn"
local fields = require "yolua.options.fields"
local give = require "yolua.predict.give"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local inputs = require "yolua.cli.inputs"
local pictures = require "yolua.data.pictures"
local progress = require "yolua.terminal.progress"
local schema = require "yolua.options.schema"
local source = require "yolua.predict.source"
local structs = require "yolua.options.structs"
local detect = require "yolua.model.detect"

local CONF = structs.field("detect", "conf")[3]

local function wanted(o)
  local how = detect.view(o)
  how.resize, how.imgsz, how.upright = rawget(o, "resize"), o.imgsz, o.exif == "apply"
  return how
end

-- Every picture file, in order. Returns what could not be read.
local function of_files(o, model, images, put, bar)
  local faults, how = pictures.faults(), wanted(o)
  how.batch = o.batch
  function how.on_bad(i, sentence)
    faults:add(sentence, pictures.fault(images[i]))
    put { image = images[i], error = sentence }
  end
  detect.stream(model, images, how, function(i, detections, size)
    if o.out then
      local image <close> = core.image.load(images[i], how.upright)
      drawn.write(image, images[i], detections, o.out, o.pictures)
    end
    put { image = images[i], width = size[1], height = size[2], detections = detections }
    if bar then bar:update(i) end
  end)
  return faults:text(#images)
end

-- Every frame, until the stream ends or the user asks to stop.
local function of_stream(o, model, text, put)
  local faults, how = pictures.faults(), wanted(o)
  local frames <close> = core.stream(text, { matrix = o.matrix })
  local count = detect.frames(model, frames, how, function(number, image, detections, sentence)
    if sentence then
      faults:add(sentence)
      put { frame = number, error = sentence }
      return
    end
    put { frame = number, width = image:w(), height = image:h(), detections = detections }
    if o.out then drawn.write(image, ("frame-%06d"):format(number), detections, o.out, o.pictures) end
  end)
  return faults:text(count, "frames")
end

local function check_stream(o)
  if o.json == "true" then
    error(schema.usage "yolua predict: a stream may have no end, and json=true is one document: expected json=lines", 0)
  end
  if require("yolua.options.table").explicit(o, "batch") and o.batch ~= 1 then
    error(schema.usage("yolua predict: a stream is answered frame by frame: expected batch=1, got batch=" .. o.batch), 0)
  end
end

-- Returns the list for json=true, and a sentence of what could not be read.
local function run(o, out)
  local text, kept = source.of(o), {}
  local is_stream = source.is_stream(text)
  if is_stream then check_stream(o) end
  local images = not is_stream and source.files(text)
  local model = inputs.network(o)
  local told = not o.conf and model.conf and conf.text(model)
  local follows = conf.follow(model, o)
  if not o.conf then options.set(o, "conf", conf.default(model) or CONF, { where = "default" }) end
  if o.out then core.files.make_folder(o.out) end
  local json = rawget(o, "json")
  local shows = not json and images and #images > 1 and core.files.is_terminal()
  local bar <close> = shows and progress.new { label = "predict", total = #images } or nil
  local put = give.by(json, out, kept, bar)
  local complaint, said
  local function tell(result)
    if not said and result.detections then
      input.say(model, o)
      if told and not json then print(told) end
      if follows and not json then print(follows) end
      said = true
    end
    put(result)
  end
  if is_stream then complaint = of_stream(o, model, text, tell) else complaint = of_files(o, model, images, tell, bar) end
  return json == "true" and kept or nil, complaint and "predict: " .. complaint
end

return {
  help = "find objects in images, or in the frames of a stream",
  fields = {
    "model",
    { "source", "string", nil, "", "an image, a folder of images, a list of them (.txt); a stream of JPEG or PNG pictures or of yuv4mpeg: "
      .. "- (standard input), a pipe, or a file .mjpeg or .y4m", aliases = { "image", "images", "input", "src" } },
    structs.field("detect", "conf", { default = structs.NONE,
      help = "lowest score of a detection (default: the checkpoint's best threshold, else " .. CONF .. ")" }),
    "suppression", fields.pick("eval", "resize"), "size", structs.field("detect", "clip"),
    structs.field("loader", "exif", { help = "apply: turn pictures as their EXIF orientation says; boxes are those of the turned "
      .. "pictures" }),
    structs.field("stream", "matrix"),
    structs.field("loader", "batch", { help = "images per forward pass (a stream's frames are processed one by one)" }),
    { "out", "string", nil, "", "a folder for the pictures with their boxes", aliases = { "project", "save_dir", "output" } },
    { "pictures", "enum", "jpeg", "", "their file format", choices = { "jpeg", "png" } },
    fields.pick("run", "device"), fields.pick("run", "threads"), fields.pick("run", "precision"), fields.pick("run", "tf32"),
    { "json", "enum", nil, "", "true: one JSON document on standard output; lines: one for each image or frame, a line each, as they come",
      choices = { "true", "false", "lines" } },
  },
  run = run,
}
