-- pattern=channel: whole channels go, in groups that stay or go together (a filter, its batch-norm, what is added to it). A group's score
-- is the mean of its layers' scores, each relative to the layer's mean, so that layers compare; a group goes when its score is low.
local core = require "yolua.core"
local options = require "yolua.options.table"
local scores = require "yolua.prune.score"

local Channel = {}
Channel.__index = Channel

local Rules = { coarse = true } -- what goes at once are many numbers: a cut may take more than were asked for
Rules.__index = Rules

local function fail(format, ...) error("prune: " .. format:format(...), 0) end

local SCOPES = { global = true, layer = true, uniform = true }

-- What cuts are made by. o: score, scope, round_to, min_channels. scope (optional): one other than that of o.
function Channel.rules(o, scope)
  scope = scope or o.scope or "global"
  if not SCOPES[scope] then options.refuse(o, "scope", "prune: scope=%s: expected global, layer or uniform with pattern=channel", scope) end
  local name = o.score or "filter_l1"
  return setmetatable({ score = scores.of(name, o), scope = scope, round_to = o.round_to or 1,
    min_channels = o.min_channels or 1,
    text = ("score=%s scope=%s pattern=channel"):format(type(name) == "string" and name or "your own", scope) }, Rules)
end

-- The parameters that rank channels: weights of layers that mix channels, or the scales of batch-norms. {layer name = range}
local function ranking(model, how)
  local out = {}
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == (how.of or "weight") then out[r.layer] = r end
  end
  return out
end

local function finite(list, name)
  for i, x in ipairs(list) do
    if x ~= x then fail("score: got NaN for channel %d of %s", i, name) end
  end
  return list
end

-- The scores of a layer's output channels. A score of single weights is summed up over each channel's.
local function rows_of(model, r, how, facts)
  local rows, p = r.dims[1], scores.parameter(model, r, facts)
  local out = core.tensor.zeros({ rows }, "f32"):fill_(0 / 0)
  if how.channel then
    how.channel(p, out, rows)
  else
    scores.one(model, r, how, facts):reshape(rows, -1):sum(2, out)
  end
  return finite(out:totable(), r.name)
end

