-- Files that need not be there. Errors: one is there and cannot be read.
local core = require "yolua.core"

local document = {}

-- A file's text; "" where there is none.
function document.text(path) return core.files.kind(path) == "file" and core.system.read(path) or "" end

-- document(path): the table in a JSON file; nil where there is none, or where it holds no table (it may have been cut short).
local function table_of(path)
  if core.files.kind(path) ~= "file" then return nil end
  local ok, value = core.system.attempt(core.json.decode, core.system.read(path), path)
  return ok and type(value) == "table" and value or nil
end

return setmetatable(document, { __call = function(_, path) return table_of(path) end })
