-- KITTI's 2D objects (Geiger, Lenz, Urtasun, CVPR 2012). ROOT/training/image_2 and label_2, or both right under ROOT; splits in
-- ROOT/ImageSets, calibration in calib beside the labels. Labels alone will do where no image is looked at (images=false); sizes are
-- then read from ROOT/image_sizes.txt.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local files = core.files

local kitti = {
  help = "KITTI's object frames",
  classes = { "Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc" },
  regions = { "DontCare" },
  -- Whole objects that a detector of the second class may well report: neither hits nor faults.
  neighbours = { Van = "Car", Person_sitting = "Pedestrian" },
  -- Misc is no class that one could learn; where the network does not name it, it is a region to ignore.
  optional = { Misc = true },
  map = "poster", -- for networks of other names (datasets/maps.yaml)
  fields = {},
}

local label_names = { table.unpack(kitti.classes) }
label_names[#label_names + 1] = "DontCare"
local spelling = {} -- the official one: names compare case-insensitively
for _, name in ipairs(label_names) do spelling[name:lower()] = name end

local Source = {}
Source.__index = Source

local function first_folder(...)
  for _, path in ipairs { ... } do
    if files.kind(path) == "folder" then return path end
  end
end

local function read_sizes(path)
  local sizes = {}
  if files.kind(path) ~= "file" then return sizes end
  for line in core.system.read(path):gmatch "[^\n]+" do
    local id, w, h = line:match "^(%S+)%s+(%d+)%s+(%d+)%s*$"
    if id then sizes[id] = { tonumber(w), tonumber(h) } end
  end
  return sizes
end

-- o: the options of data=kitti. Errors: no such folder, or neither images nor labels in it.
function kitti.open(o)
  local root = o.root:gsub("(.)/+$", "%1")
  local self = setmetatable({ root = root }, Source)
  self.images = first_folder(root .. "/training/image_2", root .. "/image_2")
  self.labels_folder = first_folder(root .. "/training/label_2", root .. "/label_2", not self.images and root .. "/labels" or nil)
  if not self.labels_folder then
    fail("data: %s holds no KITTI labels: expected training/label_2 or label_2 in it", root)
  end
  if not self.images and o.images ~= false then
    fail("data: %s holds no KITTI images: expected training/image_2 or image_2 in it (data.images=false: labels are enough)", root)
  end
  self.calibs = first_folder(root .. "/training/calib", root .. "/calib")
  self.splits = first_folder(root .. "/ImageSets", root .. "/training/ImageSets")
  self.sizes = self.images and {} or read_sizes(root .. "/image_sizes.txt")
  return self
end

-- The frame of an id, or nil and what is missing.
function Source:frame(id)
  local frame = { id = id, label = ("%s/%s.txt"):format(self.labels_folder, id) }
  local calib = self.calibs and ("%s/%s.txt"):format(self.calibs, id)
  frame.calib = calib and files.kind(calib) == "file" and calib or nil
  if files.kind(frame.label) ~= "file" then return nil, ("there is no label file %s"):format(frame.label) end
  if not self.images then
    local size = self.sizes[id] or {}
    frame.width, frame.height = size[1], size[2]
    return frame
  end
  for _, ending in ipairs { ".png", ".jpg", ".jpeg" } do
    local path = self.images .. "/" .. id .. ending
    if files.kind(path) == "file" then
      frame.image = path
      return frame
    end
  end
  return nil, ("there is no image %s/%s.png"):format(self.images, id)
end

-- All ids: of the images, or of the labels where there are none.
function Source:all()
  local ids, seen = {}, {}
  for _, name in ipairs(files.list(self.images or self.labels_folder)) do
    local id, ending = name:match "^(.+)%.(%w+)$"
    local wanted = self.images and (ending == "png" or ending == "jpg" or ending == "jpeg") or not self.images and ending == "txt"
    if wanted and not seen[id] then ids[#ids + 1], seen[id] = id, true end
  end
  return ids
end

-- Label files whose picture is not there.
function Source:orphans()
  local out, has = {}, {}
  if not self.images then return out end
  for _, id in ipairs(self:all()) do has[id] = true end
  for _, name in ipairs(files.list(self.labels_folder)) do
    local id = name:match "^(.+)%.txt$"
    if id and not has[id] then out[#out + 1] = self.labels_folder .. "/" .. name end
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
  for number in order:gmatch "%d+" do
    drives[("%06d"):format(index)], index = lines[tonumber(number)], index + 1
  end
  return drives
end

-- Rows {class, box, truncated, occluded, alpha, line}; the boxes are held against the image's size where it is known.
function Source.labels(_, frame)
  local rows = core.labels.kitti(frame.label, { width = frame.width, height = frame.height, classes = label_names })
  for _, row in ipairs(rows) do row.class = spelling[row.class:lower()] end
  return rows
end

return kitti