-- Relative to the mean of the channels that are there; with scope=layer and uniform their rank, so that layers lose alike.
local function relative(list, alive, scope)
  local order, sum = {}, 0
  for i, x in ipairs(list) do
    if alive[i] then order[#order + 1], sum = i, sum + x end
  end
  local out, mean = {}, sum / math.max(1, #order)
  for i, x in ipairs(list) do out[i] = mean > 0 and x / mean or 0 end
  if scope == "global" then return out end
  table.sort(order, function(a, b) return list[a] < list[b] or list[a] == list[b] and a < b end)
  for place, i in ipairs(order) do out[i] = place / #order end
  return out
end

-- Whether a channel's weights are masked as a whole already.
local function alive_of(model, r)
  local left = model.net:tensor(r.name, "mask"):to("f32"):reshape(r.dims[1], -1):sum(2):totable()
  for i, count in ipairs(left) do left[i] = count > 0 end
  return left
end

-- The graph, and the groups' scores: +infinity where something of a group is not to be pruned, -infinity where it is masked already.
local function rank(self, model, list, facts)
  local graph, how, wanted, first, number = core.channels(model.net), self.score, {}, nil, 0
  local by_layer, weights = ranking(model, how), ranking(model, {})
  for _, r in ipairs(list) do wanted[r.layer] = r.kind == "weight" or wanted[r.layer] end
  local sum, n, stays, dead = {}, {}, graph:fixed(), {}
  for _, layer in ipairs(graph:layers()) do
    local weight, r = weights[layer.name], by_layer[layer.name]
    local alive = weight and alive_of(model, weight)
    local uniform = self.scope == "uniform" and weight and not first
    first = first or weight
    for c, g in ipairs(layer.groups) do
      if weight and (not wanted[layer.name] or uniform) then stays[g] = true end
      if alive then dead[g] = (dead[g] == nil or dead[g]) and not alive[c] end
    end
    if r and (wanted[layer.name] or r.kind ~= "weight") then
      number = number + 1
      local own = { seed = facts.seed * 7919 + number, rate = facts.rate }
      local values = relative(rows_of(model, r, how, own), alive or alive_of(model, r), self.scope)
      for c, g in ipairs(layer.groups) do sum[g], n[g] = (sum[g] or 0) + values[c], (n[g] or 0) + 1 end
    end
  end
  local score = {}
  for g = 1, graph:count() do
    score[g] = (stays[g] or not n[g]) and math.huge or dead[g] and -math.huge or sum[g] / n[g]
  end
  return graph, score
end

-- The groups with their scores. list: the ranges that may be pruned; a group goes only if the weights of all its layers are among them.
function Rules:open(model, list, facts)
  local count = 0
  for _, r in ipairs(list) do
    if r.frozen then fail("%s is frozen: it cannot be pruned (thaw it, or leave it out with except=)", r.name) end
    count = count + r.count
  end
  local graph, score = rank(self, model, list, facts)
  local free = 0
  for _, x in ipairs(score) do free = free + (x < math.huge and 1 or 0) end
  if free == 0 then
    fail("no channel may go (%s): those of heads and of what is added to a layer that is left out stay, and so do those that %s does not "
      .. "rank", self.text, self.score.of and "a batch-norm" or "a weight")
  end
  return setmetatable({ model = model, list = list, graph = graph, score = score, count = count, rules = self }, Channel)
end

function Channel:cut(what)
  what.score, what.round_to, what.min_channels = self.score, self.rules.round_to, self.rules.min_channels
  local ok, kept, result = pcall(self.graph.cut, self.graph, what)
  if not ok then fail("%s (%s)", (tostring(kept):gsub("^.-:%d+: ", "")), self.rules.text) end
  return kept, result
end

-- What was masked before stays so.
local function joined(model, masks)
  for name, mask in pairs(masks) do masks[name] = mask:minimum(model.net:tensor(name, "mask")) end
  return masks
end

-- How many of the candidates' numbers these masks hold at zero.
local function zeros_of(self, masks)
  local zeros = 0
  for _, r in ipairs(self.list) do
    zeros = zeros + r.count - (masks[r.name] or self.model.net:tensor(r.name, "mask")):to("i64"):sum()
  end
  return zeros
end

-- The masks of a cut, those of before joined to them; then how many zeros these are, and how many of them are in channels that go.
local function masks_of(self, what)
  local kept, result = self:cut(what)
  local masks = joined(self.model, self.graph:masks(kept))
  return masks, zeros_of(self, masks), result.zeros
end

-- New masks, {name = u8 tensor}, with at least `zeros` of the candidates' numbers masked: in channels that go, and single ones of before.
-- Nothing is changed yet.
function Channel:masks(zeros)
  local masks, all, whole = masks_of(self, { zeros = zeros })
  local low, high = 0, zeros -- of zeros in channels: too few, and enough
  while all > whole and high - low > zeros // 1000 + 1 do
    local middle = (low + high) // 2
    local fewer, there = masks_of(self, { zeros = middle })
    if there >= zeros then masks, high = fewer, middle else low = middle end
  end
  return masks
end

function Channel:apply(masks)
  for name, mask in pairs(masks) do self.model.net:set(name, mask, "mask") end
end

-- FLOPs of one image {h, w}, of the network without the channels that are masked.
function Rules.flops(_, model, h, w)
  local small <close>, total = core.compact(model.net, {}), 0
  for _, layer in ipairs(small:layers(h, w)) do total = total + layer.flops end
  return total
end

-- Milliseconds of a forward pass through the network that is left: measured here, or by a device's table.
local function ms_of(self, kept, s)
  local net = self.graph:network(kept)
  if s.device then
    local ok, ms = pcall(s.device.time, s.device, net, self.model.net, s.h, s.w)
    net:close()
    return ok and ms or error(ms, 0)
  end
  local ms = require("yolua.prune.timing").ms({ plan = function(_, spec) return net:plan(spec) end }, s.h, s.w)
  net:close()
  return ms
end

-- The shares of the FLOPs between which the time lies are halved so often.
local HALVINGS = 7

local function zeros_of_ms(self, budget, s)
  local low, high, found = 0, 1, nil
  for _ = 1, HALVINGS do
    local share = (low + high) / 2
    local ok, kept = core.system.attempt(self.cut, self, { flops = math.floor(share * s.flops_dense), h = s.h, w = s.w })
    if ok and ms_of(self, kept, s) <= budget then low, found = share, kept else
      if ok then high = share else low = share end
    end
  end
  if not found then fail("%g ms cannot be reached (%s)", budget, self.rules.text) end
  return zeros_of(self, joined(self.model, self.graph:masks(found)))
end

-- How many zeros reach {flops =} or {ms =}. s: flops_dense, h, w.
function Channel:zeros_for(asked, s)
  if asked.ms then return zeros_of_ms(self, asked.ms, s) end
  local budget = asked.flops <= 1 and asked.flops * s.flops_dense or asked.flops
  return (select(2, masks_of(self, { flops = math.floor(budget), h = s.h, w = s.w })))
end

return Channel
