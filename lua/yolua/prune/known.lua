-- Scores that a scan of sensitivity has measured: a line of JSON each, in a file that is named after all that decides them. Each is on the
-- disk before the next is measured, so a scan that is killed loses one at most.
local core = require "yolua.core"
local ranks = require "yolua.ranks"
local files = core.files

local known = {}

local Known = {}
Known.__index = Known

-- folder: nil for the default; key: the hash. A line that a crash cut short ends the list.
function known.open(folder, key)
  folder = folder or files.cache_folder() or ".yolua"
  files.make_folder(folder)
  local path = ("%s/sensitivity-%s.jsonl"):format(folder, key)
  local self, whole = setmetatable({ path = path, scores = {}, count = 0 }, Known), {}
  local text = ranks.first(function() return files.kind(path) == "file" and core.system.read(path) or "" end)
  for line in text:gmatch "([^\n]*)\n" do
    local ok, entry = core.system.attempt(core.json.decode, line, path)
    if not ok or type(entry) ~= "table" or type(entry.layer) ~= "string" then break end
    if type(entry.ap) ~= "number" or type(entry.sparsity) ~= "number" then break end
    self.scores[("%s %.17g"):format(entry.layer, entry.sparsity)] = entry
    whole[#whole + 1] = line .. "\n"
  end
  if table.concat(whole) ~= text then core.system.write(path, table.concat(whole)) end
  return self
end

-- The AP with that layer at that level (its share of zeros, say), and the facts that were put beside it; nil where it is not known.
function Known:get(layer, level)
  local entry = self.scores[("%s %.17g"):format(layer, level)]
  self.count = self.count + (entry and 1 or 0)
  return entry and entry.ap, entry and entry.facts
end

function Known:put(layer, level, ap, facts)
  local entry = { layer = layer, sparsity = level, ap = ap, facts = facts }
  self.scores[("%s %.17g"):format(layer, level)] = entry
  files.append(self.path, core.json.encode(entry) .. "\n")
end

return known
