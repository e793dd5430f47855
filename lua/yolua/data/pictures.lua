-- Picture files as people have them: by the endings of their names where a folder is listed, by their bytes where one could not be read.
local core = require "yolua.core"

local pictures = {}

-- What is decoded, and what is not but must not be passed over in silence.
local endings = {}
for _, word in ipairs { "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "webp", "gif", "tif", "tiff", "heic", "heif", "avif", "jxl", "jp2",
  "ppm", "pgm", "pnm" } do endings[word] = true end

-- Whether a file of that name is a picture, to judge by its ending in any case.
function pictures.is_picture(name)
  return endings[(name:match "%.(%w+)$" or ""):lower()] == true and name:sub(1, 2) ~= "._"
end

-- What the file's first bytes say it is ("WebP"), "damaged JPEG" for a kind that is decoded, "unknown", "empty" or "missing".
function pictures.fault(path)
  local file = core.files.kind(path) == "file" and io.open(path, "rb")
  if not file then return "missing" end
  local bytes <const> = file:read(16) or ""
  file:close()
  if bytes == "" then return "empty" end
  local kind, readable = core.image.kind(bytes)
  return kind and (readable and "damaged " .. kind or kind) or "unknown"
end

-- "2 WebP, 1 damaged JPEG" of {kind = count}, the most frequent first.
function pictures.counted(counts)
  local names, words = {}, {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  for i, name in ipairs(names) do words[i] = ("%d %s"):format(counts[name], name) end
  return table.concat(words, ", ")
end

local Faults = {}
Faults.__index = Faults
local SHOWN = 3

-- Collects what could not be read: faults:add(sentence, kind), and one sentence of it all in bounded memory.
function pictures.faults() return setmetatable({ count = 0, kinds = {}, sentences = {} }, Faults) end

function Faults:add(sentence, kind)
  self.count = self.count + 1
  if kind then self.kinds[kind] = (self.kinds[kind] or 0) + 1 end
  if self.count <= SHOWN then self.sentences[self.count] = sentence end
end

-- "2 of 9 pictures cannot be read (1 WebP, 1 damaged JPEG): SENTENCE; SENTENCE"; nil where nothing was added.
function Faults:text(total, what)
  if self.count == 0 then return nil end
  local kinds = next(self.kinds) and (" (%s)"):format(pictures.counted(self.kinds)) or ""
  local more = self.count > #self.sentences and ("; and %d more"):format(self.count - #self.sentences) or ""
  return ("%d of %d %s cannot be read%s: %s%s"):format(self.count, total, what or "pictures", kinds,
    table.concat(self.sentences, "; "), more)
end

return pictures
