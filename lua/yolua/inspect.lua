-- Looks a data set over without stopping at what is wrong with it: counts, unreadable images, bad and odd labels, images that
-- occur twice, frames that two splits share. Behind `yolua doctor data=...`.
local core = require "yolua.core"
local files = core.files

local inspect = {}

-- A list of frames has one word a line; other tables may lie beside the splits.
local function is_split(path)
  local ok, items = pcall(core.labels.list, path)
  return not ok or not items[1]:find "%s"
end

-- The names of the splits that the data set has; "all" where it has none.
function inspect.splits(data)
  local names, folder = {}, data.source.splits
  for _, file in ipairs(folder and files.list(folder) or {}) do
    local name = file:match "^(.+)%.txt$"
    if name and is_split(folder .. "/" .. file) then names[#names + 1] = name end
  end
  return #names > 0 and names or { "all" }
end

local function add(list, item) list[#list + 1] = item end

-- A box that is read without complaint and yet worth a look: under 2 pixels on a side, longer than 20 times its width, or all of the image.
local function oddity(frame, row)
  local w, h = row.box[3] - row.box[1], row.box[4] - row.box[2]
  if w < 2 or h < 2 then return ("%.1f x %.1f pixels"):format(w, h) end
  if w > 20 * h or h > 20 * w then return ("%.0f x %.0f pixels, one side over 20 times the other"):format(w, h) end
  if frame.width and w * h > 0.98 * frame.width * frame.height then return "covers the whole image" end
end

local function same_box(a, b)
  for i = 1, 4 do
    if a.box[i] ~= b.box[i] then return false end
  end
  return a.class == b.class
end

local function inspect_labels(data, frame, out)
  local rows, regions = data.labels[frame.id], {}
  for _, name in ipairs(data.set.regions or {}) do regions[name] = true end
  if #rows == 0 then add(out.empty, frame.id) end
  for i, row in ipairs(rows) do
    out.classes[row.class] = (out.classes[row.class] or 0) + 1
    out.objects = out.objects + 1
    local odd = not regions[row.class] and oddity(frame, row)
    for k = 1, i - 1 do
      if same_box(rows[k], row) then odd = ("the same as line %d"):format(rows[k].line) end
    end
    if odd then add(out.odd, ("%s:%d: %s %s"):format(frame.label, row.line, row.class, odd)) end
  end
end

-- The fingerprint of the image's bytes, or nil and the sentence where it cannot be decoded.
local function inspect_image(path)
  local ok, sentence = pcall(function() core.image.load(path):close() end)
  if not ok then return nil, (tostring(sentence):gsub("^[^:]*%.lua:%d+: ", "")) end
  return files.hash(path)
end

local function inspect_list(data, name, state, progress)
  local out = { name = name, frames = 0, objects = 0, classes = {}, bad = {}, odd = {}, empty = {} }
  local list = data:list(name, function(_, sentence) add(out.bad, sentence) end)
  for i, frame in ipairs(list.frames) do
    if frame.image and not state.hash[frame.image] then
      local hash, sentence = inspect_image(frame.image)
      state.hash[frame.image] = hash or "unreadable"
      state.unreadable[frame.image] = sentence
      if hash then
        state.same[hash] = state.same[hash] or {}
        add(state.same[hash], frame.image)
      end
    end
    if state.unreadable[frame.image] then add(out.bad, state.unreadable[frame.image]) end
    inspect_labels(data, frame, out)
    state.of[name] = state.of[name] or {}
    state.of[name][frame.image and state.hash[frame.image] or frame.id] = frame.id
    if progress then progress(name, i, #list.frames) end
  end
  out.frames = #list.frames
  return out
end

local function duplicates(same)
  local groups = {}
  for _, paths in pairs(same) do
    if #paths > 1 then
      table.sort(paths)
      add(groups, paths)
    end
  end
  table.sort(groups, function(a, b) return a[1] < b[1] end)
  return groups
end

-- Frames, by content, that two splits have in common; a split that holds another whole is named with it.
local function shared(of, names)
  local list = {}
  for i = 1, #names do
    for k = i + 1, #names do
      local ids = {}
      for key, id in pairs(of[names[i]] or {}) do
        if of[names[k]] and of[names[k]][key] then add(ids, id) end
      end
      table.sort(ids)
      local first = table.move(ids, 1, math.min(10, #ids), 1, {})
      if #ids > 0 then add(list, { splits = { names[i], names[k] }, count = #ids, frames = first }) end
    end
  end
  return list
end

-- data: of yl.data; names: of the splits (default: all there are); progress(split, done, total) is called for every frame.
-- Returns {splits = {{name, frames, objects, classes, bad, odd, empty}}, duplicates = {{path, ...}}, shared = {{splits, count, frames}}}.
function inspect.run(data, names, progress)
  local state, splits = { hash = {}, same = {}, unreadable = {}, of = {} }, {}
  names = names or inspect.splits(data)
  for i, name in ipairs(names) do
    local ok, found = pcall(inspect_list, data, name, state, progress)
    splits[i] = ok and found or { name = name, frames = 0, objects = 0, classes = {}, odd = {}, empty = {}, bad = { tostring(found) } }
  end
  return { splits = splits, duplicates = duplicates(state.same), shared = shared(state.of, names) }
end

return inspect
