-- Pruning by hand, as at the prompt: one cut at a time, without training, and each can be undone.
--
--   yl.prune.cut(net, { target = .5 })     half of the prunable weights are zero, and stay so; prints where they went
--   yl.prune.undo(net)                     as it was before the last cut
--
-- `kept = yl.copy(net)` keeps the network in hand, and `net = kept` brings it back; net:save("x.safetensors") keeps it in a file.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local Cut = require "yolua.prune.cut"
local fields = require "yolua.options.fields"
local look = require "yolua.model.look"
local options = require "yolua.options.table"
local ranges = require "yolua.prune.ranges"
local settings = require "yolua.prune.settings"
local target = require "yolua.prune.target"

local hand = {}

local FIELDS = {
  { "target", "number", nil, "", "share of zeros among the prunable numbers, above what is zero now and below 1", positional = true,
    required = true, aliases = { "sparsity", "amount", "ratio" } },
  fields.pick("prune", "score"), fields.pick("prune", "scope"), fields.pick("prune", "pattern"), fields.pick("prune", "block"),
  fields.pick("prune", "entries"), fields.pick("prune", "round_to"), fields.pick("prune", "min_channels"),
  fields.pick("prune", "only"), fields.pick("prune", "also"), fields.pick("prune", "except"),
  { "seed", "int", 1, "", "of score=random", min = 0 },
}

local check = options.declare("yl.prune.cut", FIELDS)

-- model -> a record of each cut: found = {name = {slab = tensor}}, what it found; ranges, those that it may cut
local cuts = setmetatable({}, { __mode = "k" })

local SLABS = { "value", "ema", "mask" }

-- What the parameters that a cut masks hold before it.
local function snapshot(model, masks)
  local kept = {}
  for _, r in ipairs(model.net:ranges()) do
    if masks[r.name] then
      kept[r.name] = { dims = r.dims }
      for _, slab in ipairs(SLABS) do
        local there = slab == "mask" or core.has_slab(model.net, slab)
        if there then kept[r.name][slab] = model.net:tensor(r.name, slab):clone() end
      end
    end
  end
  return kept
end

local function restore(model, kept)
  for name, slabs in pairs(kept) do
    model.net:set(name, core.tensor.zeros(slabs.dims, "u8"):fill_(1), "mask")
    for _, slab in ipairs(SLABS) do
      if slabs[slab] then model.net:set(name, slabs[slab], slab) end
    end
  end
end

local function count_of(number, word) return ("%d %s%s"):format(number, word, number == 1 and "" or "s") end

-- The layers' zeros, with the share of the prunable numbers that is zero, and words about what was done.
local function shown(model, list, note)
  local zeros, _, among, count = look(model), ranges.sparsity(model, list)
  zeros.prunable, zeros.note = { count = count, zeros = among }, note
  return zeros
end

local function check_scorable(rules, o)
  if rules.score.gather then
    options.refuse(o, "score", "yl.prune.cut: this score looks at gradients, which a cut by hand has not: expected magnitude, lamp, "
      .. "random, or one of your own")
  end
  if rules.scope.prepare then
    options.refuse(o, "scope", "yl.prune.cut: this scope needs data to look at: expected global, layer, uniform or erk")
  end
end

-- yl.prune.cut(net, target) or yl.prune.cut(net, { target = .5, ... }): without training, the prunable numbers with the smallest scores
-- become zero and stay so, until `target`, a share from 0 to below 1, of them is zero. Returns the layers' zeros, which print as bars.
-- Errors: less than is zero already; a score that looks at gradients, a scope that looks at data; what nobody can cut, by name. The network
-- is then as it was. yl.prune.undo(net) takes the cut back.
function hand.cut(model, values)
  callback.model("yl.prune.cut", model)
  if type(values) == "number" then values = { values } end
  local budget = type(values) == "table" and type(values.target) == "table"
  callback.argument(not budget, "yl.prune.cut: target",
    "a share of zeros below 1, as .5 (budgets of flops and ms are yl.prune's and yolua prune's)", budget and values.target)
  local o = check(values)
  if not (o.target >= 0 and o.target < 1) then
    options.refuse(o, "target", "yl.prune.cut: target: expected a share of zeros from 0 to below 1 (.9 is 90 %%), got %g", o.target)
  end
  settings.check_used(o, FIELDS)
  local rules, list = Cut.rules(o), ranges.of(model, o)
  check_scorable(rules, o)
  local sparsity, zeros, count = ranges.sparsity(model, list)
  local wanted = math.floor(o.target * count + 0.5)
  if wanted < zeros then
    error(("%s: yl.prune.cut: target: %.4g of the %d prunable numbers are zero already, got %g (yl.prune.undo takes back a cut)"):format(
      options.position(), sparsity, count, o.target), 0)
  end
  local cut = rules:open(model, list, { seed = o.seed, rate = 0 })
  local masks = cut:masks(target.zeros(cut, o.target))
  local before = snapshot(model, masks)
  cut:apply(masks)
  cuts[model] = cuts[model] or {}
  table.insert(cuts[model], { found = before, ranges = list })
  local more = select(2, ranges.sparsity(model, list)) - zeros
  return shown(model, list, ("cut %d: %s"):format(#cuts[model], more > 0 and count_of(more, "more number") .. " became zero"
    or "no number became zero, since so many were zero already"))
end

-- yl.prune.undo(net): takes back the last cut of yl.prune.cut: the parameters that it looked at have the values and masks that they had
-- before. Returns the layers' zeros, which print as bars, with what has changed and how many cuts are left. Errors: nothing was cut.
function hand.undo(model)
  callback.model("yl.prune.undo", model)
  local list = cuts[model]
  if not list or #list == 0 then
    error(("%s: yl.prune.undo: this network has no cut that could be undone (yl.prune.cut makes them)"):format(options.position()), 0)
  end
  local cut, before = table.remove(list), model:checksum()
  restore(model, cut.found)
  local changed = model:checksum() ~= before
  return shown(model, cut.ranges, ("cut %d is undone%s; %s left to undo"):format(#list + 1,
    changed and "" or ", and changed no number: it had found as many zeros", #list > 0 and count_of(#list, "cut") or "none"))
end

return hand
