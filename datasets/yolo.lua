-- Images with YOLO's labels, one row `class cx cy w h` an object, as Darknet, Ultralytics and their exporters keep them. A label lies in
-- the folder `labels` that stands for its picture's `images`, or beside the picture. Class names: data.names, the description (data.yaml,
-- obj.data), ROOT/classes.txt or ROOT/*.names; else the network's. Splits: ROOT/ImageSets/NAME.txt, the description, ROOT/NAME.txt, or a
-- folder of that name.
local core = require "yolua.core"
local description = require "yolua.data.description"
local fail = require "yolua.data.fail"
local names = require "yolua.data.names"
local places = require "yolua.data.places"
local numbered = require "yolua.data.class_names"
local files = core.files

local yolo = {
  help = "images with YOLO's labels",
  fields = {
    { "names", "list", nil, "", "class names, or a file with one a line (default: data.yaml, classes.txt or *.names, else the network's)" },
  },
}

local Source = {}
Source.__index = Source

local function class_names(o, root, said)
  local given = names.option(o.names)
  if given then return given end
  if said and said.classes then return said.classes end
  for _, name in ipairs(files.list(root)) do
    if name == "classes.txt" or name:find "%.names$" then return names.file(places.join(root, name)) end
  end
end

local function is_label(name) return select(2, places.split(name)) == "txt" end

-- Any label file below the folder: the pictures there have theirs beside them.
local function has_labels(folder) return #places.collect(folder, "", is_label, {}) > 0 end

local function check_folders(self)
  local root = self.root
  if not self.blind and #self:all() == 0 then
    fail("data: no such folder %s/images and no picture in %s: expected images and labels there, or images with their labels beside "
      .. "them", root, root)
  end
  if self.top ~= root and files.kind(self.label_root) ~= "folder" and (self.blind or not has_labels(self.top)) then
    fail("data: no such folder %s: expected images and labels in %s, or images with their labels beside them", self.label_root, root)
  end
end

-- o: the options of data=yolo. Errors: no such folder, or no images there.
function yolo.open(o)
  local root = places.normal(o.root)
  local path = o.file or description.find(root)
  local said = path and description.read(path, root)
  if said and said.root and o.file and root == places.normal((places.part(path))) then root = said.root end
  local self = setmetatable({ root = root, said = said, places = places.new(), paths = {}, label_root = places.join(root, "labels") },
    Source)
  local images = places.join(root, "images")
  self.top = files.kind(images) == "folder" and images or root
  self.blind = o.images == false and #places.collect(self.top, "", places.is_picture, {}) == 0
  if self.blind then self.top = files.kind(self.label_root) == "folder" and self.label_root or root end
  if not (said and said.splits.train) then check_folders(self) end
  self.classes = class_names(o, root, said)
  local lists = places.join(root, "ImageSets")
  self.splits = not o.file and files.kind(lists) == "folder" and lists or nil
  return self
end

-- ---- frames ----------------------------------------------------------------------------------------------------------------

-- A picture's path below the root, without its folder `images` and its ending.
local function id_of(self, path)
  local below = places.below(path, self.root)
  local head, rest = ("/" .. below):match "^(.*/)images/(.*)$"
  return places.stem(head and (head .. rest):sub(2) or below)
end

