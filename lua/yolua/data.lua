-- yl.data{name=, root=, ...}: a data set's frames, their labels, and how its classes meet a network's.
--
--   data.train, data.dev      lists: {name, frames = {{id, image, label, width, height}, ...}, data}
--   data:list(split)          any split: a name under ImageSets, a list file, "all"; nil: dev, or all where there are no splits
--   data:rows(frame, names)   its labels as the protocols see them; data:truth(frame, names): as training sees them
--   data.hash                 fingerprint of the ids and label files of train and dev
-- The modules under datasets/ say where a kind of data set keeps what.
local core = require "yolua.core"
local classmap = require "yolua.classmap"
local files = core.files

local Data = { __name = "data" }
local methods = {}

local function new(o)
  if not o or not o.name then
    error("no data set was named: expected data=kitti data.root=DIR (or yolo, coco, voc with their data.root)", 0)
  end
  if not o.root then error(("data.root is missing: expected the folder of the %s data set"):format(o.name), 0) end
  if files.kind(o.root) ~= "folder" then error(("data.root: there is no folder %s"):format(o.root), 0) end
  local set = require("yolua.datasets." .. o.name)
  local source = set.open(o)
  return setmetatable({ name = o.name, root = o.root, options = o, set = set, source = source, classes = source.classes or set.classes,
    lists = {}, labels = {}, maps = {} }, Data)
end

-- ---- splits --------------------------------------------------------------------------------------------------------------

