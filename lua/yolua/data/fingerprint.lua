-- What a data set is: a hash over the ids and the label files of train, dev and (if the options name it) pick, in their order.
local core = require "yolua.core"
local files = core.files

return function(data)
  local parts, known = {}, {} -- one file may hold many frames' labels
  local function hash(path)
    known[path] = known[path] or files.kind(path) == "file" and files.hash(path) or ""
    return known[path]
  end
  for _, list in ipairs { data.train, data.dev, data.pick } do
    parts[#parts + 1] = ("%d frames"):format(#list.frames)
    for _, frame in ipairs(list.frames) do
      parts[#parts + 1] = frame.id
      parts[#parts + 1] = hash(frame.label)
    end
  end
  return files.hash_text(table.concat(parts, "\n"))
end
