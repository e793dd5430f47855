-- Each parameter at the same sparsity: the smallest scores of each go.
local apportion = require "yolua.prune.apportion"

return { groups = function(list, zeros, count)
  local shares = {}
  for i = 1, #list do shares[i] = zeros / count end
  return apportion(list, shares, zeros)
end }
