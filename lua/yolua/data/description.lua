-- What a file beside the pictures says of a YOLO data set: Ultralytics' data.yaml, Darknet's obj.data.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local names = require "yolua.data.names"
local number = require "yolua.data.number"
local places = require "yolua.data.places"
local schema = require "yolua.options.schema"
local trim = require "yolua.options.trim"
local files = core.files

local description = {}

local split_keys = { "train", "val", "valid", "validation", "dev", "test" }
-- Keys of obj.data that are for Darknet's own commands.
local darknets = { "classes", "names", "backup", "eval", "results", "difficult", "map", "labels", "top", "tree", "prefix" }

-- ---- obj.data --------------------------------------------------------------------------------------------------------------

local function read_darknet(path)
  local keys, known, line = {}, table.move(darknets, 1, #darknets, #split_keys + 1, { table.unpack(split_keys) }), 0
  for text in (core.system.read(path):gsub("^\239\187\191", "") .. "\n"):gmatch "([^\n]*)\n" do
    line = line + 1
    local key, value = text:match "^%s*([%w_]+)%s*=(.*)$"
    if not key and text:find "%S" and not text:find "^%s*[#;]" then
      fail("%s:%d: expected key = value, got '%s'", path, line, trim(text):sub(1, 40))
    end
    if key and schema.nearest(key, known) ~= key and schema.nearest(key, split_keys) then
      fail("%s:%d: unknown key '%s'%s", path, line, key, schema.did_you_mean(key, known))
    end
    if key and value:find "%S" then keys[key] = trim(value) end
  end
  keys.nc = keys.classes and (math.tointeger(tonumber(keys.classes)) or keys.classes)
  return keys
end

-- ---- both ------------------------------------------------------------------------------------------------------------------

local function read(path)
  if path:lower():find "%.data$" then return read_darknet(path) end
  local keys = core.yaml.decode(core.system.read(path), path)
  if type(keys) ~= "table" or #keys > 0 then fail("%s: expected keys and values, got %s", path, number.shown(keys)) end
  return keys
end

-- The one that lies in the folder; nil if there is none.
function description.find(root)
  local found
  for _, name in ipairs { "data.yaml", "data.yml", "dataset.yaml", "obj.data", "data/obj.data" } do
    if files.kind(root .. "/" .. name) == "file" then return root .. "/" .. name end
  end
  for _, name in ipairs(files.list(root)) do
    if name:lower():find "%.data$" and not name:find "^%." then
      if found then return nil end
      found = root .. "/" .. name
    end
  end
  return found
end

local function class_names(self, value, path)
  if value == nil or value == core.null then return nil end
  if type(value) ~= "string" then return names.described(value, path) end
  local file = places.entry(value, self.bases, function(p) return files.kind(p) == "file" and p or nil end)
  return file and names.file(file) or fail("%s: names: no such file '%s'", path, value)
end

-- Reads the description at `path`; root: the data set's folder. The result has: path; classes (nil where it names none); count (of classes,
-- where it says one); splits ({name -> list of paths as they are written}); root (the folder that it names, if that is there); bases (the
-- folders that its paths count from).
function description.read(path, root)
  local keys, folder = read(path), (places.part(path))
  local self = { path = path, splits = {}, bases = { folder, root, "." } }
  if type(keys.path) == "string" then
    for _, base in ipairs { folder, "." } do
      local named = places.join(base, keys.path)
      if not self.root and files.kind(named) == "folder" then self.root = named end
    end
    if self.root then table.insert(self.bases, 1, self.root) end
  end
  if path:lower():find "%.data$" then self.bases = { ".", folder, places.join(folder, ".."), root } end -- Darknet is called above data/
  self.classes = class_names(self, keys.names, path)
  if keys.nc ~= nil and keys.nc ~= core.null then
    self.count = number.whole(keys.nc, path, keys.classes and "classes" or "nc", 1, 65536)
    if self.classes and #self.classes ~= self.count then
      fail("%s: %s says %d classes, names has %d", path, keys.classes and "'classes'" or "'nc'", self.count, #self.classes)
    end
  end
  for _, key in ipairs(split_keys) do self.splits[key] = description.paths(keys[key], path, key) end
  return self
end

-- The paths of a split: one, or a list of them; nil where the key is missing or empty.
function description.paths(value, path, key)
  if value == nil or value == core.null or value == "" then return nil end
  if type(value) == "string" then value = { value } end
  if type(value) ~= "table" or #value == 0 then
    fail("%s: %s: expected a path or a list of paths, got %s", path, key, number.shown(value))
  end
  for i, item in ipairs(value) do
    if type(item) ~= "string" then fail("%s: %s: expected a path as number %d, got %s", path, key, i, number.shown(item)) end
    places.check(item, ("%s: %s"):format(path, key))
  end
  return value
end

local function distinct(list)
  local out, seen = {}, {}
  for _, item in ipairs(list) do
    if not seen[item] then out[#out + 1], seen[item] = item, true end
  end
  return out
end

-- What one of a split's paths means: a path that is there, and its kind ("file", "folder").
function description.resolve(self, key, written)
  local kind
  local path = places.entry(written, self.bases, function(candidate)
    kind = files.kind(candidate)
    return kind and kind ~= "other" and candidate or nil
  end)
  if path then return path, kind end
  fail("%s: %s: no such folder or file '%s' (looked for in %s)", self.path, key, written, table.concat(distinct(self.bases), ", "))
end

return description
