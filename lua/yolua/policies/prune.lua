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
local core = require "yolua.core"
local gate = require "yolua.prune.gate"
local options = require "yolua.options.table"
local policy = require "yolua.train.policy"
local Rounds = require "yolua.prune.rounds"
local schema = require "yolua.options.schema"
local score = require "yolua.prune.score"
local settings = require "yolua.prune.settings"

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
  local o, known_by = rounds.o, settings.hash(rounds.o)
  local made = { start = function(self, t) start(self, rounds, t) end }

  function made.epoch_start(self, t)
    local st = self.state
    if o.rewind == "weights" and t.epoch == o.rewind_epoch + 1 and st.round == 0 then rounds.snapshots:take(t, "rewind") end
    rounds.saved = st.prior -- the last checkpoint's
    rounds:forget(t, st)
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
    rounds.worked = true
    rounds:tell(t, st) -- zeros that no mask holds have trained on
    t.record.sparsity, t.record.round = rounds.now, st.round
    if rounds:over(t, st) then rounds:close(t, st, type(t.record.dev_loss) == "number" and t.record.dev_loss or nil)
    elseif st.open and o.max_drop and t.epoch >= t.epochs then gate.abandon(rounds, t, st) end
    gate.tell(st, t.record)
  end

  function made.finish(self, t) rounds:finish(t, self.state, known_by) end

  made.gradient = gradient_handler(rounds)
  return made
end

local function new(spec)
  local o = settings.of(spec)
  local rounds = Rounds.new(o, options.position())
  local self = { name = "prune", state = Rounds.fresh(), on = handlers(rounds), epochs = settings.epochs(o) }
  local told = { files = {}, longer = ("rounds= above %d"):format(settings.most_rounds(o)) }
  function told.rounds(t) return require("yolua.prune.dry").dry_run(t.model, o, t) end
  for i, mark in ipairs(o.keep or {}) do told.files[i] = require("yolua.prune.finished").file(mark) end
  policy.forecast[self] = told
  return self
end

-- Beside the policy, yl.prune has: dry_run(net, o), replay(RUNDIR, schedule), rounds without training (prune/dry.lua, prune/replay.lua);
-- cut(net, o), undo(net), one cut by hand (prune/hand.lua); kept(run), the networks that keep= kept (prune/kept.lua); ablation{...}, runs
-- side by side; until_, then_, ..., schedules made of schedules (prune/combine.lua).
local PARTS = { "combine", "dry", "replay", "hand", "ablation", "kept" }

-- The functions that stand beside the policy.
local function names()
  local out = {}
  for _, part in ipairs(PARTS) do
    for key, value in pairs(require("yolua.prune." .. part)) do
      if type(value) == "function" then out[#out + 1] = key end
    end
  end
  table.sort(out)
  return out
end

return setmetatable({}, {
  __parts = PARTS, __names = names,
  __call = function(_, spec) return new(spec) end,
  __index = function(_, key)
    for _, part in ipairs(PARTS) do
      local found = require("yolua.prune." .. part)[key]
      if found then return found end
    end
    error(("%s: yl.prune has no '%s'%s (%s)"):format(options.position(), tostring(key), schema.did_you_mean(tostring(key), names()),
      table.concat(names(), ", ")), 0)
  end,
})
