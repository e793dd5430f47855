-- One threshold for all parameters: the network's smallest scores go, wherever they are.
return { groups = function(list, zeros) return { { list = list, zeros = zeros } } end }
