-- last.safetensors: the full state of a run, written after every epoch's handlers, enough to go on with the same bits.
local core = require "yolua.core"

local checkpoint = {}

local clock_fields = { "epoch", "step", "seen", "batch_done", "loss_sum", "loss_images", "lr", "norm" }

local function clocks(t)
  local out = {}
  for _, key in ipairs(clock_fields) do out[key] = t[key] end
  return out
end

local function policy_states(t)
  local out = {}
  for _, policy in ipairs(t.policies) do
    if policy.state then out[policy.name] = policy.state end
  end
  return out
end

-- The texts that go beside the slabs: no path, time or host, so that equal runs give equal files.
function checkpoint.notes(t)
  local seed = t.options.seed
  return {
    clocks = core.json.encode(clocks(t)), policies = core.json.encode(policy_states(t)), seed = tostring(seed),
    threads = tostring(core.system.threads()), algorithms = core.algorithms(), frozen = t.model.frozen or "none",
    averaged = tostring(t.model.averaged or false),
  }
end

-- Saves the full state under a name of the run directory; nothing without a run.
function checkpoint.save(t, name)
  if not t.run then return end
  t.model:save(t.run:path(name or "last.safetensors"), checkpoint.notes(t), true)
end

-- A note of a checkpoint, decoded: a map.
local function note(notes, key, path)
  local ok, value = pcall(core.json.decode, notes[key] or "", path)
  if ok and type(value) == "table" and #value == 0 then return value end
  error(("%s: no run can go on from it: expected a map as its '%s'"):format(path, key), 0)
end

-- The clocks, each a number of at least 0, the first four whole; the last two may be missing.
local function clocks_of(notes, t, path)
  local read = note(notes, "clocks", path)
  for i, key in ipairs(clock_fields) do
    local value = read[key]
    if value == core.null then value, read[key] = nil, nil end
    local good = i <= 4 and math.type(value) == "integer" or i > 4 and type(value) == "number"
    if not (good and value >= 0) and (value ~= nil or i <= 6) then
      error(("%s: no run can go on from it: its clock '%s' is %s"):format(path, key, tostring(value)), 0)
    end
  end
  if read.batch_done > t.batches_per_epoch then
    error(("%s: no run can go on from it: it did %d batches of an epoch that has %d here"):format(path, read.batch_done,
      t.batches_per_epoch), 0)
  end
  return read
end

-- The clocks and the policies' states of the checkpoint that a resumed run goes on from, with its slabs put back into the model; nil
-- for a new run.
local function take_up(t)
  local run = t.run
  if not run or not run.resumed then return nil end
  local path = run:path "last.safetensors"
  if not core.files.kind(path) then -- cut off in its first epoch
    run:rewind(0)
    return nil
  end
  local notes = core.safetensors.info(path).metadata
  local clock, states = clocks_of(notes, t, path), note(notes, "policies", path)
  checkpoint.prepare(notes, path)
  t.model:drop_plans()
  core.restore(t.model.net, path, true)
  run:rewind(clock.batch_done > 0 and clock.epoch - 1 or clock.epoch)
  return clock, states
end

-- Goes on where a resumed run (yl.run with resume=) was when its last checkpoint was written: slabs, clocks, policies' states.
function checkpoint.restore(t)
  local clock, states = take_up(t)
  if not clock then return end
  for _, key in ipairs(clock_fields) do t[key] = clock[key] end
  for _, policy in ipairs(t.policies) do
    if states[policy.name] then policy.state = states[policy.name] end
  end
end

-- What has to be as it was before any plan is made: threads and the convolutions' algorithms.
function checkpoint.prepare(notes, path)
  local threads = math.tointeger(tonumber(notes.threads))
  if not threads or threads < 1 or threads > 1024 then
    error(("%s: no run can go on from it: expected 1 to 1024 threads, got %s"):format(path, tostring(notes.threads)), 0)
  end
  core.system.threads(threads)
  core.algorithms(notes.algorithms or "")
end

return checkpoint
