-- What a pruning goes to, a share of zeros, FLOPs or milliseconds, and the number of zeros that reaches it.
--
-- A schedule speaks of shares from 0 to 1 whatever the goal is: of zeros among the prunable numbers, or of the dense network's FLOPs or
-- milliseconds that are gone. FLOPs of single zeros are those of the multiply-adds with a weight that is not zero (prune/measure.lua).
local core = require "yolua.core"
local device = require "yolua.prune.device"
local measure = require "yolua.prune.measure"
local options = require "yolua.options.table"

local target = {}

-- The device's table that the options name; nil where time is measured here.
function target.device(o)
  local path = rawget(o.target or {}, "table")
  return path and device.read(path) or nil
end

local KEYS = { "sparsity", "flops", "ms" }

-- Which of the goals holds: the one that is given; of a recipe's and the user's, the user's.
local function chosen(o, given)
  local there, named = {}, {}
  for _, key in ipairs(KEYS) do
    if rawget(given, key) then
      there[#there + 1] = key
      if options.is(o) and options.explicit(o, "target." .. key) then named[#named + 1] = key end
    end
  end
  local list = #there > 1 and #named > 0 and named or there
  if #list > 1 then
    options.refuse(o, "target." .. list[2], "prune: target.%s and target.%s: expected one of them, since the rounds go to one goal",
      list[1], list[2])
  end
  return list[1] or "sparsity"
end

-- The goal that the options name: {key = "sparsity", "flops" or "ms", value =}. coarse: the pattern takes whole channels. Errors: values
-- that cannot be, several goals, a time that the pattern does not shorten.
function target.goal(o, coarse)
  local given = o.target or {}
  local key = chosen(o, given)
  local value = rawget(given, key) or 0.9
  local function refuse(format, ...) options.refuse(o, "target." .. key, "prune: " .. format, ...) end
  if rawget(given, "table") and key ~= "ms" then
    options.refuse(o, "target.table", "prune: target.table: expected target.ms, the milliseconds on that device")
  end
  if key == "sparsity" and not (value >= 0 and value < 1) then
    refuse("target: expected a share of zeros from 0 to below 1 (.9 is 90 %%), got %g", value)
  end
  if key == "flops" and not (value > 0 and value ~= 1) then
    refuse("target.flops: expected a share above 0 and below 1 of the dense network's, or so many FLOPs, got %g", value)
  end
  if key == "ms" and value <= 0 then refuse("target.ms: expected milliseconds above 0, got %g", value) end
  if key == "ms" and not coarse then
    refuse("target.ms: expected pattern=channel, since only whole channels that go make a network surely faster (target.flops counts "
      .. "single zeros)")
  end
  return { key = key, value = value }
end

local function in_units(goal, dense) return goal.key == "flops" and goal.value <= 1 and goal.value * dense.flops or goal.value end

-- The share at which the goal is reached. dense: {flops, ms} of the network before the first round.
function target.share(goal, dense)
  return goal.key == "sparsity" and goal.value or 1 - in_units(goal, dense) / dense[goal.key]
end

-- A share, as what a cut is to reach: a sparsity, {flops =} or {ms =}.
function target.wanted(goal, share, dense)
  if goal.key == "sparsity" then return share end
  if share >= target.share(goal, dense) - 1e-12 then return { [goal.key] = in_units(goal, dense) } end
  return { [goal.key] = (1 - share) * dense[goal.key] }
end

-- The least whole number above low, and up to high, at which a cost that falls is within the budget; above, below: by how much it is
-- over it at low (more than 0) and at high (at most 0). Regula falsi by the Illinois rule; every fourth step halves, as plateaus need it.
local function least(cost, budget, low, high, above, below)
  local side, step = nil, 0
  while high - low > 1 do
    step = step + 1
    local share = step % 4 == 0 and 0.5 or above / (above - below)
    local middle = math.max(low + 1, math.min(high - 1, low + math.floor((high - low) * share + 0.5)))
    local left = cost(middle) - budget
    if left > 0 then
      if side == "low" then below = below / 2 end
      low, above, side = middle, left, "low"
    else
      if side == "high" then above = above / 2 end
      high, below, side = middle, left, "high"
    end
  end
  return high
end

local function of_flops(cut, budget, s)
  if budget <= 1 then budget = budget * s.flops_dense end
  local function flops(zeros)
    local masks = cut:masks(zeros)
    return measure.flops(cut.model, s.h, s.w, function(r)
      return masks[r.name] and getmetatable(cut).left(masks, r.name) or core.nonzero(cut.model.net, r.name)
    end)
  end
  local low, high = s.zeros, cut:most()
  local left = flops(high)
  if left > budget then
    error(("prune: %.4g FLOPs cannot be reached: %.4g are left when every number that may go is zero (%s)"):format(budget, left,
      cut.rules.text), 0)
  end
  local now = flops(low)
  return now <= budget and low or least(flops, budget, low, high, now - budget, left - budget)
end

-- cut: of Cut.rules(...):open; wanted: a sparsity, {flops =} (at most 1: a share of the dense network's) or {ms =}; s: {zeros = how many
-- there are, flops_dense, h, w, ms, device}. Returns the number of zeros: of FLOPs the least that reaches them. Errors: what no cut
-- reaches.
function target.zeros(cut, wanted, s)
  if type(wanted) == "number" then return cut.zeros_of and cut:zeros_of(wanted) or math.floor(wanted * cut.count + 0.5) end
  if cut.zeros_for then return cut:zeros_for(wanted, s) end
  if wanted.flops then return of_flops(cut, wanted.flops, s) end
  error(("prune: %g ms cannot be reached: expected pattern=channel, since only whole channels that go make a network surely faster")
    :format(wanted.ms), 0)
end

return target
