-- last.safetensors: the full state of a run, written after every epoch's handlers, enough to continue bit for bit.
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"
local ledger = require "yolua.train.ledger"
local loss_scale = require "yolua.train.loss_scale"
local policy = require "yolua.train.policy"
local ranks = require "yolua.ranks"
local state = require "yolua.options.state"
local structure = require "yolua.model.structure"

local checkpoint = {}

local clock_fields = { "epoch", "step", "seen", "batch_done", "loss_sum", "loss_images", "lr", "norm", "loss_scale", "good_steps" }

-- batch_done counts the parts of a batch as one rank does (subdivisions): another number of ranks can continue.
local function clocks(t)
  local out = {}
  for _, key in ipairs(clock_fields) do out[key] = t[key] end
  out.batch_done = t.batch_done // t.parts_per_step * (t.options.subdivisions or 1)
  return out
end

local function policy_states(t)
  local out = {}
  for _, p in ipairs(t.policies) do
    policy.check_state(p)
    out[p.name] = p.state
  end
  return state.pack(out)
end

-- What only some checkpoints need: which training of the run it is, who ended it, how it was frozen before policies froze.
local function special(t, notes)
  local stop, start = ledger.stop_note(t), t.frozen_at_start
  notes.training = (t.training or 1) > 1 and tostring(t.training) or nil
  notes.stop = stop and core.json.encode(stop) or nil
  notes.frozen_at_start = start and start ~= notes.frozen and start or nil
  return notes
end

-- How many ranks it was, where that decides the bits.
local function noted_ranks(t) return ranks.size > 1 and not t.options.deterministic and tostring(ranks.size) or nil end

-- The texts that go beside the slabs: no path, time or host, so that equal runs give equal files.
function checkpoint.notes(t)
  local seed = t.options.seed
  return special(t, {
    clocks = core.json.encode(clocks(t)), policies = core.json.encode(policy_states(t)), seed = tostring(seed),
    threads = tostring(core.system.threads()), ranks = noted_ranks(t), algorithms = core.algorithms(), frozen = t.model.frozen or "none",
    averaged = tostring(t.model.averaged or false),
  })
end

-- Saves the full state under a name of the run directory; nothing without a run.
function checkpoint.save(t, name)
  if not t.run or ranks.rank > 0 then return end
  ledger.check_turn(t)
  t.model:adopt(t.own) -- another training of the network may have left its own size
  t.model:save(t.run:path(name or "last.safetensors"), checkpoint.notes(t), true)
end

-- A note of a checkpoint, decoded: a map.
local function note(notes, key, path)
  local ok, value = core.system.attempt(core.json.decode, notes[key] or "", path)
  if ok and type(value) == "table" and #value == 0 then return value end
  error(("%s: no run can continue from it: expected a map as its '%s'"):format(path, key), 0)
end

-- The clocks, each a number of at least 0, the first four whole; the last four may be missing.
local function clocks_of(notes, t, path)
  local read = note(notes, "clocks", path)
  for i, key in ipairs(clock_fields) do
    local value = read[key]
    if value == core.null then value, read[key] = nil, nil end
    local good = i <= 4 and math.type(value) == "integer" or i > 4 and type(value) == "number"
    if not (good and value >= 0) and (value ~= nil or i <= 6) then
      error(("%s: no run can continue from it: its clock '%s' is %s"):format(path, key, tostring(value)), 0)
    end
  end
  ledger.check_change(t, read.epoch, read.batch_done > 0)
  read.batch_done = read.batch_done // (t.options.subdivisions or 1) * t.parts_per_step
  if read.batch_done > t.batches_per_epoch then
    error(("%s: no run can continue from it: it did %d batches of an epoch that has %d here"):format(path, read.batch_done,
      t.batches_per_epoch), 0)
  end
  return read
end

local function states_of(notes, path)
  local ok, states = core.system.attempt(state.unpack, note(notes, "policies", path))
  if not ok then error(("%s: no run can continue from it: its policies' states are damaged (%s)"):format(path, states), 0) end
  return states
end

-- What a policy froze since the training began is frozen again, unless the recipe starts out otherwise now.
local function freeze_again(t, notes)
  local now = t.model.frozen or "none"
  if notes.frozen and now == (notes.frozen_at_start or notes.frozen) and now ~= notes.frozen then t:freeze(notes.frozen) end
end

-- Errors: what the heads predict beside box and class has changed since, so that the head has other rows.
local function check_attributes(t, notes, path)
  local saved = attributes.text(attributes.of_model { heads = structure.heads(note(notes, "structure", path)) })
  local now = attributes.text(attributes.of_model(t.model))
  if saved == now then return end
  error(("%s: its head predicts %s, and the network now %s: a run continues with the attributes that it began with"):format(path, saved,
    now), 0)
end

-- Continues where a resumed run (yl.run with resume=) was when this training's last checkpoint was written: slabs, clocks, policies'
-- states. Returns {stop = who ended it}; nil for a new training.
function checkpoint.restore(t)
  local path = ledger.checkpoint(t)
  if not path then return nil end
  local notes = core.safetensors.info(path).metadata
  local clock, states = clocks_of(notes, t, path), states_of(notes, path)
  local stop = notes.stop and note(notes, "stop", path) or nil
  check_attributes(t, notes, path)
  checkpoint.prepare(notes, path)
  t.model:drop_plans()
  core.restore(t.model.net, path, true)
  if not t.past then t.run:rewind(clock.batch_done > 0 and clock.epoch - 1 or clock.epoch, t.training) end
  for _, key in ipairs(clock_fields) do t[key == "lr" and "last_rate" or key] = clock[key] end
  loss_scale.start(t) -- the run may continue in another precision
  for _, p in ipairs(t.policies) do
    if states[p.name] then p.state = states[p.name] end
  end
  freeze_again(t, notes)
  local before = math.tointeger(tonumber(notes.ranks)) or 1
  if before ~= ranks.size and not t.options.deterministic then t.run:say("continues with %d ranks; before: %d", ranks.size, before) end
  return { stop = stop }
end

-- What has to be as it was before any plan is made: threads and the convolutions' algorithms.
function checkpoint.prepare(notes, path)
  local threads = math.tointeger(tonumber(notes.threads))
  if (math.tointeger(tonumber(notes.ranks or 1)) or 1) ~= ranks.size then return end -- other ranks have other threads and sizes
  if not threads or threads < 1 or threads > 1024 then
    error(("%s: no run can continue from it: expected 1 to 1024 threads, got %s"):format(path, tostring(notes.threads)), 0)
  end
  core.system.threads(threads)
  core.algorithms(notes.algorithms or "")
end

return checkpoint
