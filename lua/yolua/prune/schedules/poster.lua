-- The poster's: in each round a fixed share of what is left (`step`, 2 %), up to the target, while rounds
-- prune.
return function(s)
  if s.round > s.ramp then return s.sparsity end
  return math.max(s.sparsity, math.min(s.target, s.sparsity + s.options.step * (1 - s.sparsity)))
end
