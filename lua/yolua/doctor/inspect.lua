-- Looks a data set over without stopping at what is wrong with it: counts by class and size, pictures that cannot be decoded or occur
-- twice, bad and odd labels, calibration, what splits share. Behind `yolua doctor data=...`.
local core = require "yolua.core"
local boxes = require "yolua.doctor.boxes"
local overlaps = require "yolua.doctor.splits"
local pictures = require "yolua.data.pictures"
local splits = require "yolua.data.splits"

local inspect = {}

-- The names of the splits that the data set has; those that the options name; "all" where there are none.
function inspect.splits(data)
  local o = data.options
  if o.split then return { o.split } end
  if o.train or o.dev then return { o.train or "train", o.dev or "dev" } end
  local names = splits.names(data.source)
  return #names > 0 and names or { "all" }
end

local function add(list, item) list[#list + 1] = item end

local function plain(sentence) return (tostring(sentence):gsub("^[^:]*%.lua:%d+: ", "")) end

-- ---- pictures --------------------------------------------------------------------------------------------------------------

local CHUNK = 64 -- pictures between two looks at the progress bar

-- What is known of each picture of the lists, looked at once, whatever number of splits it is in: path -> fact of core.image.check.
local function look(lists, workers, upright, progress)
  local paths, facts = {}, {}
  for _, list in ipairs(lists) do
    for _, frame in ipairs(list.frames) do
      if frame.image and not facts[frame.image] then
        add(paths, frame.image)
        facts[frame.image] = {}
      end
    end
  end
  for first = 1, #paths, CHUNK do
    local chunk = table.move(paths, first, math.min(#paths, first + CHUNK - 1), 1, {})
    local ok, found = pcall(core.image.check, chunk, workers)
    if not ok then
      core.system.clear_interrupt()
      error(found, 0)
    end
    for i, fact in ipairs(found) do
      facts[chunk[i]] = fact
      if upright and (fact.orientation or 0) >= 5 then fact.width, fact.height = fact.height, fact.width end
    end
    if progress then progress("pictures", first + #chunk - 1, #paths) end
  end
  return facts, paths
end

-- {paths with the same bytes}, sorted; how many pictures of each type and size; names that say another type than the bytes; how many
-- carry an EXIF orientation or stray bytes; and by kind those that cannot be read. lost: path -> true, of those that are in no list.
local function summary(facts, paths, lost)
  local same, groups = {}, {}
  local out = { count = #paths, types = {}, sizes = {}, misnamed = 0, oriented = 0, stray = 0, unreadable = {} }
  for _, path in ipairs(paths) do lost[path] = facts[path].sentence ~= nil or nil end
  for path in pairs(lost) do
    local kind = pictures.fault(path)
    out.unreadable[kind] = (out.unreadable[kind] or 0) + 1
  end
  for _, path in ipairs(paths) do
    local fact = facts[path]
    if (fact.orientation or 0) > 1 then out.oriented = out.oriented + 1 end
    if fact.stray then out.stray = out.stray + 1 end
    if fact.hash then
      same[fact.hash] = same[fact.hash] or {}
      add(same[fact.hash], path)
      local size, ending = ("%dx%d"):format(fact.width, fact.height), (path:match "%.(%w+)$" or ""):lower()
      out.types[fact.type], out.sizes[size] = (out.types[fact.type] or 0) + 1, (out.sizes[size] or 0) + 1
      if (ending == "png") ~= (fact.type == "PNG") then out.misnamed = out.misnamed + 1 end
    end
  end
  for _, list in pairs(same) do
    if #list > 1 then
      table.sort(list)
      add(groups, list)
    end
  end
  table.sort(groups, function(a, b) return a[1] < b[1] end)
  return groups, out
end

-- ---- labels ----------------------------------------------------------------------------------------------------------------

local function inspect_labels(data, frame, out)
  local rows, regions = frame.objects, {}
  for _, name in ipairs(data.set.regions or {}) do regions[name] = true end
  if #rows == 0 then add(out.empty, frame.id) end
  for i, row in ipairs(rows) do
    local class, size = row.class, boxes.size(row)
    out.classes[class] = (out.classes[class] or 0) + 1
    out.sizes[class] = out.sizes[class] or { small = 0, medium = 0, large = 0 }
    out.sizes[class][size] = out.sizes[class][size] + 1
    out.objects = out.objects + 1
    local odd = not regions[row.class] and boxes.oddity(frame, row)
    for k = 1, i - 1 do
      if boxes.same(rows[k], row) and rows[k].index == row.index then odd = ("the same as line %d"):format(rows[k].line) end
    end
    if odd then add(out.odd, ("%s:%d: %s %s"):format(frame.label, row.line, class, odd)) end
  end
end

local function inspect_calib(data, frame, out)
  local ok, calib = pcall(data.calib, data, frame)
  if not ok then add(out.bad, plain(calib)) end
  if not ok or not calib then return end
  out.frames = out.frames + 1
  for _, row in ipairs(frame.objects) do boxes.project(frame, row, calib, out) end
end

local function inspect_frame(data, frame, fact, out)
  if fact and fact.sentence then add(out.bad, fact.sentence)
  elseif fact and frame.width and (fact.width ~= frame.width or fact.height ~= frame.height) then
    add(out.bad, ("%s: its labels are for %dx%d, but the picture %s has %dx%d"):format(frame.label, frame.width, frame.height, frame.image,
      fact.width, fact.height))
  end
  inspect_labels(data, frame, out)
  inspect_calib(data, frame, out.calib)
end

local function new_split(name)
  return { name = name, frames = 0, objects = 0, classes = {}, sizes = {}, bad = {}, notes = {}, odd = {}, empty = {},
    calib = { frames = 0, checked = 0, bad = {}, outliers = {} } }
end

-- The list of a split, and what will be said of it.
local function open_split(data, name, lost)
  local out = new_split(name)
  local ok, list = pcall(data.list, data, name, function(_, sentence, path)
    add(out.bad, sentence)
    if path then lost[path] = true end
  end)
  if not ok then add(out.bad, plain(list)) end
  out.notes = ok and list.notes:lines() or {}
  return out, ok and list or { frames = {} }
end

-- What stops training, or makes its numbers wrong, is a fault; anything else that is worth a look is a warning.
local function count_faults(result)
  local faults, warnings = 0, #result.duplicates + #result.shared + #result.orphans + math.min(1, #result.unlisted)
  for _, s in ipairs(result.splits) do
    if s.objects == 0 and #s.bad == 0 and overlaps.needs_objects(s.name) then add(s.bad, "none of its frames holds an object") end
    faults = faults + #s.bad + #s.calib.bad
    warnings = warnings + #s.notes + #s.odd + #s.calib.outliers
  end
  faults = faults + (result.archive and #result.archive.faults or 0)
  if result.drives then warnings = warnings + #result.drives.shared end
  result.faults, result.warnings = faults, warnings
end

-- ---- the whole -------------------------------------------------------------------------------------------------------------

local function unlisted(data, names, ids)
  if #names == 1 and names[1] == "all" then return {} end
  local named, out = {}, {}
  for _, name in ipairs(names) do
    for _, id in ipairs(ids[name]) do named[id] = true end
  end
  for _, item in ipairs(data.source:all()) do
    local frame = data.source:frame(item)
    if frame and not named[frame.id] then add(out, frame.id) end
  end
  return out
end

-- data: of yl.data; names: of the splits (default: inspect.splits); progress(what, done, total) is called now and then.
-- Returns {faults, warnings (how many), splits = {{name, frames, objects, classes = {name = count}, sizes = {name = {small, medium,
-- large}},
-- bad, notes, odd, empty, calib = {frames, checked, bad, outliers}}}, pictures = {count, types, sizes, misnamed, oriented, upright (those
-- are turned), stray, unreadable = {kind = count}}, duplicates = {{path, ...}}, shared = {{splits, count, frames, leak}}, drives =
-- {counts, shared} or nil, unlisted = {ids}, orphans = {label files without a picture}, archive =
-- {lines, faults} of a data set that has an official one}, and the lists by split (for a contact sheet).
-- A stop by the user is an error.
function inspect.run(data, names, progress)
  names = names or inspect.splits(data)
  local result, lists, ids, keys, lost = { splits = {} }, {}, {}, {}, {}
  for i, name in ipairs(names) do
    if progress then progress("labels", i, #names) end
    result.splits[i], lists[i] = open_split(data, name, lost)
  end
  local upright = data.options.exif == "apply"
  local facts, paths = look(lists, math.max(1, data.options.workers or 1), upright, progress)
  for i, name in ipairs(names) do
    local out = result.splits[i]
    ids[name], keys[name], out.frames = {}, {}, #lists[i].frames
    for k, frame in ipairs(lists[i].frames) do
      local fact = frame.image and facts[frame.image]
      inspect_frame(data, frame, fact, out)
      ids[name][k], keys[name][fact and fact.hash or frame.id] = frame.id, frame.id
    end
  end
  result.duplicates, result.pictures = summary(facts, paths, lost)
  result.pictures.upright = upright
  result.shared = overlaps.shared(names, keys)
  local group = data:drives()
  result.drives = next(group) and overlaps.drives(names, ids, group) or nil
  result.orphans = data.source.orphans and data.source:orphans() or {}
  result.archive = data.source.archive and data.source:archive() or nil
  result.unlisted = data.options.limit and {} or unlisted(data, names, ids)
  count_faults(result)
  return result, lists, facts
end

return inspect
