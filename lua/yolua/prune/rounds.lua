-- Rounds of pruning: a cut, retraining, and what the network is worth then. A round begins at the start of an epoch, or between two steps
-- where rounds are not whole epochs. What has to survive a resume is in the policy's state; what was timed lies beside it, in
-- rounds.json of the run, since equal runs leave equal checkpoints.
local gate = require "yolua.prune.gate"
local input = require "yolua.model.input"
local measure = require "yolua.prune.measure"
local options = require "yolua.options.table"
local Planner = require "yolua.prune.planner"
local pages = require "yolua.report.pruning"
local probe = require "yolua.prune.probe"
local recalibrate = require "yolua.train.recalibrate"
local ranges = require "yolua.prune.ranges"
local record_of = require "yolua.prune.record"
local schedule = require "yolua.prune.schedule"
local score = require "yolua.prune.score"
local settings = require "yolua.prune.settings"
local setup = require "yolua.train.setup"
local state = require "yolua.prune.state"
local sources = require "yolua.train.sources"
local timing = require "yolua.prune.timing"

local Rounds = setmetatable({}, { __index = Planner })
Rounds.__index = Rounds

-- o: of prune/settings.lua. where: the call's place.
function Rounds.new(o, where)
  settings.check_used(o, settings.fields)
  local self = setmetatable(Planner.new(o), Rounds)
  self.where, self.times, self.compact_times = where, {}, {}
  self.snapshots = require("yolua.prune.snapshots").new()
  self.may_return = o.max_drop ~= nil or self.own
  return self
end

function Rounds.fresh() return { round = 0, try = 1, rounds = {}, memory = {} } end

-- What is known of the network before the first cut besides its size, for policy states; and its milliseconds.
function Rounds:judge_dense(t)
  local ap, measured = measure.ap(t, self.o.judge)
  return { dev_loss = measure.loss(t), ap = ap, measure = measured }, timing.ms(t.model, self.h, self.w)
end

-- The network as it is before the first cut.
local function look_dense(self, t, st)
  local dense, ms = self:judge_dense(t)
  st.measure, dense.measure = dense.measure, nil
  for key, value in pairs(self:size(t.model)) do dense[key] = value end
  st.dense, self.times.dense = dense, ms
  st.device_ms = self.device and self.device:time(t.model.net, t.model.net, self.h, self.w) or nil
end

