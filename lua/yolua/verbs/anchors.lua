-- `yolua anchors`: clusters the boxes of a data set into anchors, as Darknet's calc_anchors does, and says what they are worth.
local kmeans = require "yolua.data.kmeans"
local fields = require "yolua.options.fields"
local splits = require "yolua.data.splits"
local inputs = require "yolua.cli.inputs"
local sizes_of = require "yolua.data.sizes"
local structs = require "yolua.options.structs"

local function rounded(value) return math.floor(value * 100 + 0.5) / 100 end

local function run(o)
  local data = inputs.data(o, { images = false })
  local w, h, resize = o.imgsz[1], o.imgsz[2], o.resize
  local list = data:list(o.data.split or (splits.any(data.source) and "train" or "all"))
  local sizes = sizes_of(list, nil, w, h, resize)
  local centres, mean = kmeans.run(sizes, o.k)
  local pixels, cells = {}, {}
  for i, c in ipairs(centres) do
    pixels[i] = { rounded(c[1]), rounded(c[2]) }
    cells[i] = { rounded(c[1] / o.stride), rounded(c[2] / o.stride) }
  end
  return { k = o.k, boxes = #sizes, frames = #list.frames, imgsz = { w, h }, resize = resize,
    unit = "pixels of the input", anchors = pixels,
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
    structs.field("loader", "resize"),
    fields.pick("run", "json"),
  },
  run = run, show = show,
}
