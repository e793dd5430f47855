-- Images with YOLO's labels, one row `class cx cy w h` an object, as Darknet and Ultralytics keep them: ROOT/images beside
-- ROOT/labels, flat or with a folder for each split; or all of them in ROOT itself. Class names: data.names, ROOT/data.yaml,
-- ROOT/classes.txt or ROOT/*.names; else the network's. Splits: ROOT/ImageSets/NAME.txt, ROOT/NAME.txt, what data.yaml says, or a folder of
-- images of that name.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local files = core.files

local yolo = {
  help = "images with YOLO's labels",
  fields = {
    { "names", "list", nil, "", "class names, or a file with one a line (default: data.yaml, classes.txt or *.names, else the network's)" },
  },
}

local Source = {}
Source.__index = Source

-- ---- data.yaml -------------------------------------------------------------------------------------------------------------

-- The keys of the root's data.yaml and its path; an empty table where there is none.
local function describe(root)
  for _, name in ipairs { "data.yaml", "data.yml", "dataset.yaml" } do
    local path = root .. "/" .. name
    if files.kind(path) == "file" then
      local keys = core.yaml.decode(core.system.read(path), path)
      if type(keys) ~= "table" then fail("%s: expected keys and values, got '%s'", path, tostring(keys)) end
      return keys, path
    end
  end
  return {}
end

-- names: a list, or a table from the numbers 0, 1, ... to names.
local function listed_names(value, path)
  if type(value) ~= "table" or next(value) == nil then fail("%s: names: expected a list of class names", path) end
  if #value > 0 then return value end
  local names, count = {}, 0
  for key, name in pairs(value) do
    local index = math.tointeger(tonumber(key))
    if not index or index < 0 then fail("%s: names: expected numbers from 0, got '%s'", path, key) end
    names[index + 1], count = name, count + 1
  end
  for i = 1, count do
    if not names[i] then fail("%s: names: class %d is missing among %d", path, i - 1, count) end
  end
  return names
end

local function class_names(o, root, keys, path)
  local given = o.names
  if given and #given == 1 and given[1]:find "[/.]" then return core.labels.list(given[1]) end
  if given and #given > 0 then return given end
  if keys.names then return listed_names(keys.names, path) end
  for _, name in ipairs(files.list(root)) do
    if name == "classes.txt" or name:find "%.names$" then return core.labels.list(root .. "/" .. name) end
  end
end

-- ---- frames ----------------------------------------------------------------------------------------------------------------

local endings = { jpg = true, jpeg = true, png = true }

local function ending(name) return (name:match "%.(%w+)$" or ""):lower() end

-- Images with their labels beside them, as Darknet's tools leave them: no folders `images` and `labels`.
local function is_flat(root)
  if files.kind(root .. "/images") == "folder" or files.kind(root .. "/labels") == "folder" then return false end
  for _, name in ipairs(files.list(root)) do
    if endings[ending(name)] then return true end
  end
  return false
end

-- o: the options of data=yolo. Errors: no such folder, or no images there.
function yolo.open(o)
  local root = o.root:gsub("(.)/+$", "%1")
  local self = setmetatable({ root = root, images = root .. "/images", label_root = root .. "/labels" }, Source)
  if is_flat(root) then self.images, self.label_root = root, root end
  self.blind = o.images == false and files.kind(self.images) ~= "folder"
  for _, folder in ipairs { self.label_root, not self.blind and self.images or nil } do
    if files.kind(folder) ~= "folder" then
      fail("data: there is no folder %s: expected images and labels in %s, or images with their labels beside them", folder, root)
    end
  end
  local path
  self.keys, path = describe(root)
  self.classes = class_names(o, root, self.keys, path)
  self.splits = files.kind(root .. "/ImageSets") == "folder" and root .. "/ImageSets" or nil
  return self
end

-- item: an image's name below ROOT/images ("a.jpg", "train/a.jpg"), with or without its ending, or a path (".../images/train/a.jpg").
local function below_images(item) return item:match "^.*/images/(.+)$" or item:match "^images/(.+)$" or item end