-- A tenth of the frames, chosen by a fingerprint of seed and id: the same tenth on every machine.
local function tenth(self)
  local all, keys = self.source:all(), {}
  for i, id in ipairs(all) do keys[i] = { files.hash_text(("%d:%s"):format(self.options.seed or 1, id)), id } end
  table.sort(keys, function(a, b) return a[1] < b[1] end)
  local chosen = {}
  for i = 1, math.max(1, #all // 10) do chosen[keys[i][2]] = true end
  return all, chosen
end

local function without_splits(self, role)
  local all, chosen = tenth(self)
  if role == "all" then return all end
  if not self.told then
    core.system.warn(("%s has no ImageSets: a seeded tenth of its %d frames is kept as dev"):format(self.root, #all))
    self.told = true
  end
  local ids = {}
  for _, id in ipairs(all) do
    if (chosen[id] ~= nil) == (role == "dev") then ids[#ids + 1] = id end
  end
  return ids
end

-- The file that a split's name or path stands for, or nil.
local function split_file(self, name)
  local named = self.source.splits and ("%s/%s.txt"):format(self.source.splits, name)
  if named and files.kind(named) == "file" then return named end
  if name:find("/", 1, true) or name:find "%.txt$" then
    if files.kind(name) ~= "file" then error(("data: there is no split file %s"):format(name), 0) end
    return name
  end
end

-- The items of a split and the file that they come from (nil: none). role: what it is for, where no split files exist.
local function items_of(self, name, role)
  local file = split_file(self, name)
  if file then return core.labels.list(file), file end
  local own = self.source.split and self.source:split(name)
  if own then return own end
  if not self.source.splits and (name == "train" or name == "dev" or name == "all") then return without_splits(self, role or name) end
  if name == "all" then return self.source:all() end
  error(("data: there is no split '%s': expected %s/%s.txt or a list file"):format(name,
    self.source.splits or self.root .. "/ImageSets", name), 0)
end

-- ---- frames ----------------------------------------------------------------------------------------------------------------

local function plain(sentence) return (tostring(sentence):gsub("^[^:]*%.lua:%d+: ", ""):gsub("^%[C%]:%-?%d+: ", "")) end

-- The frame of a split's item with its size and labels read and checked. Throws one sentence.
local function read_frame(self, item, where)
  local frame, missing = self.source:frame(item)
  if not frame then error(where and ("%s: %s"):format(where, missing) or "data: " .. missing, 0) end
  if frame.image and not frame.width then frame.width, frame.height = core.image.probe(frame.image) end
  self.labels[frame.id] = self.labels[frame.id] or self.source:labels(frame)
  return frame
end

-- Every frame of a split, in its order. on_bad(item, sentence) is told of each that cannot be read; without it strict data end
-- with the sentence, others lose the frame and count it.
local function build(self, name, role, on_bad)
  local items, file = items_of(self, name, role)
  local list, bad = { name = name:match "([^/]*)$":gsub("%.txt$", ""), frames = {}, data = self, file = file }, 0
  for i = 1, math.min(#items, self.options.limit or math.huge) do
    local ok, frame = pcall(read_frame, self, items[i], file)
    if ok then list.frames[#list.frames + 1] = frame
    elseif on_bad then on_bad(items[i], plain(frame))
    elseif self.options.strict ~= false then error(plain(frame), 0)
    else
      bad = bad + 1
      if bad == 1 then core.system.warn("left out: " .. plain(frame)) end
    end
  end
  if bad > 1 then core.system.warn(("%d frames of split %s were left out"):format(bad, list.name)) end
  if #list.frames == 0 and not on_bad then error(("data: split %s of %s holds no frame"):format(name, self.root), 0) end
  return list
end

-- The list of a split; see the top of this file. Errors: no such split, or (strict data) the first frame that cannot be read.
function methods:list(name, on_bad)
  if not name then name = self.options.dev or (self.source.splits and "dev") or "all" end
  if on_bad then return build(self, name, nil, on_bad) end
  self.lists[name] = self.lists[name] or build(self, name)
  return self.lists[name]
end

-- ---- classes ---------------------------------------------------------------------------------------------------------------

-- A data set without class names of its own has the network's, by number.
local function set_with_names(self, names)
  if self.classes then return setmetatable({ classes = self.classes }, { __index = self.set }) end
  return setmetatable({ classes = names }, { __index = self.set })
end

-- The class map towards a network's class names (yolua.classmap). Without names: of the data to themselves.
function methods:map(names)
  local key = names and table.concat(names, "\n") or ""
  if not self.maps[key] then
    local set = set_with_names(self, names or {})
    self.maps[key] = classmap.make(set, names or set.classes, names and self.options.map or "identity")
  end
  return self.maps[key]
end

function methods:eval_classes(names) return self:map(names).classes end

local function class_name(self, row, names, frame)
  if self.classes or not row.index then return row.class end
  if not names then return row.class end
  return names[row.index] or error(("%s:%d: class %d: the network has %d classes"):format(frame.label, row.line, row.index - 1, #names), 0)
end

-- The frame's labels, {class (the data's name), box, truncated, occluded, alpha, ignore (a region of the map)}.
function methods:rows(frame, names)
  local map, out = self:map(names), {}
  for i, row in ipairs(self.labels[frame.id]) do
    local class = class_name(self, row, names, frame)
    out[i] = { class = class, box = row.box, truncated = row.truncated, occluded = row.occluded, alpha = row.alpha, line = row.line,
      ignore = map.ignore[class] or false }
  end
  return out
end

-- The same by the network's classes: {class, box, ignore, neighbour}; classes that the map leaves out are missing.
function methods:mapped(frame, names)
  local map, out = self:map(names), {}
  for _, row in ipairs(self:rows(frame, names)) do
    local to, beside = map.to[row.class], map.neighbour[row.class]
    if to or beside or row.ignore then
      out[#out + 1] = { class = to or beside or row.class, box = row.box, ignore = row.ignore or beside ~= nil, neighbour = beside ~= nil }
    end
  end
  return out
end

-- As training sees them: rows {x1, y1, x2, y2, class (number among `names`, from 0), kind}, pixels of the image; kinds are those of
-- core/truth.h: 0 object, 1 region to ignore, 2 neighbour.
function methods:truth(frame, names)
  local number, out = {}, {}
  for i, name in ipairs(names) do number[name] = i - 1 end
  for i, row in ipairs(self:mapped(frame, names)) do
    local b, kind = row.box, row.neighbour and 2 or row.ignore and 1 or 0
    out[i] = { b[1], b[2], b[3], b[4], number[row.class] or 0, kind }
  end
  return out
end

-- ---- the whole ----------------------------------------------------------------------------------------------------------

local function fingerprint(self)
  local parts = { self.name, self.options.map or "auto" }
  for _, list in ipairs { self.train, self.dev } do
    for _, frame in ipairs(list.frames) do
      parts[#parts + 1] = frame.id
      parts[#parts + 1] = files.kind(frame.label) == "file" and files.hash(frame.label) or ""
    end
  end
  return files.hash_text(table.concat(parts, "\n"))
end

-- train, dev and hash are made when they are first asked for.
function Data:__index(key)
  if methods[key] then return methods[key] end
  local value
  if key == "train" or key == "dev" then value = self:list(self.options[key] or key)
  elseif key == "hash" then value = fingerprint(self)
  else return nil end
  rawset(self, key, value)
  return value
end

function Data:__tostring() return ("data %s in %s"):format(self.name, self.root) end

return setmetatable({ new = new }, { __call = function(_, o) return new(o) end })
