-- yl.propose(net, {flops = .4, round_to = 8}): a smaller network whose layers are as wide as what a pruned one still uses.
--
-- What a layer uses is the effective rank of its weights: with G = W W^T over the filters, (trace G)^2 / trace(G^2), the exponential of the
-- order-2 entropy of G's eigenvalues (after Roy and Vetterli 2007, "The effective rank"), at most the number of filters that are not all
-- zero. Widths are proportional to it, with the one factor that meets the budget; a layer's strongest filters are those that stay. Channels
-- that are added to or joined with each other stay together (runtime/prune/channels.h). With depth=true residual branches go, too, whose
-- layers would be kept at more than twice the width that the budget alone leaves them.
--
-- Returns {net = with the filters that stay, fresh = the same structure, drawn anew, layers = {{name, before, alive, rank, after}, ...},
-- params, flops, ms}; it prints as a table, and :save(FOLDER) writes model.cfg, model.weights, and topology.lua, which makes it in Lua.
local branches = require "yolua.prune.branches"
local callback = require "yolua.options.callback"
local compact = require "yolua.prune.compact"
local copy = require "yolua.model.copy"
local core = require "yolua.core"
local Model = require "yolua.model"
local options = require "yolua.options.table"
local structure = require "yolua.model.structure"
local terminal = require "yolua.terminal"
local structs = require "yolua.options.structs"
local timing = require "yolua.prune.timing"

local propose = {}

propose.fields = {
  { "flops", "number", nil, "FLOPs", "budget of one image; up to 1: a share of the network's", min = 0 },
  { "params", "number", nil, "", "budget of parameters; up to 1: a share of the network's", min = 0 },
  { "ms", "number", nil, "ms", "budget of a forward pass over one image, measured here", min = 0 },
  structs.field("compact", "round_to", { default = 8, help = "layers that become narrower keep a multiple of it" }),
  structs.field("compact", "min_channels", { default = 8, help = "and at least so many, or all that they have" }),
  { "depth", "bool", true, "", "residual branches go if they would be kept more than twice as wide as their share of the budget" },
  structs.field("network", "seed", { help = "seed of the fresh weights" }),
}
local check = options.declare("yl.propose", propose.fields)

-- ---- what a layer uses -----------------------------------------------------------------------------------------------------