function Source:frame(item)
  local below = below_images(item)
  local id = endings[ending(below)] and below:gsub("%.%w+$", "") or below
  local frame = { id = id, label = ("%s/%s.txt"):format(self.label_root, id) }
  if self.blind then return files.kind(frame.label) == "file" and frame or nil, "there is no label file " .. frame.label end
  for _, name in ipairs { below, id .. ".jpg", id .. ".png", id .. ".jpeg", id .. ".JPG", id .. ".PNG", id .. ".JPEG" } do
    frame.image = self.images .. "/" .. name
    if files.kind(frame.image) == "file" then return frame end
  end
  return nil, ("there is no image %s/%s"):format(self.images, below)
end

-- The names below a folder that `wanted` takes, as prefix and name.
local function collect(folder, prefix, wanted, out)
  for _, name in ipairs(files.list(folder)) do
    local path = folder .. "/" .. name
    if wanted[ending(name)] then out[#out + 1] = prefix .. name
    elseif files.kind(path) == "folder" then collect(path, prefix .. name .. "/", wanted, out) end
  end
  return out
end

function Source:collect(folder)
  local prefix = folder == "" and "" or folder .. "/"
  if not self.blind then return collect(self.images .. "/" .. folder, prefix, endings, {}) end
  local ids = collect(self.label_root .. "/" .. folder, prefix, { txt = true }, {})
  for i, name in ipairs(ids) do ids[i] = name:gsub("%.txt$", "") end
  return ids
end

function Source:all() return self:collect "" end

-- ---- splits ----------------------------------------------------------------------------------------------------------------

-- What data.yaml says of a split, as a path; it is relative to the root.
local function said(self, name)
  local value = self.keys[name]
  if type(value) ~= "string" then return nil end
  local path = value:sub(1, 1) == "/" and value or self.root .. "/" .. value:gsub("^%./", "")
  return path, files.kind(path)
end

function Source:split_file(name)
  local own = ("%s/%s.txt"):format(self.root, name)
  if files.kind(own) == "file" then return own end
  local path, kind = said(self, name)
  return kind == "file" and path or nil
end

-- A folder of images is a split of its name.
function Source:split(name)
  local path, kind = said(self, name)
  local folder = kind == "folder" and below_images(path:gsub("/+$", "")) or name
  local top = self.blind and self.label_root or self.images
  return files.kind(top .. "/" .. folder) == "folder" and self:collect(folder) or nil
end

-- Label files whose picture is not there.
function Source:orphans()
  local out, has = {}, {}
  if self.blind then return out end
  for _, item in ipairs(self:all()) do has[(item:gsub("%.%w+$", ""))] = true end
  for _, name in ipairs(collect(self.label_root, "", { txt = true }, {})) do
    if not has[(name:gsub("%.txt$", ""))] then out[#out + 1] = self.label_root .. "/" .. name end
  end
  return out
end

-- Splits outside ImageSets: those of data.yaml, lists of the usual names in the root, folders of images.
function Source:split_names()
  local names, seen = {}, {}
  local function add(name)
    if not seen[name] then names[#names + 1], seen[name] = name, true end
  end
  for _, name in ipairs { "train", "val", "valid", "dev", "test" } do
    if self:split_file(name) or select(2, said(self, name)) == "folder" then add(name) end
  end
  local top = self.blind and self.label_root or self.images
  for _, name in ipairs(files.list(top)) do
    if files.kind(top .. "/" .. name) == "folder" then add(name) end
  end
  return names
end

-- Rows {index (1-based class number), class (its name; class0, class1, ... where there are none), box, line}. An image without a label
-- file has no objects.
function Source:labels(frame)
  if files.kind(frame.label) ~= "file" then return {} end
  local rows = core.labels.yolo(frame.label, self.classes, { width = frame.width, height = frame.height })
  for _, row in ipairs(rows) do row.class = self.classes and row.class or "class" .. row.index - 1 end
  return rows
end

return yolo
