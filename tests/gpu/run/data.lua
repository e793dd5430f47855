-- The data of a run on a GPU machine, small enough to be sent there: the real networks and pictures that the goldens are of, and all
-- frames at a third of their width, whose labels shrink with them. The weights of YOLOv3-tiny keep bf16's digits: half their bytes.
--
--   yolua tests/gpu/run/data.lua from=DATA to=FOLDER
local yl = require "yolua"
local core = yl.core
local files, read, write = core.files, core.system.read, core.system.write

local o = yl.options({}, {
  { "from", "string", nil, "", "folder of the real data: weights/, images/, kitti/", required = true },
  { "to", "string", nil, "", "the folder to fill", required = true },
})
local SIDE, QUALITY = 416, 75 -- of the small frames: their width in pixels, and the JPEG's quality
local GOLDEN = { dev = 20, train = 24 } -- frames that tests/golden/detectors.lua looks at

local function copy(path)
  local folder = path:match "^(.*)/"
  files.make_folder(o.to .. "/" .. folder)
  write(o.to .. "/" .. path, read(o.from .. "/" .. path))
end

local function copy_folder(path)
  for _, name in ipairs(files.list(o.from .. "/" .. path)) do copy(path .. "/" .. name) end
end

-- The ids of a list, the first `limit` of them.
local function ids_of(list, limit)
  local ids = {}
  for id in read(("%s/kitti/ImageSets/%s.txt"):format(o.from, list)):gmatch "%S+" do
    if limit and #ids == limit then break end
    ids[#ids + 1] = id
  end
  return ids
end

local function write_list(root, list, ids)
  files.make_folder(("%s/%s/ImageSets"):format(o.to, root))
  write(("%s/%s/ImageSets/%s.txt"):format(o.to, root, list), table.concat(ids, "\n") .. "\n")
end

local function golden_frames()
  for list, limit in pairs(GOLDEN) do
    local ids = ids_of(list, limit)
    write_list("kitti", list, ids)
    for _, id in ipairs(ids) do
      copy(("kitti/training/image_2/%s.png"):format(id))
      copy(("kitti/training/label_2/%s.txt"):format(id))
    end
  end
end

-- A line of a label: the box stands in fields 5 to 8, in pixels.
local function shrunk(line, scale)
  local fields = {}
  for field in line:gmatch "%S+" do fields[#fields + 1] = field end
  for i = 5, 8 do fields[i] = ("%.2f"):format(tonumber(fields[i]) * scale) end
  return table.concat(fields, " ")
end

local function small_frame(id)
  local image <close> = core.image.load(("%s/kitti/training/image_2/%s.png"):format(o.from, id))
  local small <close> = image:fit(SIDE, SIDE)
  local lines, scale = {}, small:w() / image:w()
  for line in read(("%s/kitti/training/label_2/%s.txt"):format(o.from, id)):gmatch "[^\n]+" do lines[#lines + 1] = shrunk(line, scale) end
  write(("%s/small/training/image_2/%s.png"):format(o.to, id), small:jpeg(QUALITY)) -- the type is read from the bytes
  write(("%s/small/training/label_2/%s.txt"):format(o.to, id), table.concat(lines, "\n") .. "\n")
end

local function small_frames()
  files.make_folder(o.to .. "/small/training/image_2")
  files.make_folder(o.to .. "/small/training/label_2")
  for _, list in ipairs { "train", "dev" } do
    local ids = ids_of(list)
    write_list("small", list, ids)
    for _, id in ipairs(ids) do small_frame(id) end
  end
end

-- Numbers of 4 bytes behind a header of 20, of which the upper two bytes stay.
local function rounded(path)
  local bytes = read(o.from .. "/" .. path)
  write(o.to .. "/" .. path, bytes:sub(1, 20) .. bytes:sub(21):gsub("..(..)", "\0\0%1"))
end

copy "weights/coco.names"
copy_folder "weights/yolo-lite"
copy_folder "weights/yolo-fastest"
copy_folder "images"
copy "weights/yolov3-tiny/yolov3-tiny.cfg"
rounded "weights/yolov3-tiny/yolov3-tiny.weights"
copy "cfg/yolov2.cfg"
golden_frames()
small_frames()
