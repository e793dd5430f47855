-- Detections as KITTI's result files, FOLDER/ID.txt with sixteen fields a row, as `yolua eval` and KITTI's server read them: the class by
-- the data's name; truncated, occluded and alpha where the network predicts them (else -1, -1, -10); the box; nothing in space; the score.
local core = require "yolua.core"
local files = core.files

local result_files = {}

-- Every number reads back as the same.
local ROW = "%s %.17g %d %.17g %.17g %.17g %.17g %.17g -1 -1 -1 -1000 -1000 -1000 -10 %.17g\n"

-- {network's class -> the data's}; classes that the data do not have are missing.
local function classes_of(data, names)
  local known, out = {}, {}
  for _, class in ipairs(data.classes) do known[class:lower()] = class end
  for i, own in ipairs(data:own_names(names)) do out[names[i]] = known[own:lower()] end
  return out
end

-- Errors: no data of KITTI's format; files of other frames in the folder, which `yolua eval` would miss labels for.
function result_files.check(folder, list)
  local data, ids = list.data, {}
  if data.name ~= "kitti" and data.name ~= "synthetic" then
    error(("dets=%s: result files are KITTI's: expected data=kitti, got data=%s"):format(folder, data.name), 0)
  end
  for _, frame in ipairs(list.frames) do ids[frame.id .. ".txt"] = true end
  for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    if name:find "%.txt$" and not ids[name] then
      error(("dets=%s: the folder has %s, which is no frame of %s: expected a folder of its own"):format(folder, name, list.name), 0)
    end
  end
end

-- Writes the detections of a stored evaluation (yolua.eval.stored). Returns how many rows, and how many of classes that the data lack.
function result_files.write(folder, seen, data)
  local classes, count, lost = classes_of(data, seen.names), 0, 0
  files.make_folder(folder)
  for _, frame in ipairs(seen.frames) do
    local rows = {}
    for _, d in ipairs(seen:detections(frame, "dets")) do
      local class, b = classes[d.class], d.box
      if class then
        rows[#rows + 1] = ROW:format(class, d.truncated or -1, math.floor(d.occluded or -1), d.alpha or -10, b[1], b[2], b[3], b[4],
          d.score)
      else lost = lost + 1 end
    end
    count = count + #rows
    core.system.write(("%s/%s.txt"):format(folder, frame.id), table.concat(rows))
  end
  return count, lost
end

return result_files
