-- What the files take that a call has written.
local core = require "yolua.core"
local options = require "yolua.options.table"

local sizes = {}

-- Refuses a file of the option `key` that is there and is no regular one, before anything is written: a pipe or a device has no size to
-- tell, and whoever opened it to look would wait.
function sizes.measurable(o, key, path)
  if core.files.kind(path) ~= "other" then return end
  options.refuse(o, key, "%s=%s: %s is a pipe or a device: expected a file, which is measured when it is written", key, o[key], path)
end

-- Bytes of all the files.
function sizes.of(files)
  local sum = 0
  for _, path in ipairs(files) do
    local file <close> = assert(io.open(path, "rb"))
    sum = sum + file:seek "end"
  end
  return sum
end

return sizes
