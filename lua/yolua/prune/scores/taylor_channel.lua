-- First-order Taylor expansion of the loss without a filter: (the sum of gradient * weight over it)^2, summed over some batches before the
-- cut (Molchanov et al. 2019, eq. 8); for pattern=channel.
return {
  probe = true,
  gather = function(p)
    local rows = p.value:shape()[1]
    local g = p.gradient:mul(p.value):reshape(rows, -1):sum(2)
    p.saliency:reshape(rows, -1):select(2, 1):addmul_(g, g) -- the first of a filter's numbers stands for all
  end,
  channel = function(p, score, rows) p.saliency:reshape(rows, -1):sum(2, score) end,
}
