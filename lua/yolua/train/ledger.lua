-- What a run directory knows of its trainings: one yl.train after another (the head first, then everything) is told apart by its number,
-- and a resumed one by what it did before. lua/README.md says what may change on resume.
--
-- last.safetensors, best.safetensors, ... are those of the latest training. Where another begins, they become last-1.safetensors, ...:
-- from these a resumed run gives each earlier training's end back.
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local forecast = require("yolua.train.policy").forecast
local identity = require "yolua.train.identity"
local options = require "yolua.options.table"
local ranks = require "yolua.ranks"
local rundir = require "yolua.report.rundir"
local files = core.files

local ledger = {}

-- ---- marks -----------------------------------------------------------------------------------------------------------------

-- Which training a checkpoint is of; nil where there is no such file.
local function number_of(path)
  local found = ranks.first(files.kind, path)
  if not found then return nil end
  return math.tointeger(tonumber(core.safetensors.info(path).metadata.training or 1)) or 1
end

-- What the run's config.yaml keeps of training n, where there are several.
local function entry(run, n)
  local list = run.made.trainings or {}
  for i = #list + 1, n do list[i] = { training = i } end
  run.made.trainings = list
  return list[n]
end

-- Each file of a training under its other name, the full state last: a crash in between is made good by the next call.
local function rename(run, names, from, to)
  for _, name in ipairs(names) do
    local old, new = run:path(rundir.mark(name, from)), run:path(rundir.mark(name, to))
    if files.kind(old) then assert(os.rename(old, new)) end
  end
end

