-- `yolua anchors`: clusters the boxes of a data set into anchors, as Darknet's calc_anchors does, and says what they are worth.
local kmeans = require "yolua.data.kmeans"
local fields = require "yolua.options.fields"
local splits = require "yolua.data.splits"
local inputs = require "yolua.cli.inputs"

-- How an image's pixels scale to the input's: {x, y}. Letterbox keeps the aspect.
local function scale(frame, w, h, resize)
  if not frame.width then error(("the size of frame '%s' is not known: it has no image"):format(frame.id), 0) end
  local sx, sy = w / frame.width, h / frame.height
  if resize == "letterbox" then return math.min(sx, sy), math.min(sx, sy) end
  return sx, sy
end

-- The sizes {w, h}, in pixels of the input, of the objects of a list.
local function sizes_of(data, list, w, h, resize)
  local sizes, frames = {}, 0
  for _, frame in ipairs(list.frames) do
    local sx, sy = scale(frame, w, h, resize)
    frames = frames + 1
    for _, row in ipairs(data:mapped(frame)) do
      if not row.ignore then sizes[#sizes + 1] = { (row.box[3] - row.box[1]) * sx, (row.box[4] - row.box[2]) * sy } end
    end
  end
  return sizes, frames
end

local function rounded(value) return math.floor(value * 100 + 0.5) / 100 end

local function run(o)
  local data = inputs.data(o, { images = false })
  local w, h, resize = o.imgsz[1], o.imgsz[2], o.resize
  local sizes, frames = sizes_of(data, data:list(o.data.split or (splits.any(data.source) and "train" or "all")), w, h, resize)
  local centres, mean = kmeans.run(sizes, o.k)
  local pixels, cells = {}, {}
  for i, c in ipairs(centres) do
    pixels[i] = { rounded(c[1]), rounded(c[2]) }
    cells[i] = { rounded(c[1] / o.stride), rounded(c[2] / o.stride) }
  end
  return { k = o.k, boxes = #sizes, frames = frames, imgsz = { w, h }, resize = resize, unit = "pixels of the input", anchors = pixels,
    stride = o.stride, anchors_in_cells = cells, mean_best_iou = mean }
end

local function line(list, digits)
  local texts = {}
  for i, a in ipairs(list) do texts[i] = ("%." .. digits .. "f,%." .. digits .. "f"):format(a[1], a[2]) end
  return table.concat(texts, ",  ")
end

local function show(r)
  print(("%d boxes of %d frames, input %dx%d (%s), k = %d"):format(r.boxes, r.frames, r.imgsz[1], r.imgsz[2], r.resize, r.k))
  print("anchors in pixels of the input ([yolo]):   " .. line(r.anchors, 0))
  print(("anchors in cells of %d pixels ([region]): %s"):format(r.stride, line(r.anchors_in_cells, 2)))
  print(("mean IoU of a box with its best anchor: %.4f"):format(r.mean_best_iou))
end

return {
  help = "cluster the boxes of a data set into anchors",
  fields = {
    "data", fields.pick("model", "require"),
    { "k", "int", 5, "", "number of anchors", min = 1, max = 1000, aliases = { "num", "num_of_clusters", "n" } },
    { "imgsz", "size", "416x416", "px", "input size that the anchors are for, width first", min = 8, max = 8192,
      aliases = { "img_size", "size", "input_size" } },
    { "stride", "int", 32, "px", "size of a cell, for anchors in cells", min = 1, max = 1024 },
    { "resize", "enum", "stretch", "", "how an image is fitted to the input size", choices = { "letterbox", "stretch" } },
    fields.pick("run", "json"),
  },
  run = run, show = show,
}
