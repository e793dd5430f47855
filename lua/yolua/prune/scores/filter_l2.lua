-- The root of the mean square of a filter's weights; for pattern=channel.
return { channel = function(p, score, rows) p.value:reshape(rows, -1):pow(2):mean(2, score):sqrt_() end }
