-- yl.prune{score = "magnitude", target = .9, schedule = "cubic", rounds = 10, every = 1}: iterative pruning. In each round the weights with
-- the smallest scores are set to zero, for good, and the rest is retrained; the schedule says how many. The training lasts as long as
-- its rounds do, best.safetensors is the sparsest network that passed the gate, and results.json has the rounds.
--
-- In a recipe with yl.options(defaults, { "prune" }), yl.prune(o) takes them from there; a round's epochs are then o.epochs.
--
-- A schedule of your own is a function of a state (yolua help prune.state):
--
--   schedule = function(s) return s.sparsity + 0.02 * (1 - s.sparsity) end
--
-- It is asked at the start of each round and returns a sparsity from 0 to below 1, {flops = n}, s:rollback{epochs = n}, or s:stop().
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local gate = require "yolua.prune.gate"
local options = require "yolua.options.table"
local policy = require "yolua.train.policy"
local Rounds = require "yolua.prune.rounds"
local schedule = require "yolua.prune.schedule"
local score = require "yolua.prune.score"

local list = {}
for i, field in ipairs(fields.groups.prune) do
  list[i] = field[1] == "epochs" and { "every", table.unpack(field, 2) } or field -- a recipe's epochs are a round's
end
local check = options.declare("yl.prune", list)

-- The policy's options, by themselves or out of a recipe's.
local function options_of(spec)
  local o = check(spec)
  if options.is(spec) and rawget(spec, "epochs") then options.set(o, "every", spec.epochs, options.from(spec, "epochs")) end
  return o
end

-- What gathers while it trains, and what rewinds to an early epoch, begins with a round without a cut.
local function fill_dense(o)
  local name = rawget(o, "score")
  local how = score.of(name, o)
  if o.dense == nil then o.dense = (how.gather and not how.probe or o.rewind == "weights") and math.max(1, math.ceil(o.every)) or 0 end
  if o.dense == 0 and how.gather and not how.probe then
    options.refuse(o, "dense", "prune: dense: this score looks at training steps: expected at least 1 epoch before the first cut, got 0")
  end
end

local function check_whole(o)
  fill_dense(o)
  if o.masks == "gradient" and score.of(rawget(o, "score")).gather then
    options.refuse(o, "masks", "prune: masks=gradient keeps its masks where this score gathers: expected score=magnitude, lamp or random")
  end
  if o.every <= 0 then options.refuse(o, "every", "prune: every: expected a number of epochs above 0, got %g", o.every) end
  if o.hold >= o.rounds then
    options.refuse(o, "hold", "prune: hold: expected less than the %d rounds that there are, got %d", o.rounds, o.hold)
  end
  if o.rewind_epoch > o.dense then
    options.refuse(o, "rewind_epoch", "prune: rewind_epoch: expected at most the epochs before the first cut (dense=%d), got %d", o.dense,
      o.rewind_epoch)
  end
end

