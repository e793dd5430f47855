-- Tucker-2 by truncated higher-order SVD (De Lathauwer et al. 2000; Kim et al., "Compression of deep convolutional neural networks for fast
-- and low power mobile applications", ICLR 2016): fewer input channels, a small convolution, more output channels. Its squared error is at
-- most the sum of the squares of the singular values that go, over both unfoldings.
local factors = require "yolua.compress.factors"
local vbmf = require "yolua.compress.vbmf"

local tucker2 = { kernel_ranks = 2, help = "1x1, a small convolution, 1x1: both channel modes cut (higher-order SVD)" }

function tucker2.prepare(w)
  local by_out = w.value:reshape(w.out, -1)
  local by_in = w.value:permute(3, 2, 1):reshape(w.inner, -1)
  local u_out, s_out = by_out:svd()
  local u_in, s_in = by_in:svd()
  return { w = w, u_out = u_out, u_in = u_in, s_out = s_out:totable(), s_in = s_in:totable() }
end

-- Both unfoldings get half of the squared error.
function tucker2.ranks(state, most)
  local half = most / 2 ^ 0.5
  return { factors.rank(state.s_in, half), factors.rank(state.s_out, half) }
end

-- The largest ranks.
function tucker2.full(state) return { #state.s_in, #state.s_out } end

-- As many as stand out of the noise in each unfolding (Kim et al., section 3.1); nil where none does: nothing says what may go.
function tucker2.vbmf(state)
  local w = state.w
  local a, b = vbmf.rank(state.s_in, w.inner, w.out * w.space), (vbmf.rank(state.s_out, w.out, w.inner * w.space))
  return a > 0 and b > 0 and { a, b } or nil
end

tucker2.count = factors.three

function tucker2.fewest(w) return tucker2.count(w, { 1, 1 }) end

function tucker2.parts(state, ranks)
  local w, a, b = state.w, ranks[1], ranks[2]
  local into, out = factors.columns(state.u_in, a), factors.columns(state.u_out, b)
  local core = out:transpose():matmul(w.value:reshape(w.out, -1)):reshape(b * w.space, w.inner):matmul(into)
  return { { weight = into:transpose():clone():reshape(a, 1, 1, w.inner) }, { weight = core:reshape(b, w.size, w.size, a), space = true },
    { weight = out:reshape(w.out, 1, 1, b) } }
end

return tucker2
