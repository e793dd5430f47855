-- From what is asked for (a sparsity, FLOPs, milliseconds) to a number of zeros.
local device = require "yolua.prune.device"
local measure = require "yolua.prune.measure"
local options = require "yolua.options.table"

local target = {}

-- The device's table that the options name; nil where time is measured here.
function target.device(o)
  local path = rawget(o.target or {}, "table")
  return path and device.read(path) or nil
end

-- The option's value as a schedule is told it. o: target = {sparsity, flops, ms}. Errors: percentages, several targets.
function target.check(o)
  local given = o.target or {}
  local sparsity, flops, ms = rawget(given, "sparsity"), rawget(given, "flops"), rawget(given, "ms")
  if flops and ms then options.refuse(o, "target.ms", "prune: target.flops and target.ms: expected one of them") end
  if rawget(given, "table") and not ms then
    options.refuse(o, "target.table", "prune: target.table: expected target.ms, the milliseconds on that device")
  end
  if sparsity and not (sparsity >= 0 and sparsity < 1) then
    options.refuse(o, "target.sparsity", "prune: target: expected a share of zeros from 0 to below 1 (.9 is 90 %%), got %g", sparsity)
  end
  if flops and flops <= 0 then options.refuse(o, "target.flops", "prune: target.flops: expected a number above 0, got %g", flops) end
  return sparsity or 0.9, flops and { flops = flops } or ms and { ms = ms } or nil
end

local function left_of(cut, masks)
  local Cut = getmetatable(cut)
  return function(r) return masks[r.name] and Cut.left(masks, r.name) or require("yolua.core").nonzero(cut.model.net, r.name) end
end

-- The least number of zeros with which the network takes at most so many FLOPs (of at most 1: a share of the dense network's).
local function of_flops(cut, budget, s)
  if budget <= 1 then budget = budget * s.flops_dense end
  local function flops(zeros) return measure.flops(cut.model, s.h, s.w, left_of(cut, cut:masks(zeros))) end
  local low, high = math.floor(s.sparsity * cut.count + 0.5), cut:most()
  local least = flops(high)
  if least > budget then
    error(("prune: target.flops: %.4g FLOPs cannot be reached: %.4g are left when every number that may go is zero"):format(budget,
      least), 0)
  end
  while low < high do
    local middle = (low + high) // 2
    if flops(middle) <= budget then high = middle else low = middle + 1 end
  end
  return low
end

-- cut: of Cut.rules(...):open; asked: a sparsity, {flops =} or {ms =}; s: sparsity, flops_dense, h, w, ms. Returns the number of zeros.
-- Errors: what no cut reaches.
function target.zeros(cut, asked, s)
  if type(asked) == "number" then return math.floor(asked * cut.count + 0.5) end
  if cut.zeros_for then return cut:zeros_for(asked, s) end
  if asked.flops then return of_flops(cut, asked.flops, s) end
  error(("prune: target.ms: %g ms cannot be reached: single zeros make nothing faster (a forward pass takes %s with any of them)")
    :format(asked.ms, s.ms and ("%.3g ms"):format(s.ms) or "the same time"), 0)
end

-- A budget, {flops =} or {ms =}: as much of the way to it as the sparsity has gone to the target. s: start, target, flops_dense, ms_dense.
-- device_ms: the dense network's time by the device's table, if there is one.
function target.on_the_way(budget, sparsity, s, device_ms)
  local key, goal = next(budget)
  local dense = key == "ms" and device_ms or s[key .. "_dense"]
  local way = math.max(0, math.min(1, (sparsity - s.start) / (s.target - s.start)))
  if key == "flops" and goal <= 1 then goal = goal * dense end
  return { [key] = dense - way * (dense - goal) }
end

return target
