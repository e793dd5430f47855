-- The folder of a run: a new one that overwrites nothing, or an earlier one that is continued.
local core = require "yolua.core"
local ranks = require "yolua.ranks"
local tensorboard = require "yolua.report.tensorboard"
local files = core.files

local rundir = {}

-- What a sweep keeps in a trial's folder before its run begins there.
local OF_THE_SWEEP = { ["output.txt"] = true, ["trial.json"] = true }

local function free(path)
  if files.new_folder(path) then return true end
  if files.kind(path) ~= "folder" then return false end
  for _, name in ipairs(files.list(path)) do
    if not OF_THE_SWEEP[name] then return false end
  end
  return true
end

-- The folders above `path` that are not there, the nearest first.
local function missing_above(path)
  local list, parent = {}, path:match "^(.*[^/])/+[^/]+$"
  while parent and not files.kind(parent) do
    list[#list + 1] = parent
    parent = parent:match "^(.*[^/])/+[^/]+$"
  end
  return list
end

-- Makes the folder runs/NAME, or `out`; where that is taken, NAME-2, NAME-3, ... Returns the path, and where this call made the folder,
-- those that it made above it.
-- Errors: one sentence that names the folder which cannot be made.
function rundir.reserve(name, out)
  local wanted = (out or "runs/" .. name):gsub("(.)/+$", "%1")
  if files.kind(wanted) == "other" then error(("out: expected a folder for the run, %s is a device or a pipe"):format(wanted), 0) end
  local path, number, existed, above = wanted, 1, files.kind(wanted) ~= nil, missing_above(wanted)
  while not free(path) do
    number = number + 1
    path = ("%s-%d"):format(wanted, number)
    existed = files.kind(path) ~= nil
  end
  if not existed then return path, above end
  return path
end

-- rundir.reserve, and a log to show that the folder can be written to. A sandbox has its only folder already (rundir.reserved).
-- Errors: one sentence that names the folder which cannot be made or written to.
function rundir.make(name, out)
  local path, above = rundir.reserved, nil
  if not path then path, above = rundir.reserve(name, out) end
  rundir.reserved = nil
  files.append(path .. "/log.txt", "")
  return path, above
end

-- Removes what a run left in a folder of a sweep that was killed before it had options on record.
function rundir.clear(path)
  for _, name in ipairs(files.list(path)) do
    if not OF_THE_SWEEP[name] then os.remove(path .. "/" .. name) end
  end
end

-- ---- one process at a time -----------------------------------------------------------------------------------------------------

local held = setmetatable({}, { __mode = "v" }) -- path -> this process's lock

-- Whether another process is at work in the folder of a run.
function rundir.busy(path)
  if held[path] or files.kind(path .. "/log.txt") ~= "file" then return false end
  local lock <close> = files.lock(path .. "/log.txt")
  return lock == nil
end

-- Keeps other processes out of the folder until the result is closed; nil where this process has it already, or another rank holds it for
-- this one. Errors: another process is at work there.
function rundir.lock(path)
  if held[path] then return nil end
  ranks.first(function()
    held[path] = files.lock(path .. "/log.txt") or error(("another process is at work in %s"):format(path), 0)
  end)
  return held[path]
end

function rundir.unlock(path, lock)
  held[path] = nil
  lock:close()
end

-- ---- what it holds ---------------------------------------------------------------------------------------------------------------

-- The options that the run in `path` was started with. Errors: no such run, or a config.yaml that cannot be read.
function rundir.config(path)
  if files.kind(path) ~= "folder" then error(("resume: no such run directory %s"):format(path), 0) end
  local file = path .. "/config.yaml"
  if not files.kind(file) then error(("resume: %s is not a run directory (config.yaml is missing)"):format(path), 0) end
  local values = core.yaml.decode(core.system.read(file), file)
  if type(values) ~= "table" or type(values.provenance) ~= "table" then
    error(("resume: %s: expected the options of a run and their provenance"):format(file), 0)
  end
  local made = values.provenance
  values.provenance = nil
  return values, made
end

-- A file's name in the run directory: of the latest training (n nil), or of an earlier one: best.safetensors, best-1.safetensors.
function rundir.mark(name, n)
  return n and (name:gsub("(%.?[^.]*)$", "-" .. n .. "%1", 1)) or name
end

local function later(record, last, training)
  local own = record.training or 1
  return own > training or own == training and record.epoch > last
end

-- rundir.make, and the folder's lock: the folder, whether it is new, and the lock.
function rundir.begin(name, out)
  local dir, made = ranks.first(rundir.make, name, out)
  return dir, made, rundir.lock(dir)
end

-- The records of metrics.jsonl up to epoch `last` of that training (default: the first); all records where `last` is nil. A line that a
-- crash cut short, or that is no record, ends the list.
function rundir.metrics(path, last, training)
  local file, records = path .. "/metrics.jsonl", {}
  if not files.kind(file) then return records end
  for line in core.system.read(file):gmatch "([^\n]*)\n" do
    local ok, record = core.system.attempt(core.json.decode, line, file)
    local epoch = ok and type(record) == "table" and record.epoch
    if type(epoch) ~= "number" or last and later(record, last, training or 1) then break end
    records[#records + 1] = record
  end
  return records
end

-- Appends the last of the records to metrics.jsonl, and waits for the disk; with `events` also to a TensorBoard event file.
function rundir.append_metrics(path, records, events)
  files.append(path .. "/metrics.jsonl", core.json.encode(records[#records]) .. "\n")
  if events then tensorboard.append(path, records, os.time()) end
end

-- Rewrites metrics.jsonl, as a whole, to hold just these records, and the event file where there is one.
function rundir.write_metrics(path, records)
  local lines = {}
  for i, record in ipairs(records) do lines[i] = core.json.encode(record) .. "\n" end
  core.system.write(path .. "/metrics.jsonl", table.concat(lines))
  tensorboard.rewrite(path, records, os.time())
end

-- The checkpoint that the run in `path` ends with; nil where it has none.
function rundir.result(path)
  for _, name in ipairs { "/best.safetensors", "/last.safetensors" } do
    if files.kind(path .. name) == "file" then return path .. name end
  end
end

-- Removes a folder in which nothing but its first two files was made, and the empty ones above it that were made for it: a call that
-- failed at once leaves no litter.
function rundir.discard(path, above)
  for _, name in ipairs(files.list(path)) do
    if name ~= "config.yaml" and name ~= "log.txt" then return end
  end
  os.remove(path .. "/config.yaml")
  os.remove(path .. "/log.txt")
  os.remove(path)
  for _, folder in ipairs(above or {}) do os.remove(folder) end -- one that holds something stays
end

return rundir
