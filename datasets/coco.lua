-- COCO's objects (Lin et al., ECCV 2014): ROOT/annotations/instances_SPLIT.json, images in ROOT/SPLIT or ROOT/images/SPLIT. `train` and
-- `dev` are the newest train and val there are. A crowd is a region in which nothing counts.
local core = require "yolua.core"
local check_box = require "yolua.data.box"
local fail = require "yolua.data.fail"
local files = core.files

local coco = { help = "COCO's objects", fields = {} }

local Source = {}
Source.__index = Source

local function file_of(source, split) return ("%s/annotations/instances_%s.json"):format(source.root, split) end

-- The split of that name, or the newest of that name and a year: val -> val2017.
local function full_name(source, name)
  local found
  for _, file in ipairs(files.list(source.root .. "/annotations")) do
    local split = file:match "^instances_(.+)%.json$"
    if split == name then return split end
    if split and split:match("^" .. name:gsub("%p", "%%%0") .. "%d+$") then found = split end
  end
  return found
end

-- o: the options of data=coco. Errors: no such folder, or no annotations in it.
function coco.open(o)
  local root = o.root:gsub("(.)/+$", "%1")
  local self = setmetatable({ root = root, loaded = {}, frames = {} }, Source)
  if files.kind(root .. "/annotations") ~= "folder" then fail("data: there is no folder %s/annotations", root) end
  local split = full_name(self, "val") or full_name(self, "train") or self:split_names()[1]
  if not split then fail("data: %s/annotations holds no instances_SPLIT.json", root) end
  self:load(split)
  return self
end

local function field(value, key, kind, where)
  local got = type(value) == "table" and value[key]
  if type(got) ~= kind then fail("%s: expected a %s '%s', got %s", where, kind == "table" and "list" or kind, key, type(got)) end
  return got
end

-- The class names by category id; every file of a root must have the same.
local function read_categories(self, doc, where)
  local list, classes = table.move(field(doc, "categories", "table", where), 1, #doc.categories, 1, {}), {}
  for i, category in ipairs(list) do field(category, "id", "number", ("%s: category %d"):format(where, i)) end
  table.sort(list, function(a, b) return a.id < b.id end)
  self.class = {}
  for i, category in ipairs(list) do
    classes[i] = field(category, "name", "string", where)
    if self.class[category.id] then fail("%s: two categories have the id %s", where, category.id) end
    self.class[category.id] = classes[i]
  end
  if self.classes and table.concat(self.classes, "\n") ~= table.concat(classes, "\n") then
    fail("%s: expected the categories of the other annotation files", where)
  end
  self.classes = classes
end

local function image_path(self, split, name)
  for _, folder in ipairs { self.root .. "/" .. split, self.root .. "/images/" .. split, self.root .. "/images" } do
    if files.kind(folder .. "/" .. name) == "file" then return folder .. "/" .. name end
  end
  return nil, ("there is no image %s/%s/%s"):format(self.root, split, name)
end

local function read_images(self, doc, split, where)
  local items, by_number = {}, {}
  for i, image in ipairs(field(doc, "images", "table", where)) do
    local place = ("%s: image %d"):format(where, i)
    local name, number = field(image, "file_name", "string", place), field(image, "id", "number", place)
    if by_number[number] then fail("%s: another image has the id %s", place, number) end
    local frame = { id = name:gsub("%.%w+$", ""), label = where, width = field(image, "width", "number", place),
      height = field(image, "height", "number", place), rows = {}, split = split, file = name }
    items[i], self.frames[name], by_number[number] = name, frame, frame
  end
  return items, by_number
end

local function read_objects(self, doc, by_number, where)
  for i, a in ipairs(field(doc, "annotations", "table", where)) do
    local place = ("%s: annotation %d"):format(where, i)
    if type(a) ~= "table" then fail("%s: expected keys and values, got a %s", place, type(a)) end
    local frame, class = by_number[a.image_id], self.class[a.category_id]
    if not frame then fail("%s: there is no image %s", place, tostring(a.image_id)) end
    if not class then fail("%s: there is no category %s", place, tostring(a.category_id)) end
    local b = field(a, "bbox", "table", place)
    local row = { class = class, line = i, crowd = a.iscrowd == 1, truncated = 0, occluded = 0, alpha = -10 }
    if #b ~= 4 then fail("%s: expected a bbox of four numbers, got %d", place, #b) end
    for k = 1, 4 do
      if type(b[k]) ~= "number" then fail("%s: expected numbers in its bbox, got a %s", place, type(b[k])) end
    end
    row.box = { b[1], b[2], b[1] + b[3], b[2] + b[4] }
    frame.rows[#frame.rows + 1] = row
  end
end

-- Reads a split's file, once; returns its items.
function Source:load(split)
  if not self.loaded[split] then
    local path = file_of(self, split)
    local doc = core.json.decode(core.system.read(path), path)
    read_categories(self, doc, path)
    local items, by_number = read_images(self, doc, split, path)
    read_objects(self, doc, by_number, path)
    self.loaded[split] = items
  end
  return self.loaded[split]
end

-- Every SPLIT of annotations/instances_SPLIT.json.
function Source:split_names()
  local names = {}
  for _, file in ipairs(files.list(self.root .. "/annotations")) do names[#names + 1] = file:match "^instances_(.+)%.json$" end
  return names
end

function Source:split(name)
  local split = full_name(self, name)
  return split and self:load(split)
end

function Source:all()
  local items = {}
  for _, split in ipairs(self:split_names()) do table.move(self:load(split), 1, #self:load(split), #items + 1, items) end
  return items
end

function Source:frame(item)
  local found = self.frames[item] or self.frames[item .. ".jpg"]
  if not found then return nil, "no annotation file knows this image" end
  local path, missing = image_path(self, found.split, found.file)
  if not path then return nil, missing end
  found.image = path
  return found
end

-- Rows {class, box, crowd, line (number of the annotation in its file)}.
function Source.labels(_, frame)
  for _, row in ipairs(frame.rows) do
    row.box = check_box(row.box, frame.width, frame.height, ("%s: annotation %d"):format(frame.label, row.line))
  end
  return frame.rows
end

return coco
