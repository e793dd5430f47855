-- Rounds of pruning: a cut, retraining, and what the network is worth then. A round begins at the start of an epoch, or between two steps
-- where rounds are not whole epochs. What has to survive a resume is in the policy's state; what was timed lies beside it, in
-- rounds.json of the run, since equal runs leave equal checkpoints.
local callback = require "yolua.options.callback"
local Cut = require "yolua.prune.cut"
local gate = require "yolua.prune.gate"
local marks = require "yolua.prune.marks"
local measure = require "yolua.prune.measure"
local options = require "yolua.options.table"
local pages = require "yolua.report.pruning"
local probe = require "yolua.prune.probe"
local recalibrate = require "yolua.train.recalibrate"
local ranges = require "yolua.prune.ranges"
local record_of = require "yolua.prune.record"
local schedule = require "yolua.prune.schedule"
local score = require "yolua.prune.score"
local state = require "yolua.prune.state"
local sources = require "yolua.train.sources"
local target = require "yolua.prune.target"
local timing = require "yolua.prune.timing"

local Rounds = {}
Rounds.__index = Rounds

-- The scope that the schedule brings along.
local function scope_of_schedule(o)
  if rawget(o, "schedule") ~= "sensitivity" then return nil end
  local scope = rawget(o, "scope")
  if scope and scope ~= "global" and scope ~= "sensitivity" then
    options.refuse(o, "scope", "prune: schedule=sensitivity decides each layer's share of the zeros, and so does scope=%s: expected one of "
      .. "them", scope)
  end
  return "sensitivity"
end

-- o: the options (options/fields.lua, group prune, and every: epochs of a round, dense: epochs before the first). where: the call's place.
function Rounds.new(o, where)
  local share, budget = target.check(o)
  marks.check(o, share, budget)
  local self = setmetatable({ o = o, where = where, rules = Cut.rules(o, scope_of_schedule(o)), share = share,
    budget = budget, device = target.device(o), times = {}, compact_times = {} }, Rounds)
  self.schedule = schedule.of(o.schedule, o)
  self.snapshots = require("yolua.prune.snapshots").new()
  self.may_return = o.max_drop ~= nil or type(o.schedule) ~= "string" or o.schedule:find "%.lua$" ~= nil
  return self
end

function Rounds.fresh() return { round = 0, try = 1, rounds = {}, memory = {} } end

local function counts(self, t)
  local w, h = t.w, t.h
  local m = measure.size(t.model, self.list, h, w)
  if self.rules.flops then m.flops = self.rules:flops(t.model, h, w) end
  return m
end

-- The network as it is before the first cut.
local function look_dense(self, t, st)
  local w, h = t.w, t.h
  local m = counts(self, t)
  local ap, measured = measure.ap(t, self.o.judge)
  st.measure = measured
  st.dense = { sparsity = m.sparsity, params = m.params, nonzero = m.nonzero, flops = m.flops, bytes = m.bytes,
    dev_loss = measure.loss(t), ap = ap }
  self.times.dense = timing.ms(t.model, h, w)
  st.device_ms = self.device and self.device:time(t.model.net, t.model.net, h, w) or nil
end

