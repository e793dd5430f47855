-- Gradients for a score that looks at the network before a cut: some batches forward and backward, without a step.
local batches = require "yolua.data.batches"
local score = require "yolua.prune.score"

local function source_of(t)
  local o = t.options
  return batches.images { data = t.data, list = t.data.train, names = t.model.names, batch = t.micro, w = t.w, h = t.h, resize = t.resize,
    train = true, seed = o.seed, workers = o.data.workers, cache = o.data.cache, cache_dir = o.data.cache_dir, strict = o.data.strict,
    parts = 1 }
end

-- how: the score; o: batches, and round, which decides which pictures these are. Statistics do not move, and no gradient is left.
return function(t, list, how, o)
  local source, net, count = source_of(t), t.model.net, 0
  local plan = t.model:plan { mode = "train", batch = t.micro, h = t.h, w = t.w }
  score.forget(t.model)
  local ok, message = pcall(function()
    local next_batch = source:epoch(o.round)
    while count < o.batches do
      local batch = next_batch()
      if not batch then break end
      source:feed(plan, batch)
      plan:forward { seed = t.options.seed, step = t.step + count, hold_statistics = true }
      source:loss(plan, batch)
      plan:backward()
      score.gather(t.model, list, how, { rate = t.lr or 0 })
      net:zero "grad"
      count = count + 1
    end
  end)
  source:close()
  if not ok then error(message, 0) end
end
