-- The size of the batch-norm's scale behind a channel (Liu et al. 2017, "Network slimming"); for pattern=channel. bn_decay= pulls these
-- scales towards zero while the network trains.
return { of = "scale", channel = function(p, score) p.value:abs(score) end }
