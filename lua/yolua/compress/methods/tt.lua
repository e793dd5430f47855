-- Tensor train of a convolution's kernel (Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33, 2011, algorithm 1) over the
-- modes in, space, out: three cores, which are three ordinary layers. Each of the two truncations gets error / sqrt(2), so that the whole
-- error is within the one prescribed (theorem 2.2).
local factors = require "yolua.compress.factors"

local tt = { help = "1x1, a small convolution, 1x1: a tensor train over input channels, space, output channels (TT-SVD)" }

local function truncated(matrix, most, rank)
  local u, s, v = matrix:svd()
  local r = rank or factors.rank(s:totable(), most)
  return r, factors.columns(u, r), factors.rows(v, r) * s[{ { 1, r } }]:reshape(r, 1)
end

function tt.prepare(w)
  local u, s, v = w.value:permute(3, 2, 1):reshape(w.inner, -1):svd() -- {in, space out}
  return { w = w, u = u, s = s, v = v, falling = s:totable() }
end

-- What is left after the first core: {r1 space, out}.
local function rest(state, r)
  return (factors.rows(state.v, r) * state.s[{ { 1, r } }]:reshape(r, 1)):reshape(r * state.w.space, state.w.out)
end

function tt.ranks(state, most)
  local first = factors.rank(state.falling, most / 2 ^ 0.5)
  return { first, (truncated(rest(state, first), most / 2 ^ 0.5)) }
end

-- The largest ranks; the second depends on the first.
function tt.full(state, ranks)
  local w = state.w
  return { #state.falling, math.min((ranks and ranks[1] or #state.falling) * w.space, w.out) }
end

function tt.parts(state, ranks)
  local w, a, b = state.w, ranks[1], ranks[2]
  local _, core, last = truncated(rest(state, a), nil, b) -- {r1 space, r2}, {r2, out}
  return { { weight = factors.columns(state.u, a):transpose():clone():reshape(a, 1, 1, w.inner) },
    { weight = core:reshape(a, w.space, b):permute(3, 2, 1):clone():reshape(b, w.size, w.size, a), space = true },
    { weight = last:transpose():clone():reshape(w.out, 1, 1, b) } }
end

return tt
