-- Tensor train of a convolution's kernel (Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33, 2011, algorithm 1) over the
-- modes in, space, out: three cores, which are three ordinary layers. Each of the two truncations gets error / sqrt(2), so that the whole
-- error is within the one prescribed (theorem 2.2).
local factors = require "yolua.compress.factors"

local tt = { help = "1x1, a small convolution, 1x1: a tensor train over input channels, space, output channels (TT-SVD)" }

function tt.prepare(w)
  local u, s, v = w.value:permute(3, 2, 1):reshape(w.inner, -1):svd() -- {in, space out}
  return { w = w, u = u, s = s, v = v, falling = s:totable(), values = {} }
end

-- What is left after the first core: {r1 space, out}.
local function rest(state, r)
  return (factors.rows(state.v, r) * state.s[{ { 1, r } }]:reshape(r, 1)):reshape(r * state.w.space, state.w.out)
end

-- Its singular values. A search asks for the same rank several times.
local function values(state, r)
  if not state.values[r] then state.values[r] = rest(state, r):singular_values():totable() end
  return state.values[r]
end

function tt.ranks(state, most)
  local first = factors.rank(state.falling, most / 2 ^ 0.5)
  return { first, factors.rank(values(state, first), most / 2 ^ 0.5) }
end

tt.count = factors.three

-- The largest ranks; the second depends on the first.
function tt.full(state, ranks)
  local w = state.w
  return { #state.falling, math.min((ranks and ranks[1] or #state.falling) * w.space, w.out) }
end

function tt.parts(state, ranks)
  local w, a, b = state.w, ranks[1], ranks[2]
  local u, s, v = rest(state, a):svd()
  local core, last = factors.columns(u, b), factors.rows(v, b) * s[{ { 1, b } }]:reshape(b, 1) -- {r1 space, r2}, {r2, out}
  return { { weight = factors.columns(state.u, a):transpose():clone():reshape(a, 1, 1, w.inner) },
    { weight = core:reshape(a, w.space, b):permute(3, 2, 1):clone():reshape(b, w.size, w.size, a), space = true },
    { weight = last:transpose():clone():reshape(w.out, 1, 1, b) } }
end

return tt
