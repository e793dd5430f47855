-- out=FOLDER: pictures with their boxes on them. Nothing there is overwritten.
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"

local drawn = {}

local QUALITY = 90
local endings = { jpeg = "jpg", png = "png" }

local function stem(path) return (path:match "([^/]*)$":gsub("%.%w+$", "")) end

-- A free path in the folder for a name.
local function free(folder, name, ending)
  local path, number = ("%s/%s.%s"):format(folder, name, ending), 1
  while core.files.kind(path) do
    number = number + 1
    path = ("%s/%s-%d.%s"):format(folder, name, number, ending)
  end
  return path
end

-- Draws the detections on the image (which it changes) and writes it as FOLDER/STEM.jpg or .png; returns the path.
function drawn.write(image, name, detections, folder, kind)
  local marks, path = {}, free(folder, stem(name), endings[kind])
  for i, d in ipairs(detections) do
    marks[i] = { box = d.box, role = "found", label = ("%s %.2f%s"):format(d.class, d.score, attributes.note(d)), alpha = d.alpha }
  end
  image:draw(marks)
  if kind == "png" then image:save(path) else core.system.write(path, image:jpeg(QUALITY)) end
  return path
end

return drawn
