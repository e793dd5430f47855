-- Erdos-Renyi-Kernel: a parameter keeps a share in proportion to the sum of its sizes over their product, so that large ones lose more
-- (Evci et al. 2020, "Rigging the lottery", section 3). Where that is more than all, it stays dense and the others make up for it.
local apportion = require "yolua.prune.apportion"

-- (out + kh + kw + in) / (out kh kw in)
local function raw(r)
  local sum, product = 0, 1
  for _, d in ipairs(r.dims) do sum, product = sum + d, product * d end
  return sum / product
end

-- The factor by which raw densities are multiplied, so that those that are not dense keep what is left of `keep`.
local function factor(list, dense, keep)
  local left, sum = keep, 0
  for i, r in ipairs(list) do
    if dense[i] then left = left - r.count else sum = sum + raw(r) * r.count end
  end
  return sum > 0 and left / sum or 0
end

return { groups = function(list, zeros, count)
  local dense, shares = {}, {}
  repeat
    local e, again = factor(list, dense, count - zeros), false
    for i, r in ipairs(list) do
      if not dense[i] and e * raw(r) > 1 then dense[i], again = true, true end
      shares[i] = dense[i] and 0 or 1 - math.max(0, e * raw(r))
    end
  until not again
  return apportion(list, shares, zeros)
end }
