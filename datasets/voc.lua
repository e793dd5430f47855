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
  fields = {
    { "names", "list", nil, "", "class names, or a file with one a line (default: VOC's twenty)" },
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

local function class_names(o)
  local given = o.names
  if not given or #given == 0 then return voc.classes end
  return #given == 1 and given[1]:find "[/.]" and core.labels.list(given[1]) or given
end

-- o: the options of data=voc. Errors: no such folder, or no JPEGImages and Annotations in it.
function voc.open(o)
  local root = devkit((o.root:gsub("(.)/+$", "%1")))
  local self = setmetatable({ root = root, images = root .. "/JPEGImages", label_folder = root .. "/Annotations" }, Source)
  for _, folder in ipairs { self.images, self.label_folder } do
    if files.kind(folder) ~= "folder" then fail("data: there is no folder %s: expected JPEGImages and Annotations in %s", folder, root) end
  end
  self.classes, self.known = class_names(o), {}
  for _, name in ipairs(self.classes) do self.known[name] = true end
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

-- ---- annotations -----------------------------------------------------------------------------------------------------------

local LARGEST, LARGEST_OBJECT = 2 ^ 22, 2 ^ 16 -- bytes; VOC's own files are under 10 KiB
local entities = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }

local function plain(text)
  return (text:gsub("&(#?%w+);", function(name)
    local code = name:match "^#(%d+)$" or name:match "^#(x%x+)$" and "0" .. name:sub(2)
    code = code and tonumber(code)
    return code and code > 0 and code < 0x110000 and utf8.char(code) or entities[name]
  end))
end

-- The text between the first <name> and </name>, or nil; a plain search, so that no file makes it slow.
local function tag(text, name)
  local _, first = text:find("<" .. name .. ">", 1, true)
  local last = first and text:find("</" .. name .. ">", first + 1, true)
  return last and text:sub(first + 1, last - 1):match "^%s*(.-)%s*$"
end

local function number(text, name, where)
  local value = tag(text, name)
  local read = value and value:find "^[%d.eE+-]+$" and tonumber(value)
  return read or fail("%s: expected a number in <%s>, got '%s'", where, name, value or "")
end

local function read_object(self, frame, text, line)
  local where = ("%s:%d"):format(frame.label, line)
  if #text > LARGEST_OBJECT then fail("%s: expected an <object> of at most %d bytes, got %d", where, LARGEST_OBJECT, #text) end
  text = text:gsub("<part>.-</part>", "") -- a person's head, hands and feet have boxes of their own
  local class, box = plain(tag(text, "name") or ""), tag(text, "bndbox")
  if not self.known[class] then
    fail("%s: expected one of %s, got '%s'%s", where, self.classes == voc.classes and "VOC's 20 classes" or "the data's classes", class,
      schema.did_you_mean(class, self.classes))
  end
  if not box then fail("%s: expected a <bndbox> in the object", where) end
  local corners = {}
  for i, name in ipairs { "xmin", "ymin", "xmax", "ymax" } do corners[i] = number(box, name, where) - 1 end
  local difficult = tag(text, "difficult") == "1"
  return { class = class, box = check_box(corners, frame.width, frame.height, where), line = line, difficult = difficult,
    truncated = tag(text, "truncated") == "1" and 1 or 0, occluded = difficult and 3 or 0, alpha = -10 }
end

-- The annotation with its comments blanked, their line ends kept.
local function read_text(path)
  local text = core.system.read(path)
  if #text > LARGEST then fail("%s: expected an annotation of at most %d bytes, got %d", path, LARGEST, #text) end
  local parts, from = {}, 1
  while true do
    local first = text:find("<!--", from, true)
    local _, last = text:find("-->", (first or 0) + 4, true)
    if first and not last then fail("%s: expected an end of the comment that begins at byte %d", path, first) end
    parts[#parts + 1] = text:sub(from, (first or 0) - 1)
    if not first then break end
    parts[#parts + 1], from = text:sub(first, last):gsub("[^\n]", ""), last + 1
  end
  text = table.concat(parts)
  local start = text:find("<annotation", 1, true)
  if not (start and text:find("</annotation>", start, true)) then fail("%s: expected an <annotation>, from its start to its end", path) end
  return text
end

-- Rows {class, box, truncated, occluded, difficult, line}.
function Source:labels(frame)
  local text, rows, line, from = read_text(frame.label), {}, 1, 1
  while true do
    local first, inner = text:find("<object>", from, true)
    if not first then return rows end
    line = line + select(2, text:sub(from, first - 1):gsub("\n", ""))
    local stop = text:find("</object>", inner, true)
    if not stop then fail("%s:%d: expected an end of the <object>", frame.label, line) end
    rows[#rows + 1] = read_object(self, frame, text:sub(inner + 1, stop - 1), line)
    line, from = line + select(2, text:sub(first, stop - 1):gsub("\n", "")), stop
  end
end

return voc
