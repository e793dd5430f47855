-- The poster's: in each round a fixed share of what is left (`step`, 2 %), up to the target.
return function(s) return math.max(s.sparsity, math.min(s.target, s.sparsity + s.options.step * (1 - s.sparsity))) end
