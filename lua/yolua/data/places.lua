-- Where the files of a data set lie: a picture by its stem in any kind and case of ending, its label file, and the picture that an entry
-- of a list means. A folder is listed once.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local pictures = require "yolua.data.pictures"
local files = core.files

local places = {}

-- "a.b.JPG" -> "a.b", "jpg"; a name without ending -> itself, "".
local function split(name)
  local stem, ending = name:match "^(.+)%.([%w]+)$"
  if not stem then return name, "" end
  return stem, ending:lower()
end

-- A path without the ending of a picture; other dots belong to the name.
function places.stem(path)
  return pictures.is_picture(path:match "[^/]*$") and split(path) or path
end

-- "a/./b/../c" -> "a/c"; as text, links are not followed.
function places.normal(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do
    if part == ".." and #parts > 0 and parts[#parts] ~= ".." then parts[#parts] = nil
    elseif part ~= "." then parts[#parts + 1] = part end
  end
  local text = (path:sub(1, 1) == "/" and "/" or "") .. table.concat(parts, "/")
  return text == "" and "." or text
end

local function join(folder, path)
  if path:sub(1, 1) == "/" or folder == "." then return places.normal(path) end
  return places.normal(folder .. "/" .. path)
end

local LONGEST <const> = 4096 -- bytes, as the system has it; what is longer would be slow to take apart

-- A path that a file names, as it is. Errors: it is too long for one.
function places.check(path, where)
  if #path > LONGEST then fail("%s: expected a path of at most %d bytes, got %d", where, LONGEST, #path) end
  return path
end

local Places = {}
Places.__index = Places

function places.new() return setmetatable({ folders = {} }, Places) end

-- The names in a folder, and the names for each stem; none where there is no such folder.
local function look(self, folder)
  local found = self.folders[folder]
  if found then return found end
  found = { names = {}, stems = {} }
  for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    local stem = split(name)
    found.names[name], found.stems[stem] = true, found.stems[stem] or {}
    table.insert(found.stems[stem], name)
  end
  self.folders[folder] = found
  return found
end

local function part(path)
  local folder, name = path:match "^(.*)/([^/]+)$"
  if not folder then return ".", path end
  return folder == "" and "/" or folder, name
end

local function beside(folder, name) return folder == "." and name or folder == "/" and "/" .. name or folder .. "/" .. name end

-- The picture at the path, which may lack its ending or have another one. Nil if there is none; nil and a sentence where two fit.
function Places:picture(path)
  local folder, name = part(path)
  local found = look(self, folder)
  if found.names[name] and pictures.is_picture(name) then return path end
  local fits = {}
  for _, other in ipairs(found.stems[places.stem(name)] or {}) do
    if pictures.is_picture(other) then fits[#fits + 1] = other end
  end
  if #fits > 1 then return nil, ("%s: expected one picture of that name, got %s"):format(folder, table.concat(fits, " and ")) end
  return fits[1] and beside(folder, fits[1])
end

-- The file of that stem whose ending is `ending`, in any case.
function Places:file(path, ending)
  local folder, name = part(path)
  local found = look(self, folder)
  if found.names[name .. "." .. ending] then return beside(folder, name .. "." .. ending) end
  for _, other in ipairs(found.stems[name] or {}) do
    if select(2, split(other)) == ending then return beside(folder, other) end
  end
end

-- The tails of an entry: the whole path, then without its first folder, its first two, ... Whatever an exporter puts before the part
-- that is here ("data/", "../", "/content/drive/", "C:\sets\") is dropped so.
local function tails(item)
  local path = places.normal((item:gsub("\\", "/"):gsub("^%a:/", "/")))
  local list, dropped = { { path, 0 } }, 0
  local rest = path:gsub("^/", "")
  if rest ~= path then list[2], dropped = { rest, 1 }, 1 end
  while rest:find "/" do
    dropped = dropped + (rest:sub(1, 3) ~= "../" and 1 or 0)
    rest = rest:gsub("^[^/]*/", "")
    list[#list + 1] = { rest, dropped }
  end
  return list
end

-- Calls found(path) for each path that an entry can mean, the likeliest first: the whole entry in each of the folders `bases`, then
-- its tails. Returns what found returns first, and how many folders with a name had to be dropped before it.
function places.entry(item, bases, found)
  for _, tail in ipairs(tails(item)) do
    local absolute = tail[1]:sub(1, 1) == "/"
    for i = 1, absolute and 1 or #bases do
      local result, sentence = found(join(bases[i], tail[1]))
      if result or sentence then return result, tail[2], sentence end
    end
  end
end

-- The picture that an entry of a list means: its path, and how many named folders of the entry are not there. Nil if there is none
-- (and as the third a sentence where two fit).
function Places:entry(item, bases)
  return places.entry(item, bases, function(path) return self:picture(path) end)
end

-- "set/images/day" -> "set/labels/day", "set/labels": the last folder `images` counts. Nil if there is none.
local function labels_for(folder)
  local head, rest = ("/" .. folder .. "/"):match "^(.*/)images(/.*)$"
  if head then return (head .. "labels" .. rest):sub(2, -2), (head .. "labels"):sub(2) end
end

-- The label file of a picture: in the folder `labels` that stands for its folder `images`, beside it, in a folder `labels` there or beside
-- its own, or below ROOT/labels. Returns the path and whether a file is there; where none is, the path that was looked for.
function Places:label(picture, root, ending)
  local folder, name = part(places.stem(picture))
  local twin, top = labels_for(folder)
  local below = places.below(folder, root)
  for _, place in ipairs { twin or folder, folder, folder .. "/labels", folder .. "/../labels", root .. "/labels/" .. below } do
    local found = self:file(join(place, name), ending)
    if found then return found, true end
  end
  local likely = twin and files.kind(top) == "folder" and twin or folder
  return beside(likely, name) .. "." .. ending, false
end

-- The pictures below a folder, as prefix and name, in order; hidden folders are passed over, and what this program left there.
function places.collect(folder, prefix, wanted, out)
  for _, name in ipairs(files.list(folder)) do
    local path = beside(folder, name)
    if wanted(name) then out[#out + 1] = prefix .. name
    elseif name:sub(1, 1) ~= "." and name ~= "__MACOSX" and not (prefix == "" and name == "runs") and files.kind(path) == "folder" then
      places.collect(path, prefix .. name .. "/", wanted, out)
    end
  end
  return out
end

-- A path below a folder as it is named from there; others stay as they are.
function places.below(path, folder)
  path, folder = places.normal(path), places.normal(folder)
  if folder == "." then return path end
  local start = folder == "/" and "/" or folder .. "/"
  return path:sub(1, #start) == start and path:sub(#start + 1) or path
end

places.join, places.split, places.part, places.is_picture = join, split, part, pictures.is_picture

return places
