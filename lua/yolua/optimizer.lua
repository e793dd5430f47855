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
local core = require "yolua.core"
local options = require "yolua.options"

local optimizer = {}

local check = options.declare("yl.optimizer", {
  { "name", "string", nil, "", "its name: optim=NAME" },
  { "help", "string", "", "", "one line for the help page" },
  { "fields", "any", {}, "", "its options besides lr and the schedule's: a list of {key, type, default, unit, help, ...}" },
  { "step", "function", nil, "", "(p, o): turns p.gradient into what is subtracted from p.value" },
})

-- Tensors over a parameter, made when they are asked for.
local Parameter = { __name = "parameter" }
local SLABS = { value = "value", gradient = "grad", m = "adam_m", v = "adam_v" }

function Parameter:__index(key)
  if not SLABS[key] then return nil end
  local tensor = rawget(self, "net"):tensor(self.name, SLABS[key])
  rawset(self, key, tensor)
  return tensor
end

local function learning(net)
  local list = {}
  for _, r in ipairs(net:ranges()) do
    if not r.frozen and r.kind ~= "statistic" then
      list[#list + 1] = setmetatable({ net = net, name = r.name, kind = r.kind, lr_mult = r.lr_mult, count = r.steps + 1 }, Parameter)
    end
  end
  return list
end

local function norm_of(list)
  local sum = 0
  for _, p in ipairs(list) do sum = sum + (p.gradient * p.gradient):sum() end
  return math.sqrt(sum)
end

-- One step of the network: s as core.step takes it. Returns the gradient's norm. Errors: NaN or infinity, as core.step's.
function optimizer.step(rule, net, o, s)
  local list, has_mask = learning(net), core.has_slab(net, "mask")
  local norm = norm_of(list) / s.images
  local scale = (s.clip or 0) > 0 and norm > s.clip and s.clip / norm or 1
  for _, p in ipairs(list) do
    local mask = has_mask and net:tensor(p.name, "mask")
    p.gradient:mul_(scale / s.images)
    if mask then p.gradient:mul_(mask) end
    p.lr = s.lr * p.lr_mult
    rule(p, o)
    for _, key in ipairs(mask and { "m", "v" } or {}) do
      if rawget(p, key) then p[key]:mul_(mask) end
    end
    if p.lr_mult ~= 1 and p.lr_mult > 0 then p.gradient:mul_(1 / p.lr_mult) end -- the step below multiplies by it
  end
  core.step(net, { rule = "apply", lr = 1, images = 1, ema = s.ema })
  return norm
end

-- Makes the optimizer known. Errors: one sentence with the position of the caller.
local function new(values)
  local d = check(values)
  if not d.name or not d.name:find "^%a[%w_]*$" then error("yl.optimizer: expected name = a word", 2) end
  if not d.step then error(("yl.optimizer '%s': expected step = function(p, o)"):format(d.name), 2) end
  for _, name in ipairs(core.options.modules "lua/yolua/optim/") do
    if name == d.name then error(("yl.optimizer '%s': there is an optimizer of that name already"):format(name), 2) end
  end
  package.loaded["yolua.optim." .. d.name] = { help = d.help, fields = d.fields, rule = d.step }
  return d.name
end

return setmetatable(optimizer, { __call = function(_, values) return new(values) end })
