-- The class maps of a data set (yolua.data): towards which network's classes, and by whose word.
local core = require "yolua.core"
local classmap = require "yolua.data.classmap"

local methods = {}

-- A data set without class names of its own has the network's, by number.
local function set_with_names(self, names)
  if self.classes then return setmetatable({ classes = self.classes }, { __index = self.set }) end
  return setmetatable({ classes = names }, { __index = self.set })
end

local function key_of(names) return names and table.concat(names, "\n") or "" end

-- The map that the options ask for; data.map=auto begins with the one that the network was trained with, where that speaks of these data.
local function wanted(self, set, names)
  local asked, kept = self.options.map or "auto", self.followed[key_of(names)]
  return asked == "auto" and kept and classmap.fits(kept, set, names) and kept or asked
end

-- The class map towards a network's class names (yolua.classmap). Without names: of the data to themselves.
function methods:map(names)
  local key = key_of(names)
  if not self.maps[key] then
    local set = set_with_names(self, names or {})
    local map = classmap.make(set, names or set.classes, names and wanted(self, set, names) or "identity")
    local lost = table.concat(map.lost, ", ")
    if lost ~= "" and not self.warned[key .. lost] then
      core.system.warn(("data.map=%s: the network has no class for %s: background"):format(map.name, lost))
      self.warned[key .. lost] = true
    end
    self.maps[key] = map
  end
  return self.maps[key]
end

-- Takes note of the class map that a model was trained with, for data.map=auto.
function methods:follow(model)
  local key = key_of(model.names)
  if self.followed[key] == model.map then return end
  self.followed[key], self.maps[key] = model.map, nil
end

-- The class map as a checkpoint keeps it.
function methods:kept_map(names) return classmap.kept(self:map(names), set_with_names(self, names)) end

return methods
