-- The same number of weights in each round, from where it starts up to the target.
return function(s) return s.start + (s.target - s.start) * math.min(1, s.round / s.ramp) end
