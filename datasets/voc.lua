-- PASCAL VOC (Everingham et al., IJCV 2010): ROOT/JPEGImages, ROOT/Annotations/ID.xml, splits in ROOT/ImageSets/Main. A box's corners are
-- pixels counted from 1, both inside it; here they count from 0. Difficult objects carry occluded = 3, which voc.difficult=hard forgives.
local core = require "yolua.core"
local check_box = require "yolua.data.box"
local fail = require "yolua.data.fail"
local schema = require "yolua.schema"
local files = core.files

local voc = {
  help = "PASCAL VOC",
  classes = { "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse",
    "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor" },
  difficult = "hard",
  fields = {},
}

local known = {}
for _, name in ipairs(voc.classes) do known[name] = true end

local Source = {}
Source.__index = Source

-- o: the options of data=voc. Errors: no such folder, or no JPEGImages and Annotations in it.
function voc.open(o)
  local root = o.root:gsub("(.)/+$", "%1")
  local self = setmetatable({ root = root, images = root .. "/JPEGImages", label_folder = root .. "/Annotations" }, Source)
  for _, folder in ipairs { self.images, self.label_folder } do
    if files.kind(folder) ~= "folder" then fail("data: there is no folder %s: expected JPEGImages and Annotations in %s", folder, root) end
  end
  local main = root .. "/ImageSets/Main"
  self.splits = files.kind(main) == "folder" and main or nil
  return self
end

function Source:frame(id)
  local frame = { id = id, image = ("%s/%s.jpg"):format(self.images, id), label = ("%s/%s.xml"):format(self.label_folder, id) }
  if files.kind(frame.image) ~= "file" then return nil, ("there is no image %s"):format(frame.image) end
  if files.kind(frame.label) ~= "file" then return nil, ("there is no label file %s"):format(frame.label) end
  return frame
end

function Source:all()
  local ids = {}
  for _, name in ipairs(files.list(self.label_folder)) do ids[#ids + 1] = name:match "^(.+)%.xml$" end
  return ids
end

local function line_of(text, at) return 1 + select(2, text:sub(1, at):gsub("\n", "")) end

local function tag(text, name) return text:match("<" .. name .. ">%s*(.-)%s*</" .. name .. ">") end

local function number(text, name, where)
  local value = tag(text, name)
  local read = value and value:find "^[%d.eE+-]+$" and tonumber(value)
  return read or fail("%s: expected a number in <%s>, got '%s'", where, name, value or "")
end

local function read_object(frame, text, line)
  local where = ("%s:%d"):format(frame.label, line)
  local class, box = tag(text, "name"), tag(text, "bndbox")
  if not class or not known[class] then
    fail("%s: expected one of VOC's 20 classes, got '%s'%s", where, class or "", schema.did_you_mean(class or "", voc.classes))
  end
  if not box then fail("%s: expected a <bndbox> in the object", where) end
  local corners = {}
  for i, name in ipairs { "xmin", "ymin", "xmax", "ymax" } do corners[i] = number(box, name, where) - 1 end
  local difficult = tag(text, "difficult") == "1"
  return { class = class, box = check_box(corners, frame.width, frame.height, where), line = line, difficult = difficult,
    truncated = tag(text, "truncated") == "1" and 1 or 0, occluded = difficult and 3 or 0, alpha = -10 }
end

-- Rows {class, box, truncated, occluded, difficult, line}.
function Source.labels(_, frame)
  local text, rows = core.system.read(frame.label), {}
  if not text:find "<annotation.*</annotation>" then fail("%s: expected an <annotation>, from its start to its end", frame.label) end
  for at, object in text:gmatch "()<object>(.-)</object>" do
    object = object:gsub("<part>.-</part>", "") -- a person's head, hands and feet have boxes of their own
    rows[#rows + 1] = read_object(frame, object, line_of(text, at))
  end
  return rows
end

return voc
