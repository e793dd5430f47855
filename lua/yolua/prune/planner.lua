-- What a round of pruning is going to do, before anything changes: the state that its schedule sees, what that asks for, and the masks of
-- the cut. A run (prune/rounds.lua), a dry run (prune/dry.lua) and a replay (prune/replay.lua) plan by it, so they refuse alike.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local Cut = require "yolua.prune.cut"
local marks = require "yolua.prune.marks"
local measure = require "yolua.prune.measure"
local options = require "yolua.options.table"
local ranges = require "yolua.prune.ranges"
local schedule = require "yolua.prune.schedule"
local state = require "yolua.prune.state"
local target = require "yolua.prune.target"

local Planner = {}
Planner.__index = Planner

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

-- o: of prune/settings.lua. given (optional): the options among them that the user has written, where the others are a finished run's.
function Planner.new(o, given)
  local rules, own = Cut.rules(o, scope_of_schedule(o)), type(o.schedule) ~= "string" or o.schedule:find "%.lua$" ~= nil
  local self = setmetatable({ o = o, rules = rules, goal = target.goal(o, rules.coarse), device = target.device(o), own = own,
    given = given }, Planner)
  marks.check(o, self.goal.key == "sparsity" and self.goal.value or nil)
  self.schedule = schedule.of(o.schedule, o)
  return self
end

-- The largest share of the FLOPs that one weight has.
local function finest(model, h, w)
  local flops, most, total = {}, 0, 0
  for _, layer in ipairs(model.net:layers(h, w)) do flops[layer.name], total = layer.flops, total + layer.flops end
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" then most = math.max(most, flops[r.layer] / r.count) end
  end
  return most / total
end

-- Plans for this network and input size from now on. Errors: what cannot be pruned.
function Planner:use(model, h, w)
  self.h, self.w, self.list = h, w, ranges.of(model, self.o)
  self.now, self.zeros, self.count = ranges.sparsity(model, self.list)
  self.one = self.goal.key == "sparsity" and 1 / self.count or self.goal.key == "flops" and finest(model, h, w) or 1e-3
end

-- What the rounds' records say of the network's size now.
function Planner:size(model)
  local m = measure.size(model, self.list, self.h, self.w)
  if self.rules.flops then m.flops = self.rules:flops(model, self.h, self.w) end
  return m
end

-- ---- asking the schedule ---------------------------------------------------------------------------------------------------

-- The last round that was not taken back, or what there was before.
function Planner.base(st)
  for i = #st.rounds, 1, -1 do
    if not st.rounds[i].rolled_back then return st.rounds[i] end
  end
  return st.dense
end

-- How far a round has come, in the goal's share: what schedules call sparsity.
function Planner:gone(record, dense)
  if self.goal.key == "flops" then return 1 - record.flops / dense.flops end
  return self.goal.key == "ms" and (record.gone or 0) or record.sparsity
end