-- Filters by falling norm: {{filter, norm}, ...}; how many are not zero; and the effective rank.
local function evidence(model, r)
  local value = model.net:tensor(r.name, model.averaged and "ema" or "value"):reshape(r.dims[1], -1)
  local norms, order, alive = (value * value):sum(2):totable(), {}, 0
  for i, n in ipairs(norms) do
    order[i] = { i, n }
    alive = alive + (n > 0 and 1 or 0)
  end
  table.sort(order, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
  local gram = value:matmul(value:transpose())
  local trace, squares = (value * value):sum(), (gram * gram):sum()
  return order, alive, squares > 0 and math.min(alive, trace * trace / squares) or 0
end

-- A score for each group of channels: the k-th strongest filter of a layer of rank e has e / k, so that one threshold for all layers keeps
-- widths in proportion to their ranks.
local function scores(model, graph)
  local weights, score, layers = {}, {}, {}
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" then weights[r.layer] = r end
  end
  for g = 1, graph:count() do score[g] = 0 end
  for _, layer in ipairs(graph:layers()) do
    local r = layer.mixes and weights[layer.name]
    if r and r.dims[1] == #layer.groups then
      local order, alive, rank = evidence(model, r)
      for k, entry in ipairs(order) do
        local g = layer.groups[entry[1]]
        if entry[2] > 0 then score[g] = math.max(score[g], rank / k) end
      end
      layers[#layers + 1] = { name = layer.name, before = #layer.groups, alive = alive, rank = rank }
    end
  end
  return score, layers
end

-- ---- budgets ---------------------------------------------------------------------------------------------------------------

local function cut_to(self, flops)
  return self.graph:cut { score = self.score, flops = math.floor(flops), round_to = self.round_to, min_channels = self.min_channels }
end

-- The network without the groups that go.
local function build(self, kept)
  local whole = copy(self.model)
  for name, mask in pairs(self.graph:masks(kept)) do whole.net:set(name, mask, "mask") end
  local small = compact(whole, { round_to = self.round_to, min_channels = self.min_channels })
  whole:close()
  return small
end

-- The largest network of at most `budget` by `cost(kept, result)`: halving over FLOPs, since all costs fall with them.
local function search(self, cost, steps)
  local high, low, best = self.model:flops(), 0, nil
  for _ = 1, steps do
    local middle = (low + high) / 2
    local ok, kept, result = core.system.attempt(cut_to, self, middle)
    if ok and cost(kept, result) <= self.budget then
      best, low = kept, middle
    elseif ok then high = middle
    else low = middle end -- no cut reaches so few FLOPs
  end
  if best then return best end
  error(("propose: %s: no network of this kind fits into %g (round_to=%d, min_channels=%d)"):format(self.key, self.budget, self.round_to,
    self.min_channels), 0)
end

local choose = {}

function choose.flops(self)
  if self.budget >= self.model:flops() then return cut_to(self, self.model:flops()) end
  local ok, kept = pcall(cut_to, self, self.budget)
  if ok then return kept end
  error(("propose: flops: %s"):format((tostring(kept):gsub("^.-: ", "", 1))), 0)
end

function choose.params(self)
  return search(self, function(_, result) return result.params end, 24)
end

function choose.ms(self)
  return search(self, function(kept)
    local small = build(self, kept)
    local ms = timing.ms(small, small.h, small.w)
    small:close()
    return ms
  end, 7)
end

local WHOLE = { flops = function(model) return model:flops() end, params = function(model) return model:counts().params end }

-- The one budget of the options, and its value; a share becomes a number.
local function budget_of(o, model)
  local given, key = {}, nil
  for name in pairs(choose) do
    if o[name] then given[#given + 1], key = name, name end
  end
  if #given ~= 1 then
    error(("%s: yl.propose: expected one budget, flops, params or ms, got %s"):format(options.position(),
      #given == 0 and "none" or #given), 0)
  end
  return key, WHOLE[key] and o[key] <= 1 and o[key] * WHOLE[key](model) or o[key]
end

-- A model within the budget whose layers are as wide as their share of it. width: {round_to=, min_channels=}. Also returns what its layers
-- used before.
local function narrowed(model, key, budget, width)
  local graph = core.channels(model.net)
  local score, layers = scores(model, graph)
  local self = { model = model, graph = graph, score = score, key = key, budget = budget, round_to = width.round_to,
    min_channels = width.min_channels }
  return build(self, choose[key](self)), layers
end

local function widths_of(model)
  local widths = {}
  for _, layer in ipairs(model.net:layers()) do widths[layer.name] = layer.shape[4] end
  return widths
end

-- The residual branches of which a layer is more than twice as wide in `small` as the budget alone would leave it.
local function idle(model, key, budget, small)
  local all, out = branches.of(model), {}
  if #all == 0 then return out end
  local free = narrowed(model, key, budget, { round_to = 1, min_channels = 1 })
  local kept, wanted = widths_of(small), widths_of(free)
  free:close()
  for _, branch in ipairs(all) do
    local waste = false
    for _, name in ipairs(branch.layers) do waste = waste or (kept[name] or 0) > 2 * (wanted[name] or 0) end
    if waste then out[#out + 1] = branch end
  end
  return out
end

-- ---- the proposal ----------------------------------------------------------------------------------------------------------

local Proposal = { __name = "proposal" }
Proposal.__index = Proposal

function Proposal:__tostring()
  local columns, rows = { { "layer" }, { "filters", right = true }, { "not zero", right = true }, { "rank", right = true },
    { "proposed", right = true } }, {}
  for i, l in ipairs(self.layers) do
    rows[i] = { l.name, tostring(l.before), tostring(l.alive), ("%.1f"):format(l.rank), l.after > 0 and tostring(l.after) or "gone" }
  end
  return table.concat(terminal.columns(columns, rows), "\n") .. ("\n%d parameters (of %d), %.4g FLOPs (of %.4g), %.2f ms (of %.2f)"):format(
    self.params, self.before.params, self.flops, self.before.flops, self.ms, self.before.ms)
end

-- The structure as a Lua file that makes it.
local function as_lua(s)
  local lines = { "-- A network that yl.propose made: local net = dofile \"topology.lua\"",
    "local core = require \"yolua.core\"", "", ("return core.net { w = %d, h = %d, c = %d, seed = 1, layers = {"):format(s.w, s.h, s.c) }
  for _, layer in ipairs(s.layers) do
    local inputs, keys, parts = {}, {}, {}
    for i, from in ipairs(layer.inputs) do inputs[i] = from == 0 and "0" or ("%q"):format(from) end
    for key in pairs(layer.options) do keys[#keys + 1] = key end
    table.sort(keys)
    for i, key in ipairs(keys) do parts[i] = ("%s = %q"):format(key, layer.options[key]) end
    lines[#lines + 1] = ("  { %q, name = %q, inputs = { %s }%s },"):format(layer.kind, layer.name, table.concat(inputs, ", "),
      #parts > 0 and ", " .. table.concat(parts, ", ") or "")
  end
  lines[#lines + 1] = "} }"
  return table.concat(lines, "\n") .. "\n"
end

-- FOLDER/model.cfg, model.weights, model.names (the filters that stay) and topology.lua. Returns the folder.
function Proposal:save(folder)
  callback.argument(type(folder) == "string" and folder ~= "", "proposal:save", "a folder", folder)
  folder = folder:gsub("/*$", "") .. "/"
  self.net:save(folder)
  core.system.write(folder .. "topology.lua", as_lua(structure.of(self.net.net)))
  return folder
end

local function fresh(small, seed)
  local net = structure.build(structure.of(small.net), small.device, seed)
  return Model.new { net = net, names = small.names, path = small.path, device = small.device }
end

local function new(model, values)
  callback.model("yl.propose", model)
  local o = check(values or {})
  local key, budget = budget_of(o, model)
  local small, layers = narrowed(model, key, budget, o)
  local gone = o.depth and idle(model, key, budget, small) or {}
  if #gone > 0 then
    small:close()
    local shallow = branches.without(model, gone)
    small = narrowed(shallow, key, budget, o)
    shallow:close()
  end
  local widths = widths_of(small)
  for _, l in ipairs(layers) do l.after = widths[l.name] or 0 end
  local times = timing.in_turn({ before = model, after = small }, model.h, model.w)
  return setmetatable({ net = small, fresh = fresh(small, o.seed), layers = layers, params = small:counts().params, flops = small:flops(),
    ms = times.after, before = { params = model:counts().params, flops = model:flops(), ms = times.before } }, Proposal)
end

return setmetatable(propose, { __call = function(_, model, values) return new(model, values) end })
