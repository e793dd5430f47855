-- The rounds that a pruning would make, without training: the run's own code (prune/rounds.lua) cuts a copy of the network, while what only
-- a training could tell is assumed.
local callback = require "yolua.options.callback"
local copy = require "yolua.model.copy"
local input = require "yolua.model.input"
local marks = require "yolua.prune.marks"
local options = require "yolua.options.table"
local Rounds = require "yolua.prune.rounds"
local schedule = require "yolua.prune.schedule"
local settings = require "yolua.prune.settings"
local terminal = require "yolua.terminal"
local timing = require "yolua.prune.timing"

local STEPS <const> = 1000 -- of an epoch, where the data are not known

local dry = {}

local Table = { __name = "rounds" }

local function percent(x) return ("%.2f %%"):format(100 * x) end

function Table:__tostring()
  local columns = { { "round", right = true }, { "zeros", right = true }, { "of", right = true }, { "FLOPs", right = true } }
  local rows = {}
  for i, r in ipairs(self.rounds) do
    rows[i] = r.action and { tostring(r.round), r.action, "", "", "" }
      or { tostring(r.round), percent(r.sparsity), tostring(r.zeros), percent(r.flops / self.flops_dense),
        r.rolled_back and "rolled back" or "" }
    if r.rolled_back then columns[5] = { "" } end
  end
  local text = terminal.columns(columns, rows)
  for _, note in ipairs(self.notes) do table.move(terminal.wrap(note, terminal.width(), 0), 1, 99, #text + 1, text) end
  return table.concat(text, "\n")
end

local Dry = setmetatable({}, { __index = Rounds })
Dry.__index = Dry

-- Only these ask for a time.
local function ms_of(self, model) return (self.own or self.goal.key == "ms") and timing.ms(model, self.h, self.w) or nil end

-- What is assumed of the round that ends: the list's next value, or its last; 1 without a list.
local function assumed(list, number) return list and (list[number] or list[#list]) or 1 end

function Dry:judge_dense(t) return { dev_loss = 1, ap = 1, measure = "AP" }, ms_of(self, t.model) end

function Dry:judge_round(t)
  self.judged = (self.judged or 0) + 1
  local a = self.assume
  return { dev_loss = assumed(a.dev_loss, self.judged), ap = assumed(a.ap, self.judged) }, nil, { masked = ms_of(self, t.model) }
end
function Dry.probe() return nil end
function Dry.apply(_, _, cut, masks) cut:apply(masks) end

function Dry:ask(st, s)
  local asked = Rounds.ask(self, st, s)
  if schedule.actions[asked] then self.rows[#self.rows + 1] = { round = s.round, action = schedule.named(asked) } end
  return asked
end

local function shown(list)
  if not list then return "1" end
  local texts = {}
  for i, x in ipairs(list) do texts[i] = ("%g"):format(x) end
  return table.concat(texts, ", ")
end

-- What was assumed, in one sentence.
local function note_of(a)
  if not (a.ap or a.dev_loss) then return "assumed: AP and dev loss stay 1, and training changes no weight" end
  return ("assumed: after the rounds the AP is %s and the dev loss %s (dense: 1), and training changes no weight"):format(shown(a.ap),
    shown(a.dev_loss))
end

dry.fields = {
  { "assume", "table", help = "what dry_run=true assumes of the rounds, where the dense network's AP and dev loss are 1", fields = {
    { "ap", "numbers", nil, "", "the AP after each round (the last one for all that follow), as a share of the dense network's: shows "
      .. "what a schedule or gate does when it falls", min = 0 },
    { "dev_loss", "numbers", nil, "", "the same of the dev loss", min = 0 },
  } },
}

local check_assumed = options.declare("yl.prune.dry_run", dry.fields)

-- The options of the pruning, and what is assumed.
local function apart(o)
  local values = rawget(o, "assume")
  if options.is(o) or not values then return o, values or {} end
  local rest = {}
  for key, value in pairs(o) do rest[key] = key ~= "assume" and value or nil end
  return rest, check_assumed { assume = values }.assume
end

-- Goes through the rounds as the policy's handlers do.
local function go(self, t, st)
  local steps, o = settings.epochs(self.o) * t.steps_per_epoch, self.o
  t.step = o.dense * t.steps_per_epoch
  while t.step < steps and not st.done and st.round < o.rounds do
    self:open(t, st)
    if st.done then break end
    t.step = st.began + st.steps
    t.epoch = math.ceil(t.step / t.steps_per_epoch)
    local late = t.step > steps
    if not late then self:close(t, st) end
    local record = late and self:size(t.model) or st.rounds[#st.rounds]
    self.rows[#self.rows + 1] = { round = record.round or st.round, rolled_back = record.rolled_back, sparsity = record.sparsity,
      zeros = math.floor(record.sparsity * self.count + 0.5), flops = record.flops }
    if late then
      self.notes[#self.notes + 1] = ("round %d does not end: the training has %d epochs (rounds= times epochs=)"):format(st.round,
        settings.epochs(o))
    end
  end
end

-- yl.prune.dry_run(net, o): the rounds that yl.prune(o) would make of a network, with the same refusals. An AP and a dev loss of 1 all the
-- way, and weights that training does not change, are assumed. Returns {rounds = {{round, sparsity, zeros, flops, rolled_back} or {round,
-- action}, ...}, prunable = count, kept = what keep= would keep, notes = what was assumed}, which prints as a table. Nothing is trained;
-- the network stays as it is. o.assume = { ap = {.98, .9}, dev_loss = {...} }: what each round is worth instead, the dense network 1.
-- of_training (optional): w, h, steps_per_epoch of the training that is meant.
function dry.dry_run(net, o, of_training)
  callback.model("yl.prune.dry_run", net)
  local spec, assume = apart(o)
  local self = setmetatable(Rounds.new(settings.of(spec)), Dry)
  self.assume = assume
  local size, made = of_training or input.of(net, o), copy(net)
  if net.frozen then made:freeze(net.frozen) end
  local t = { model = made, w = size.w, h = size.h, step = 0, epoch = 0, steps_per_epoch = size.steps_per_epoch or STEPS,
    options = { seed = rawget(of_training and of_training.options or o, "seed") or 1 } }
  local st, stand_in = Rounds.fresh(), nil
  self.rows, self.notes = {}, { note_of(assume) }
  local ok, message = pcall(function()
    self:use(made, t.h, t.w)
    if of_training then self:check_data(of_training) end
    self:check_start(t, st)
    self.rules, stand_in = self:plain_rules()
    self.notes[2] = stand_in
    go(self, t, st)
  end)
  self.snapshots:prune(t, {})
  made:close()
  if not ok then error(message, 0) end
  return setmetatable({ rounds = self.rows, prunable = self.count, flops_dense = st.dense.flops, kept = marks.list(st, self.o),
    notes = self.notes }, Table)
end

return dry
