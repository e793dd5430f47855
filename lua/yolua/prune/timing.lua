-- How long forward passes over one image take, on a machine that also does other work.
local core = require "yolua.core"
local ranks = require "yolua.ranks"

local timing = {}

local LEAST, MOST, SECONDS = 7, 25, 0.3 -- passes of each network, and about how long they may take together

-- Milliseconds by each network, {name = ms}: of passes in turn the quickest of each, which is the one that other work disturbed least.
-- models: {name = model}; h, w: the input's size (default: each network's own).
local function in_turn(models, h, w)
  local names, plans, best, started = {}, {}, {}, core.system.clock()
  for name in pairs(models) do names[#names + 1], best[name] = name, math.huge end
  table.sort(names)
  for number = 0, MOST do -- the first pass of each chooses algorithms and packs weights
    for _, name in ipairs(names) do
      plans[name] = plans[name] or models[name]:plan { mode = "infer", batch = 1, h = h, w = w }
      core.noise(plans[name], 1)
      local from = core.system.clock()
      plans[name]:forward()
      if number > 0 then best[name] = math.min(best[name], 1e3 * (core.system.clock() - from)) end
    end
    if number >= LEAST and core.system.clock() - started > SECONDS then break end
  end
  return best
end

-- Of several ranks the first one looks at the clock, since decisions may depend on it.
function timing.in_turn(models, h, w) return ranks.first(in_turn, models, h, w) end

-- The same of one network.
function timing.ms(model, h, w) return timing.in_turn({ model = model }, h, w).model end

return timing
