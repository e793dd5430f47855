-- Scores of weights: found by name (prune/scores/NAME.lua), or your own.
--
--   score = function(p, score) p.value:abs(score) end                what is written into `score`, a tensor, decides: small ones go
--   score = { gather = function(p) ... end, score = ..., probe = true }
--
-- `gather` is called for each parameter after backward and before the optimizer's step; with `probe` instead on some batches before a cut,
-- for which nothing is trained. p.saliency, zero at first and after a cut, is there to remember things in, and checkpoints keep it.
-- `channel(p, score, rows)` ranks whole channels (pattern=channel): `score` has one number for each of the parameter's `rows` channels.
-- p.value, p.gradient (the sum over a batch's images), p.saliency and p.mask are tensors of the parameter's shape; p.name, p.kind, p.seed
-- (another one for each parameter and cut), p.rate (the learning rate).
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local sealed = require "yolua.options.sealed"

local score = {}

local KEYS = { score = "function", gather = "function", probe = "boolean", channel = "function" }

local function own(spec, refuse)
  for key, value in pairs(spec) do
    if not KEYS[key] then refuse("score has no key '%s' (score, channel, gather, probe)", tostring(key)) end
    if type(value) ~= KEYS[key] then refuse("score.%s: expected a %s, got %s", key, KEYS[key], callback.shown(value)) end
  end
  if not spec.score and not spec.channel then refuse "score: expected a function as its score, or as its channel" end
  return spec
end

-- The score of that name, a function, or a table of them: {score=, gather=, probe=}; o: the options that it stands in.
function score.of(spec, o)
  local function refuse(format, ...) options.refuse(o, "score", "prune: " .. format, ...) end
  if type(spec) == "function" then return { score = spec } end
  if type(spec) == "table" then return own(spec, refuse) end
  local names = core.options.modules "lua/yolua/prune/scores/"
  for _, name in ipairs(names) do
    if name == spec then return require("yolua.prune.scores." .. name) end
  end
  refuse("unknown score '%s'%s (%s)", tostring(spec), schema.did_you_mean(tostring(spec), names), table.concat(names, ", "))
end

local SLABS = { value = "value", gradient = "grad", saliency = "saliency", mask = "mask" }

-- A parameter as a score sees it; tensors over it are made when they are asked for.
function score.parameter(model, r, facts)
  local p = { name = r.name, kind = r.kind, seed = facts.seed, rate = facts.rate }
  local lazy = setmetatable(p, { __index = function(_, key)
    if not SLABS[key] then error(("%s: a parameter has no '%s'"):format(options.position(), tostring(key)), 0) end
    p[key] = model.net:tensor(r.name, SLABS[key])
    return p[key]
  end })
  return sealed.view(lazy, "p", "change tensors in place, as in p.saliency:add_(x)")
end

-- Calls the score's gather for each range of the list. facts: rate.
function score.gather(model, list, how, facts)
  for _, r in ipairs(list) do
    local p = score.parameter(model, r, facts)
    local returned = how.gather(p)
    if returned ~= nil then
      error(("%s: score: what gather returned for %s is not used, got %s; p.saliency remembers"):format(callback.place(how.gather), r.name,
        callback.shown(returned)), 0)
    end
  end
end

function score.one(model, r, how, facts)
  local out = core.tensor.zeros(r.dims, "f32"):fill_(0 / 0) -- what nobody writes is refused
  local returned = how.score(score.parameter(model, r, facts), out)
  if returned ~= nil and not rawequal(returned, out) then
    error(("%s: score: what was returned for %s is not used, got %s; write into the second argument, as in p.value:abs(score)"):format(
      callback.place(how.score), r.name, callback.shown(returned)), 0)
  end
  return out
end

-- {{range =, score = f32 tensor, mask = u8 tensor (a copy)}, ...}. facts: seed.
function score.all(model, list, how, facts)
  local out = {}
  for i, r in ipairs(list) do
    local own_facts = { seed = facts.seed * 7919 + i, rate = facts.rate }
    out[i] = { range = r, score = score.one(model, r, how, own_facts), mask = model.net:tensor(r.name, "mask"):clone() }
  end
  return out
end

-- What was gathered is used up.
function score.forget(model)
  if core.has_slab(model.net, "saliency") then model.net:zero "saliency" end
end

return score
