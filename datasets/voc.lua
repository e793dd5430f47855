-- PASCAL VOC (Everingham et al., IJCV 2010) and what exporters make of its format: ROOT/JPEGImages, ROOT/Annotations/ID.xml, splits in
-- ROOT/ImageSets/Main; or .xml files beside the pictures, in ROOT or in a folder for each split. A box's corners are pixels counted from 1,
-- both inside it; here they count from 0. Difficult objects carry occluded = 3, which voc.difficult=hard forgives.
local core = require "yolua.core"
local check_box = require "yolua.data.box"
local fail = require "yolua.data.fail"
local names = require "yolua.data.names"
local number = require "yolua.data.number"
local places = require "yolua.data.places"
local schema = require "yolua.options.schema"
local xml = require "yolua.data.xml"
local files, tag = core.files, xml.tag

local voc = {
  help = "PASCAL VOC",
  classes = { "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse",
    "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor" },
  difficult = "hard",
  fields = {
    { "names", "list", nil, "", "class names, or a file with one a line (default: labelmap.txt, else VOC's twenty)" },
  },
}

local Source = {}
Source.__index = Source

-- Where JPEGImages lies: ROOT itself, or the newest VOC20?? in ROOT or ROOT/VOCdevkit.
local function devkit(root)
  if files.kind(root .. "/JPEGImages") == "folder" then return root end
  local found
  for _, folder in ipairs { root .. "/VOCdevkit", root } do
    for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
      if name:find "^VOC%d+$" and (not found or name > found:match "[^/]+$") then found = folder .. "/" .. name end
    end
  end
  return found or root
end

