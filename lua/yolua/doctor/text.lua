-- What was found in a data set, as lines for a person.
local pictures = require "yolua.data.pictures"
local tables = require "yolua.report.tables"

local text = {}

local SHOWN = 10

-- The first ten of a list of findings.
local function list(out, title, items, indent)
  if #items == 0 then return end
  indent = indent or "  "
  out[#out + 1] = ("%s%s: %d"):format(indent, title, #items)
  for i = 1, math.min(SHOWN, #items) do out[#out + 1] = indent .. "  " .. items[i] end
  if #items > SHOWN then out[#out + 1] = ("%s  ... and %d more"):format(indent, #items - SHOWN) end
end

-- The keys of {name = number}, the largest number first.
local function ranked(counts)
  local names = {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  return names
end

local function counted(counts, most)
  local words, names = {}, ranked(counts)
  for i = 1, math.min(most, #names) do words[i] = ("%s %d"):format(names[i], counts[names[i]]) end
  if #names > most then words[#words + 1] = ("and %d other kinds"):format(#names - most) end
  return table.concat(words, ", ")
end

local function split_lines(out, s)
  out[#out + 1] = ("split %s: %d frames, %d objects"):format(s.name, s.frames, s.objects)
  local body = {}
  for i, name in ipairs(ranked(s.classes)) do
    local z = s.sizes[name]
    body[i] = { "  " .. name, tostring(s.classes[name]), tostring(z.small), tostring(z.medium), tostring(z.large) }
  end
  if #body > 0 then
    for _, line in ipairs(tables.align({ "  class", "objects", "small", "medium", "large" }, body)) do out[#out + 1] = line end
  end
  list(out, "faults", s.bad)
  for _, note in ipairs(s.notes) do out[#out + 1] = "  " .. note end
  list(out, "unusual boxes", s.odd)
  list(out, "frames without objects", s.empty)
  local c = s.calib
  if c.frames > 0 or #c.bad > 0 then
    out[#out + 1] = ("  calibration: %d of %d frames, %d 3D boxes projected, %d of them far from their 2D box"):format(c.frames, s.frames,
      c.checked, #c.outliers)
    list(out, "calibrations that cannot be read", c.bad, "    ")
    list(out, "3D boxes far from their 2D box", c.outliers, "    ")
  end
end

local function picture_lines(out, p)
  if p.count > 0 then
    out[#out + 1] = ("pictures: %d files (%s), of %s pixels"):format(p.count, counted(p.types, 2), counted(p.sizes, 5))
  end
  if next(p.unreadable) then out[#out + 1] = ("  pictures that cannot be read: %s"):format(pictures.counted(p.unreadable)) end
  if p.misnamed > 0 then
    out[#out + 1] = ("  %d have a name for another type than their content; they are read by their content"):format(p.misnamed)
  end
  if p.oriented > 0 then
    out[#out + 1] = ("  %d have an EXIF orientation, %s"):format(p.oriented, p.upright and "and are turned upright (data.exif=apply)"
      or "which is ignored (data.exif=apply turns them)")
  end
  if p.stray > 0 then out[#out + 1] = ("  %d contain stray bytes, but their pixels are complete"):format(p.stray) end
end

local function pair_lines(list_of, leak)
  local lines = {}
  for _, s in ipairs(list_of) do
    if s.leak == leak then
      lines[#lines + 1] = ("%s and %s: %d (%s%s)"):format(s.splits[1], s.splits[2], s.count, table.concat(s.frames, " "),
        s.count > #s.frames and " ..." or "")
    end
  end
  return lines
end

local function overlap_lines(out, data)
  local groups, shared = {}, {}
  for i, paths in ipairs(data.duplicates) do groups[i] = table.concat(paths, " = ") end
  list(out, "pictures with the same content", groups, "")
  list(out, "splits that share frames, but must not", pair_lines(data.shared, true), "")
  list(out, "other splits with frames in common (two ways to divide the same frames)", pair_lines(data.shared, false), "")
  if data.drives then
    out[#out + 1] = "drives: " .. counted(data.drives.counts, 20)
    for i, s in ipairs(data.drives.shared) do
      shared[i] = ("%s and %s: %d drives, %d frames of %s; frames of one drive look alike and flatter every number"):format(s.splits[1],
        s.splits[2], s.count, s.frames, s.splits[2])
    end
    list(out, "splits that share drives, but must not", shared, "")
  end
  list(out, "frames in no split", data.unlisted, "")
  list(out, "label files without a picture", data.orphans, "")
end

-- data: of yl.inspect, with name, root and sheet. Returns a list of lines.
function text.lines(data)
  local out = { ("data %s in %s"):format(data.name, data.root) }
  for _, split in ipairs(data.splits) do split_lines(out, split) end
  picture_lines(out, data.pictures)
  table.move(data.archive and data.archive.lines or {}, 1, 3, #out + 1, out)
  list(out, "labels that are not the official ones", data.archive and data.archive.faults or {}, "")
  overlap_lines(out, data)
  out[#out + 1] = ("faults: %d; warnings: %d"):format(data.faults, data.warnings)
  if data.sheet then out[#out + 1] = ("contact sheet of %d frames: %s"):format(data.sheet.frames, data.sheet.path) end
  return out
end

return text
