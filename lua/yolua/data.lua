-- yl.data{name=, root=, ...}: a data set's frames, their labels, and how its classes meet a network's.
--
--   data.train, data.dev      lists: {name, frames = {{id, image, label, width, height, objects}, ...}, data}
--   data.pick                 the list that choices are made on; nil if the options name none (choices are then made on dev)
--   data:list(split)          any split: a name, a list file, "all"; nil: the option `split`, else dev, else all
--   data:calib(frame)         the camera's matrices, where the data set has them (KITTI's calib/)
--   data:rows(frame, names)   its labels as the protocols see them; data:truth(frame, names): as training sees them
--   data.hash                 fingerprint of the ids and label files of train, dev and pick
-- A frame's image is nil where there is none; its objects are the rows of core.labels. Lists are read on first use.
-- The modules under datasets/ say where a kind of data set keeps what.
local attributes = require "yolua.options.attributes"
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local classmap = require "yolua.data.classmap"
local fail = require "yolua.data.fail"
local fields = require "yolua.options.fields"
local fingerprint = require "yolua.data.fingerprint"
local frames = require "yolua.data.frames"
local kinds = require "yolua.data.kind"
local numbered = require "yolua.data.class_names"
local options = require "yolua.options.table"
local splits = require "yolua.data.splits"
local files = core.files

local Data, List = { __name = "data" }, { __name = "list" }
local methods = {}