-- A score of your own, by the code of its functions; nil for a table without any.
local function of_functions(value)
  local parts = {}
  for _, key in ipairs { "score", "channel", "gather" } do
    if callback.callable(value[key]) then parts[#parts + 1] = key .. callback.fingerprint(value[key]) end
  end
  return #parts > 0 and table.concat(parts, " ") or nil
end

-- What decides what the policy does, as a text.
local function text_of(o)
  local parts = {}
  for _, field in ipairs(list) do
    local value = rawget(o, field[1])
    if field[1] == "schedule" then value = schedule.identity(value)
    elseif callback.callable(value) then value = callback.fingerprint(value)
    elseif options.is(value) then value = core.json.encode(options.plain(value))
    elseif type(value) == "table" then value = of_functions(value) or core.json.encode(value) end
    parts[#parts + 1] = ("%s=%s"):format(field[1], tostring(value))
  end
  return core.files.hash_text(table.concat(parts, "\n"))
end

-- Network slimming (Liu et al. 2017, eq. 1): the L1 norm of the scales, by its subgradient. Gradients are sums over images.
local function pull_scales(net, strength)
  for _, r in ipairs(net:ranges()) do
    if r.kind == "scale" and not r.frozen then net:tensor(r.name, "grad"):addmul_(net:tensor(r.name):sign(), strength) end
  end
end

local function mask_gradients(net, pruned)
  for _, r in ipairs(pruned) do net:tensor(r.name, "grad"):mul_(net:tensor(r.name, "saliency")) end
end

-- What happens to gradients before each step; nil where nothing does.
local function gradient_handler(rounds)
  local o, how = rounds.o, rounds.rules.score
  local gathers, masks_gradients = how.gather and not how.probe, o.masks == "gradient"
  if not (gathers or masks_gradients or o.bn_decay > 0) then return nil end
  return function(self, t)
    if gathers then score.gather(t.model, rounds.list, how, { rate = t.lr }) end
    if o.bn_decay > 0 then pull_scales(t.model.net, o.bn_decay * t.options.batch) end
    if masks_gradients and self.state.round > 0 then mask_gradients(t.model.net, rounds.list) end -- round 0: no cut yet
  end
end

local function start(self, rounds, t)
  if (t.kept["best.safetensors"] or self.name) ~= self.name then
    error(("%s: prune: '%s' keeps best.safetensors already; yl.keep.best(NAME, \"OTHER.safetensors\") names another file"):format(
      rounds.where, t.kept["best.safetensors"]), 0)
  end
  t.kept["best.safetensors"] = self.name
  rounds:start(t, self.state)
end

local function handlers(rounds)
  local o, known_by = rounds.o, text_of(rounds.o)
  local made = { start = function(self, t) start(self, rounds, t) end }

  function made.epoch_start(self, t)
    local st = self.state
    if o.rewind == "weights" and t.epoch == o.rewind_epoch + 1 and st.round == 0 then rounds.snapshots:take(t, "rewind") end
    rounds.snapshots:prune(t, { rewind = o.rewind == "weights", [st.prior or ""] = true })
    if st.open or st.done or t.epoch <= o.dense or st.round >= o.rounds then return end
    rounds:open(t, st)
  end

  function made.step(self, t)
    local st = self.state
    if not rounds:over(t, st) or t.batch_done >= t.batches_per_epoch then return end
    rounds:close(t, st)
    if not st.done and st.round < o.rounds then rounds:open(t, st) end
  end

  function made.epoch_end(self, t)
    local st = self.state
    core.prune.check(t.model.net)
    t.record.sparsity, t.record.round = rounds.now, st.round
    if rounds:over(t, st) then rounds:close(t, st, type(t.record.dev_loss) == "number" and t.record.dev_loss or nil) end
    gate.tell(st, t.record)
  end

  function made.finish(self, t) rounds:finish(t, self.state, known_by) end

  made.gradient = gradient_handler(rounds)
  return made
end

local function new(spec)
  local o = options_of(spec)
  check_whole(o)
  local rounds = Rounds.new(o, options.position())
  local self = { name = "prune", state = Rounds.fresh(), on = handlers(rounds),
    epochs = math.max(1, math.ceil(o.dense + o.rounds * o.every - 1e-9)) }
  policy.forecast[self] = { rounds = require("yolua.prune.replay").dry_run, files = {} }
  for i, mark in ipairs(o.keep or {}) do policy.forecast[self].files[i] = require("yolua.prune.kept").file(mark) end
  return self
end

-- Beside the policy, yl.prune has: dry_run(net, o), replay(RUNDIR, schedule), rounds without training (prune/replay.lua); cut(net, o),
-- undo(net), one cut by hand (prune/hand.lua); kept(run), the networks that keep= kept (prune/kept.lua); ablation{...}, runs side by side;
-- until_, then_, ..., schedules made of schedules (prune/combine.lua).
local PARTS = { "combine", "replay", "hand", "ablation", "kept" }

return setmetatable({}, {
  __call = function(_, spec) return new(spec) end,
  __index = function(_, key)
    for _, part in ipairs(PARTS) do
      local found = require("yolua.prune." .. part)[key]
      if found then return found end
    end
    error(("%s: yl.prune has no '%s' (cut, undo, kept, dry_run, replay, ablation, until_, then_, repeat_, when_stalled)"):format(
      options.position(), tostring(key)), 0)
  end,
})
