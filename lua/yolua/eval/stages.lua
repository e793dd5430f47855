-- The evaluations that a run keeps (yolua.eval.stored), a file for each of its stages.
--
--   local stages, stored = require "yolua.eval.stages", require "yolua.eval.stored"
--   stages.list "runs/coco_ft"                           the names of a run's stages, in order
--   local a = stages.read("runs/coco_ft", "Coco-FT")     one of them
--   a:rows()                                             its rows, as results.json has them
--   stored.pool({ a, b, c }, "folds"):rows()             the frames of several as one set: one row for each protocol
--
-- RUN/stages/STAGE.jsonl: a line of JSON that says how the stage was evaluated, then one for each frame, in list order:
-- {"id", "drive" (where the data know it), "truth": [[class, x1, y1, x2, y2, truncated, occluded, alpha, ignore], ...],
-- "dets": [[class (number among `names`), score, x1, y1, x2, y2], ...], "poster": the same as the poster's metric sees them}.
local core = require "yolua.core"
local schema = require "yolua.options.schema"
local stored = require "yolua.eval.stored"
local files = core.files

local stages = {}

local FORMAT = "yolua stage 1"
local HEADER = { "stage", "number", "split", "data", "map", "names", "classes", "protocols", "options" }

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
  return (stage:gsub("[^%w_.-]", function(c) return ("%%%02X"):format(c:byte()) end):gsub("^%.", "%%2E")) .. ".jsonl"
end

local function truth_line(t)
  local b = t.box
  return { t.class, b[1], b[2], b[3], b[4], null(t.truncated), null(t.occluded), null(t.alpha), t.ignore and 1 or 0 }
end

local function frame_line(frame, number)
  local line = { id = frame.id, drive = frame.drive, truth = {}, dets = {}, poster = frame.poster and {} or nil }
  for i, t in ipairs(frame.truths) do line.truth[i] = truth_line(t) end
  for _, key in ipairs { "dets", "poster" } do
    for i, d in ipairs(frame[key] or {}) do
      local b = d.box
      line[key][i] = { number[d.class], d.score, b[1], b[2], b[3], b[4] }
    end
  end
  return core.json.encode(line)
end

-- Writes it to RUN/stages/. `number`: which of the run's stages it is.
function stages.write(dir, self, number)
  local header, numbers, lines = { format = FORMAT, frames = #self.frames }, {}, {}
  self.number = number
  for _, key in ipairs(HEADER) do header[key] = self[key] end
  for i, name in ipairs(self.names) do numbers[name] = numbers[name] or i end
  lines[1] = core.json.encode(header)
  for i, frame in ipairs(self.frames) do lines[i + 1] = frame_line(frame, numbers) end
  files.make_folder(dir .. "/stages")
  core.system.write(("%s/stages/%s"):format(dir, file_name(self.stage)), table.concat(lines, "\n") .. "\n")
end

local function refuse(path, line, expected) error(("%s:%d: expected %s"):format(path, line, expected), 0) end

local function numbers_from(path, line, row, first, last)
  for i = first, last do
    if type(row[i]) ~= "number" then refuse(path, line, ("a number as value %d of a row"):format(i)) end
  end
  return { table.unpack(row, last - 3, last) }
end

local function read_rows(path, line, list, make)
  if type(list) ~= "table" then refuse(path, line, "lists of truths and detections") end
  local out = {}
  for i, row in ipairs(list) do
    if type(row) ~= "table" then refuse(path, line, "a list as row " .. i) end
    out[i] = make(row)
  end
  return out
end

local function read_frame(path, line, text, names)
  local frame = core.json.decode(text, ("%s:%d"):format(path, line))
  if type(frame) ~= "table" or type(frame.id) ~= "string" then refuse(path, line, "a frame with an id") end
  local function truth(row)
    if type(row[1]) ~= "string" then refuse(path, line, "a class's name as the first value of a truth") end
    return { class = row[1], box = numbers_from(path, line, row, 2, 5), truncated = known(row[6]), occluded = known(row[7]),
      alpha = known(row[8]), ignore = row[9] == 1 }
  end
  local function detection(row)
    local class = names[row[1]]
    if not class then refuse(path, line, ("a class from 1 to %d"):format(#names)) end
    return { class = class, score = row[2], box = numbers_from(path, line, row, 2, 6) }
  end
  return { id = frame.id, drive = known(frame.drive), truths = read_rows(path, line, frame.truth, truth),
    dets = read_rows(path, line, frame.dets, detection),
    poster = frame.poster and read_rows(path, line, frame.poster, detection) or nil }
end

local function read_header(path, text)
  local header = core.json.decode(text, path .. ":1")
  if type(header) ~= "table" or header.format ~= FORMAT then
    refuse(path, 1, ("the head of a stored evaluation (format '%s')"):format(FORMAT))
  end
  for _, key in ipairs { "names", "protocols", "options", "data" } do
    if type(header[key]) ~= "table" then refuse(path, 1, "its " .. key) end
  end
  return header
end

local function read_file(path)
  local self, line, names = nil, 0, nil
  for text in core.system.read(path):gmatch "([^\n]*)\n" do
    line = line + 1
    if line == 1 then
      self = read_header(path, text)
      names, self.count, self.frames = self.names, self.frames, {}
    else self.frames[line - 1] = read_frame(path, line, text, names) end
  end
  if not self or #self.frames ~= self.count then
    error(("%s: expected %s frames, got %d: the file is cut short"):format(path, self and tostring(self.count) or "a head and its",
      self and #self.frames or 0), 0)
  end
  return stored.new(self)
end

-- The stages that a run has kept: names in the order in which they were evaluated. Errors: no such run.
function stages.list(dir)
  if files.kind(dir) ~= "folder" then error(("no such run directory %s"):format(dir), 0) end
  local list, folder = {}, dir .. "/stages"
  for _, name in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    if name:find "%.jsonl$" then
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
  self.run = dir
  return self
end

return stages
