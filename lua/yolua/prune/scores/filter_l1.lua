-- The mean size of a filter's weights (Li et al. 2017, "Pruning filters for efficient ConvNets"); for pattern=channel.
return { channel = function(p, score, rows) p.value:abs():reshape(rows, -1):mean(2, score) end }
