-- Which kind of data set is meant: by the file that describes it (data=FOLDER/data.yaml, data=obj.data, data=FOLDER/instances.json), or by
-- the layout of its folder (data.root=FOLDER alone).
local core = require "yolua.core"
local annotations = require "yolua.data.annotations"
local description = require "yolua.data.description"
local places = require "yolua.data.places"
local files = core.files

local kind = {}

local by_ending = { yaml = "yolo", yml = "yolo", data = "yolo", json = "coco" }

-- {name, root, file} of a data set whose description, or folder, `text` is the path of; nil if it is not one.
function kind.of_path(text)
  local ending = by_ending[select(2, places.split(text))]
  if not ending and text:find "/" and files.kind(text) == "folder" then return { name = kind.guess(text), root = text } end
  if not ending then return nil end
  local folder = places.part(text)
  if ending == "coco" and folder:match "[^/]*$" == "annotations" then folder = places.part(folder) end
  return { name = ending, root = folder, file = text }
end

local function any(folder, wanted)
  for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    if wanted(name) then return true end
  end
  return false
end

local function ends(ending)
  return function(name) return select(2, places.split(name)) == ending end
end

-- One of the folders of splits that exporters make holds a file of that kind.
local function in_splits(root, wanted)
  for _, name in ipairs { "train", "valid", "val", "test" } do
    if any(root .. "/" .. name, wanted) then return true end
  end
end

-- The kind of data set whose layout the folder has; nil where none is known.
function kind.guess(root)
  local is_coco = annotations.is_file
  local function folder(name) return files.kind(root .. "/" .. name) == "folder" end
  if folder "training/label_2" or folder "label_2" then return "kitti" end
  if description.find(root) or folder "images" and folder "labels" or folder "train/images" and folder "train/labels" then return "yolo" end
  if any(root .. "/annotations", ends "json") or any(root, is_coco) or in_splits(root, is_coco) then return "coco" end
  if folder "Annotations" or folder "VOCdevkit" or any(root .. "/annotations", ends "xml") or any(root, ends "xml")
    or in_splits(root, ends "xml") then return "voc" end
  if any(root, places.is_picture) then return "yolo" end
end

-- Names the kind in a table of options where its folder tells it. Returns whether there is a name now.
function kind.complete(o)
  local found = not o.name and o.file and kind.of_path(o.file)
  if not (found or o.name) and o.root and files.kind(o.root) == "folder" then found = { name = kind.guess(o.root) } end
  if found and found.name then
    found.root = o.root or found.root
    require("yolua.options.table").merge(o, found, { where = o.file and "data.file" or "the layout of " .. found.root })
  end
  return o.name ~= nil
end

return kind
