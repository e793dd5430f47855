-- Movement: -(gradient * weight), summed over the training steps since the last cut (Sanh et al. 2020, eq. 3). Weights that move away from
-- zero stay.
return {
  gather = function(p) p.saliency:addmul_(p.gradient:mul(p.value), -p.rate) end,
  score = function(p, score) score:copy_(p.saliency) end,
}