-- What a schedule is told when the next round begins.
local function view(self, t, st)
  return self:view(st, { ms = #st.rounds > 0 and self.times[#st.rounds] or nil, ms_dense = self.times.dense, device_ms = st.device_ms,
    epoch = t.step // t.steps_per_epoch, step = t.step })
end

-- What a score looks at before its numbers are scored; nil where it does not.
function Rounds:probe(t, st)
  if not self.rules.score.probe then return nil end
  return function() probe(t, self.list, self.rules.score, { batches = self.o.probe, round = st.round + 1 }) end
end

local function returned(self, t, st, action, s)
  if action.what == "stop" then
    st.done, t.stop = true, true
    return
  end
  if not st.prior then self:fail("rolled back in round %d, but there is no earlier round to return to", s.round) end
  local last = st.rounds[#st.rounds]
  last.by = "schedule"
  gate.undo(self, t, st, { epochs = action.epochs or last.epochs, target = action.target or last.asked or last.gone or last.goal },
    "the schedule asks for it")
end

-- Cuts the network, and recalibrates the statistics of its batch-norm where that is asked for.
function Rounds:apply(t, cut, masks)
  if self.o.rewind == "weights" then self.snapshots:restore(t, "rewind") end
  score.forget(t.model)
  cut:apply(masks, self.o.masks)
  local frames, size_now = self.o.recalibrate, { t.w, t.h }
  if frames > 0 then recalibrate(t.model, t.data.train, { frames = frames, imgsz = size_now, resize = t.resize }) end
end

-- Asks the schedule, takes a round back where it says so, and plans the cut. Returns what is asked for, and the cut with its masks; nothing
-- where the schedule ends the training.
local function planned(self, t, st)
  local s = view(self, t, st)
  local asked = self:ask(st, s)
  if schedule.actions[asked] then
    returned(self, t, st, asked, s)
    if st.done then return end
    s, asked = view(self, t, st), st.again.target
  end
  return self:plan(t.model, s, asked, { seed = t.options.seed + 1000 * (st.round + 1), rate = t.lr or 0, device_ms = st.device_ms,
    prepare = self:probe(t, st) })
end

-- Forgets the snapshots that nothing returns to: neither the training nor its last checkpoint.
function Rounds:forget(t, st)
  self.snapshots:prune(t, { rewind = self.o.rewind == "weights", [st.prior or ""] = true, [self.saved or ""] = true })
end

-- Begins a round. Nothing has changed where it fails.
function Rounds:open(t, st)
  self.worked = true
  if not st.dense then
    look_dense(self, t, st)
    gate.start(self, t, st)
  end
  local memory = state.copy(st.memory)
  local ok, asked, cut, masks = pcall(planned, self, t, st)
  if not ok then
    st.memory = memory
    error(asked, 0)
  end
  if st.done then return end
  local epochs = st.again and st.again.epochs or self.o.every
  if self.may_return then
    st.prior = ("%d-%d"):format(st.round + 1, #st.rounds + 1)
    self.snapshots:take(t, st.prior)
    self:forget(t, st)
  end
  if cut then self:apply(t, cut, masks) end
  st.round, st.again, st.open = st.round + 1, nil, true
  st.asked, st.began, st.epochs = asked, t.step, epochs
  local exact = epochs * t.steps_per_epoch + (st.owed or 0)
  st.steps = math.max(1, math.floor(exact + 0.5))
  st.owed = exact - st.steps -- to the next round, so that all rounds fit into the training
  self:tell(t, st)
end

-- What the loop and its progress line are told of the round that is open.
function Rounds:tell(t, st)
  self.now = ranges.sparsity(t.model, self.list)
  t.sparsity = self.now
  if self.o.rewind == "none" then return end
  if st.open then t.period = { first = st.began, steps = st.steps }
  elseif st.round == 0 and self.o.dense > 0 then t.period = { first = 0, steps = self.o.dense * t.steps_per_epoch } end
end

function Rounds.over(_, t, st) return st.open and t.step - st.began >= st.steps end

-- What a round that ends is worth. Returns {dev_loss, ap}, then its smaller network's size and times, as of measure.compacted.
function Rounds:judge_round(t, dev_loss)
  return { dev_loss = dev_loss or measure.loss(t), ap = measure.ap(t, self.o.judge) }, measure.compacted(t.model, self.h, self.w)
end

-- Ends the round: measures it, and asks the gate. dev_loss: where it is known already.
function Rounds:close(t, st, dev_loss)
  self.worked = true
  local asked, plain = st.asked, type(st.asked) == "number"
  local key = not plain and "goal" or self.goal.key == "sparsity" and "asked" or "gone"
  local record, small, times = self:judge_round(t, dev_loss)
  for name, value in pairs(self:size(t.model)) do record[name] = value end
  record.round, record.try, record[key], record.compact = st.round, st.try, state.copy(asked), small
  record.epochs, record.epoch, record.step = st.epochs, t.epoch, t.step
  self.times[#st.rounds + 1], self.compact_times[#st.rounds + 1] = times.masked, times.compact
  st.rounds[#st.rounds + 1] = record
  st.open, st.try = false, 1
  if t.run then t.run:say("%s", record_of.text(record, st, self.goal.key, self.o)) end
  gate.judge(self, t, st, record)
  self:tell(t, st)
  record_of.publish(self, t, st)
end

-- After the last round: dense, masked and compacted networks side by side.
function Rounds:finish(t, st, known_by)
  self.speed = st.dense and measure.speed(t.model, t.h, t.w)
  if self.speed then self.speed.dense.nonzero = st.dense.nonzero end -- it was timed with other numbers
  if self.speed and t.run then
    t.run:say("%s", measure.verdict(self.speed))
    pages.zeros(t.run, t.model)
  end
  local ending = self.worked and record_of.ending(self, t, st)
  if ending and t.run then t.run:say("%s", ending) end
  record_of.publish(self, t, st, known_by)
end

-- A schedule that is another one than before a resume holds from the next round on, which is said and recorded.
local function note_schedule(self, t, st)
  local before, now = st.schedule, schedule.identity(self.o.schedule)
  local name = type(self.o.schedule) == "string" and self.o.schedule or "of the recipe"
  st.schedule = now
  if not before or before == now then return end
  if st.round >= self.o.rounds then
    if options.explicit(self.o, "schedule") then
      options.refuse(self.o, "schedule", "prune: schedule: the pruning has ended after %d rounds: nothing is left to ask it (raise rounds= "
        .. "to continue)", st.round)
    end
    if t.run then t.run:say("prune: the schedule %s has changed since the run began: no round is left that asks it", name) end
    return
  end
  if not t.run then return end
  t.run:say("prune: the schedule %s has changed since the run began: from round %d on it is asked as it is now", name, st.round + 1)
  t.run.made.changes = t.run.made.changes or {}
  table.insert(t.run.made.changes, { from_round = st.round + 1, before = { schedule_text = before }, after = { schedule_text = now } })
  t.run:write_config()
end

-- Refuses a goal that cannot be reached, or that a run which continues has passed.
function Rounds:check_start(t, st)
  local dense, last = st.dense, st.rounds[#st.rounds]
  local ms = self.goal.key == "ms" and (st.device_ms or self.device and self.device:time(t.model.net, t.model.net, self.h, self.w)
    or self.times.dense or timing.ms(t.model, self.h, self.w)) or nil
  self:check(t.model, { flops = dense and dense.flops or self:size(t.model).flops, ms = ms }, last and self:gone(self.base(st), dense))
end

-- Refuses rounds without a step, and a gate without frames to judge by.
function Rounds:check_data(t)
  local o, steps = self.o, self.o.every * t.steps_per_epoch
  if steps < 1 - 1e-9 then
    options.refuse(o, "every", "prune: a round of %g epochs has %.2g steps (an epoch has %d): expected at least 1", o.every, steps,
      t.steps_per_epoch)
  end
  if o.max_drop and not sources.has_judged(t) then
    options.refuse(o, "max_drop", "prune: max_drop: there is no AP to judge by (the data have no dev split)")
  end
end

-- What there is to ask of a training of this network with these data by a recipe's options before it is made.
function Rounds.training(model, data, o)
  local size = input.of(model, o)
  return { model = model, data = data, options = o, w = size.w, h = size.h, steps_per_epoch = setup.steps(data, o) }
end

-- Refuses, before a run is made, what a pruning in this training (of Rounds.training) would refuse before its first step.
function Rounds.check_call(t)
  local self = Rounds.new(settings.of(t.options))
  self:use(t.model, t.h, t.w)
  self:check_data(t)
  self:check_start(t, Rounds.fresh())
end

-- Before the first step, of a new training and of one that continues.
function Rounds:start(t, st)
  note_schedule(self, t, st)
  if st.done and not t.stop then st.done, st.gap = nil, nil end -- what ended it was changed
  self:use(t.model, t.h, t.w)
  self:check_data(t)
  if st.dense and t.run then record_of.read_times(self, t, st) end
  self:check_start(t, st)
  if self.rules.scope.prepare then st.scope = st.scope or self.rules.scope.prepare(t, self.o) end
  self.rules.known = st.scope
  self:tell(t, st)
  record_of.publish(self, t, st)
end

return Rounds
