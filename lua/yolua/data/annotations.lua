-- Where the files with COCO's annotations lie, and which split each is of.
local core = require "yolua.core"
local places = require "yolua.data.places"
local files = core.files

local annotations = {}

local usual = { ["result.json"] = true, ["labels.json"] = true, ["annotations.json"] = true, ["_annotations.json"] = true,
  ["coco.json"] = true }

-- Whether a file beside pictures, or in a root, is likely to hold annotations.
function annotations.is_file(name)
  return usual[name] or name:find "^instances_.*%.json$" ~= nil or name:find "%.coco%.json$" ~= nil or name:find "_coco%.json$" ~= nil
end

-- COCO's files that hold something other than boxes.
local others = { "^captions_", "^person_keypoints_", "^panoptic_", "^stuff_", "^image_info_" }

local function is_other(name)
  for _, pattern in ipairs(others) do
    if name:find(pattern) then return true end
  end
end

-- {split, path} of the files in ROOT/annotations: those of objects, else all.
local function in_annotations(folder)
  local objects, all = {}, {}
  for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    local split = name:match "^instances_(.+)%.json$"
    if split then objects[#objects + 1] = { split = split, path = folder .. "/" .. name } end
    split = not is_other(name) and name:match "^([^.].*)%.json$"
    if split then all[#all + 1] = { split = split, path = folder .. "/" .. name } end
  end
  return #objects > 0 and objects or all
end

-- The same of files in the folders of splits, and in the root.
local function beside_pictures(root)
  local found, alone = {}, nil
  for _, name in ipairs(files.list(root)) do
    local folder = places.join(root, name)
    if annotations.is_file(name) then
      alone = { split = name:match "^instances_(.+)%.json$" or name:match "^_?([^.]+)", path = folder }
    end
    for _, file in ipairs(name:sub(1, 1) ~= "." and files.kind(folder) == "folder" and files.list(folder) or {}) do
      if annotations.is_file(file) then found[#found + 1] = { split = name, path = folder .. "/" .. file } end
    end
  end
  return #found > 0 and found or { alone }
end

-- A list of {split, path}: of the files in ROOT/annotations, else of those beside their pictures.
function annotations.find(root)
  local found = in_annotations(root .. "/annotations")
  return #found > 0 and found or beside_pictures(root)
end

return annotations
