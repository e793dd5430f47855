-- Images with YOLO's labels, one row `class cx cy w h` an object, as Darknet and Ultralytics keep them: ROOT/images beside
-- ROOT/labels, flat or with a folder for each split. Class names: data.names, ROOT/classes.txt or ROOT/*.names; else the network's.
local core = require "yolua.core"
local files = core.files

local yolo = {
  help = "images with YOLO's labels",
  fields = {
    { "names", "string", nil, "", "class names, one a line (default: classes.txt or *.names in the root, else the network's)" },
  },
}

local Source = {}
Source.__index = Source

local function names_file(o, root)
  if rawget(o, "names") then return o.names end
  for _, name in ipairs(files.list(root)) do
    if name == "classes.txt" or name:find "%.names$" then return root .. "/" .. name end
  end
end

-- o: the options of data=yolo. Errors: no such folder, or no ROOT/images and ROOT/labels.
function yolo.open(o)
  local root = o.root:gsub("(.)/+$", "%1")
  local self = setmetatable({ root = root, images = root .. "/images", label_root = root .. "/labels" }, Source)
  for _, folder in ipairs { self.images, self.label_root } do
    if files.kind(folder) ~= "folder" then
      error(("data: there is no folder %s: expected images and labels in %s"):format(folder, root), 0)
    end
  end
  local path = names_file(o, root)
  self.classes = path and core.labels.list(path) or nil
  self.numbers = {}
  for i = 1, self.classes and #self.classes or 1000 do self.numbers[i] = tostring(i) end
  self.splits = files.kind(root .. "/ImageSets") == "folder" and root .. "/ImageSets" or nil
  return self
end

local function is_image(name)
  local ending = name:lower():match "%.(%w+)$"
  return ending == "jpg" or ending == "jpeg" or ending == "png"
end

-- item: an image's name below ROOT/images ("a.jpg", "train/a.jpg"), with or without its ending, or a path (".../images/train/a.jpg").
function Source:frame(item)
  local below = item:match "^.*/images/(.+)$" or item:match "^images/(.+)$" or item
  local tried = { below, below .. ".jpg", below .. ".png", below .. ".jpeg" }
  for _, name in ipairs(tried) do
    local path = self.images .. "/" .. name
    if files.kind(path) == "file" then
      local id = name:gsub("%.%w+$", "")
      return { id = id, image = path, label = ("%s/%s.txt"):format(self.label_root, id) }
    end
  end
  return nil, ("there is no image %s/%s"):format(self.images, below)
end

local function collect(folder, prefix, out)
  for _, name in ipairs(files.list(folder)) do
    local path = folder .. "/" .. name
    if files.kind(path) == "folder" then collect(path, prefix .. name .. "/", out)
    elseif is_image(name) then out[#out + 1] = prefix .. name end
  end
  return out
end

function Source:all() return collect(self.images, "", {}) end

-- A folder of images is a split of its name.
function Source:split(name)
  local folder = self.images .. "/" .. name
  return files.kind(folder) == "folder" and collect(folder, name .. "/", {}) or nil
end

-- Rows {index (1-based class number), class (its name, where names are known), box, line}. An image without a label file has no objects.
function Source:labels(frame)
  if files.kind(frame.label) ~= "file" then return {} end
  local rows = core.labels.yolo(frame.label, self.numbers, { width = frame.width, height = frame.height })
  for _, row in ipairs(rows) do
    row.index = tonumber(row.class)
    row.class = self.classes and self.classes[row.index] or row.class
  end
  return rows
end

return yolo
