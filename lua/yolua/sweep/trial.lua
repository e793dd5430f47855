-- A trial: one call of a recipe, known by the hash of what decides its result, and the folder that tells how far it is.
--
-- The hash covers the options that differ from their defaults, the files that name the network, the data's frames and labels, and the
-- recipe's text. Options that only say how a run is made (threads, workers, caches) are no part of it. An option that a later version of
-- the program adds does not change it; a default that a later version changes is found by comparison.
local arguments = require "yolua.options.arguments"
local core = require "yolua.core"
local document = require "yolua.report.document"
local options = require "yolua.options.table"
local recipe = require "yolua.cli.recipe"
local rundir = require "yolua.report.rundir"
local schema = require "yolua.options.schema"
local files = core.files

local trial = {}

local HOW = { config = true, out = true, resume = true, json = true, threads = true, jobs = true, dry_run = true, serve = true }
local HOW_OF_DATA = { workers = true, cache = true, cache_dir = true, device_cache = true, features = true }
local NETWORK = { "cfg", "weights", "names", "model" }

-- ---- who it is ---------------------------------------------------------------------------------------------------------

local function without(values, left_out)
  local rest = {}
  for key, value in pairs(values) do
    if not left_out[key] then rest[key] = value end
  end
  return rest
end

-- The options that differ from their defaults, as plain data.
local function unlike_defaults(o)
  local out = {}
  for _, field in ipairs(options.fields(o)) do
    local key, value = field[1], rawget(o, field[1])
    if options.is(value) then
      local inner = unlike_defaults(value)
      out[key] = next(inner) and inner or nil
    elseif value ~= nil and type(value) ~= "function" and type(value) ~= "userdata" then
      local default = field[3] ~= nil and schema.convert(field, field[3], { where = "default" }, key) or nil
      if default == nil or core.json.encode(default) ~= core.json.encode(value) then out[key] = value end
    end
  end
  return out
end

-- Calls f without its warnings, which the trial's own log will have. Returns pcall's results.
local function without_warnings(f, ...)
  local warn = core.system.warn
  core.system.warn = function() end
  local results = table.pack(pcall(f, ...))
  core.system.warn = warn
  return table.unpack(results, 1, results.n)
end

local function file_hash(path, known)
  if not known[path] then known[path] = files.kind(path) == "file" and files.hash(path) or "" end
  return known[path]
end

-- The fingerprint of the data that the options name; `known` keeps it for the next trial.
local function data_hash(plain, known)
  local chosen = without(plain, HOW_OF_DATA)
  local key = core.json.encode(chosen)
  known[key] = known[key] or require "yolua.data"(plain).hash
  return known[key]
end

-- The file that the trial takes from an earlier one; parent: the sweep's folder.
local function path_of(item, parent) return ("%s/%s/%s"):format(parent, item.trial.hash, item.file) end

