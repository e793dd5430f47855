-- COCO's objects (Lin et al., ECCV 2014), in the layouts of COCO itself and of those who export its format: ROOT/annotations/
-- instances_SPLIT.json (or SPLIT.json), ROOT/SPLIT/_annotations.coco.json, or one file in ROOT; images beside the file, in ROOT/SPLIT,
-- ROOT/images/SPLIT, ROOT/images or ROOT. `train` and `dev` are the newest train and val there are. A crowd is a region in which
-- nothing counts.
local core = require "yolua.core"
local annotations = require "yolua.data.annotations"
local check_box = require "yolua.data.box"
local fail = require "yolua.data.fail"
local lists = require "yolua.data.lists"
local number = require "yolua.data.number"
local outline = require "yolua.data.outline"
local places = require "yolua.data.places"

local coco = { help = "COCO's objects", fields = {} }

local Source = {}
Source.__index = Source

-- ---- where the files lie ---------------------------------------------------------------------------------------------------

local function annotation_files(o, root)
  if o.file then return { { split = o.file:match("[^/]*$"):gsub("^instances_", ""):gsub("%.json$", ""), path = o.file } } end
  return annotations.find(root)
end

-- The split of that name, or the newest of that name and a year: val -> val2017.
local function full_name(self, name)
  local found
  for _, split in ipairs(self:split_names()) do
    if split == name then return split end
    if split:match("^" .. name:gsub("%p", "%%%0") .. "%d+$") then found = split end
  end
  return found
end

