-- `yolua compare A B`: whether B is better than A, on the same frames. A and B are runs, stages of runs (RUN:STAGE), the
-- same stage of several runs as one (RUN,RUN:STAGE), or with labels=DIR folders of detections in KITTI's format.
local compare = require "yolua.eval.compare"
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local kitti = require "yolua.datasets.kitti"
local schema = require "yolua.options.schema"
local stages = require "yolua.eval.stages"
local stored = require "yolua.eval.stored"
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

-- The same stage of several runs as one evaluation.
local function pooled(dirs, stage)
  local parts, titles = {}, {}
  for i, dir in ipairs(dirs) do
    parts[i] = stages.read(dir, stage)
    titles[i] = parts[i].run
  end
  if #parts == 1 then return parts[1] end
  local self = stored.pool(parts, stage or parts[1].stage)
  self.title = ("%s:%s"):format(table.concat(titles, ","), self.stage)
  return self
end

-- The folders of "RUN" or "RUN,RUN,...", nil where one of them is none.
local function run_folders(text)
  if run_folder(text) then return { run_folder(text) } end
  local dirs = {}
  for part in text:gmatch "[^,]+" do dirs[#dirs + 1] = run_folder(part) or false end
  for _, dir in ipairs(dirs) do
    if not dir then return nil end
  end
  return #dirs > 0 and dirs or nil
end

-- "RUN", "RUN:STAGE", or several runs, "RUN,RUN:STAGE".
local function of_run(text)
  local dirs = run_folders(text)
  if dirs then return pooled(dirs) end
  local before, stage = text:match "^(.-):(.+)$"
  dirs = before and run_folders(before)
  if dirs then return pooled(dirs, stage) end
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

-- Of the classes that a run was evaluated with those that are asked for.
local function chosen(self, wanted)
  local by_name, names, list = {}, {}, {}
  for i, class in ipairs(self.classes or {}) do
    names[i] = type(class) == "table" and class.name or class
    by_name[names[i]] = class
  end
  for i, name in ipairs(wanted) do
    list[i] = by_name[name] or error(schema.usage(("yolua compare: classes: %s was not evaluated with '%s'%s (%s)"):format(self.title, name,
      schema.did_you_mean(name, names), table.concat(names, ", "))))
  end
  return list
end

-- A run's detections can be scored by other options than when it ran; those of the call count. Errors: options without effect on runs.
local function rescored(self, o)
  if options.explicit(o, "poster.classes") then
    error(schema.usage "yolua compare: option 'poster.classes' needs labels=: a run's classes are those that it was evaluated with")
  end
  if options.explicit(o, "classes") then self.classes = chosen(self, o.classes) end
  for _, key in ipairs { "voc", "coco", "poster" } do
    for name, value in pairs(o[key]) do
      if options.explicit(o, key .. "." .. name) then self.options[key][name] = value end
    end
  end
  return self
end

local SILENT = { nms = "hard", vote = 0 } -- what evaluations did that do not say it

-- A difference that may come from how boxes were chosen, and not from the network, is told.
local function warn_of_settings(a, b)
  for _, key in ipairs { "conf", "iou", "nms", "vote" } do
    local x, y = a.options[key] or SILENT[key], b.options[key] or SILENT[key]
    if x ~= y then
      core.system.warn(("compare: %s was evaluated with %s=%s and %s with %s=%s"):format(a.title, key, tostring(x), b.title, key,
        tostring(y)))
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
  { "a", "string", nil, "", "a run, a stage of one (RUN:STAGE; without a stage: its last), the same stage of several "
    .. "(RUN,RUN:STAGE; pooled), or a folder of detections" },
  { "b", "string", nil, "", "what it is compared with" },
  { "labels", "string", nil, "", "A and B are folders of detections: the folder of their labels, both in KITTI's format",
    aliases = { "gt", "label_dir", "truth" } },
  fields.pick("eval", "protocol"),
  { "classes", "list", nil, "", "the classes that voc, coco and poster score, and their means are of: of runs (default: all of theirs), "
    .. "or with labels= those that may occur (default: KITTI's)" },
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
