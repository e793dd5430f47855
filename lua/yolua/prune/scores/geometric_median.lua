-- The sum of a filter's distances to the layer's other filters: what is near the geometric median is what the others can stand for (He et
-- al. 2019, "Filter pruning via geometric median", eq. 6); for pattern=channel. Filters that are masked already count for nothing.
return {
  channel = function(p, score, rows)
    local w = p.value:reshape(rows, -1)
    local alive = w:abs():sum(2):gt(0):to "f32"
    local square = w:pow(2):sum(2)
    local d = w:matmul(w:transpose()):mul_(-2):add_(square:reshape(rows, 1)):add_(square:reshape(1, rows)) -- |a|^2 + |b|^2 - 2 a b
    d:maximum(0):sqrt_():mul_(alive:reshape(1, rows)):sum(2, score)
    score:mul_(alive)
  end,
}