-- o: the options of data=coco. Errors: no annotation file in the folder, or one that cannot be read.
function coco.open(o)
  local root = places.normal(o.root)
  local self = setmetatable({ root = root, path = {}, names = {}, loaded = {}, frames = {}, places = places.new(), images = o.images },
    Source)
  for _, file in ipairs(annotation_files(o, root)) do
    local other = self.path[file.split]
    if other then fail("data: expected one annotation file for '%s', got %s and %s", file.split, other, file.path) end
    self.path[file.split], self.names[#self.names + 1] = file.path, file.split
  end
  if #self.names == 0 then
    fail("data: %s contains no annotations: expected annotations/instances_SPLIT.json, SPLIT/_annotations.coco.json or result.json in it",
      root)
  end
  self:load(full_name(self, "val") or full_name(self, "train") or self.names[1])
  return self
end

-- ---- reading ---------------------------------------------------------------------------------------------------------------

local LARGEST_ID <const> = 2 ^ 53 // 1 | 0

local function field(value, key, kind, where)
  if type(value) ~= "table" then fail("%s: expected keys and values, got %s", where, number.shown(value)) end
  local got = value[key]
  if type(got) ~= kind then fail("%s: expected a %s '%s', got %s", where, kind, key, type(got)) end
  return got
end

local function id_of(value, where) return number.whole(field(value, "id", "number", where), where, "its id", -LARGEST_ID, LARGEST_ID) end

-- The class names by category id; every file of a root must have the same. Categories of one name are one class.
local function read_categories(self, doc, where)
  local list, at = lists.read(doc.categories, where, "categories", "category")
  local order, name_of, classes, seen = {}, {}, {}, {}
  for i, category in ipairs(list) do
    local id, name = id_of(category, at[i]), field(category, "name", "string", at[i])
    if name_of[id] then fail("%s: two categories have the id %d", where, id) end
    if not name:find "%S" or name:find "%c" then fail("%s: expected a name, got '%s'", at[i], name) end
    order[i], name_of[id] = id, name
  end
  table.sort(order)
  for _, id in ipairs(order) do
    if not seen[name_of[id]] then classes[#classes + 1], seen[name_of[id]] = name_of[id], true end
  end
  if self.classes and table.concat(self.classes, "\n") ~= table.concat(classes, "\n") then
    fail("%s: expected the categories of the other annotation files (%s), got %s", where, table.concat(self.classes, ", "),
      table.concat(classes, ", "))
  end
  self.classes, self.class = classes, name_of
end

local function side(image, key, where)
  local value = image[key]
  if value == nil or value == core.null then return nil end -- the picture knows
  return number.side(value, where, "its " .. key)
end

local function read_images(self, doc, split, where)
  local items, by_number, taken = {}, {}, {}
  local list, at = lists.read(doc.images, where, "images", "image")
  for i, image in ipairs(list) do
    local name, id = field(image, "file_name", "string", at[i]), id_of(image, at[i])
    if by_number[id] then fail("%s: another image has the id %d", at[i], id) end
    local item = split .. "/" .. places.check(name, at[i])
    if self.frames[item] then fail("%s: another image has the file_name '%s'", at[i], name) end
    local stem = places.stem((name:gsub("\\", "/")))
    local frame = { id = taken[stem] and name or stem, label = where, rows = {}, split = split, file = name,
      width = side(image, "width", at[i]), height = side(image, "height", at[i]) }
    if not (frame.width and frame.height) then frame.width, frame.height = nil, nil end
    taken[stem], items[i], self.frames[item], by_number[id] = true, item, frame, frame
  end
  return items, by_number
end

local crowds = { [0] = false, [1] = true, [false] = false, [true] = true }

-- The box of an annotation: its bbox, else around its segmentation; and whether it is the latter.
local function box_of(a, where)
  local given = a.bbox
  if given == nil or given == core.null or type(given) == "table" and next(given) == nil then
    return outline(a.segmentation, where) or fail("%s: expected a bbox or a segmentation, got neither", where), true
  end
  local b = lists.numbers(given, where, "bbox", 4)
  return { b[1], b[2], b[1] + b[3], b[2] + b[4] }, false
end

local function read_objects(self, doc, by_number, where)
  local list, at = lists.read(doc.annotations, where, "annotations", "annotation")
  for i, a in ipairs(list) do
    if type(a) ~= "table" then fail("%s: expected keys and values, got %s", at[i], number.shown(a)) end
    local frame, class = by_number[a.image_id], self.class[a.category_id]
    if not frame then fail("%s: unknown image %s", at[i], number.shown(a.image_id)) end
    if not class then fail("%s: unknown category %s", at[i], number.shown(a.category_id)) end
    local crowd = crowds[(a.iscrowd == nil or a.iscrowd == core.null) and 0 or a.iscrowd]
    if crowd == nil then fail("%s: expected 0 or 1 as its iscrowd, got %s", at[i], number.shown(a.iscrowd)) end
    local box, outlined = box_of(a, at[i])
    frame.rows[#frame.rows + 1] = { class = class, line = i, place = at[i], crowd = crowd, box = box, outlined = outlined }
  end
end

-- Reads a split's file, once; returns its items, "SPLIT/file_name".
function Source:load(split)
  if not self.loaded[split] then
    local path = self.path[split]
    local doc = core.json.decode(core.system.read(path), path)
    if type(doc) ~= "table" or #doc > 0 then fail("%s: expected an object with images, annotations and categories, got a list", path) end
    read_categories(self, doc, path)
    local items, by_number = read_images(self, doc, split, path)
    read_objects(self, doc, by_number, path)
    self.loaded[split] = items
  end
  return self.loaded[split]
end

-- ---- what the data set is asked --------------------------------------------------------------------------------------------

function Source:split_names() return table.move(self.names, 1, #self.names, 1, {}) end

function Source:split(name)
  local split = full_name(self, name)
  return split and self:load(split)
end

function Source:all()
  local items = {}
  for _, split in ipairs(self.names) do table.move(self:load(split), 1, #self:load(split), #items + 1, items) end
  return items
end

-- The frame of an item, or of an image's name (with or without its ending) in whichever split has it.
local function find_frame(self, item)
  if self.frames[item] then return self.frames[item] end
  for _, split in ipairs(self.names) do
    for _, ending in ipairs { "", ".jpg", ".png", ".jpeg" } do
      local found = self.frames[split .. "/" .. item .. ending]
      if found then return found end
    end
  end
end

-- A frame's picture, as Places:entry finds it.
local function find_picture(self, known)
  local beside, root, split = places.part(known.label), self.root, known.split
  return self.places:entry(known.file, { root .. "/" .. split, root .. "/images/" .. split, root .. "/images", root, beside,
    beside .. "/images", root .. "/data" })
end

-- Whether pictures may be missing: they are not needed, and no frame of the files read so far has one.
local function is_blind(self)
  if self.blind == nil then
    self.blind = self.images == false
    for _, known in pairs(self.blind and self.frames or {}) do
      if find_picture(self, known) then self.blind = false break end
    end
  end
  return self.blind
end

function Source:frame(item)
  local known = find_frame(self, item)
  if not known then return nil, "no annotation file knows this image" end
  local frame = { id = known.id, label = known.label, width = known.width, height = known.height, rows = known.rows }
  local path, dropped, sentence = find_picture(self, known)
  if not path and not is_blind(self) then
    return nil, sentence or ("no such image %s/%s/%s"):format(self.root, known.split, known.file)
  end
  frame.image = path
  if path and dropped > 0 then frame.moved = ("'%s' is read as %s"):format(known.file, path) end
  return frame
end

-- Rows {class, box, crowd, line (number of the annotation in its file)}, and what was counted.
function Source.labels(_, frame)
  local rows, counts = {}, {}
  local function count(kind, row)
    counts[kind] = counts[kind] or { count = 0, place = row.place }
    counts[kind].count = counts[kind].count + 1
  end
  for _, row in ipairs(frame.rows) do
    local box = check_box(row.box, frame.width, frame.height, row.place)
    if row.outlined then count("outlines", row) end
    if box then
      rows[#rows + 1] = { class = row.class, box = box, line = row.line, crowd = row.crowd, truncated = 0, occluded = 0, alpha = -10 }
    else count("flat", row) end
  end
  return rows, counts
end

return coco
