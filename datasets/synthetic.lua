-- Street scenes that the program draws itself, for who has no data set at hand: written once as files in KITTI's layout, then read as
-- KITTI is. They lie under data.root, else in a folder of the cache ($XDG_CACHE_HOME/yolua) that is named after the options; the same
-- options give the same bytes. Two looks of one world: `source` (clear days, strong colours) and `target` (dusk, fog, grain).
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local kitti = require "yolua.datasets.kitti"
local ranks = require "yolua.ranks"
local structs = require "yolua.options.structs"
local files, width = core.files, structs.field("scene", "width")

local synthetic = {
  help = "street scenes that the program draws",
  rootless = true, -- data.root may be left out
  classes = { "Car", "Van", "Truck", "Pedestrian", "Cyclist", "Tram" },
  regions = kitti.regions, labels_attributes = true,
  neighbours = { Van = "Car" },
  map = kitti.map,
  fields = {
    structs.field("scene", "style"),
    { "frames", "int", 240, "frames", "how many frames to draw; the last fifth of them is dev", min = 2, max = 1000000 },
    { "picture", "size", { width[3], structs.field("scene", "height")[3] }, "px", "size of a frame, width first", min = width.min,
      max = width.max },
  },
}

-- What the picture's bytes depend on besides the options; to be raised when the drawing changes.
local EDITION = 2

-- The folder of these options in the user's cache.
local function cache_folder(o)
  local cache = os.getenv "XDG_CACHE_HOME"
  if not cache or cache == "" then cache = (os.getenv "HOME" or "/tmp") .. "/.cache" end
  local key = ("%d %s %d %dx%d %d"):format(EDITION, o.style, o.frames, o.picture[1], o.picture[2], o.seed)
  return ("%s/yolua/synthetic-%s-%s"):format(cache, o.style, files.hash_text(key))
end

-- A row of a label file; two decimals, as KITTI's.
local function label_line(row)
  local numbers = { row.alpha }
  for _, list in ipairs { row.box, row.dims, row.location, { row.rotation_y } } do table.move(list, 1, #list, #numbers + 1, numbers) end
  for i, number in ipairs(numbers) do numbers[i] = ("%.2f"):format(number) end
  return ("%s %.2f %d %s\n"):format(row.class, row.truncated, math.floor(row.occluded), table.concat(numbers, " "))
end

local function write_frame(o, folder, index)
  local id, lines = ("%06d"):format(index), {}
  local rows = core.scene.write({ width = o.picture[1], height = o.picture[2], seed = o.seed, index = index, style = o.style },
    ("%s/training/image_2/%s.png"):format(folder, id))
  for i, row in ipairs(rows) do lines[i] = label_line(row) end
  core.system.write(("%s/training/label_2/%s.txt"):format(folder, id), table.concat(lines))
  local c = core.scene.camera(o.picture[1], o.picture[2])
  core.system.write(("%s/training/calib/%s.txt"):format(folder, id),
    ("P2: %.12e 0 %.12e 0 0 %.12e %.12e 0 0 0 1 0\n"):format(c.f, c.cx, c.f, c.cy))
end

local function write_split(folder, name, first, last)
  local ids = {}
  for index = first, last do ids[#ids + 1] = ("%06d\n"):format(index) end
  core.system.write(("%s/ImageSets/%s.txt"):format(folder, name), table.concat(ids))
end

-- The frames come first and the splits last, dev last of all: where that is, everything is.
local function write_all(o, folder)
  for _, below in ipairs { "training/image_2", "training/label_2", "training/calib", "ImageSets" } do
    files.make_folder(folder .. "/" .. below)
  end
  local bar <close> = require("yolua.terminal.progress").new { label = "drawing streets", total = o.frames, unit = "frames" }
  for index = 0, o.frames - 1 do
    bar:update(index)
    write_frame(o, folder, index)
    if core.system.interrupted() then
      core.system.clear_interrupt()
      error(("stopped by the user after %d of %d frames were drawn in %s"):format(index + 1, o.frames, folder), 0)
    end
  end
  local dev = math.max(1, o.frames // 5)
  write_split(folder, "train", 0, o.frames - dev - 1)
  write_split(folder, "dev", o.frames - dev, o.frames - 1)
end

local function complete(folder) return files.kind(folder .. "/ImageSets/dev.txt") == "file" end

-- A folder that holds anything else is somebody's, and nothing is drawn into it.
local function check_free(folder)
  for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    if name ~= "training" and name ~= "ImageSets" then
      fail("data.root=%s: expected an empty folder to draw scenes in, or scenes drawn before; it holds '%s'", folder, name)
    end
  end
end

-- o: the options of data=synthetic. Draws what is not there yet. A folder given as data.root that is complete is taken as it is.
function synthetic.open(o)
  local folder = o.root or cache_folder(o)
  local fresh = ranks.first(function()
    if complete(folder) then return false end
    check_free(folder)
    write_all(o, folder)
    return true
  end)
  core.system.warn(("using synthetic data (%d frames of the %s style, %s in %s); for real data give data=kitti data.root=DIR")
    :format(o.frames, o.style, fresh and "drawn now" or "kept", folder))
  return kitti.open { root = folder, images = o.images }
end

return synthetic
