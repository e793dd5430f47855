-- yl.dataset{...}: a kind of data set described in Lua, known as data=NAME from then on.
--
--   yl.dataset { name = "mine", classes = { "car", "bus" }, frames = function(o) return list end }
--
-- `frames` is called once with the options of data=NAME (root among them) and returns a list of
--   { id =, image = path, split = "train" or "dev" (nil: drawn with data.seed), objects = { { class =, box = { x1, y1, x2, y2 } }, ... } }
-- with boxes in the image's pixels. An object may say truncated (0..1), occluded (0..3) and alpha (radians) as KITTI means them; heads
-- can predict those that every object says (attributes=).
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"
local callback = require "yolua.options.callback"
local clipped = require "yolua.data.box"
local number = require "yolua.data.number"
local options = require "yolua.options.table"

local check = options.declare("yl.dataset", {
  { "name", "string", nil, "", "its name: data=NAME" },
  { "help", "string", "", "", "one line for the help page" },
  { "classes", "list", nil, "", "the classes' names" },
  { "fields", "any", {}, "", "its own options, beside data.root and the like: a list of {key, type, default, unit, help, ...}" },
  { "rootless", "bool", false, "", "data.root may be left out" },
  { "regions", "any", {}, "", "classes in which nothing counts: {name = true}" },
  { "map", "any", nil, "", "the class map of data.map=auto: {own class = the network's}" },
  { "frames", "function", nil, "", "(o) -> list of frames" },
})

local Source = {}
Source.__index = Source

local function fail(name, i, format, ...) error(("data=%s: frame %s: %s"):format(name, i, format:format(...)), 0) end

local function check_box(name, id, k, box)
  local good = type(box) == "table" and #box == 4
  for i = 1, good and 4 or 0 do good = good and type(box[i]) == "number" and box[i] == box[i] end
  if not good or box[3] < box[1] or box[4] < box[2] then
    fail(name, id, "object %d: expected a box {x1, y1, x2, y2} with x2 > x1, y2 > y1", k)
  end
end

-- A number that an object may carry, or nil.
local function check_number(d, id, k, key, value)
  if value == nil or type(value) == "number" and value == value and math.abs(value) <= 1e9 then return end
  fail(d.name, id, "object %d: expected a number as %s, got %s", k, key, number.shown(value))
end

local function check_frame(d, known, i, frame)
  if type(frame) ~= "table" or type(frame.id) ~= "string" then fail(d.name, i, "expected {id = text, image = path, objects = {...}}") end
  if frame.image ~= nil and type(frame.image) ~= "string" then fail(d.name, frame.id, "expected a path as image, got %s",
    number.shown(frame.image)) end
  if frame.split ~= nil and type(frame.split) ~= "string" then fail(d.name, frame.id, "expected a name as split, got %s",
    number.shown(frame.split)) end
  for _, key in ipairs { "width", "height" } do
    if frame[key] ~= nil then number.side(frame[key], ("data=%s: frame %s"):format(d.name, frame.id), "its " .. key) end
  end
  if frame.objects ~= nil and type(frame.objects) ~= "table" then
    fail(d.name, frame.id, "expected a list of objects, got %s", number.shown(frame.objects))
  end
  for k, object in ipairs(frame.objects or {}) do
    if type(object) ~= "table" then fail(d.name, frame.id, "object %d: expected {class =, box =}, got %s", k, number.shown(object)) end
    for _, key in ipairs { "truncated", "occluded", "alpha" } do check_number(d, frame.id, k, key, object[key]) end
    if not known[object.class] then fail(d.name, frame.id, "object %d: class '%s' is not among 'classes'", k, tostring(object.class)) end
    check_box(d.name, frame.id, k, object.box)
  end
end

-- Of which attributes the objects say their labels: one that some object leaves out is no label to learn from.
local function stated(list)
  local has = {}
  for _, a in ipairs(attributes.list) do has[a.label] = true end
  for _, frame in ipairs(list) do
    for _, object in ipairs(frame.objects or {}) do
      for label in pairs(has) do has[label] = object[label] ~= nil or nil end
    end
  end
  return { labels_attributes = has }
end

local function open(d, o)
  local self = setmetatable({ root = o.root or d.name, name = d.name, by_id = {}, items = {}, parts = {} }, Source)
  local known = {}
  for _, class in ipairs(d.classes) do known[class] = true end
  local list = d.frames(o)
  if type(list) ~= "table" then callback.wrong(d.frames, ("data=%s"):format(d.name), "a list of frames", list) end
  for i, frame in ipairs(list) do
    check_frame(d, known, i, frame)
    if self.by_id[frame.id] then fail(d.name, frame.id, "occurs twice") end
    self.by_id[frame.id] = frame
    self.items[#self.items + 1] = frame.id
    if frame.split then
      self.parts[frame.split] = self.parts[frame.split] or {}
      table.insert(self.parts[frame.split], frame.id)
    end
  end
  self.own = stated(list)
  return self
end

function Source:all() return self.items end

function Source:split(name) return self.parts[name] end

function Source:frame(id)
  local given = self.by_id[id]
  if not given then return nil, "no such frame" end
  if given.image and core.files.kind(given.image) ~= "file" then return nil, "no such image " .. given.image end
  return { id = id, image = given.image, label = "", width = given.width, height = given.height }
end

-- Rows, and how many of the objects have no area.
function Source:labels(frame)
  local rows, flat = {}, nil
  for i, object in ipairs(self.by_id[frame.id].objects or {}) do
    local place = ("data=%s: frame %s: object %d"):format(self.name, frame.id, i)
    local box = clipped(object.box, frame.width, frame.height, place)
    if box then
      rows[#rows + 1] = { class = object.class, box = box, truncated = object.truncated or 0, occluded = object.occluded or 0,
        alpha = object.alpha or -10, line = i }
    else flat = { count = (flat and flat.count or 0) + 1, place = flat and flat.place or place } end
  end
  return rows, { flat = flat }
end

-- Makes the data set known. Errors: one sentence with the position of the caller.
return function(values)
  local d = check(values)
  if not d.name or not d.name:find "^%a[%w_]*$" then error("yl.dataset: expected name = a word", 2) end
  if not d.frames then error(("yl.dataset '%s': expected frames = function(o)"):format(d.name), 2) end
  if not d.classes then error(("yl.dataset '%s': expected classes = {names}"):format(d.name), 2) end
  for _, name in ipairs(core.options.modules "datasets/") do
    if name == d.name then error(("yl.dataset '%s': a data set of that name already exists"):format(name), 2) end
  end
  package.loaded["yolua.datasets." .. d.name] = { help = d.help, classes = d.classes, fields = d.fields, rootless = d.rootless,
    regions = d.regions, map = d.map, open = function(o) return open(d, o) end }
  return d.name
end
