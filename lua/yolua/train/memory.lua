-- What a training takes: told before its first step, and kept below recompute=MIB.
local batches = require "yolua.data.batches"
local core = require "yolua.core"
local options = require "yolua.options.table"

local memory = {}
local MIB = 2 ^ 20
local RUNNING = 16 * MIB -- what code, stacks and the BLAS take besides once they run

-- recompute= as it is meant: off, elementwise, auto, or the most MiB that everything may take together; nil: the plan's default.
-- Errors: another text.
function memory.check(o)
  local asked = o.recompute
  if not asked or asked == "off" or asked == "elementwise" or asked == "auto" or asked:find "^[1-9]%d*$" then return asked end
  error(("%s: option 'recompute': expected off, elementwise, auto or a whole number of MiB, got '%s'"):format(
    options.origin(o, "recompute") or options.position(), asked), 0)
end

-- Bytes that the host's process takes now, without the arena, which the next plan uses too.
function memory.now(model)
  local _, arena = model.net:memory()
  return core.machine().resident_bytes - arena + RUNNING
end

-- Bytes that are taken besides a plan once the slabs of those names exist too: on the host `host` and they, else all slabs.
function memory.others(model, names, host)
  local slabs, _, on_host = model.net:memory()
  local bytes, params = on_host and host or slabs, model:counts().params
  for _, name in ipairs(names) do
    if not core.has_slab(model.net, name) then bytes = bytes + params * (name == "mask" and 1 or 4) end
  end
  return bytes
end

-- model:plan(spec), which together with `others` bytes keeps the limit. where: of the option, for errors.
function memory.plan(model, spec, asked, others, where)
  local limit = tonumber(asked)
  spec.recompute = limit and ("%d"):format(math.max(1, (limit * MIB - others) // MIB)) or asked
  local ok, plan = pcall(model.plan, model, spec)
  if ok then return plan end
  if not limit then error(plan, 0) end
  error(("%s: recompute=%s: %.0f MiB are taken by the program, parameters and pictures; %s"):format(where, asked, others / MIB,
    plan:match "recompute: (.*)" or plan), 0)
end

-- Bytes of decoded frames that the loaders of these lists keep.
function memory.decoded(lists, limit)
  local bytes = 0
  for _, list in ipairs(lists) do
    for _, frame in ipairs(list.frames) do bytes = bytes + 3 * (frame.width or 0) * (frame.height or 0) end
  end
  return math.min(bytes, (limit or 0) * MIB)
end

-- The slabs that the training's steps use.
local function slabs(t)
  local names = { "grad", table.unpack(require("yolua.optim." .. t.options.optim.name).slabs or { "adam_m", "adam_v" }) }
  if (t.options.ema or 0) > 0 then names[#names + 1] = "ema" end
  for _, p in ipairs(t.policies) do
    if p.name:find "^prune" then names[#names + 1] = "mask" end
  end
  return names
end

-- What batches and pictures, or a frozen body's output, will have taken on the host.
local function fed(t, part)
  local judged = t.data.pick or t.data.dev
  if part == "tail" then return batches.feature_bytes(t.model, t.h, t.w, #t.data.train.frames + (judged and #judged.frames or 0)) end
  local lists, stats, in_work = { t.data.train, judged }, t.source:stats(), 0
  for _, list in ipairs(lists) do in_work = in_work + math.min(stats.slots or 0, (#list.frames + t.micro - 1) // t.micro) end
  return in_work * (stats.slot_bytes or 0) + memory.decoded(lists, t.options.data.cache)
end

-- Bytes of frames that will stay in the device's memory, and all that pictures take there.
local function fed_to_device(t)
  local stats, source = t.source:stats(), t.source
  if not stats.device_bytes then return 0, 0 end
  local frames = memory.decoded({ t.data.train, t.data.pick or t.data.dev }, source.device_cache)
  return frames, frames + stats.device_bytes
end

-- The plan of a training's step; spec without recompute. The first one is told.
function memory.step_plan(t, spec)
  local o = t.options
  t.others = t.others or memory.others(t.model, slabs(t), t.at_start + fed(t, spec.part)) + select(2, fed_to_device(t))
  local plan = memory.plan(t.model, spec, memory.check(o), t.others, options.origin(o, "recompute") or options.position())
  if not t.announced then memory.announce(t, plan) end
  return plan
end

-- One line about the plan of a step and all that is taken besides, before the first step runs.
function memory.announce(t, plan)
  t.announced = true
  local counts = t.model:counts()
  if counts.frozen == counts.params then core.system.warn "every parameter is frozen: this training changes nothing" end
  if not t.run then return end
  local _, shared = t.model.net:memory()
  local arena, _, packed = plan:memory()
  t.run:say("%d of %d parameters train; a step of %d images at %dx%d takes %.0f MiB (activations, gradients, scratch: %.0f; "
    .. "packed weights: %.0f), about %.0f MiB with the program, parameters, optimizer and pictures", counts.params - counts.frozen,
    counts.params, t.micro, t.w, t.h, (arena + packed) / MIB, arena / MIB, packed / MIB,
    (t.others + math.max(arena, shared) + packed) / MIB)
  local frames = fed_to_device(t)
  if frames > 0 then t.run:say("up to %.1f MiB of frames stay on %s", frames / MIB, (t.model.net:device())) end
end

return memory
