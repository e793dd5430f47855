-- Whole numbers of zeros for each parameter, from the shares that a scope wants: they add up to the total, to the last one.

-- list: ranges with `count`; shares: the wanted share of zeros of each, 0..1; zeros: the total. What rounding leaves goes to the largest
-- remainders. Returns {{list = {range}, zeros = n}, ...}.
return function(list, shares, zeros)
  local groups, order, sum = {}, {}, 0
  for i, r in ipairs(list) do
    local wanted = shares[i] * r.count
    local whole = math.min(r.count, math.floor(wanted))
    groups[i], order[i], sum = { list = { r }, zeros = whole, rest = wanted - whole }, i, sum + whole
  end
  table.sort(order, function(a, b) return groups[a].rest > groups[b].rest or groups[a].rest == groups[b].rest and a < b end)
  local k = 0
  while sum < zeros do
    local g = groups[order[k % #order + 1]]
    if g.zeros < g.list[1].count then g.zeros, sum = g.zeros + 1, sum + 1 end
    k = k + 1
  end
  return groups
end
