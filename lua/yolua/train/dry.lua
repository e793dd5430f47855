-- What a training would do and take (dry_run=true): a few steps on its first frames are measured, with a learning rate of 0.
local batches = require "yolua.data.batches"
local checkpoint = require "yolua.train.checkpoint"
local core = require "yolua.core"
local dry = require "yolua.report.dry"
local forecast = require("yolua.train.policy").forecast
local memory = require "yolua.train.memory"
local schedule = require "yolua.train.schedule"
local sources = require "yolua.train.sources"
local Training = require "yolua.train.training"

local MOST_STEPS = 4 -- the first makes plans and chooses algorithms

-- The data with the first frames of each list.
local function first_of(data, count)
  local few = {}
  for _, key in ipairs { "train", "dev", "pick" } do
    local list = data[key]
    few[key] = list and dry.first(list, count)
  end
  return setmetatable(few, { __index = data, __name = "data" })
end

-- ---- what is frozen ----------------------------------------------------------------------------------------------------

-- {pattern, first, last} for each stretch of epochs; nil where a function of the recipe decides it from what it sees.
local function frozen_plan(whole)
  local policy
  for _, p in ipairs(whole.policies) do
    if p.name == "freeze" and p.on and p.on.epoch_start then policy = p end
  end
  local now, list = whole.model.frozen or "none", {}
  for epoch = 1, math.max(1, policy and whole.epochs or 1) do
    local view = setmetatable({ epoch = epoch, freeze = function(_, pattern)
      now = type(pattern) == "table" and table.concat(pattern, ",") or pattern
    end }, { __index = whole })
    if policy and not core.system.attempt(policy.on.epoch_start, policy, view) then return nil end
    local last = list[#list]
    if last and last.pattern == now then last.last = epoch else list[#list + 1] = { pattern = now, first = epoch, last = epoch } end
  end
  list[#list].last = whole.epochs
  return list
end

-- ---- measured ----------------------------------------------------------------------------------------------------------

-- Keeps features from being cached where the whole training could not cache them.
local stand_in = { name = "stand-in", on = { batch = function() end } }

local function time_steps(t)
  local times = {}
  for i = 1, math.min(MOST_STEPS, t.steps_per_epoch) do
    local started = core.system.clock()
    if not t:one_step() then t:stopped() end
    times[i] = core.system.clock() - started - (i == 1 and t.prepared or 0)
  end
  if #times > 1 then table.remove(times, 1) end
  local sum = 0
  for _, seconds in ipairs(times) do sum = sum + seconds end
  return sum / #times
end

local function time_dev_loss(t)
  if not sources.has_judged(t) then return 0 end
  t:dev_loss()
  local started = core.system.clock()
  t:dev_loss()
  return (core.system.clock() - started) / #sources.judged_list(t).frames
end

-- Seconds of a step, of a frame's dev loss, and of a frame's preparation; bytes of cached features and of the plan of a step.
local function measure(spec, whole, pattern)
  spec.net:freeze(pattern)
  local o, judged = whole.options, sources.judged_list(whole)
  local cached = sources.cacheable(whole)
  local few = first_of(spec.data, o.batch * MOST_STEPS)
  local t = Training.new { net = spec.net, data = few, options = o, not cached and stand_in or nil }
  rawset(t, "rate", function() return 0 end)
  rawset(t, "dry_run", spec.run) -- what start changes in the heads is told there
  t:start()
  local m = { step = time_steps(t), dev = time_dev_loss(t), cached = cached, features = 0, prepare = 0 }
  if cached then
    m.prepare = t.prepared / #few.train.frames
    m.features = batches.feature_bytes(spec.net, t.h, t.w, #spec.data.train.frames + (judged and #judged.frames or 0))
  end
  local counts = spec.net:counts()
  m.trained, m.params = counts.params - counts.frozen, counts.params
  t:drop()
  return m, t
end

-- The size of a checkpoint, and how long it takes to write one.
local function measure_checkpoint(run, t)
  local path, started = run:path "dry.safetensors", core.system.clock()
  t.model:save(path, checkpoint.notes(t), true)
  local seconds, file = core.system.clock() - started, assert(io.open(path, "rb"))
  local bytes = file:seek "end"
  file:close()
  os.remove(path)
  return seconds, bytes
end

-- ---- the whole ---------------------------------------------------------------------------------------------------------

-- The learning rate of the first and the last step, and the largest one.
local function rates(whole)
  local optim, steps = whole.options.optim, whole.epochs * whole.steps_per_epoch
  local first, last, peak
  for step = 0, steps - 1 do
    last = schedule.rate(optim.schedule, { step = step, steps = steps, epoch = step // whole.steps_per_epoch + 1, lr = optim.lr,
      options = optim })
    first, peak = first or last, math.max(peak or last, last)
  end
  return first or optim.lr, peak or optim.lr, last or optim.lr
end

-- How often policies evaluate, by protocol; how many checkpoints policies keep; whether one may end the training early.
local function read_policies(whole)
  local evaluations, kept, stops = {}, 0, false
  for _, p in ipairs(whole.policies) do
    local every = (forecast[p] or {}).every
    if every then evaluations[#evaluations + 1] = { p.name:match "%.(.*)$", math.ceil(whole.epochs / every) } end
    if p.name:find "^keep%." then kept = kept + 1 end
    stops = stops or p.name:find "^stop" ~= nil
  end
  return evaluations, kept, stops
end

-- The rounds of a pruning; nil where there is none.
local function rounds_of(whole)
  for _, p in ipairs(whole.policies) do
    local rounds = (forecast[p] or {}).rounds
    if rounds then return rounds(whole) end
  end
end

-- What the policies would keep for later parts of the recipe: the network as it is, under those names.
local function stand_ins(run, whole)
  for _, p in ipairs(whole.policies) do
    for _, name in ipairs((forecast[p] or {}).files or {}) do whole.model:save(run:path(name)) end
  end
end

local function tell(run, whole, plan, result)
  local o, first, peak, last = whole.options, rates(whole)
  run:say("training %d: %s%d epochs of %d steps, %d images each at %dx%d, %s", #run.dry.trainings, result.at_most and "at most " or "",
    whole.epochs, whole.steps_per_epoch, o.batch, whole.w, whole.h, o.optim.name)
  run:say("  learning rate: %g at the start, %g at its peak, %g at the end%s", first, peak, last,
    type(o.optim.schedule) == "string" and (" (%s)"):format(o.optim.schedule) or "")
  for _, part in ipairs(plan) do
    local m = part.measured
    run:say("  epochs %d to %d: frozen %s; %d of %d parameters train; %.3g s a step%s", part.first, part.last, part.pattern, m.trained,
      m.params, m.step, m.cached and ", on the frozen body's output, computed once" or "")
  end
  if result.rounds then
    for line in tostring(result.rounds):gmatch "[^\n]+" do run:say("  %s", line) end
  end
  run:say("  memory: about %.0f MiB; disk: %.0f MiB; time: about %s, of it %s for evaluations", dry.mib(result.memory_bytes),
    dry.mib(result.bytes), dry.duration(result.seconds), dry.duration(result.evaluation_seconds))
  result.lr = { start = first, peak = peak, ["end"] = last }
end

-- Measures each part of the plan, every pattern once: seconds of the training's steps and dev losses, bytes of kept features, and the
-- trainer that measured last.
local function measure_parts(spec, whole, plan, frames)
  local by_pattern, seconds, features, t = {}, 0, 0, nil
  for _, part in ipairs(plan) do
    local m = by_pattern[part.pattern]
    if not m then
      m, t = measure(spec, whole, part.pattern)
      by_pattern[part.pattern] = m
    end
    part.measured = m
    seconds = seconds + (part.last - part.first + 1) * (whole.steps_per_epoch * m.step + frames * m.dev)
      + m.prepare * (#spec.data.train.frames + frames)
    features = math.max(features, m.features)
  end
  return seconds, features, t
end

-- Seconds of the evaluations between epochs: {protocol, how many} each.
local function measure_evaluations(spec, whole, judged, evaluations)
  local seconds = 0
  for _, pair in ipairs(judged and evaluations or {}) do
    seconds = seconds + pair[2] * #judged.frames * dry.measure_evaluation(spec.net, judged, whole.options, { protocols = { pair[1] } })
  end
  return seconds
end

local function frozen_parts(plan)
  local out = {}
  for i, part in ipairs(plan) do
    out[i] = { pattern = part.pattern, first = part.first, last = part.last, trained = part.measured.trained,
      step_seconds = part.measured.step }
  end
  return out
end

-- spec as yl.train's. Tells, and adds to the run's sums. Returns the training, which has not begun.
return function(spec)
  local run, whole = spec.run, Training.new { net = spec.net, data = spec.data, options = spec.options, table.unpack(spec) }
  local judged, started_frozen = sources.judged_list(whole), spec.net.frozen or "none"
  run:use(spec.data)
  local plan = frozen_plan(whole)
  if not plan then
    run:say "a function decides what is frozen from what it sees: measured as it is now"
    plan = { { pattern = started_frozen, first = 1, last = whole.epochs } }
  end
  local seconds, features, t = measure_parts(spec, whole, plan, judged and #judged.frames or 0)
  local save, bytes = measure_checkpoint(run, t)
  local evaluations, kept, at_most = read_policies(whole)
  local evaluating = measure_evaluations(spec, whole, judged, evaluations)
  spec.net:freeze(started_frozen)
  local result = { epochs = whole.epochs, steps = whole.epochs * whole.steps_per_epoch, at_most = at_most,
    seconds = seconds + evaluating + save * whole.epochs * (1 + kept), evaluation_seconds = evaluating, bytes = bytes * (1 + kept),
    memory_bytes = core.machine().peak_bytes + features
      + (features > 0 and 0 or memory.decoded({ spec.data.train, judged }, whole.options.data.cache)), frozen = frozen_parts(plan) }
  result.rounds = rounds_of(whole)
  run.dry.kept = result.rounds and result.rounds.kept or run.dry.kept
  stand_ins(run, whole)
  dry.add(run, result)
  tell(run, whole, plan, result)
  run.dry.model = spec.net
  return whole
end