-- What a schedule is told when the next round begins. st: round, try, rounds, dense, memory; at: ms and ms_dense, as measured, epoch, step;
-- device_ms (optional): the dense network's by the device's table.
function Planner:view(st, at)
  local last, base, dense, o = st.rounds[#st.rounds], self.base(st), st.dense, self.o
  local now = last or dense
  local share = target.share(self.goal, { flops = dense.flops, ms = at.device_ms or at.ms_dense })
  return state.view { round = st.round + 1, rounds = o.rounds, ramp = math.max(1, o.rounds - o.hold), try = st.try,
    sparsity = self:gone(base, dense), start = self:gone(dense, dense), target = share, one = self.one, flops = base.flops,
    flops_dense = dense.flops, ms = at.ms, ms_dense = at.ms_dense, dev_loss = now.dev_loss, dev_loss_dense = dense.dev_loss, ap = now.ap,
    ap_dense = dense.ap, epochs = last and last.epochs or o.every, epoch = at.epoch, step = at.step, history = state.copy(st.rounds),
    memory = st.memory, options = o }
end

-- What only a schedule could read of the user's options: {option, its path, the field of the state that tells of it, or nil}.
local TOLD <const> = { { "target", "target.sparsity", "target" }, { "step", "step" }, { "hold", "hold", "ramp" } }

-- Says which of them this schedule did not.
local function note_unread(self, s)
  for _, told in ipairs(self.own and not self.noted and TOLD or {}) do
    local key, path, field = table.unpack(told)
    local given = (not self.given or self.given[key] ~= nil) and rawget(self.o, key) ~= 0
    if given and options.explicit(self.o, path) and not state.was_read(s, key) and not (field and state.was_read(s, field)) then
      core.system.warn(("prune: %s=%g has no effect in round %d: the schedule (%s) does not read %s"):format(key,
        key == "target" and self.o.target.sparsity or self.o[key], s.round, callback.place(schedule.code(self.schedule)),
        field and "s." .. field or "s.options." .. key))
    end
  end
  self.noted = true
end

function Planner:fail(format, ...)
  error(("%s: the pruning schedule: "):format(callback.place(schedule.code(self.schedule))) .. format:format(...), 0)
end

-- What the schedule and the gate ask for in the round that begins: a share, {flops =}, {ms =}, or an action.
function Planner:ask(st, s)
  if st.again then return st.again.target end -- a round that is repeated
  local value = schedule.value(self.schedule, s)
  note_unread(self, s)
  if type(value) ~= "number" then return value end
  if not self.own then value = math.max(value, s.sparsity) end -- it has gone further, towards fewer rounds or another target
  return st.gap and math.min(value, s.sparsity + st.gap) or value
end

-- ---- the cut ---------------------------------------------------------------------------------------------------------------

local function refuse_backwards(self, asked, s)
  self:fail("expected at least the sparsity of now, %.6g, for round %d, got %s", s.sparsity, s.round,
    type(asked) == "number" and ("%.6g"):format(asked) or "less")
end

-- What a cut has to reach; nil where the network is there already.
local function wanted_of(self, asked, s, before)
  local dense = { flops = s.flops_dense, ms = s.device_ms or s.ms_dense }
  local wanted = type(asked) == "number" and target.wanted(self.goal, asked, dense) or asked
  if type(wanted) == "number" then
    local zeros = math.floor(wanted * self.count + 0.5)
    if zeros < before and not self.rules.coarse then refuse_backwards(self, asked, s) end
    return zeros > before and wanted or nil
  end
  if type(asked) == "number" and asked < s.sparsity - self.one and not self.rules.coarse then refuse_backwards(self, asked, s) end
  local budget = wanted.flops and wanted.flops <= 1 and wanted.flops * s.flops_dense or wanted.flops
  return not (budget and budget >= s.flops) and wanted or nil
end

-- Plans the cut to what was asked for. facts: seed, rate; device_ms; prepare (optional), which is called before numbers are scored. Returns
-- what is asked for (less, where keep= stops on the way), and of a cut also the cut and its masks. Errors: what cannot be reached.
function Planner:plan(model, s, asked, facts)
  local _, before = ranges.sparsity(model, self.list)
  local facts_of = { zeros = before, flops = s.flops, flops_dense = s.flops_dense, ms_dense = s.ms_dense, device_ms = facts.device_ms,
    sparsity = s.sparsity, round = s.round, h = self.h, w = self.w, ms = s.ms, device = self.device }
  local wanted = wanted_of(self, asked, facts_of, before)
  if not wanted then return asked end
  if facts.prepare then facts.prepare() end
  local cut = self.rules:open(model, self.list, facts)
  local zeros = target.zeros(cut, wanted, facts_of)
  if zeros <= before then return asked end
  local share = type(wanted) == "number" and wanted or zeros / self.count
  local reached = marks.reach(self.o.keep, share, { sparsity = before / self.count, one = 1 / self.count, round = s.round,
    rounds = s.rounds })
  if reached ~= share then
    zeros = math.floor(reached * self.count + 0.5)
    asked = self.goal.key == "sparsity" and type(asked) == "number" and reached or asked
  end
  return asked, cut, cut:masks(zeros)
end

-- ---- before anything is trained --------------------------------------------------------------------------------------------

-- Rules that need neither trained gradients nor data; and, where they stand in for the real ones, a sentence that says so.
function Planner:plain_rules()
  local rules, o = self.rules, self.o
  local gathers, scans = rules.score.gather, type(rules.scope) == "table" and rules.scope.prepare
  if not (gathers or scans) then return rules end
  local stand_in = Cut.rules { score = not gathers and o.score or nil, scope = not scans and o.scope or nil, pattern = o.pattern,
    entries = o.entries, block = o.block, round_to = rawget(o, "round_to"), min_channels = rawget(o, "min_channels") }
  return stand_in, ("zeros are put where %s would: %s"):format(stand_in.text, gathers and "the score looks at a training's gradients"
    or "the scope looks at data")
end

-- Errors: a goal that the network has reached already, or that no cut of it reaches. dense: {flops, ms} before the first round; asked
-- (optional): what the last round of a run that continues asked for.
function Planner:check(model, dense, asked)
  local goal, o = self.goal, self.o
  local path = "target." .. goal.key
  local name = goal.key == "sparsity" and "target" or path
  if self.own and goal.key == "sparsity" or asked and not options.explicit(o, path) then return end
  local share = target.share(goal, dense)
  if goal.key == "sparsity" and share < (asked or self.now) - self.one then
    options.refuse(o, path, "prune: target: %.4g of the %d prunable numbers are zero already: expected at least that, got %g",
      asked or self.now, self.count, goal.value)
  elseif goal.key ~= "sparsity" and (share <= 0 or asked and share < asked - self.one) then
    local left, of = 1 - (asked or 0), goal.key == "flops" and goal.value <= 1 and "of its FLOPs " or ""
    options.refuse(o, path, "prune: %s: the network has %.4g %salready: expected less, got %g", name,
      of == "" and left * dense[goal.key] or left, of, goal.value)
  end
  local ok, sentence = pcall(function()
    local cut = self:plain_rules():open(model, self.list, { seed = 1, rate = 0 })
    cut:masks(target.zeros(cut, target.wanted(goal, share, dense), { zeros = self.zeros, flops_dense = dense.flops, h = self.h, w = self.w,
      device = self.device }))
  end)
  if not ok then options.refuse(o, path, "prune: %s: %s", name, (tostring(sentence):gsub("^prune: ", ""))) end
end

return Planner
