-- `yolua predict`: detections on one image, a folder of images, or the images that a list names.
local core = require "yolua.core"
local yl = require "yolua"
local fields = require "yolua.fields"
local schema = require "yolua.schema"
local needs = require "yolua.needs"

local function is_image(name)
  local ending = name:lower():match "%.(%w+)$"
  return ending == "jpg" or ending == "jpeg" or ending == "png"
end

local function of_folder(folder)
  local list = {}
  for _, name in ipairs(core.files.list(folder)) do
    if is_image(name) then list[#list + 1] = folder:gsub("/+$", "") .. "/" .. name end
  end
  if #list == 0 then error(("predict: %s holds no image (.jpg, .jpeg, .png)"):format(folder), 0) end
  return list
end

-- A list's lines are paths, from where the program runs or from the list's folder.
local function of_list(path)
  local list, folder = {}, path:match "^(.*/)[^/]*$" or ""
  for i, item in ipairs(core.labels.list(path)) do
    local found = core.files.kind(item) and item or core.files.kind(folder .. item) and folder .. item
    if not found then error(("%s: entry %d: there is no image %s"):format(path, i, item), 0) end
    list[i] = found
  end
  if #list == 0 then error(("predict: the list %s names no image"):format(path), 0) end
  return list
end

local function images_of(source)
  if not source then error(schema.usage "yolua predict: option 'source' is missing, expected an image, a folder or a list (.txt)") end
  local kind = core.files.kind(source)
  if not kind then error(("predict: there is no file or folder %s"):format(source), 0) end
  if kind == "folder" then return of_folder(source) end
  return source:lower():find "%.txt$" and of_list(source) or { source }
end

local function stem(path) return (path:match "([^/]*)$":gsub("%.%w+$", "")) end

-- out=FOLDER: each picture with its boxes, as OUT/STEM.png; nothing there is overwritten.
local function draw(result, folder)
  local list, name, number = {}, stem(result.image), 1
  for i, d in ipairs(result.detections) do list[i] = { box = d.box, role = "found", label = ("%s %.2f"):format(d.class, d.score) } end
  local path = ("%s/%s.png"):format(folder, name)
  while core.files.kind(path) do
    number = number + 1
    path = ("%s/%s-%d.png"):format(folder, name, number)
  end
  core.image.load(result.image):draw(list):save(path)
end

local function run(o)
  local images = images_of(o.source)
  local model = needs.network(o)
  if o.out then core.files.make_folder(o.out) end
  local results = {}
  yl.detect(model, images, { conf = o.conf, iou = o.iou, clip = o.clip, resize = o.resize, imgsz = o.imgsz, batch = o.batch },
    function(i, detections)
      local width, height = core.image.probe(images[i])
      results[i] = { image = images[i], width = width, height = height, detections = detections }
      if o.out then draw(results[i], o.out) end
    end)
  return results
end

local function show(results)
  for _, result in ipairs(results) do
    print(("%s %dx%d: %d objects"):format(result.image, result.width, result.height, #result.detections))
    local body = {}
    for i, d in ipairs(result.detections) do
      body[i] = { "  " .. d.class, ("%.3f"):format(d.score), ("%.1f"):format(d.box[1]), ("%.1f"):format(d.box[2]),
        ("%.1f"):format(d.box[3]), ("%.1f"):format(d.box[4]) }
    end
    if #body > 0 then print(table.concat(require("yolua.tables").align({ "  class", "score", "x1", "y1", "x2", "y2" }, body), "\n")) end
  end
end

return {
  help = "find objects in images",
  fields = {
    "model",
    { "source", "string", nil, "", "an image, a folder of images, or a list of them (.txt)",
      aliases = { "image", "images", "input", "src" } },
    fields.pick("eval", "conf"), fields.pick("eval", "iou"), fields.pick("eval", "resize"), "size",
    { "clip", "bool", false, "", "cut boxes off at the image's border" },
    { "batch", "int", 8, "images", "images per forward pass", min = 1, max = 65536, aliases = { "batch_size", "bs" } },
    { "out", "string", nil, "", "a folder for the pictures with their boxes", aliases = { "project", "save_dir", "output" } },
    fields.pick("run", "device"), fields.pick("run", "threads"), fields.pick("run", "json"),
  },
  defaults = { conf = 0.25 },
  run = run, show = show,
}
