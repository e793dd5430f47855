-- Which options of a training may be assigned while it runs: the optimizer's numbers and `clip`, which each step reads anew. The others
-- were settled when it began: an assignment to one of them is taken back and refused.
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local live = {}

local function is_options(value) return type(value) == "table" and (getmetatable(value) or {}).__name == "options" end

-- The options as they are: {option table, key, value, path, field} for each.
function live.copy(o, path, out)
  out = out or {}
  for _, field in ipairs(options.fields(o)) do
    local value = rawget(o, field[1])
    out[#out + 1] = { o = o, value = value, path = (path or "") .. field[1], field = field }
    if is_options(value) then live.copy(value, (path or "") .. field[1] .. ".", out) end
  end
  return out
end

local function may_change(path) return path == "clip" or path:find "^optim%." and path ~= "optim.name" end

-- What changed since `copy` was made is checked as a value of its option, in its place `where`. Returns the path of an option that may not
-- change, which has its value back, and why; nil if there is none. also: a path that may change too (between epochs).
function live.check(copy, where, also)
  for _, was in ipairs(copy) do
    local key = was.field[1]
    local value = rawget(was.o, key)
    if not rawequal(value, was.value) then
      rawset(was.o, key, was.value)
      if not may_change(was.path) and was.path ~= also then
        return was.path, "it was settled when the training began; optim.lr, the optimizer's other numbers and clip may change"
      end
      if value == nil then value = was.field[3] end
      rawset(was.o, key, value ~= nil and schema.convert(was.field, value, { where = where }, was.path) or nil)
    end
  end
end

return live
