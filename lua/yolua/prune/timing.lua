-- How long forward passes over one image take, on a machine that also does other work.
local core = require "yolua.core"
local ranks = require "yolua.ranks"

local timing = {}

local LEAST, MOST, SECONDS = 7, 25, 0.3 -- passes of each network, and about how long they may take together
local LONGER = { least = 5, most = 41, seconds = 1 } -- the same where networks are compared
local UNSTEADY <const> = 3 -- a spread of more than so many times says nothing
local LOW, HIGH = 0.1, 0.9 -- a spread leaves out the outer tenths of the turns, which other work disturbed most

-- The milliseconds of each network's passes in turn, A B C A B C ...: {name = {ms, ...}}, as many of each.
local function passes(models, h, w, how)
  local names, plans, times, started = {}, {}, {}, core.system.clock()
  for name in pairs(models) do names[#names + 1], times[name] = name, {} end
  table.sort(names)
  for number = 0, how.most do -- the first pass of each chooses algorithms and packs weights
    for _, name in ipairs(names) do
      plans[name] = plans[name] or models[name]:plan { mode = "infer", batch = 1, h = h, w = w }
      core.noise(plans[name], 1)
      local from = core.system.clock()
      plans[name]:forward()
      if number > 0 then times[name][number] = 1e3 * (core.system.clock() - from) end
    end
    if number >= how.least and core.system.clock() - started > how.seconds then break end
  end
  return times
end

-- Milliseconds by each network, {name = ms}: of passes in turn the quickest of each, which is the one that other work disturbed least.
-- models: {name = model}; h, w: the input's size (default: each network's own). Of several ranks the first one looks at the clock, since
-- decisions may depend on it.
function timing.in_turn(models, h, w)
  local best = ranks.first(passes, models, h, w, { least = LEAST, most = MOST, seconds = SECONDS })
  for name, list in pairs(best) do best[name] = math.min(table.unpack(list)) end
  return best
end

-- The same of one network.
function timing.ms(model, h, w) return timing.in_turn({ model = model }, h, w).model end

-- The value below which the share `at` of a sorted list lies, between two of its values where it falls there.
local function quantile(sorted, at)
  local place = 1 + at * (#sorted - 1)
  local i = math.floor(place)
  return sorted[i] + (place - i) * ((sorted[i + 1] or sorted[i]) - sorted[i])
end

-- What passes in turn say about each network beside the one named `base`: {name = {ms = the median, speedup = {median, low, high, turns}}}.
-- speedup: how many times as fast as the base's pass of the same turn; low to high covers the middle 80 % of the turns.
-- times: {name = {ms, ...}}, as many of each.
function timing.beside(times, base)
  local out = {}
  for name, list in pairs(times) do
    local sorted, ratios = table.move(list, 1, #list, 1, {}), {}
    for i, ms in ipairs(list) do ratios[i] = times[base][i] / ms end
    table.sort(sorted)
    table.sort(ratios)
    out[name] = { ms = quantile(sorted, 0.5) }
    if name ~= base then
      out[name].speedup = { median = quantile(ratios, 0.5), low = quantile(ratios, LOW), high = quantile(ratios, HIGH), turns = #list }
    end
  end
  return out
end

-- Times networks in turn for about a second, and at least five turns; returns what timing.beside does.
function timing.compare(models, base, h, w) return timing.beside(ranks.first(passes, models, h, w, LONGER), base) end

-- Whether other work disturbed the turns so much that they say nothing of the networks.
function timing.unsteady(s) return s.low <= 1 and s.high >= 1 and s.high > UNSTEADY * s.low end

-- A speedup in words: faster or slower only where the middle 80 % of the turns agree.
function timing.words(s)
  local spread = ("between %.2f and %.2f times as fast"):format(s.low, s.high)
  if s.low <= 1 and s.high >= 1 then
    return ("%s (%s)"):format(timing.unsteady(s) and "other work leaves no figure" or "no difference seen", spread)
  end
  return ("%.2f times as fast (%s), %s"):format(s.median, spread:gsub(" times as fast", ""), s.low > 1 and "faster" or "slower")
end

return timing