-- The marks of training n make way for those of the next.
local function archive(run, n)
  if number_of(run:path "last.safetensors") ~= n then return end
  local names = {}
  for name in pairs(run.current and run.current.kept or {}) do names[#names + 1] = name end
  table.sort(names)
  names[#names + 1] = "last.safetensors"
  entry(run, n).files = names
  run:write_config()
  rename(run, names, nil, n)
end

-- A training that left nothing has not begun: the one before it has its marks again.
local function unarchive(run)
  local list = run.made.trainings or {}
  for n = #list, 1, -1 do
    if files.kind(run:path "last.safetensors") then return end
    if files.kind(run:path(rundir.mark("last.safetensors", n))) then rename(run, list[n].files or { "last.safetensors" }, n) end
  end
end

-- Gives a training that begins its number, and the directory's marks.
function ledger.enter(t)
  local run = t.run
  if not run or t.training then return end
  t.frozen_at_start = t.model.frozen or "none"
  t.key = identity.hash { net = t.model, data = t.data, options = t.options, table.unpack(t.policies) }
  local n = (run.trainings or 0) + 1
  if n == 1 and run.resumed then ranks.first(unarchive, run) end
  if n > 1 then archive(run, n - 1) end
  run.trainings, run.current, t.training = n, t, n
  t.past = (number_of(run:path "last.safetensors") or 0) > n
end

-- The checkpoint that a training continues from; nil for a new one.
function ledger.checkpoint(t)
  local run = t.run
  if not run or not run.resumed then return nil end
  local path = run:path(rundir.mark("last.safetensors", t.past and t.training or nil))
  if number_of(path) == t.training then return path end
  if t.past then error(("resume: %s, the end of training %d, is missing"):format(path, t.training), 0) end
  run:rewind(0, t.training)
end

-- Errors: another training of this run has begun since.
function ledger.check_turn(t)
  if t.run.current and t.run.current ~= t then
    error(("training %d of %s ended when training %d began: it cannot continue"):format(t.training or 0, t.run.dir, t.run.trainings), 0)
  end
end

-- ---- what may change on resume -----------------------------------------------------------------------------------------------

local ANY_TIME = { epochs = true, patience = true }

-- What of the options decides a training's result, as config.yaml has it.
local function deciding(values)
  local out = { data = { map = values.data and values.data.map }, distill = values.distill }
  for _, key in ipairs(fields.deciding) do out[key] = values[key] end
  return out
end

local function flat(values, prefix, out)
  for key, value in pairs(values) do
    local path = prefix .. key
    if type(value) == "table" and #value == 0 then flat(value, path .. ".", out)
    else out[path] = type(value) == "table" and table.concat(value, ",") or value end
  end
  return out
end

-- What training n has on record: the run's options, and for later trainings what differs.
local function recorded(run, n)
  local values = flat(run.deciding or {}, "", {})
  local own = run.made.trainings and run.made.trainings[n]
  for path, value in pairs(n > 1 and own and own.options or {}) do values[path] = value end
  return values
end

-- {path, before, after} for what differs, in the order of the paths. A key that is on one side only is one of a table's other name.
local function differences(before, after)
  local paths, out = {}, {}
  for path in pairs(after) do paths[#paths + 1] = path end
  table.sort(paths)
  for _, path in ipairs(paths) do
    if before[path] ~= nil and before[path] ~= after[path] then out[#out + 1] = { path, before[path], after[path] } end
  end
  return out
end

local function texts(list, column)
  local out = {}
  for i, change in ipairs(list) do out[i] = ("%s=%s"):format(change[1], tostring(change[column])) end
  return table.concat(out, " ")
end

local function changes(t)
  return differences(recorded(t.run, t.training), flat(deciding(options.plain(t.options)), "", {}))
end

-- Errors: in the middle of an epoch, options that decide which images or steps are left of it.
function ledger.check_change(t, epoch, middle)
  if not middle or t.past then return end
  local bad = {}
  for _, change in ipairs(changes(t)) do
    if not ANY_TIME[change[1]] then bad[#bad + 1] = change end
  end
  if #bad == 0 then return end
  error(("resume: %s is in the middle of epoch %d, where %s cannot be changed to %s: finish that epoch first "
    .. "(resume=%s %s epochs=%d)"):format(t.run.dir, epoch, texts(bad, 2), texts(bad, 3), t.run.dir, texts(bad, 2), epoch), 0)
end

-- ---- continuing ------------------------------------------------------------------------------------------------------------

-- The option that makes the training longer.
local function length_of(t)
  for _, p in ipairs(t.policies) do
    if p.epochs then return (forecast[p] or {}).longer or ("epochs of '%s'"):format(p.name) end
  end
  return "epochs="
end

local function why_done(t)
  if t.past then return ("training %d is done: training %d has begun"):format(t.training, t.training + 1) end
  if t.stop then
    return ("'%s' ended the training after epoch %d: nothing is left to train (raise %s, or change or leave out that policy, to "
      .. "continue)"):format(t.stopped_by or "t.stop", t.epoch, length_of(t))
  end
  return ("all %d epochs are done: nothing is left to train (raise %s to continue)"):format(t.epoch, length_of(t))
end

-- A policy's stop holds while the same policy is there and no more epochs are asked for.
local function stop_holds(t, stop)
  if not stop or t.epochs > stop.epochs then return false end
  return t.hashes[stop.by or ""] == stop.policy
end

-- For the checkpoint: who ended the training, and what would let it continue.
function ledger.stop_note(t)
  if not t.stop then return nil end
  return { by = t.stopped_by, epochs = t.epochs, policy = t.hashes[t.stopped_by or ""] }
end

-- The record says what ran before, what runs now, and from which epoch on.
local function note_changes(t, list)
  local run, before, after = t.run, {}, {}
  for _, change in ipairs(list) do before[change[1]], after[change[1]] = change[2], change[3] end
  local from = t.batch_done > 0 and t.epoch or t.epoch + 1
  run.made.changes = run.made.changes or {}
  table.insert(run.made.changes, { training = t.training > 1 and t.training or nil, from_epoch = from, before = before, after = after })
  run:say("from epoch %d on: %s (before: %s)", from, texts(list, 3), texts(list, 2))
end

local function take_effect(t, list)
  local run, now = t.run, deciding(options.plain(t.options))
  if #list > 0 then note_changes(t, list) end
  if t.training == 1 then run.deciding = now
  else
    local own, any = {}, false
    for _, change in ipairs(differences(flat(run.deciding, "", {}), flat(now, "", {}))) do own[change[1]], any = change[3], true end
    entry(run, t.training).options = any and own or nil
  end
  run.made.training, run.made.result = not run.made.changes and t.key or nil, nil -- which training config.yaml holds
  run:write_config()
end

-- After what a resumed training did was put back (`restored`: what its checkpoint says of a stop, nil for a new one): is something left
-- to do? Then the options take effect and are recorded, and true is returned.
function ledger.settle(t, restored)
  if not t.run then return true end
  local list = {}
  if restored then
    local done = t.epoch - (t.batch_done > 0 and 1 or 0)
    t.shift = done * t.steps_per_epoch + t.batch_done // t.parts_per_step - t.step -- schedules go by epochs done
    t.stop = stop_holds(t, restored.stop) or nil
    t.stopped_by = t.stop and restored.stop.by
    list = changes(t)
    if t.past or t.stop or t.epoch >= t.epochs and t.batch_done == 0 then
      t.run:say("%s%s", why_done(t), #list > 0 and ("; %s changes nothing, recorded is %s"):format(texts(list, 3), texts(list, 2)) or "")
      return false
    end
  end
  take_effect(t, list)
  return true
end

-- Notes in config.yaml that the training is done: the hash of its checkpoint.
function ledger.finish(t)
  local run = t.run
  if not run or t.past or run.current ~= t or ranks.rank > 0 then return end
  local path = rundir.result(run.dir)
  run.made.result = path and files.hash(path)
  run:write_config()
end

return ledger
