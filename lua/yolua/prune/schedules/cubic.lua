-- Many weights at first and few at the end: target + (start - target) (1 - round / ramp)^3 (Zhu and Gupta 2017, "To prune, or not to
-- prune", eq. 1).
return function(s) return s.target + (s.start - s.target) * (1 - math.min(1, s.round / s.ramp)) ^ 3 end
