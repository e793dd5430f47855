-- yl.optimizer{...}: an optimizer written in Lua, known as optim=NAME from then on, with its options and help page.
--
--   yl.optimizer { name = "lion", help = "Chen et al. 2023", fields = { { "beta1", "number", 0.9 } },
--     step = function(p, o) ... end }
--
-- `step` is called for every parameter that learns. p.gradient, a tensor, is the mean over the batch's images, clipped; it has to become
-- what is subtracted from p.value. p.m and p.v are two tensors of the same shape to remember things in (zeros at first; checkpoints
-- hold them), p.name, p.kind ("weight", "bias", "scale"), p.lr (this step's rate), p.count (its own steps, from 1: those in which it was
-- not frozen); o: the options.
-- Masks, averages (ema) and the versions of parameters are kept by the step that follows.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local options = require "yolua.options.table"
local sealed = require "yolua.options.sealed"

local optimizer = {}

local check = options.declare("yl.optimizer", {
  { "name", "string", nil, "", "its name: optim=NAME" },
  { "help", "string", "", "", "one line for the help page" },
  { "fields", "any", {}, "", "its options in addition to lr and the schedule's: a list of {key, type, default, unit, help, ...}" },
  { "step", "function", nil, "", "(p, o): turns p.gradient into the value to subtract from p.value" },
})

-- A parameter as the rule sees it: tensors over it, made when they are asked for, and facts about it.
local SLABS = { value = "value", gradient = "grad", m = "adam_m", v = "adam_v" }
local WRITTEN = "change it in place, as in p.%s:copy_(result)"
local WAYS = { lr = "it is the schedule's (optim.schedule)" }
for key in pairs(SLABS) do WAYS[key] = WRITTEN:format(key) end

local function parameter(net, r)
  local facts = { name = r.name, kind = r.kind, lr_mult = r.lr_mult, count = r.steps + 1 }
  local function read(_, key)
    if not SLABS[key] then error(("%s: a parameter has no '%s'"):format(options.position(), tostring(key)), 0) end
    facts[key] = net:tensor(r.name, SLABS[key])
    return facts[key]
  end
  local lazy = setmetatable(facts, { __index = read })
  return lazy, sealed.view(lazy, "p", WAYS)
end

local function learning(net)
  local list = {}
  for _, r in ipairs(net:ranges()) do
    if not r.frozen and r.kind ~= "statistic" then
      local p, seen = parameter(net, r)
      list[#list + 1] = { p = p, seen = seen }
    end
  end
  return list
end

local TAKEN = "p.gradient must become the value to subtract from p.value: change it in place, as in p.gradient:copy_(result)"

local proven = setmetatable({}, { __mode = "k" }) -- rule -> the kinds of parameters whose gradient it has changed

-- Calls the rule for one parameter and refuses what would be lost: a result that it returns, a gradient that it leaves as it was.
local function apply(rule, o, entry)
  proven[rule] = proven[rule] or {}
  local p = entry.p
  local before = not proven[rule][p.kind] and p.gradient:clone() or nil
  local result = rule(entry.seen, o)
  local function fail(what) error(("%s: the optimizer's step for %s %s; %s"):format(callback.place(rule), p.name, what, TAKEN), 0) end
  if result ~= nil and not rawequal(result, p.gradient) then fail "returned something" end
  if not before or before:abs():max() == 0 then return end
  if p.gradient:equal(before) and p.lr ~= 1 then fail "did not change p.gradient" end
  proven[rule][p.kind] = true
end

-- One step of the network: s as core.step takes it. Returns the gradient's norm. Errors: NaN or infinity, as core.step's.
function optimizer.step(rule, net, o, s)
  local norm, list, hold <close> = core.gradient_norm(net) / s.images, learning(net), net:hold()
  local scale = (s.clip or 0) > 0 and norm > s.clip and s.clip / norm or 1
  for _, entry in ipairs(list) do
    local p = entry.p
    p.gradient:mul_(scale / s.images)
    p.lr = s.lr * p.lr_mult
    apply(rule, o, entry)
    if p.lr_mult ~= 1 and p.lr_mult > 0 then p.gradient:mul_(1 / p.lr_mult) end -- the step below multiplies by it
  end
  hold:close()
  core.step(net, { rule = "apply", lr = 1, images = 1, ema = s.ema })
  return norm
end

-- Makes the optimizer known. Errors: one sentence with the position of the caller.
local function new(values)
  local d = check(values)
  if not d.name or not d.name:find "^%a[%w_]*$" then error("yl.optimizer: expected name = a word", 2) end
  if not d.step then error(("yl.optimizer '%s': expected step = function(p, o)"):format(d.name), 2) end
  for _, name in ipairs(core.options.modules "lua/yolua/optim/") do
    if name == d.name then error(("yl.optimizer '%s': an optimizer of that name already exists"):format(name), 2) end
  end
  package.loaded["yolua.optim." .. d.name] = { help = d.help, fields = d.fields, rule = d.step }
  return d.name
end

return setmetatable(optimizer, { __call = function(_, values) return new(values) end })
