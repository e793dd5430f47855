-- SNIP: |gradient * weight| with the gradient of some batches before the cut (Lee et al. 2019, eq. 5); meant for one cut at the start.
return {
  probe = true,
  gather = function(p) p.saliency:add_(p.gradient) end,
  score = function(p, score)
    p.saliency:mul(p.value, score)
    score:abs(score)
  end,
}
