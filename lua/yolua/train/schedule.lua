-- Learning-rate schedules: a schedule is a function of {step, steps, epoch, lr, options} that gives the rate of a step.
local callback = require "yolua.options.callback"
local options = require "yolua.options.table"
local sealed = require "yolua.options.sealed"

local schedule = {}

-- lr for ever
function schedule.constant(s) return s.lr end

-- lr * gamma for every share in `steps` that has passed (Darknet's "steps" policy, in shares of the run)
function schedule.steps(s)
  local lr = s.lr
  for _, share in ipairs(s.options.steps) do
    if s.step >= share * s.steps then lr = lr * s.options.gamma end
  end
  return lr
end

-- From lr to lr * final along half a cosine (Loshchilov and Hutter 2017, eq. 5, one cycle)
function schedule.cosine(s)
  local final = s.options.final
  return s.lr * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * math.min(1, s.step / s.steps))))
end

-- The function of a name or a function. Errors: neither, with the place where it was set.
local function find(which, s)
  local f = type(which) == "function" and which or type(which) == "string" and which ~= "rate" and schedule[which]
  if f then return f end
  local where = getmetatable(s.options) and options.origin(s.options, "schedule")
  error(("%sunknown schedule %s; expected constant, steps, cosine or a function"):format(where and where .. ": " or "",
    callback.shown(which)), 0)
end

-- The rate of a step, burn-in included: lr * (step / warmup)^power while step < warmup (Darknet's burn_in, power 4).
-- `which`: a name of this file, or a function of the same argument. Errors: a rate that is no number of at least 0, with the function's
-- file and line, and the step.
function schedule.rate(which, s)
  local f = find(which, s)
  local warmup = s.options.warmup
  if s.step < warmup then return s.lr * ((s.step + 1) / warmup) ^ s.options.power end
  local seen = type(which) == "function" and sealed.view(s, "s", "the schedule returns the rate") or s
  local what, when = "the learning rate (optim.schedule)", ("for step %d (epoch %d)"):format(s.step + 1, s.epoch)
  return callback.number(f, what, callback.ask(f, what, when, seen), when, 0)
end

return schedule