-- The names in CVAT's labelmap.txt, `name:colour:parts:actions` a line.
local function mapped_names(path)
  local list = {}
  for line in (core.system.read(path) .. "\n"):gmatch "([^\n]*)\n" do
    local name = line:match "^([^#:]+):"
    if name and name ~= "background" then list[#list + 1] = name end
  end
  return #list > 0 and list or fail("%s: expected lines name:colour:parts:actions, got none", path)
end

local function class_names(o, root)
  local given = names.option(o.names)
  if given then return given end
  local path = root .. "/labelmap.txt"
  return files.kind(path) == "file" and mapped_names(path) or voc.classes
end

-- The first folder of these names, whatever their case.
local function folder_of(root, ...)
  for _, wanted in ipairs { ... } do
    for _, name in ipairs(files.list(root)) do
      if name:lower() == wanted and files.kind(root .. "/" .. name) == "folder" then return root .. "/" .. name end
    end
  end
end

local function is_xml(name) return select(2, places.split(name)) == "xml" and name:sub(1, 2) ~= "._" end

-- Where the annotations lie, and their pictures. Errors: nowhere.
local function find_folders(self, images)
  local root = self.root
  self.label_folder, self.images = folder_of(root, "annotations"), folder_of(root, "jpegimages", "images")
  local found = places.collect(self.label_folder or root, "", is_xml, {})
  if not self.label_folder and #found > 0 then
    local blind = images == false and #places.collect(root, "", places.is_picture, {}) == 0
    self.label_folder, self.images = root, not blind and root or nil
  end
  for folder, missing in pairs { JPEGImages = not self.images and images ~= false, Annotations = not self.label_folder } do
    if missing then
      fail("data: no such folder %s/%s: expected JPEGImages and Annotations in %s, or .xml files beside their pictures", root, folder,
        root)
    end
  end
end

-- o: the options of data=voc. Errors: no such folder, or no JPEGImages and Annotations in it.
function voc.open(o)
  local root = devkit(places.normal(o.root))
  local self = setmetatable({ root = root, places = places.new() }, Source)
  find_folders(self, o.images)
  self.classes, self.known = class_names(o, root), {}
  for _, name in ipairs(self.classes) do self.known[name] = true end
  for _, lists in ipairs { root .. "/ImageSets/Main", root .. "/ImageSets" } do
    self.splits = self.splits or files.kind(lists) == "folder" and lists or nil
  end
  return self
end

-- The picture of an annotation: of its name, else the one that it names.
local function find_picture(self, id, label)
  local path, sentence = self.places:picture(self.images .. "/" .. id)
  if path or sentence then return path, sentence end
  local name = xml.plain(xml.tag(xml.read(label), "filename") or "")
  local beside = places.part(self.images .. "/" .. id)
  if places.check(name, label .. ": <filename>") ~= "" then
    local _
    path, _, sentence = self.places:entry(name, { beside, self.images })
  end
  return path, sentence
end

-- item: an id, or a path of a picture or annotation with that id.
function Source:frame(item)
  local function annotation(path) return self.places:file(path, "xml") end
  local stem = places.stem((item:gsub("%.[xX][mM][lL]$", "")))
  local label = places.entry(stem, { self.label_folder }, annotation)
  if not label then return nil, ("no such label file %s/%s.xml"):format(self.label_folder, stem) end
  local frame = { id = places.below((places.split(label)), self.label_folder), label = label }
  if not self.images then return frame end
  local path, sentence = find_picture(self, frame.id, label)
  if not path then return nil, sentence or ("no such image %s/%s.jpg"):format(self.images, frame.id) end
  frame.image = path
  return frame
end

function Source:all()
  local ids = places.collect(self.label_folder, "", is_xml, {})
  for i, name in ipairs(ids) do ids[i] = places.split(name) end
  return ids
end

-- The annotations in a folder of the split's name.
function Source:split(name)
  local ids = {}
  for _, id in ipairs(self:all()) do
    if id:sub(1, #name + 1) == name .. "/" then ids[#ids + 1] = id end
  end
  return #ids > 0 and ids or nil
end

function Source:split_names()
  local list, seen = {}, {}
  for _, id in ipairs(self:all()) do
    local name = id:match "^([^/]+)/"
    if name and not seen[name] then list[#list + 1], seen[name] = name, true end
  end
  return list
end

-- ---- annotations -----------------------------------------------------------------------------------------------------------

local LARGEST_OBJECT <const> = 2 ^ 16 // 1 | 0 -- bytes

local function read_number(text, name, where)
  local value = tag(text, name)
  local read = value and value:find "^[%d.eE+-]+$" and tonumber(value)
  if not read then fail("%s: expected a number in <%s>, got '%s'", where, name, (value or ""):sub(1, 40)) end
  return number.any(read, where, ("<%s>"):format(name))
end

local function read_object(self, frame, text, line)
  local where = ("%s:%d"):format(frame.label, line)
  if #text > LARGEST_OBJECT then fail("%s: expected an <object> of at most %d bytes, got %d", where, LARGEST_OBJECT, #text) end
  local class, box = xml.plain(tag(text, "name") or ""), tag(text, "bndbox")
  if not self.known[class] then
    local own = self.classes ~= voc.classes
    fail("%s: expected one of %s, got '%s'%s", where, own and "the data's classes" or "VOC's 20 classes", class,
      schema.nearest(class, self.classes) and schema.did_you_mean(class, self.classes) or own and "" or " (data.names= names others)")
  end
  if not box then fail("%s: expected a <bndbox> in the object", where) end
  local corners = {}
  for i, name in ipairs { "xmin", "ymin", "xmax", "ymax" } do corners[i] = read_number(box, name, where) - 1 end
  local difficult = tag(text, "difficult") == "1"
  corners = check_box(corners, frame.width, frame.height, where)
  return corners and { class = class, box = corners, line = line, difficult = difficult,
    truncated = tag(text, "truncated") == "1" and 1 or 0, occluded = difficult and 3 or 0, alpha = -10 }
end

-- The size that an annotation states, for those who have no pictures.
local function read_size(frame, text)
  local size = tag(text, "size")
  if not size then return end
  frame.width, frame.height = nil, nil
  local w, h = tag(size, "width"), tag(size, "height")
  if w == "0" or h == "0" then return end -- not known to who wrote it
  frame.width = number.side(tonumber(w) or w, frame.label, "<width>")
  frame.height = number.side(tonumber(h) or h, frame.label, "<height>")
end

-- Rows {class, box, truncated, occluded, difficult, line}, and what was counted.
function Source:labels(frame)
  local text, rows, line, from, flat = xml.read(frame.label), {}, 1, 1, nil
  if not frame.image then read_size(frame, text) end
  while true do
    local first, inner = text:find("<object>", from, true)
    if not first then return rows, { flat = flat } end
    line = line + select(2, text:sub(from, first - 1):gsub("\n", ""))
    local stop = text:find("</object>", inner, true)
    if not stop then fail("%s:%d: expected an end of the <object>", frame.label, line) end
    local row = read_object(self, frame, text:sub(inner + 1, stop - 1), line)
    if row then rows[#rows + 1] = row
    else
      flat = flat or { count = 0, line = line }
      flat.count = flat.count + 1
    end
    line, from = line + select(2, text:sub(first, stop - 1):gsub("\n", "")), stop
  end
end

return voc
