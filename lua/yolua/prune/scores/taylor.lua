-- First-order Taylor expansion of the loss, squared: (gradient * weight)^2, summed over some batches before the cut (Molchanov et al.
-- 2019, "Importance estimation for neural network pruning", eq. 8).
return {
  probe = true,
  gather = function(p)
    local g = p.gradient:mul(p.value)
    p.saliency:addmul_(g, g)
  end,
  score = function(p, score) score:copy_(p.saliency) end,
}
