-- Whether one detector is better than another: two evaluations of the same frames (yolua.eval.stored) side by side, with a 95 % interval of
-- each difference by the paired bootstrap over frames (runtime/eval/resample.h), and over drives where there are at least ten.
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local stored = require "yolua.eval.stored"
local structs = require "yolua.options.structs"
local terminal = require "yolua.terminal"

local compare = {}

local LEAST_DRIVES <const> = 10

-- What is compared by each protocol.
compare.measures = { kitti = "AP at 40 recall points, moderate", voc = "AP", coco = "AP over IoU .50:.95",
  poster = "precision at score 0.5" }

local function fail(format, ...) error(("compare: " .. format):format(...), 0) end

-- ---- what can be compared --------------------------------------------------------------------------------------------------

local function places(self)
  local at = {}
  for i, frame in ipairs(self.frames) do at[frame.id] = i end
  return at
end

-- Errors: the two saw other frames.
local function check_frames(a, b)
  local in_a, in_b = places(a), places(b)
  for _, pair in ipairs { { a, in_b, b }, { b, in_a, a } } do
    for _, frame in ipairs(pair[1].frames) do
      if not pair[2][frame.id] then
        fail("%s has %d frames (%s) and %s has %d (%s): expected the same ones, but frame %s is only in %s", a.title, #a, tostring(a.split),
          b.title, #b, tostring(b.split), frame.id, pair[1].title)
      end
    end
  end
  return in_b
end

local function truth_text(frame)
  local rows = {}
  for i, t in ipairs(frame.truths) do
    local b = t.box
    rows[i] = table.concat({ t.class, b[1], b[2], b[3], b[4], tostring(t.truncated), tostring(t.occluded), tostring(t.ignore) }, " ")
  end
  return table.concat(rows, "\n")
end

-- b with its frames in a's order. Errors: one sentence where the two were not asked the same.
local function matched(a, b)
  local what, of_a, of_b = stored.differ(a, b)
  if what then fail("%s was evaluated with %s than %s: %s and %s", b.title, what, a.title, of_b, of_a) end
  local at, frames, moved = check_frames(a, b), {}, false
  for i, frame in ipairs(a.frames) do
    frames[i] = b.frames[at[frame.id]]
    moved = moved or at[frame.id] ~= i
    if frame.truths and truth_text(frame) ~= truth_text(frames[i]) then
      fail("frame %s has other truth in %s than in %s: its labels changed, or they were mapped differently (data.map=)", frame.id, b.title,
        a.title)
    end
  end
  return moved and stored.with_frames(b, frames) or b
end

local function has(list, name)
  for _, item in ipairs(list) do
    if item == name then return true end
  end
end

-- The protocols to compare by: those that were asked for, else those by which both were evaluated.
local function protocols_of(a, b, asked)
  for _, name in ipairs(asked or {}) do
    if not compare.measures[name] then
      fail("protocol %s has no interval: expected some of %s", name, table.concat(eval.protocols, ", "))
    end
  end
  if asked and #asked > 0 then return asked end
  local list = {}
  for _, name in ipairs(a.protocols) do
    if compare.measures[name] and has(b.protocols, name) then list[#list + 1] = name end
  end
  if #list == 0 then
    fail("%s was evaluated by %s and %s by %s: expected a protocol in common (protocol= chooses one)", a.title,
      table.concat(a.protocols, ", "), b.title, table.concat(b.protocols, ", "))
  end
  return list
end

-- ---- the comparison --------------------------------------------------------------------------------------------------------

-- The number of each frame's drive, and how many there are; nil where a frame's is not known, or there are too few.
local function drives(a)
  local groups, number, count = {}, {}, 0
  for i, frame in ipairs(a.frames) do
    local drive = frame.drive
    if not drive then return nil end
    if not number[drive] then number[drive], count = count + 1, count + 1 end
    groups[i] = number[drive]
  end
  if count >= LEAST_DRIVES then return groups, count end
end

local function add_rows(rows, protocol, a, b, groups, o)
  local x <close>, names = a:resampler(protocol)
  local y <close> = b:resampler(protocol)
  local how = { with = y, replicates = o.replicates, seed = o.seed }
  local by_frame, by_drive = x:compare(how), nil
  if groups then
    how.groups = groups
    by_drive = x:compare(how)
  end
  for i, found in ipairs(by_frame) do
    local row = { protocol = protocol, class = names[i] or "mean", measure = compare.measures[protocol] }
    for key, value in pairs(found) do row[key] = value end
    row.verdict = compare.verdict(row)
    if by_drive then row.drives = { low = by_drive[i].low, high = by_drive[i].high, p = by_drive[i].p } end
    if found.a ~= core.null or found.b ~= core.null then rows[#rows + 1] = row end
  end
end

-- Whether the two can be compared: they saw the same frames, labels and class map.
function compare.fits(a, b) return (core.system.attempt(matched, a, b)) end

-- What a row says, in words; better and worse: b than a.
function compare.verdict(row)
  if row.low == core.null then return "cannot be compared" end
  if row.low <= 0 and row.high >= 0 then return "no difference seen" end
  return row.difference > 0 and "better" or "worse"
end

-- a, b: stored evaluations, each with a `title`. o: protocols, replicates, seed. Returns {a, b (titles), frames, drives (their number, if
-- there are at least ten), replicates, rows = {{protocol, class ("mean": of all), measure, a, b, difference = b - a, low, high, p,
-- replicates, verdict, drives = {low, high, p}}, ...}}. What does not exist is null. Errors: one sentence where the two saw other data,
-- frames, truth or protocols.
function compare.run(a, b, o)
  o = { protocols = protocols_of(a, b, o.protocols), replicates = o.replicates or structs.field("compare", "replicates")[3],
    seed = o.seed }
  b = matched(a, b)
  local groups, count = drives(a)
  local rows = {}
  for _, protocol in ipairs(o.protocols) do add_rows(rows, protocol, a, b, groups, o) end
  return { a = a.title, b = b.title, frames = #a, drives = count, replicates = o.replicates, rows = rows }
end

-- ---- as text ---------------------------------------------------------------------------------------------------------------

local function number(format, value) return value ~= nil and value ~= core.null and format:format(value) or "n/a" end

local function interval(format, row)
  if row.low == core.null then return "n/a" end
  return ("%s to %s"):format(format:format(row.low), format:format(row.high))
end

-- The rows of one protocol as a table, in fractions: its head and its lines.
function compare.table(result, protocol)
  local head = { "class", result.a, result.b, "difference", "95 % interval", "p", "" }
  if result.drives then table.insert(head, 7, ("over %d drives"):format(result.drives)) end
  local lines = {}
  for _, row in ipairs(result.rows) do
    if row.protocol == protocol then
      local line = { row.class, number("%.3f", row.a), number("%.3f", row.b), number("%+.3f", row.difference), interval("%+.3f", row),
        number("%.3f", row.p), row.verdict }
      if result.drives then table.insert(line, 7, row.drives and interval("%+.3f", row.drives) or "n/a") end
      lines[#lines + 1] = line
    end
  end
  return head, lines
end

-- The protocols of a result, in order.
function compare.protocols(result)
  local list = {}
  for _, row in ipairs(result.rows) do
    if list[#list] ~= row.protocol then list[#list + 1] = row.protocol end
  end
  return list
end

-- "kitti: AP at 40 recall points, moderate; difference = Coco-FT - Original, 98 frames"
function compare.caption(result, protocol)
  return ("%s: %s; %s against %s, %d frames, %d resamples"):format(protocol, compare.measures[protocol], result.b, result.a,
    result.frames, result.replicates)
end

-- The whole result as lines of text.
function compare.lines(result)
  local out = {}
  for i, protocol in ipairs(compare.protocols(result)) do
    if i > 1 then out[#out + 1] = "" end
    out[#out + 1] = compare.caption(result, protocol)
    local head, body = compare.table(result, protocol)
    for _, line in ipairs(terminal.align({ head, table.unpack(body) }, function(k) return k > 1 and k < #head end)) do
      out[#out + 1] = "  " .. line
    end
  end
  return out
end

-- A comparison of folders of detections (KITTI's files) against one folder of labels. o: labels, classes, protocols and their options.
function compare.folder(path, o, names, drive_of)
  local set, frames = core.eval_set(), {}
  set:load(o.labels, path, { names = names })
  for _, file in ipairs(core.files.list(o.labels)) do
    local id = file:match "^([^.].*)%.txt$"
    if id then frames[#frames + 1] = { id = id, drive = drive_of[id] } end
  end
  return stored.new { set = set, poster_set = set, title = path, data = { name = o.labels }, frames = frames, split = o.labels,
    classes = o.classes, protocols = o.protocol or eval.protocols, options = { voc = o.voc, coco = o.coco, poster = o.poster } }
end

return compare
