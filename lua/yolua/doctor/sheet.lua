-- A contact sheet: frames from all over a data set in one picture, their boxes in the colours of their classes, and a legend below.
local core = require "yolua.core"

local FRAMES, WIDTH, GAP, LINE = 24, 1280, 4, 26

-- `count` frames, evenly spread over those of all lists that have a picture which can be decoded, each frame once.
local function choose(lists, facts, count)
  local all, seen, out = {}, {}, {}
  for _, list in ipairs(lists) do
    for _, frame in ipairs(list.frames) do
      if frame.image and not seen[frame.image] and not facts[frame.image].sentence then all[#all + 1] = frame end
      seen[frame.image or ""] = true
    end
  end
  count = math.min(count, #all)
  for i = 1, count do out[i] = all[1 + (2 * i - 1) * #all // (2 * count)] end
  return out
end

-- The classes on the frames, the most frequent first (one to eight have colours of their own), and the regions among them.
local function classes_of(frames, is_region)
  local count, names, regions, number = {}, {}, {}, {}
  for _, frame in ipairs(frames) do
    for _, row in ipairs(frame.objects) do
      local name = row.class
      if not count[name] then table.insert(is_region[name] and regions or names, name) end
      count[name] = (count[name] or 0) + 1
    end
  end
  table.sort(names, function(a, b) return count[a] > count[b] or count[a] == count[b] and a < b end)
  for i, name in ipairs(names) do number[name] = i end
  return names, regions, number
end

local function draw(frame, rows, number, cell, upright)
  local whole <close> = core.image.load(frame.image, upright)
  local small, marks = whole:fit(cell[1], cell[2]), {}
  local scale = small:w() / whole:w()
  for i, row in ipairs(rows) do
    local box, colour = {}, not row.crowd and number[row.class] or nil
    for k = 1, 4 do box[k] = row.box[k] * scale end
    marks[i] = { box = box, role = colour and "truth" or "ignore", colour = colour }
  end
  return small:draw(marks)
end

-- A strip with each class's name on its colour, regions last, in as many lines as it takes.
local function legend(names, regions, width)
  local marks, x, y = {}, 8, LINE
  local function add(name, colour)
    local w = 11 * (utf8.len(name, 1, -1, true) or #name) + 14
    if x + w > width and x > 8 then x, y = 8, y + LINE end
    marks[#marks + 1] = { box = { x, y, x, y }, label = name, role = "ignore", colour = colour }
    x = x + w
  end
  for i, name in ipairs(names) do add(name, i) end
  for _, name in ipairs(regions) do add(name) end
  return core.image.new(width, y + 8, ("\245\246\248"):rep(width * (y + 8))):draw(marks)
end

local function median_aspect(frames)
  local list = {}
  for i, frame in ipairs(frames) do list[i] = frame.width / frame.height end
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Draws the sheet of the lists that yl.inspect returned, and writes it: JPEG where the path ends so, else PNG. Returns the path, the
-- number of frames on it; nil where no frame has a picture. Errors: the file cannot be written.
return function(data, lists, facts, path, count)
  local frames = choose(lists, facts, count or FRAMES)
  if #frames == 0 then return nil end
  local aspect, is_region, images, captions = median_aspect(frames), {}, {}, {}
  local columns = aspect > 2 and 3 or aspect > 1.15 and 6 or 8
  local cell = { (WIDTH - GAP) // columns - GAP, 0 }
  cell[2] = math.max(1, math.floor(cell[1] / aspect + 0.5))
  for _, name in ipairs(data.set.regions or {}) do is_region[name] = true end
  local names, regions, number = classes_of(frames, is_region)
  local upright = data.options.exif == "apply"
  for i, frame in ipairs(frames) do images[i], captions[i] = draw(frame, frame.objects, number, cell, upright), frame.id end
  local sheet = core.image.sheet(images, { columns = columns, cell = cell, captions = captions })
  local strip = legend(names, regions, sheet:w())
  local whole = core.image.new(sheet:w(), sheet:h() + strip:h(), sheet:bytes() .. strip:bytes())
  if path:lower():find "%.jpe?g$" then core.system.write(path, whole:jpeg(82)) else whole:save(path) end
  return path, #frames
end
