-- The size of a weight, |w| (Han et al. 2015, "Learning both weights and connections").
return { score = function(p, score) p.value:abs(score) end }
