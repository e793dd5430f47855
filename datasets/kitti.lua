-- KITTI's 2D objects (Geiger, Lenz, Urtasun, CVPR 2012). ROOT/training/image_2 and label_2, or both right under ROOT; splits in
-- ROOT/ImageSets, calibration in calib beside the labels. Labels alone will do where no image is looked at (images=false); sizes are
-- then read from ROOT/image_sizes.txt.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local names = require "yolua.data.names"
local number = require "yolua.data.number"
local places = require "yolua.data.places"
local trim = require "yolua.options.trim"
local files = core.files

local kitti = {
  help = "KITTI's object frames",
  classes = { "Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc" },
  regions = { "DontCare" },
  labels_attributes = true, -- alpha, occluded, truncated
  -- Whole objects that a detector of the second class may well report: neither hits nor faults.
  neighbours = { Van = "Car", Person_sitting = "Pedestrian" },
  -- Misc is no class that one could learn; where the network does not name it, it is a region to ignore.
  optional = { Misc = true },
  map = "poster", -- for networks of other names (datasets/maps.yaml)
  fields = {
    { "names", "list", nil, "", "class names for your own labels in KITTI's format, or a file with one a line (default: KITTI's)" },
  },
}

-- What the official archive holds (data_object_image_2.zip, data_object_label_2.zip): frames for training and for the test server, and
-- labels of each class.
local archive = { frames = 7481, test = 7518, labels = { Car = 28742, Van = 2914, Truck = 1094, Pedestrian = 4487, Person_sitting = 222,
  Cyclist = 1627, Tram = 511, Misc = 973, DontCare = 11295 } }

local Source = {}
Source.__index = Source

local function first_folder(...)
  for _, path in ipairs { ... } do
    if files.kind(path) == "folder" then return path end
  end
end

local function read_sizes(path)
  local sizes, line = {}, 0
  if files.kind(path) ~= "file" then return sizes end
  for text in (core.system.read(path) .. "\n"):gmatch "([^\n]*)\n" do
    line = line + 1
    local where, id, w, h = ("%s:%d"):format(path, line), text:match "^%s*(%S+)%s+(%S+)%s+(%S+)%s*$"
    if id then sizes[id] = { number.side(tonumber(w), where, "a width"), number.side(tonumber(h), where, "a height") }
    elseif text:find "%S" then fail("%s: expected id width height, got '%s'", where, trim(text):sub(1, 40)) end
  end
  return sizes
end

-- The classes of the user's own labels; KITTI's special rules apply only to KITTI's names.
local function own_classes(given)
  local own, has = { classes = given, neighbours = {}, optional = {}, map = false }, {}
  for _, name in ipairs(given) do has[name] = true end
  for name, beside in pairs(kitti.neighbours) do
    if has[name] and has[beside] then own.neighbours[name] = beside end
  end
  return own
end