-- What a schedule is told when the next round begins.
function Rounds:view(st, t)
  local last, o = st.rounds[#st.rounds], self.o
  local now = last or st.dense
  return state.view { round = st.round + 1, rounds = o.rounds, ramp = math.max(1, o.rounds - o.hold), try = st.try,
    sparsity = self.now, start = st.dense.sparsity, target = self.share, one = 1 / self.count, flops = now.flops,
    flops_dense = st.dense.flops, ms = last and self.times[#st.rounds], ms_dense = self.times.dense, dev_loss = now.dev_loss,
    dev_loss_dense = st.dense.dev_loss, ap = now.ap, ap_dense = st.dense.ap, epochs = last and last.epochs or o.every,
    epoch = t.epoch, step = t.step, history = state.copy(st.rounds), memory = st.memory, options = o }
end

-- What the schedule, the budget and the gate ask for in the round that begins: a sparsity or {flops=, ms=}; or an action.
function Rounds:asked(st, s)
  if st.again then return st.again.target end -- a round that is repeated
  local value = schedule.value(self.schedule, s)
  if self.budget and type(value) == "number" then
    if self.rules.coarse then value = target.on_the_way(self.budget, value, s, st.device_ms)
    elseif s.round >= s.ramp then value = self.budget end
  end
  if type(value) ~= "number" then return value end
  return marks.reach(self.o.keep, st.gap and math.min(value, s.sparsity + st.gap) or value, s)
end

local function refuse_backwards(self, zeros, before, asked, s)
  if zeros >= before then return end
  error(("%s: the pruning schedule: expected at least the sparsity of now, %.6g, for round %d, got %s"):format(
    callback.place(schedule.code(self.schedule)), s.sparsity, s.round, type(asked) == "number" and ("%.6g"):format(asked) or "less"), 0)
end

-- The masks of a cut to what is asked for; nil where nothing more goes.
local function plan_cut(self, t, st, s, asked)
  local w, h = t.w, t.h
  local _, before = ranges.sparsity(t.model, self.list)
  if type(asked) == "number" then
    local zeros = math.floor(asked * self.count + 0.5)
    if zeros == before or zeros < before and self.rules.coarse then return nil end
    refuse_backwards(self, zeros, before, asked, s)
  end
  if self.rules.score.probe then probe(t, self.list, self.rules.score, { batches = self.o.probe, round = st.round + 1 }) end
  local cut = self.rules:open(t.model, self.list, { seed = t.options.seed + 1000 * (st.round + 1), rate = t.lr or 0 })
  local zeros = target.zeros(cut, asked, { sparsity = s.sparsity, flops_dense = s.flops_dense, h = h, w = w, ms = s.ms,
    device = self.device })
  if self.rules.coarse and zeros <= before then return nil end
  refuse_backwards(self, zeros, before, asked, s)
  return cut, cut:masks(zeros)
end

local function returned(self, t, st, action, s)
  if action.what == "stop" then
    st.done, t.stop = true, true
    return
  end
  if not st.prior then
    error(("%s: the pruning schedule: rolled back in round %d, but there is no earlier round to return to"):format(
      callback.place(schedule.code(self.schedule)), s.round), 0)
  end
  local last = st.rounds[#st.rounds]
  gate.undo(self, t, st, { epochs = action.epochs or last.epochs, target = action.target or last.asked },
    "the schedule asks for it")
end

-- Cuts the network, and recalibrates the statistics of its batch-norm where that is asked for.
local function apply(self, t, cut, masks)
  if self.o.rewind == "weights" then self.snapshots:restore(t, "rewind") end
  score.forget(t.model)
  cut:apply(masks, self.o.masks)
  local frames, size_now = self.o.recalibrate, { t.w, t.h }
  if frames > 0 then recalibrate(t.model, t.data.train, { frames = frames, imgsz = size_now, resize = t.resize }) end
end

-- Begins a round. Nothing has changed where it fails.
function Rounds:open(t, st)
  if not st.dense then
    look_dense(self, t, st)
    gate.start(self, t, st)
  end
  local memory = state.copy(st.memory)
  local s = self:view(st, t)
  local asked = self:asked(st, s)
  if schedule.actions[asked] then
    returned(self, t, st, asked, s)
    if st.done then return end
    s = self:view(st, t)
    asked = st.again.target
  end
  local ok, cut, masks = pcall(plan_cut, self, t, st, s, asked)
  if not ok then
    st.memory = memory
    error(cut, 0)
  end
  local epochs = st.again and st.again.epochs or self.o.every
  if self.may_return then
    st.prior = ("%d-%d"):format(st.round + 1, #st.rounds + 1)
    self.snapshots:take(t, st.prior)
  end
  if cut then apply(self, t, cut, masks) end
  st.round, st.again, st.open = st.round + 1, nil, true
  st.asked, st.began, st.epochs = asked, t.step, epochs
  st.steps = math.max(1, math.floor(epochs * t.steps_per_epoch + 0.5))
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

-- Ends the round: measures it, and asks the gate. dev_loss: where it is known already.
function Rounds:close(t, st, dev_loss)
  local w, h = t.w, t.h
  local m = counts(self, t)
  local record = { round = st.round, try = st.try, asked = type(st.asked) == "number" and st.asked or nil, sparsity = m.sparsity,
    params = m.params, nonzero = m.nonzero, flops = m.flops, bytes = m.bytes, dev_loss = dev_loss or measure.loss(t),
    ap = measure.ap(t, self.o.judge), epochs = st.epochs, epoch = t.epoch, step = t.step }
  local small, times = measure.compacted(t.model, h, w)
  record.compact = small
  self.times[#st.rounds + 1], self.compact_times[#st.rounds + 1] = times.masked, times.compact
  st.rounds[#st.rounds + 1] = record
  st.open, st.try = false, 1
  if t.run then t.run:say("%s", record_of.text(record, st)) end
  gate.judge(self, t, st, record)
  self:tell(t, st)
  record_of.publish(self, t, st)
end

-- After the last round: dense, masked and compacted networks side by side.
function Rounds:finish(t, st, known_by)
  self.speed = st.dense and measure.speed(t.model, t.h, t.w)
  if self.speed and t.run then
    t.run:say("%s", measure.verdict(self.speed))
    pages.zeros(t.run, t.model)
  end
  local ending = st.dense and record_of.ending(self, st)
  if ending and t.run then t.run:say("%s", ending) end
  record_of.publish(self, t, st, known_by)
end

-- A schedule that is another one than before a resume holds from the next round on, which is said and recorded.
local function note_schedule(self, t, st)
  local before, now = st.schedule, schedule.identity(self.o.schedule)
  st.schedule = now
  if not before or before == now or st.done or st.round >= self.o.rounds or not t.run then return end
  local name = type(self.o.schedule) == "string" and self.o.schedule or "of the recipe"
  t.run:say("prune: the schedule %s has changed since the run began: from round %d on it is asked as it is now", name, st.round + 1)
  t.run.made.changes = t.run.made.changes or {}
  table.insert(t.run.made.changes, { from_round = st.round + 1, before = { schedule_text = before }, after = { schedule_text = now } })
  t.run:write_config()
end

-- Before the first step, of a new training and of one that continues.
function Rounds:start(t, st)
  note_schedule(self, t, st)
  self.list = ranges.of(t.model, self.o)
  self.now = ranges.sparsity(t.model, self.list)
  self.count = select(3, ranges.sparsity(t.model, self.list))
  if st.dense and t.run then record_of.read_times(self, t, st) end
  if self.rules.scope.prepare then st.scope = st.scope or self.rules.scope.prepare(t, self.o) end
  self.rules.known = st.scope
  if self.o.max_drop and (self.o.judge == "none" or not sources.has_judged(t)) then
    options.refuse(self.o, "max_drop", "prune: max_drop: there is no AP to judge by (the data have no dev split, or judge=none)")
  end
  self:tell(t, st)
  record_of.publish(self, t, st)
end

return Rounds
