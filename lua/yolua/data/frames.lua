-- The frames of a split: each with its picture's size and its labels, read and checked.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local Notes = require "yolua.data.notes"
local pictures = require "yolua.data.pictures"
local splits = require "yolua.data.splits"

local frames = {}

local function plain(sentence) return (tostring(sentence):gsub("^[^:]*%.lua:%d+: ", ""):gsub("^%[C%]:%-?%d+: ", "")) end

-- What the labels of a frame said besides its rows, in the list's notes.
local function note(notes, frame, counts)
  for kind, found in pairs(counts) do notes:add(kind, found.place or ("%s:%d"):format(frame.label, found.line), found.count) end
  if frame.moved then notes:add("moved", frame.moved) end
end

-- The size of a frame's picture, by its two ends (one that is cut is decoded); a label file that states another one has boxes for another
-- picture. Returns why the picture cannot be read.
local function set_size(data, frame)
  local ok, width, height = pcall(core.image.probe, frame.image, data.options.exif == "apply")
  if not ok then return plain(width) end
  if frame.width and (frame.width ~= width or frame.height ~= height) then
    fail("%s: its labels are for %dx%d, but the picture %s has %dx%d", frame.label, frame.width, frame.height, frame.image, width, height)
  end
  frame.width, frame.height = width, height
end

-- The frame of a split's item with its size and labels read and checked. Throws one sentence; where the picture cannot be read, returns
-- nil, the sentence, and the picture's path.
local function read_frame(data, item, file, notes)
  local frame, missing = data.source:frame(item, file)
  if not frame then fail("%s: frame '%s': %s", file or data.root, item, missing) end
  local unreadable = frame.image and set_size(data, frame)
  if unreadable then return nil, unreadable, frame.image end
  local key = ("%s\n%s"):format(frame.label or "", frame.id) -- one file may hold many frames' labels
  local known = data.read[key]
  if not known then
    known = table.pack(data.source:labels(frame))
    data.read[key] = known
  end
  frame.objects = known[1]
  note(notes, frame, known[2] or {})
  return frame
end

-- A picture that cannot be read: all of a list are counted by kind before one sentence ends the reading of strict data.
local function refuse_picture(lost, item, sentence, path, on_bad)
  lost.pictures:add(sentence, pictures.fault(path))
  if on_bad then return on_bad(item, sentence, path) end
  lost.count, lost.first = lost.count + 1, lost.first or sentence
end

local function fail_of_pictures(lost)
  local unreadable = lost.pictures:text(lost.total)
  if unreadable then fail("%s: %s (data.strict=false leaves them out)", lost.name, unreadable) end
end

-- What happens to a frame that cannot be read: on_bad is told; else strict data end, others count it.
local function refuse(data, sentence, item, on_bad, lost)
  if on_bad then return on_bad(item, plain(sentence)) end
  if data.options.strict ~= false then
    fail_of_pictures(lost) -- those before it go first
    error(sentence, 0)
  end
  lost.count, lost.first = lost.count + 1, lost.first or plain(sentence)
end

-- Most pictures without a label file are rather a wrong folder or name than background.
local function count_unlabelled(list)
  local count, first = 0, nil
  for _, frame in ipairs(list.frames) do
    if frame.unlabelled then count, first = count + 1, first or frame end
  end
  list.unlabelled = first
  if 2 * count <= #list.frames then return end
  list.notes:add("unlabelled", ("%s, for which %s was looked for"):format(first.image, first.label), count)
end

local function tell(list, lost, count)
  local unreadable = lost.pictures:text(count)
  if list.data.options.strict ~= false then fail_of_pictures(lost) end
  if unreadable and lost.pictures.count == lost.count then
    core.system.warn(("%s: %s; they are left out"):format(list.name, unreadable))
  elseif lost.count > 0 then
    core.system.warn(("left out %d of the %d frames of %s: %s%s"):format(lost.count, count, list.name, lost.first,
      lost.count > 1 and " (and others)" or ""))
  end
  list.notes:tell(list.name)
end

-- Every frame of a split, in its order: a list of the class List. how.on_bad(item, sentence, path) is told of each frame that cannot
-- be read (path: of a picture that cannot be; the list's notes are not told then); how.part: of train, what is not drawn as dev.
function frames.build(data, List, name, how)
  local o, on_bad = data.options, how.on_bad
  local items, file = splits.items(data.source, name, o.seed or 1, how.part)
  local list = setmetatable({ name = name:match "([^/]*)$":gsub("%.txt$", ""), frames = {}, data = data, file = file,
    notes = Notes.new(on_bad and {} or data.told) }, List)
  local count, seen = math.min(#items, o.limit or #items), {}
  local lost = { count = 0, pictures = pictures.faults(), total = count, name = list.name }
  for i = 1, count do
    local ok, frame, sentence, path = pcall(read_frame, data, items[i], file, list.notes)
    if ok and frame and seen[frame.id] then
      ok, frame = false, ("%s: frame '%s' occurs twice%s"):format(file or data.root, items[i],
        seen[frame.id] ~= items[i] and (", first as '%s'"):format(seen[frame.id]) or "")
    end
    if ok and frame then
      seen[frame.id] = items[i]
      list.frames[#list.frames + 1] = frame
    elseif ok then refuse_picture(lost, items[i], sentence, path, on_bad)
    else refuse(data, frame, items[i], on_bad, lost) end
  end
  count_unlabelled(list)
  if not on_bad then tell(list, lost, count) end
  if #list.frames == 0 and not on_bad then fail("data: split %s of %s has no frames", name, data.root) end
  return list
end

-- Whether a row is an object, and no region in which nothing counts.
local function is_object(data, row)
  if row.crowd then return false end
  for _, name in ipairs(data.set.regions or {}) do
    if row.class == name then return false end
  end
  return true
end

-- Returns the list. Errors: its frames contain no objects, so that nothing could be learnt or measured.
function frames.check_objects(list)
  for _, frame in ipairs(list.frames) do
    for _, row in ipairs(frame.objects) do
      if is_object(list.data, row) then return list end
    end
  end
  local lost = list.unlabelled
  fail("data: the %d pictures of %s contain no objects%s", #list.frames, list.name,
    lost and (": %s has no label file (looked for %s)"):format(lost.image, lost.label) or ("; the labels of %s are read from %s"):format(
      list.frames[1].id, list.frames[1].label))
end

-- Frames that are learnt from or chosen by, and then asked for, flatter every number. a, b: lists; names: what they are for.
function frames.warn_of_shared(a, b, names)
  local known, count, first = {}, 0, nil
  for _, frame in ipairs(a.frames) do known[frame.id] = true end
  for _, frame in ipairs(b.frames) do
    if known[frame.id] then count, first = count + 1, first or frame.id end
  end
  if count == 0 then return end
  core.system.warn(("%s and %s share %d of %s's %d frames (%s%s): numbers on %s will look too good"):format(names[1], names[2], count,
    names[2], #b.frames, first, count > 1 and ", ..." or "", names[2]))
end

return frames