-- item: of a list, which stands in the folder `base` (nil: of none), or a name that collect gave.
local function find_picture(self, item, list)
  if self.paths[item] then return self.paths[item], 0 end
  local bases = { ".", list and (places.part(list)) or self.root, self.root, self.top }
  if self.said then table.move(self.said.bases, 1, #self.said.bases, #bases + 1, bases) end
  return self.places:entry(item, bases)
end

function Source:frame(item, list)
  if self.blind then
    local function label(path) return self.places:file(places.stem(path), "txt") end
    local path = self.paths[item] and label(self.paths[item]) or places.entry(item, { self.top, self.root }, label)
    if not path then return nil, ("no such label file %s/%s.txt"):format(self.top, places.stem(item)) end
    return { id = places.below((places.split(path)), self.top), label = path }
  end
  local path, dropped, sentence = find_picture(self, item, list)
  if not path then return nil, sentence or ("no such image %s"):format(places.join(self.top, (item:gsub("\\", "/")))) end
  local label, found = self.places:label(path, self.root, "txt")
  local frame = { id = id_of(self, path), image = path, label = label, unlabelled = not found }
  if dropped > 0 then frame.moved = ("'%s' is read as %s"):format(item, path) end
  return frame
end

-- The pictures below a folder (labels where there are no pictures), as paths from there, and from `top` in the order of the names.
function Source:collect(folder)
  local items = places.collect(folder, "", self.blind and is_label or places.is_picture, {})
  for i, name in ipairs(items) do
    local path = places.join(folder, name)
    local item = places.below(path, self.top)
    if self.blind then path, item = places.split(path), places.split(item) end
    items[i], self.paths[item] = item, path
  end
  return items
end

function Source:all() return self:collect(self.top) end

-- ---- splits ----------------------------------------------------------------------------------------------------------------

-- The items of a split that the description names: folders of pictures, lists, pictures.
local function described(self, name)
  local items, list = {}, nil
  for _, written in ipairs(self.said.splits[name]) do
    local path, kind = description.resolve(self.said, name, written)
    local more = kind == "folder" and self:collect(path) or { path }
    if kind == "file" and not places.is_picture(path) then
      more, list = core.labels.list(path), path
      for i, item in ipairs(more) do -- each list's paths count from its own folder
        local picture = find_picture(self, item, path)
        if picture and #self.said.splits[name] > 1 then more[i] = picture end
      end
    end
    if #more == 0 then fail("%s: %s: no pictures in %s", self.said.path, name, path) end
    table.move(more, 1, #more, #items + 1, items)
  end
  return items, #self.said.splits[name] == 1 and list or nil
end

-- A split's items and the list that they stand in: of the description, of ROOT/NAME.txt, or the pictures of a folder of that name.
function Source:split(name)
  if self.said and self.said.splits[name] then return described(self, name) end
  local list = self.places:file(places.join(self.root, name), "txt")
  if list and not (self.blind and self.top == self.root) then return core.labels.list(list), list end
  local empty
  for _, folder in ipairs { self.top .. "/" .. name, self.root .. "/" .. name .. "/images", self.root .. "/" .. name } do
    local items = files.kind(folder) == "folder" and self:collect(places.normal(folder))
    if items and #items > 0 then return items end
    empty = empty or items
  end
  return empty or nil
end

-- Label files whose picture is not there.
function Source:orphans()
  local out, has = {}, {}
  if self.blind or files.kind(self.label_root) ~= "folder" then return out end
  for _, item in ipairs(self:all()) do has[(self.places:label(self.paths[item], self.root, "txt"))] = true end
  for _, name in ipairs(places.collect(self.label_root, "", is_label, {})) do
    local path = places.join(self.label_root, name)
    if not has[path] then out[#out + 1] = path end
  end
  return out
end

-- Splits outside ImageSets: those of the description, lists of the usual names in the root, folders of images.
function Source:split_names()
  local list, seen = {}, { labels = true, images = true, runs = true }
  local function add(name)
    if not seen[name] then list[#list + 1], seen[name] = name, true end
  end
  for _, name in ipairs { "train", "val", "valid", "validation", "dev", "test" } do
    if self.said and self.said.splits[name] then add(name) end
  end
  if #list > 0 then return list end
  for _, name in ipairs { "train", "val", "valid", "validation", "dev", "test" } do
    if self.places:file(places.join(self.root, name), "txt") then add(name) end
  end
  for _, name in ipairs(files.list(self.top)) do
    local folder = self.top .. "/" .. name
    if not name:find "^%." and not seen[name] and files.kind(folder) == "folder" and #self:collect(folder) > 0 then add(name) end
  end
  return list
end

-- Rows {index (1-based class number), class (its name; class0, class1, ... where there are none), box, line}, and what was counted. An
-- image without a label file has no objects.
function Source:labels(frame)
  if files.kind(frame.label) ~= "file" then return {} end
  local rows, counts = core.labels.yolo(frame.label, self.classes, { width = frame.width, height = frame.height })
  local count = not self.classes and self.said and self.said.count
  for _, row in ipairs(rows) do
    row.class = self.classes and row.class or numbered.of(row.index)
    if count and row.index > count then
      fail("%s:%d: expected a class from 0 to %d, got '%d'", frame.label, row.line, count - 1, row.index - 1)
    end
  end
  return rows, counts
end

return yolo
