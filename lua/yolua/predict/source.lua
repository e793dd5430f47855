-- What source= names: a list of picture files, or a stream of frames.
local core = require "yolua.core"
local pictures = require "yolua.data.pictures"
local schema = require "yolua.options.schema"
local files = core.files

local source = {}

local function of_folder(folder)
  local list = {}
  for _, name in ipairs(files.list(folder)) do
    if pictures.is_picture(name) then list[#list + 1] = folder:gsub("(.)/+$", "%1") .. "/" .. name end
  end
  if #list == 0 then error(("predict: %s contains no images (.jpg, .jpeg, .png)"):format(folder), 0) end
  return list
end

-- A list's lines are paths, from where the program runs or from the list's folder.
local function of_list(path)
  local list, folder = {}, path:match "^(.*/)[^/]*$" or ""
  for i, item in ipairs(core.labels.list(path)) do
    local found = files.kind(item) and item or files.kind(folder .. item) and folder .. item
    if not found then error(("%s: entry %d: no such image %s"):format(path, i, item), 0) end
    list[i] = found
  end
  if #list == 0 then error(("predict: the list %s names no image"):format(path), 0) end
  return list
end

local streams = { y4m = true, mjpeg = true, mjpg = true }

-- Whether it is a stream: standard input, a pipe, or a file whose ending says so.
function source.is_stream(text)
  return text == "-" or files.kind(text) == "other" or streams[(text:match "%.(%w+)$" or ""):lower()] == true and files.kind(text) == "file"
end

-- The picture files that the option names. Errors: no source given, or it does not exist.
function source.files(text)
  local kind = files.kind(text)
  if not kind then error(("predict: no such file or folder %s"):format(text), 0) end
  if kind == "folder" then return of_folder(text) end
  return text:lower():find "%.txt$" and of_list(text) or { text }
end

-- The option, which a call must name.
function source.of(o)
  if o.source then return o.source end
  error(schema.usage "yolua predict: option 'source' is missing, expected an image, a folder, a list (.txt), or - for a stream of frames")
end

return source
