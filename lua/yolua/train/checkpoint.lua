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

-- The notes of the checkpoint that a resumed run goes on from, with its slabs put back into the model; nil for a new run.
local function take_up(t)
  local run = t.run
  if not run or not run.resumed then return nil end
  local path = run:path "last.safetensors"
  if core.files.kind(path) ~= "file" then -- cut off in its first epoch
    run:rewind(0)
    return nil
  end
  local notes = core.safetensors.info(path).metadata
  checkpoint.prepare(notes)
  t.model:drop_plans()
  core.restore(t.model.net, path, true)
  local clock = core.json.decode(notes.clocks, path)
  run:rewind(clock.batch_done > 0 and clock.epoch - 1 or clock.epoch)
  return notes
end

-- Goes on where a resumed run (yl.run with resume=) was when its last checkpoint was written: slabs, clocks, policies' states.
function checkpoint.restore(t)
  local notes = take_up(t)
  if not notes then return end
  for key, value in pairs(core.json.decode(notes.clocks, "clocks")) do t[key] = value end
  local states = core.json.decode(notes.policies, "policies")
  for _, policy in ipairs(t.policies) do
    if states[policy.name] then policy.state = states[policy.name] end
  end
end

-- What has to be as it was before any plan is made: threads and the convolutions' algorithms.
function checkpoint.prepare(notes)
  core.system.threads(tonumber(notes.threads))
  core.algorithms(notes.algorithms)
end

return checkpoint
