-- The files that a call is about to write, or has written.
local core = require "yolua.core"
local options = require "yolua.options.table"

local outputs = {}

-- What the option names itself, known before anything is computed. (A folder that a call fills is made by it.)
local function check_place(o, key, path)
  local folder = path:match "^(.*[^/])/+[^/]*$"
  if folder and core.files.kind(folder) ~= "folder" then options.refuse(o, key, "%s=%s: no such folder %s", key, path, folder) end
  if core.files.kind(path) == "folder" then options.refuse(o, key, "%s=%s: it is a directory, a file was expected", key, path) end
end

-- Refuses a file of the option `key`, before anything is written, whose folder is not there, or that is there and is no regular one:
-- whoever opened a pipe would wait, and it has no size to tell. With a model also one that this was read from, by whatever path, since
-- what is written holds less.
function outputs.check(o, key, path, model)
  if path == o[key] then check_place(o, key, path) end
  if core.files.kind(path) == "other" then
    options.refuse(o, key, "%s=%s: %s is a pipe or a device: expected a file, which is put in its place when it is whole", key, o[key],
      path)
  end
  for _, source in ipairs(model and model.sources or {}) do
    if core.files.same(path, source) then
      options.refuse(o, key, "%s=%s: %s is a file that the network was read from, or its checkpoint: expected another place", key, o[key],
        path)
    end
  end
end

-- Bytes of all the files.
function outputs.bytes(files)
  local sum = 0
  for _, path in ipairs(files) do
    local file <close> = assert(io.open(path, "rb"))
    sum = sum + file:seek "end"
  end
  return sum
end

return outputs