List.__index = List
function List.__len(list) return #list.frames end
function List.__tostring(list) return ("%d frames of %s (%s)"):format(#list.frames, list.data.name, list.name) end

-- o: an options table (a recipe's o.data), or a plain one, which is checked here. more.images = false: labels are enough, whatever o
-- says. Errors: one sentence that names the option or folder.
local function new(o, more)
  if o and getmetatable(o) == nil then o = options.check("yl.data", fields.groups.data, { data = o }).data end
  if o then kinds.complete(o) end
  if not o or not o.name then
    fail "no data set given: expected data=kitti data.root=DIR (or another of `yolua help data`)"
  end
  o = options.plain(o)
  if more and more.images == false then o.images = false end
  local set = require("yolua.datasets." .. o.name)
  if not set.rootless then
    if not o.root then fail("data.root is missing: expected the folder of the %s data set", o.name) end
    if files.kind(o.root) ~= "folder" then fail("data.root: no such folder %s", o.root) end
  end
  local source = set.open(o)
  if source.own then set = setmetatable(source.own, { __index = set }) end -- what these data say otherwise than others of their kind
  return setmetatable({ name = o.name, root = o.root or source.root, options = o, set = set, source = source,
    classes = source.classes or set.classes, lists = {}, read = {}, told = {}, maps = {}, followed = {}, warned = {} }, Data)
end

-- ---- frames ----------------------------------------------------------------------------------------------------------------

-- The list of a split; see the top of this file. on_bad(item, sentence) is told of each frame that cannot be read. Errors: no such
-- split, or (strict data) the first frame that cannot be read.
function methods:list(name, on_bad)
  local o = self.options
  local asked = name
  name = name or o.split or o.dev or (splits.any(self.source) and "dev" or "all")
  if on_bad then return frames.build(self, List, name, { on_bad = on_bad }) end
  self.lists[name] = self.lists[name] or frames.build(self, List, name, {})
  if not asked and not o.split then frames.check_objects(self.lists[name]) end
  return self.lists[name]
end

-- The list that training learns from, or the one that it is held against. Errors: it contains no objects.
local function role_list(self, role)
  local o = self.options
  local part = role == "train" and not (o.train or o.dev)
  local list = part and frames.build(self, List, role, { part = true }) or self:list(o[role] or role)
  return frames.check_objects(list)
end

-- ---- classes ---------------------------------------------------------------------------------------------------------------

for name, method in pairs(require "yolua.data.maps") do methods[name] = method end

function methods:eval_classes(names) return self:map(names).classes end

-- The class of a label by the data's name; YOLO's numbers are named by the network where the data has no names.
local function class_name(self, row, names, frame)
  if self.classes or not row.index then return row.class end
  if not names then return numbered.of(row.index) end
  return names[row.index]
    or fail("%s:%d: expected a class from 0 to %d, got '%d'", frame.label, row.line, #names - 1, row.index - 1)
end

-- The classes that a head made for these data has, and for each the network's class that the data's own map puts it under; nil where
-- the network's head fits as it is. data.map=identity asks for the data's classes.
function methods:head_classes(names)
  if not self.classes or self.options.map ~= "identity" then return nil end
  local own, missing, has = {}, false, {}
  for _, name in ipairs(names) do has[name:lower()] = true end
  for _, class in ipairs(self.classes) do
    if not (self.set.optional and self.set.optional[class]) then
      own[#own + 1] = class
      missing = missing or not has[class:lower()]
    end
  end
  if missing then return own, classmap.targets(self.set.map) end
end

-- Where nobody named the classes: names them by their numbers (class0, class1, ...), as many as the labels of train and dev have.
function methods:number_classes()
  local most = 0
  for _, list in ipairs { self.train, self.dev, self.pick } do
    for _, frame in ipairs(list.frames) do
      for _, row in ipairs(frame.objects) do most = math.max(most, row.index or 0) end
    end
  end
  if most == 0 then fail("data: the labels of %s and %s in %s contain no objects", self.train.name, self.dev.name, self.root) end
  self.classes, self.maps = {}, {}
  for i = 1, most do self.classes[i] = numbered.of(i) end
end

-- The network's class names, each that the data's own map has something under by the data's first name for it: with them a network is
-- scored class by class against one that was made for the data.
function methods:own_names(names)
  local named, out = {}, {}
  local targets = classmap.targets(self.set.map)
  for _, class in ipairs(self.classes or {}) do
    local to = targets[class]
    if to and not named[to:lower()] then named[to:lower()] = class end
  end
  for i, name in ipairs(names) do out[i] = named[name:lower()] or name end
  return out
end

local function copy(row, class, ignore)
  return { class = class, box = row.box, truncated = row.truncated, occluded = row.occluded, alpha = row.alpha, line = row.line,
    ignore = ignore or false }
end

-- The label of an attribute, unknown where the data set does not have it: boxes of other sets say occluded and truncated as the protocols
-- want it, which is no label to learn.
local function label_of(self, row, attribute)
  local has = self.set.labels_attributes
  return (has == true or has and has[attribute.label]) and row[attribute.label] or attribute.unknown
end

local function check_frame(who, frame)
  return callback.argument(type(frame) == "table" and frame.id ~= nil, who, "a frame (of data.dev.frames, say)", frame)
end

-- Calls visit(row, class, map) for each label of the frame; without any names there is no map.
local function each(self, who, frame, names, visit)
  check_frame(who, frame)
  local map = (names or self.classes) and self:map(names)
  for _, row in ipairs(frame.objects) do visit(row, class_name(self, row, names, frame), map) end
end

-- The frame's labels for core.eval_set: {class (the data's name), box, truncated, occluded, alpha, ignore (a region of the map)}.
function methods:rows(frame, names)
  local out = {}
  each(self, "data:rows", frame, names, function(row, class, map)
    local as = map and map.as[class]
    if as ~= false then out[#out + 1] = copy(row, as or class, map and map.ignore[class] or row.crowd) end
  end)
  return out
end

-- The same by the network's classes: {class, box, ignore, neighbour, ...}; classes that the map leaves out are missing.
function methods:mapped(frame, names)
  local out = {}
  each(self, "data:mapped", frame, names, function(row, class, map)
    local to = not map and class or map and map.to[class]
    local beside = map and map.neighbour[class]
    if not (to or beside or map.ignore[class]) then return end
    local truth = copy(row, to or beside or class, not to or row.crowd or row.difficult)
    truth.neighbour = beside ~= nil and beside ~= false
    out[#out + 1] = truth
  end)
  return out
end

-- As training sees them: rows {x1, y1, x2, y2, class (number among `names`, from 0), kind}, pixels of the image; kinds are those of
-- core/truth.h: 0 object, 1 region to ignore, 2 neighbour. labelled: three more numbers, alpha, occluded and truncated.
function methods:truth(frame, names, labelled)
  check_frame("data:truth", frame)
  callback.argument(type(names) == "table", "data:truth", "a list of class names", names)
  local number, out = {}, {}
  for i, name in ipairs(names) do number[name] = i - 1 end
  local truths = self:mapped(frame, names)
  for i, row in ipairs(truths) do
    local b, kind = row.box, row.neighbour and 2 or row.ignore and 1 or 0
    out[i] = { b[1], b[2], b[3], b[4], number[row.class] or 0, kind }
    for k, a in ipairs(labelled and attributes.list or {}) do out[i][6 + k] = label_of(self, row, a) end
  end
  return out, truths
end

-- Whether some object of the list has the label of an attribute (of options/attributes.lua).
function methods:has_attribute(list, attribute)
  for _, frame in ipairs(list.frames) do
    for _, row in ipairs(frame.objects) do
      if attributes.known(attribute, label_of(self, row, attribute)) then return true end
    end
  end
  return false
end

-- The frame's calibration by core.labels.calib ({P2 = 12 numbers, ...}); nil where the data set has none for it.
function methods.calib(_, frame)
  check_frame("data:calib", frame)
  return frame.calib and core.labels.calib(frame.calib) or nil
end

-- The drive (scene) that each frame was taken in, {frame's id -> drive}; empty where the data do not know.
function methods:drives()
  local source = self.source
  rawset(self, "of_drive", rawget(self, "of_drive") or source.drives and source:drives() or {})
  return self.of_drive
end

-- ---- the whole ----------------------------------------------------------------------------------------------------------

local ROLES = { train = 1, pick = 2, dev = 3 } -- in the order in which numbers come to depend on them

-- Warns of frames that the list of this role shares with those read before it.
local function warn_of_shared(self, role)
  for other, rank in pairs(ROLES) do
    local a, b = rawget(self, other), rawget(self, role)
    if a and rank < ROLES[role] then frames.warn_of_shared(a, b, { other, role })
    elseif a and rank > ROLES[role] then frames.warn_of_shared(b, a, { role, other }) end
  end
end

-- train, dev, pick and hash are made when they are first asked for.
function Data:__index(key)
  if methods[key] then return methods[key] end
  local value
  if key == "pick" and not self.options.pick then return nil
  elseif ROLES[key] then value = role_list(self, key)
  elseif key == "hash" then value = fingerprint(self)
  elseif key == "split_hash" or key == "fingerprint" then value = self.hash
  else return nil end
  rawset(self, key, value)
  if ROLES[key] then warn_of_shared(self, key) end
  return value
end

function Data:__tostring() return ("data %s in %s"):format(self.name, self.root) end

return setmetatable({ new = new }, { __call = function(_, ...) return new(...) end })