-- o: the options of data=kitti. Errors: no such folder, or neither images nor labels in it.
function kitti.open(o)
  local root = places.normal(o.root)
  local self = setmetatable({ root = root, places = places.new() }, Source)
  local given = names.option(o.names)
  self.own = given and own_classes(given)
  self.classes = given or kitti.classes
  self.known = table.move(kitti.regions, 1, #kitti.regions, #self.classes + 1, { table.unpack(self.classes) })
  self.spelling = {} -- the official one: names compare case-insensitively
  for _, name in ipairs(self.known) do self.spelling[name:lower()] = name end
  self.images = first_folder(root .. "/training/image_2", root .. "/image_2")
  self.labels_folder = first_folder(root .. "/training/label_2", root .. "/label_2", not self.images and root .. "/labels" or nil)
  if not self.labels_folder then
    fail("data: %s contains no KITTI labels: expected training/label_2 or label_2 in it", root)
  end
  if not self.images and o.images ~= false then
    fail("data: %s contains no KITTI images: expected training/image_2 or image_2 in it (data.images=false: labels are enough)", root)
  end
  self.calibs = first_folder(root .. "/training/calib", root .. "/calib")
  self.splits = first_folder(root .. "/ImageSets", root .. "/training/ImageSets")
  self.sizes = self.images and {} or read_sizes(root .. "/image_sizes.txt")
  return self
end

local function is_label(name) return select(2, places.split(name)) == "txt" and name:sub(1, 2) ~= "._" end

-- The stems of the files that `wanted` takes, each once.
local function stems(folder, wanted)
  local ids, seen = {}, {}
  for _, name in ipairs(files.list(folder)) do
    local id = places.split(name)
    if wanted(name) and not seen[id] then ids[#ids + 1], seen[id] = id, true end
  end
  return ids
end

-- How many labels of each class there are; files that cannot be read are faults.
local function count_labels(self, ids, faults)
  local counts = {}
  for _, id in ipairs(ids) do
    local path = self.places:file(self.labels_folder .. "/" .. id, "txt")
    local ok, rows = pcall(core.labels.kitti, path, { classes = self.known })
    if not ok and core.system.is_trouble(rows) then faults[#faults + 1] = tostring(rows):gsub("^[^:]*%.lua:%d+: ", "") end
    for _, row in ipairs(ok and rows or {}) do
      local class = self.spelling[row.class:lower()]
      counts[class] = (counts[class] or 0) + 1
    end
  end
  return counts
end

local function holds(self, path, wanted)
  local folder = self.root .. "/" .. path
  return files.kind(folder) == "folder" and #stems(folder, wanted) or 0
end

-- The folder beside the official archive: {lines (what there is and what is missing), faults (labels that cannot be the official ones)}.
-- Nil for the user's own classes.
function Source:archive()
  if self.own then return nil end
  local ids = stems(self.labels_folder, is_label)
  local lines, faults, words = {}, {}, {}
  local counts = count_labels(self, ids, faults)
  lines[1] = ("of the official %d training frames: %d label files, %d pictures; of %d test frames: %d pictures"):format(archive.frames,
    #ids, self.images and #stems(self.images, places.is_picture) or 0, archive.test, holds(self, "testing/image_2", places.is_picture))
  for i, class in ipairs(self.known) do
    local here, all = counts[class] or 0, archive.labels[class]
    words[i] = ("%s %d/%d"):format(class, here, all)
    if here > all or #ids == archive.frames and here ~= all then
      faults[#faults + 1] = ("%d labels of %s, the official archive has %d"):format(here, class, all)
    end
  end
  lines[2] = "labels here/in the archive: " .. table.concat(words, ", ")
  local missing = {}
  if not self.calibs then missing[#missing + 1] = "calib (data_object_calib.zip; doctor checks 3D boxes by it)" end
  if not self:drives() then missing[#missing + 1] = "mapping (devkit_object.zip; says which drive a frame is from)" end
  lines[3] = #missing > 0 and "missing: " .. table.concat(missing, ", ") or nil
  return { lines = lines, faults = faults }
end

-- The frame of an id, or of a path of its picture or label; or nil and what is missing.
function Source:frame(item)
  local id = places.stem((item:gsub("\\", "/"):gsub("%.[tT][xX][tT]$", ""):gsub("^.*/", "")))
  local label = self.places:file(self.labels_folder .. "/" .. id, "txt")
  if not label then return nil, ("no such label file %s/%s.txt"):format(self.labels_folder, id) end
  local frame = { id = id, label = label, calib = self.calibs and self.places:file(self.calibs .. "/" .. id, "txt") }
  if not self.images then
    local size = self.sizes[id] or {}
    frame.width, frame.height = size[1], size[2]
    return frame
  end
  local sentence
  frame.image, sentence = self.places:picture(self.images .. "/" .. id)
  if not frame.image then return nil, sentence or ("no such image %s/%s.png"):format(self.images, id) end
  return frame
end

-- All ids: of the images, or of the labels where there are none.
function Source:all() return stems(self.images or self.labels_folder, self.images and places.is_picture or is_label) end

-- Label files whose picture is not there.
function Source:orphans()
  local out = {}
  for _, id in ipairs(self.images and stems(self.labels_folder, is_label) or {}) do
    local path, two = self.places:picture(self.images .. "/" .. id)
    if not path and not two then out[#out + 1] = self.places:file(self.labels_folder .. "/" .. id, "txt") end
  end
  return out
end

-- The drive that each frame was taken in: a table `id drive` a line among the splits, or the development kit's mapping folder, whose
-- train_rand.txt says on which line of train_mapping.txt (date, drive, number) each frame stands. Nil where there is neither.
function Source:drives()
  local drives, table_file = {}, self.splits and self.splits .. "/drives.txt"
  if table_file and files.kind(table_file) == "file" then
    for line in core.system.read(table_file):gmatch "[^\n]+" do
      local id, drive = line:match "^%s*(%S+)%s+(%S+)"
      if id then drives[id] = drive end
    end
    return drives
  end
  local order, lines = core.system.try_read(self.root .. "/mapping/train_rand.txt"), {}
  if not order or files.kind(self.root .. "/mapping/train_mapping.txt") ~= "file" then return nil end
  for line in core.system.read(self.root .. "/mapping/train_mapping.txt"):gmatch "[^\n]+" do
    lines[#lines + 1] = line:match "^%S+%s+(%S+)" or ""
  end
  local index = 0
  for place in order:gmatch "%d+" do
    drives[("%06d"):format(index)], index = lines[tonumber(place)], index + 1
  end
  return drives
end

-- Rows {class, box, truncated, occluded, alpha, line}, and what was counted; the boxes are held against the image's size where it is known.
function Source:labels(frame)
  local rows, counts = core.labels.kitti(frame.label, { width = frame.width, height = frame.height, classes = self.known })
  for _, row in ipairs(rows) do row.class = self.spelling[row.class:lower()] end
  return rows, counts
end

return kitti
