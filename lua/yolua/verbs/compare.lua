-- `yolua compare A B`: whether B is better than A, on the same frames. A and B are runs, stages of runs (RUN:STAGE), or with labels=DIR
-- folders of detections in KITTI's format.
local compare = require "yolua.eval.compare"
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local kitti = require "yolua.datasets.kitti"
local schema = require "yolua.options.schema"
local stages = require "yolua.eval.stages"
local structs = require "yolua.options.structs"
local terminal = require "yolua.terminal"
local files = core.files

local function is_folder(path) return files.kind(path) == "folder" end

-- A run's folder, as it is given or below runs/.
local function run_folder(path)
  path = path:gsub("(.)/+$", "%1")
  if is_folder(path) then return path end
  if is_folder("runs/" .. path) then return "runs/" .. path end
end

-- "RUN" or "RUN:STAGE".
local function of_run(text)
  local dir = run_folder(text)
  if dir then return stages.read(dir) end
  local before, stage = text:match "^(.-):(.+)$"
  dir = before and run_folder(before)
  if dir then return stages.read(dir, stage) end
  error(("compare: %s is no run (expected runs/NAME or runs/NAME:STAGE; folders of detections need labels=DIR)"):format(text), 0)
end

-- The drive of each frame, where the labels lie in a KITTI folder that knows them.
local function drives_of(labels)
  for _, root in ipairs { labels .. "/..", labels .. "/../.." } do
    local ok, drives = pcall(function() return kitti.open({ root = root, images = false }):drives() end)
    if ok and drives then return drives end
  end
  return {}
end

local function of_folders(o)
  local names, drive_of = eval.known_names(o.classes), drives_of(o.labels)
  for _, path in ipairs { o.a, o.b, o.labels } do
    if not is_folder(path) then error(("compare: no such folder %s"):format(path), 0) end
  end
  return compare.folder(o.a, o, names, drive_of), compare.folder(o.b, o, names, drive_of)
end

-- A run's detections can be scored by other options than when it ran; those of the call count. Errors: options without effect on runs.
local function rescored(self, o)
  for _, key in ipairs { "classes", "poster.classes" } do
    if options.explicit(o, key) then
      error(schema.usage(("yolua compare: option '%s' needs labels=: a run's classes are those that it was evaluated with"):format(key)))
    end
  end
  for _, key in ipairs { "voc", "coco", "poster" } do
    for name, value in pairs(o[key]) do
      if options.explicit(o, key .. "." .. name) then self.options[key][name] = value end
    end
  end
  return self
end

-- A difference that may come from how boxes were chosen, and not from the network, is told.
local function warn_of_settings(a, b)
  for _, key in ipairs { "conf", "iou" } do
    if a.options[key] ~= b.options[key] then
      core.system.warn(("compare: %s was evaluated with %s=%s and %s with %s=%s"):format(a.title, key, tostring(a.options[key]), b.title,
        key, tostring(b.options[key])))
    end
  end
end

local function run(o)
  for _, key in ipairs { "a", "b" } do
    if not o[key] then
      error(schema.usage "yolua compare: expected two of runs, stages (RUN:STAGE), or folders of detections: yolua compare A B")
    end
  end
  local a, b
  if o.labels then a, b = of_folders(o)
  else
    a, b = rescored(of_run(o.a), o), rescored(of_run(o.b), o)
    warn_of_settings(a, b)
  end
  return compare.run(a, b, { protocols = o.protocol, replicates = o.replicates, seed = o.seed })
end

local list = {
  { "a", "string", nil, "", "a run, a stage of one (RUN:STAGE; without a stage: its last), or a folder of detections" },
  { "b", "string", nil, "", "what it is compared with" },
  { "labels", "string", nil, "", "A and B are folders of detections: the folder of their labels, both in KITTI's format",
    aliases = { "gt", "label_dir", "truth" } },
  fields.pick("eval", "protocol"),
  { "classes", "list", nil, "", "with labels=: class names that may occur and are scored by voc, coco and poster (default: KITTI's)" },
  structs.field("compare", "replicates"), structs.field("compare", "seed"),
  fields.pick("run", "threads"), fields.pick("run", "json"),
}
for _, field in ipairs(fields.groups.protocols) do
  if field[1] ~= "curves" then list[#list + 1] = field end
end

return {
  help = "whether one detector is better than another: differences with 95 % intervals, over the same frames",
  positional = { "a", "b" }, fields = list, run = run,
  show = function(result) terminal.print(table.concat(compare.lines(result), "\n")) end,
}
