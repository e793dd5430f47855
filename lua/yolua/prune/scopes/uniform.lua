-- The same sparsity for each parameter but the network's first weights, which stay dense (Gale et al. 2019, "The state of sparsity in deep
-- neural networks", section 3); the others make up for them.
local apportion = require "yolua.prune.apportion"

return { groups = function(list, zeros, count)
  local shares, rest = {}, count - list[1].count
  for i = 1, #list do shares[i] = i == 1 and (zeros > rest and (zeros - rest) / list[1].count or 0) or math.min(1, zeros / rest) end
  return apportion(list, shares, zeros)
end }
