-- Gradients for a score that looks at the network before a cut: some batches forward and backward, without a step.
local score = require "yolua.prune.score"
local sources = require "yolua.train.sources"

-- how: the score; o: batches, and round, which decides which pictures these are. Statistics do not move, and no gradient is left. Every
-- rank looks at all of them, in parts as one rank alone would, so that all cut alike.
return function(t, list, how, o)
  local size = t.options.batch // (t.options.subdivisions or 1)
  local source, net, count = sources.images(t, t.data.train, true, size), t.model.net, 0
  t:work_alone()
  score.forget(t.model)
  local ok, message = pcall(function()
    local next_batch = source:epoch(o.round)
    while count < o.batches do
      local batch = next_batch()
      if not batch then break end
      local plan = t.model:plan { mode = "train", batch = size, h = batch.h or t.h, w = batch.w or t.w }
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
