-- N:M: of every M weights of neighbouring input channels at most N stay (pattern=2:4; Mishra et al. 2021). Up to the largest sparsity,
-- 1 - N/M, the schedule decides how many groups are thinned out so far.
local core = require "yolua.core"

return {
  keep = function(r, score, mask, how) core.prune.keep_largest(score, mask, r.dims[#r.dims], 1, how.n, how.m) end,
  share = function(how) return 1 - how.n / how.m end,
}