-- The trial's words, those for files of earlier trials included.
function trial.words(t, parent)
  local list = { table.unpack(t.words) }
  for _, item in ipairs(t.from or {}) do list[#list + 1] = ("%s=%s"):format(item.key, path_of(item, parent)) end
  return list
end

local function identify(t, known)
  local of = {}
  for _, item in ipairs(t.from or {}) do of[item.key] = item.trial.hash .. "/" .. item.file end
  local o = recipe.begun(t.recipe, trial.words(t, "runs"), t.where)
  for _, item in ipairs(t.from or {}) do options.set(o, item.key, core.null) end -- known by the trial that makes it
  local plain = options.plain(o)
  local contents = {}
  for _, key in ipairs(NETWORK) do contents[key] = plain[key] and file_hash(plain[key], known.files) end
  contents.anchors = schema.is_path(plain.anchors) and file_hash(plain.anchors, known.files) or nil
  local schedule = type(plain.schedule) == "string" and plain.schedule:find "%.lua$" and plain.schedule -- of a pruning
  contents.schedule = schedule and file_hash(schedule, known.files) or nil
  for i, path in ipairs(plain.require or {}) do contents["require" .. i] = file_hash(path, known.files) end
  local decided = without(unlike_defaults(o), HOW)
  decided.data = without(decided.data or {}, HOW_OF_DATA)
  local text = t.recipe:find "%.lua$" and core.system.read(t.recipe) or core.version -- else a verb
  t.repeats = arguments.repeats(o) -- it is a folder of trials itself, which continues where it is
  t.options, t.data_hash = plain, data_hash(plain.data, known.data)
  t.hash = files.hash_text(core.json.encode { options = decided, files = contents, data = t.data_hash, recipe = t.recipe, text = text,
    from = next(of) and of or nil })
end

-- Gives every trial of the list its options, data_hash and hash. Errors: the first trial that cannot run, or that equals another one.
function trial.identify(trials)
  local known, seen = { files = {}, data = {} }, {}
  for _, t in ipairs(trials) do
    local ok, reason = without_warnings(identify, t, known)
    if not ok then
      local sentence = tostring(reason)
      error(schema.usage(sentence:sub(1, #t.where) == t.where and sentence or ("%s: %s"):format(t.where, sentence)))
    end
    local other = seen[t.hash]
    if other then
      error(schema.usage(("%s is the same as trial %d (yolua %s %s): expected different options"):format(t.where, other.number, t.recipe,
        table.concat(t.words, " "))))
    end
    seen[t.hash] = t
  end
end

-- ---- its folder --------------------------------------------------------------------------------------------------------

local function flat(values, prefix, out)
  for key, value in pairs(values) do
    if type(value) == "table" and #value == 0 then flat(value, prefix .. key .. ".", out)
    else out[prefix .. key] = core.json.encode(value) end
  end
  return out
end

-- Errors: the trial was made when an option had another default.
local function check_defaults(t, kept)
  local before, now = flat(kept.options or {}, "", {}), flat(without(t.options, HOW), "", {})
  for key, value in pairs(before) do
    if now[key] and now[key] ~= value and not HOW_OF_DATA[key:match "^data%.(.*)$"] then
      error(("%s: the run in %s was made with %s=%s, whose default is now %s: expected another out= (or %s= in the trial)"):format(t.where,
        t.dir, key, value, now[key], key), 0)
    end
  end
end

-- Errors: what the trial began with, a file of an earlier one, is another file now.
local function check_from(t, kept)
  for _, item in ipairs(t.from or {}) do
    local path, before = path_of(item, t.parent), (kept.from or {})[item.key]
    if before and files.kind(path) == "file" and files.hash(path) ~= before then
      error(("%s: the run in %s began with another %s: its hash was %s and is now %s (without that folder the trial runs anew)"):format(
        t.where, t.dir, path, before, files.hash(path)), 0)
    end
  end
end

-- Looks at the trial's folder below `parent`: status "done" with its result, or "waiting". Errors: it holds a run with other defaults, or
-- from other files.
function trial.look(t, parent)
  t.dir, t.parent = parent .. "/" .. t.hash, parent
  local kept = document(t.dir .. "/trial.json")
  if kept then
    check_defaults(t, kept)
    check_from(t, kept)
  end
  t.result = kept and kept.status == "done" and document(t.dir .. "/results.json") or nil
  t.status = t.result and "done" or "waiting"
  t.failed_before = kept and kept.status == "failed" or nil
end

-- Whether a process, of an earlier sweep say, is still running in the folder.
function trial.busy(t) return rundir.busy(t.dir) end

-- Whether the trials from which it takes files are done. Second value: the reason why they never will be.
function trial.ready(t)
  for _, item in ipairs(t.from or {}) do
    local other = item.trial
    if other.status == "failed" or other.status == "stopped" then
      return false, ("it needs %s of trial %d (%s), which %s"):format(item.file, other.number, other.name,
        other.status == "failed" and "failed" or "was stopped")
    end
    if other.status ~= "done" then return false end
    if files.kind(path_of(item, t.parent)) ~= "file" then
      return false, ("it needs %s, which trial %d (%s) has not left"):format(path_of(item, t.parent), other.number, other.name)
    end
  end
  return true
end

-- The trial that cannot start has failed.
function trial.refused(t, reason) t.status, t.reason = "failed", reason end

-- The words with which the trial starts, or continues; makes its folder.
function trial.command(t)
  local words, begun = { t.recipe }, files.kind(t.dir .. "/config.yaml") == "file"
  files.make_folder(t.dir)
  if not begun and not t.repeats then rundir.clear(t.dir) end
  local own = trial.words(t, t.parent)
  table.move(own, 1, #own, 2, words)
  words[#words + 1] = (begun and "resume=" or "out=") .. t.dir
  if t.threads then words[#words + 1] = "threads=" .. t.threads end
  return words, begun
end

-- What its process printed is in this file, each attempt after the one before.
function trial.output(t) return t.dir .. "/output.txt" end

-- The last complaint in what it printed since byte `from`; nil where there is none.
local function complaint(t, from)
  local found
  for line in (core.system.try_read(trial.output(t)) or ""):sub(from + 1):gmatch "[^\r\n]+" do
    local sentence = line:match "yolua: (.*)"
    if sentence and not sentence:find "^warning: " and not sentence:find "^stopping after" then found = sentence end
  end
  return found
end

local function note(t)
  local from = {}
  for _, item in ipairs(t.from or {}) do
    local path = path_of(item, t.parent)
    from[item.key] = files.kind(path) == "file" and files.hash(path) or nil
  end
  core.system.write(t.dir .. "/trial.json", core.json.encode({ hash = t.hash, name = t.name, recipe = t.recipe, words = t.words,
    options = without(t.options, HOW), data_hash = t.data_hash, status = t.status, reason = t.reason,
    from = next(from) and from or nil }, { pretty = true }) .. "\n")
end

-- The process ended so; `from`: how long its output was before. Sets status and, of a trial that failed, the reason.
function trial.ended(t, code, from)
  t.result = code == 0 and document(t.dir .. "/results.json") or nil
  t.status, t.reason = "done", nil
  if not t.result then
    t.status = "failed"
    t.reason = code < 0 and ("ended by signal %d"):format(-code) or complaint(t, from)
      or code == 0 and "left no results.json" or ("ended with status %d"):format(code)
  end
  note(t)
end

return trial
