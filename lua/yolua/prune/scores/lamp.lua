-- LAMP: the square of a weight over the squares of all weights of its layer that are not smaller (Lee et al. 2021); with scope=global it
-- finds each layer's sparsity by itself.
local core = require "yolua.core"

return { score = function(p, score) core.prune.lamp(p.value, p.mask, score) end }
