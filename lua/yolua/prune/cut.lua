-- One cut: of the candidates' numbers those with the smallest scores, within a scope and a pattern, are masked until a target is reached.
-- Everything is computed first, so that a cut that is refused leaves the network as it was.
local core = require "yolua.core"
local options = require "yolua.options.table"
local patterns = require "yolua.prune.pattern"
local schema = require "yolua.options.schema"
local scores = require "yolua.prune.score"

local Cut = {}
Cut.__index = Cut

local function scope_of(name, o)
  local names = core.options.modules "lua/yolua/prune/scopes/"
  for _, known in ipairs(names) do
    if known == name then return require("yolua.prune.scopes." .. name) end
  end
  options.refuse(o, "scope", "prune: unknown scope '%s'%s (%s)", tostring(name), schema.did_you_mean(tostring(name), names),
    table.concat(names, ", "))
end

local Rules = {}
Rules.__index = Rules

-- What cuts are made by; their `known` is what the scope's prepare gave. o: score, scope, pattern, entries, block. scope (optional): one
-- other than that of o. Errors: unknown names, with the nearest.
function Cut.rules(o, scope)
  local pattern, how = patterns.of(o)
  if pattern.rules then return pattern.rules(o, scope) end
  scope = scope or o.scope or "global"
  local name = o.score or "magnitude"
  local score = scores.of(name, o)
  if not score.score then
    options.refuse(o, "score", "prune: score=%s ranks whole channels: expected pattern=channel", tostring(o.score))
  end
  return setmetatable({ score = score, scope = scope_of(scope, o), pattern = pattern, how = how,
    text = ("score=%s scope=%s pattern=%s"):format(type(name) == "string" and name or "your own", scope,
      o.pattern or "none") }, Rules)
end

-- The candidates with their scores. facts: seed, rate.
function Rules:open(model, list, facts)
  local wanted = {}
  for _, r in ipairs(list) do wanted[r.name] = true end
  for _, r in ipairs(model.net:ranges()) do
    if wanted[r.name] and r.frozen then
      error(("prune: %s is frozen: it cannot be pruned (thaw it, or leave it out with except=)"):format(r.name), 0)
    end
  end
  local entries, count = scores.all(model, list, self.score, facts), 0
  patterns.apply(self.pattern, self.how, entries)
  for _, r in ipairs(list) do count = count + r.count end
  return setmetatable({ model = model, list = list, entries = entries, rules = self, count = count,
    unit = self.pattern.unit and self.pattern.unit(self.how) or 1 }, Cut)
end

-- Numbers that are masked and stay so whatever is cut: in parameters that the pattern does not fit.
local function masked(entry) return entry.range.count - entry.mask:to("i64"):sum() end

local function select(names, score, mask, zeros)
  if #names == 0 then
    return zeros <= 0, ("the pattern fits none of these parameters: none of their numbers can be masked, got %d"):format(zeros)
  end
  local ok, sentence = core.system.attempt(core.prune.select, names, score, mask, zeros)
  return ok, not ok and tostring(sentence):gsub("^.-:%d+: ", "") or nil
end

-- Masks one group; the entries' new masks go into `out`, by name.
local function cut_group(self, group, out)
  local names, score, mask, in_units, left = {}, {}, {}, self.unit > 1, group.zeros
  local members = {}
  for _, r in ipairs(group.list) do
    local entry = self.by_name[r.name]
    if entry.stays then
      out[r.name] = entry.mask
      left = left - masked(entry)
    else
      members[#members + 1] = entry
      names[#names + 1], score[#score + 1] = r.name, in_units and entry.unit_score or entry.score
      mask[#mask + 1] = (in_units and entry.unit_mask or entry.mask):clone()
    end
  end
  local ok, sentence = select(names, score, mask, #names == 0 and left or math.max(0, left) // self.unit)
  if not ok then
    error(("prune: %s%s (%s)"):format(#group.list == 1 and group.list[1].name .. ": " or "", sentence, self.rules.text), 0)
  end
  for i, entry in ipairs(members) do
    out[entry.range.name] = in_units and self.rules.pattern.unfold(entry.range, mask[i], self.rules.how) or mask[i]
  end
end

-- New masks, {name = u8 tensor}, with `zeros` of the candidates' numbers masked. Nothing is changed yet.
function Cut:masks(zeros)
  local out = {}
  if not self.by_name then
    self.by_name = {}
    for _, entry in ipairs(self.entries) do self.by_name[entry.range.name] = entry end
  end
  for _, group in ipairs(self.rules.scope.groups(self.list, zeros, self.count, self.rules.known)) do cut_group(self, group, out) end
  return out
end

-- How many numbers can be zero at most.
function Cut:most()
  local most = 0
  for _, entry in ipairs(self.entries) do
    local score, mask = entry.unit_score or entry.score, entry.unit_mask or entry.mask
    if entry.stays then most = most + masked(entry)
    else most = most + (score:lt(math.huge):maximum(mask:eq(0))):to("i64"):sum() * self.unit end
  end
  return most
end

local REST <const> = 0.005 -- the share of the numbers that no group of a pattern holds, in most networks

-- The number of zeros for that sparsity. The pattern's own share (2:4: .5) and what is just below it mean all that the pattern allows,
-- since a layer whose channels no group divides (a picture's three) keeps a few more.
function Cut:zeros_of(sparsity)
  local zeros, share = math.floor(sparsity * self.count + 0.5), self.rules.pattern.share
  if not share or sparsity > share(self.rules.how) + 1e-9 then return zeros end
  local most = self:most()
  return zeros > most and zeros - most <= REST * self.count and most or zeros
end

-- What the masks do, by the option `masks`: the saliency slab keeps those of gradients.
local ways = {}

function ways.hold(net, name, mask) net:set(name, mask, "mask") end
function ways.once(net, name, mask) net:tensor(name):mul_(mask) end

function ways.gradient(net, name, mask)
  net:tensor(name):mul_(mask)
  net:tensor(name, "saliency"):copy_(mask)
end

-- Sets the masks; says which parameters have no weight left.
function Cut:apply(masks, way)
  for _, r in ipairs(self.list) do
    ways[way or "hold"](self.model.net, r.name, masks[r.name])
    if masks[r.name]:max() == 0 then core.system.warn(("prune: all %d numbers of %s are zero now"):format(r.count, r.name)) end
  end
end

-- How many of a parameter's numbers are not masked by these masks.
function Cut.left(masks, name) return masks[name]:to("i64"):sum() end

return Cut
