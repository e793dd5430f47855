-- A random number, as a control: what a score is worth is how much better it does than this.
return { score = function(p, score) score:uniform_(p.seed, 0, 1) end }
