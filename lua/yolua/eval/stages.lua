-- The evaluations that a run keeps (yolua.eval.stored), a file for each of its stages.
--
--   local stages, stored = require "yolua.eval.stages", require "yolua.eval.stored"
--   stages.list "runs/coco_ft"                           the names of a run's stages, in order
--   local a = stages.read("runs/coco_ft", "Coco-FT")     one of them
--   a:rows()                                             its rows, as results.json has them
--   stored.pool({ a, b, c }, "folds"):rows()             the frames of several as one set: one row for each protocol
--
-- RUN/stages/NAME.stage: a line of JSON that says how the stage was evaluated, and one for each frame, in list order: {"id", "drive"
-- (where the data know it), "truth": [[class, x1, y1, x2, y2, truncated, occluded, alpha, ignore], ...], "dets": how many detections,
-- "poster": how many the poster's metric sees}. After these lines come the detections, 42 bytes each, little-endian: the class's number
-- among `names` (16 bits), score, x1, y1, x2, y2 (doubles), and a double for each of `labels`, if the head line has some; of each frame
-- `dets`, then `poster`.
local core = require "yolua.core"
local schema = require "yolua.options.schema"
local stored = require "yolua.eval.stored"
local files = core.files

local stages = {}

local FORMAT = "yolua stage 1"
local HEADER = { "stage", "number", "split", "data", "map", "names", "protocols", "labels", "options" }

local function null(value)
  if value == nil then return core.null end
  return value
end

local function known(value)
  if value == core.null then return nil end
  return value
end

-- The name of a stage's file: what is no letter, digit, dot, dash or underscore is written as %XX.
local function file_name(stage)
  return (stage:gsub("[^%w_.-]", function(c) return ("%%%02X"):format(c:byte()) end):gsub("^%.", "%%2E")) .. ".stage"
end

-- ---- written ---------------------------------------------------------------------------------------------------------------

local function truth_line(t)
  local b = t.box
  return { t.class, b[1], b[2], b[3], b[4], null(t.truncated), null(t.occluded), null(t.alpha), t.ignore and 1 or 0 }
end

-- A frame's detections, packed.
local function packed(frame, key, numbers, labels)
  local list = frame[key]
  return type(list) == "table" and stored.pack(list, numbers, labels) or list
end

local function frame_line(frame, size, dets, poster)
  local line = { id = frame.id, drive = frame.drive, truth = {}, dets = #dets // size, poster = poster and #poster // size or nil }
  for i, t in ipairs(frame.truths) do line.truth[i] = truth_line(t) end
  return core.json.encode(line)
end

-- Every class as a list: its name, and the others that count as it.
local function class_lists(classes)
  local out = {}
  for i, class in ipairs(classes or {}) do out[i] = type(class) == "table" and { class.name, table.unpack(class) } or { class } end
  return out
end

-- Writes it to RUN/stages/. `number`: which of the run's stages it is.
function stages.write(dir, self, number)
  local header, numbers = { format = FORMAT, frames = #self.frames, classes = class_lists(self.classes) }, stored.numbers(self.names)
  local size = stored.layout(self.labels):packsize()
  self.number = number
  for _, key in ipairs(HEADER) do header[key] = self[key] end
  local lines, bytes = { core.json.encode(header) }, {}
  for i, frame in ipairs(self.frames) do
    local dets, poster = packed(frame, "dets", numbers, self.labels), packed(frame, "poster", numbers, self.labels)
    lines[i + 1] = frame_line(frame, size, dets, poster)
    bytes[2 * i - 1], bytes[2 * i] = dets, poster or ""
  end
  lines[#lines + 1] = ""
  files.make_folder(dir .. "/stages")
  core.system.write(("%s/stages/%s"):format(dir, file_name(self.stage)), table.concat(lines, "\n") .. table.concat(bytes))
end

-- ---- read ------------------------------------------------------------------------------------------------------------------

local function refuse(path, line, expected) error(("%s:%d: expected %s"):format(path, line, expected), 0) end

local function read_truths(path, line, list)
  if type(list) ~= "table" then refuse(path, line, "a list of truths") end
  local out = {}
  for i, row in ipairs(list) do
    if type(row) ~= "table" or type(row[1]) ~= "string" then refuse(path, line, "a class's name as the first value of truth " .. i) end
    for k = 2, 5 do
      if type(row[k]) ~= "number" then refuse(path, line, ("a number as value %d of truth %d"):format(k, i)) end
    end
    out[i] = { class = row[1], box = { row[2], row[3], row[4], row[5] }, truncated = known(row[6]), occluded = known(row[7]),
      alpha = known(row[8]), ignore = row[9] == 1 }
  end
  return out
end

local function read_count(path, line, value)
  if math.type(value) ~= "integer" or value < 0 then refuse(path, line, "a number of detections") end
  return value
end

-- The frame of a line, still with the numbers of its detections.
local function read_frame(path, line, text)
  local frame = core.json.decode(text, ("%s:%d"):format(path, line))
  if type(frame) ~= "table" or type(frame.id) ~= "string" then refuse(path, line, "a frame with an id") end
  return { id = frame.id, drive = known(frame.drive), truths = read_truths(path, line, frame.truth),
    dets = read_count(path, line, frame.dets), poster = frame.poster and read_count(path, line, frame.poster) }
end

local function is_list(value, of)
  if type(value) ~= "table" or next(value) ~= nil and #value == 0 then return false end
  for _, item in ipairs(value) do
    if type(item) ~= of then return false end
  end
  return true
end

local function read_header(path, text)
  local header = core.json.decode(text, path .. ":1")
  if type(header) ~= "table" or header.format ~= FORMAT then
    refuse(path, 1, ("the head of a stored evaluation (format '%s')"):format(FORMAT))
  end
  for key, of in pairs { names = "string", protocols = "string", classes = "table" } do
    if not is_list(header[key], of) then refuse(path, 1, "a list as its " .. key) end
  end
  for _, key in ipairs { "options", "data" } do
    if type(header[key]) ~= "table" then refuse(path, 1, "its " .. key) end
  end
  if header.labels ~= nil and not is_list(header.labels, "string") then refuse(path, 1, "a list as its labels") end
  if type(header.stage) ~= "string" or math.type(header.frames) ~= "integer" then refuse(path, 1, "its stage and number of frames") end
  for i, class in ipairs(header.classes) do
    header.classes[i] = #class == 1 and class[1] or { name = class[1], table.unpack(class, 2) }
  end
  return header
end

-- `count` packed detections from byte `at` of the text, whose classes are checked; and where they end.
local function take_detections(path, text, at, count, names, size)
  local last = at + count * size
  for byte = at, last - 1, size do
    local class = ("<I2"):unpack(text, byte)
    if not names[class] then error(("%s: byte %d: expected a class from 1 to %d, got %d"):format(path, byte, #names, class), 0) end
  end
  return text:sub(at, last - 1), last
end

local function cut_short(path) error(path .. ": it does not have the length that its head says: the file is cut short", 0) end

local function read_file(path)
  local text = core.system.read(path)
  local last = text:find("\n", 1, true) or cut_short(path)
  local self = read_header(path, text:sub(1, last - 1))
  local frames, count = {}, 0
  for i = 1, self.frames do
    local first = last + 1
    last = text:find("\n", first, true) or cut_short(path)
    frames[i] = read_frame(path, i + 1, text:sub(first, last - 1))
    count = count + frames[i].dets + (frames[i].poster or 0)
  end
  local size = stored.layout(self.labels):packsize()
  if #text ~= last + count * size then cut_short(path) end
  local at = last + 1
  for _, frame in ipairs(frames) do
    frame.dets, at = take_detections(path, text, at, frame.dets, self.names, size)
    if frame.poster then frame.poster, at = take_detections(path, text, at, frame.poster, self.names, size) end
  end
  self.frames = frames
  return stored.new(self)
end

-- The stages that a run has kept: names in the order in which they were evaluated. Errors: no such run.
function stages.list(dir)
  if files.kind(dir) ~= "folder" then error(("no such run directory %s"):format(dir), 0) end
  local list, folder = {}, dir .. "/stages"
  for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    if name:find "%.stage$" then
      local path = folder .. "/" .. name
      local header = read_header(path, core.system.read(path):match "^[^\n]*")
      list[#list + 1] = { name = header.stage, number = header.number or math.huge }
    end
  end
  table.sort(list, function(a, b) return a.number < b.number or a.number == b.number and a.name < b.name end)
  for i, stage in ipairs(list) do list[i] = stage.name end
  return list
end

-- A stage of a run; the last one where none is named. Errors: one sentence that names the run, and the stages that it has.
function stages.read(dir, stage)
  local known_stages = stages.list(dir)
  if #known_stages == 0 then
    error(("%s keeps no detections (stages/ is missing): its recipe has evaluated nothing, or an earlier version of yolua made it"):format(
      dir), 0)
  end
  stage = stage or known_stages[#known_stages]
  local path = ("%s/stages/%s"):format(dir, file_name(stage))
  if files.kind(path) ~= "file" then
    local near = schema.did_you_mean(stage, known_stages)
    error(("%s has no stage '%s'%s (stages: %s)"):format(dir, stage, near, table.concat(known_stages, ", ")), 0)
  end
  local self = read_file(path)
  self.run, self.title = dir, dir .. ":" .. stage
  return self
end

return stages
