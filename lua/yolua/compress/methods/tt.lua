-- Tensor trains by TT-SVD (Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33, 2011, algorithm 1). A convolution's kernel has
-- the modes in, space, out: three cores, which are three ordinary layers. Each of the two truncations gets error / sqrt(2), so that the
-- whole error is within the one prescribed (theorem 2.2). A connected layer's weight becomes one layer of small cores
-- (compress/tensor_train.lua).
local factors = require "yolua.compress.factors"
local train = require "yolua.compress.tensor_train"

local tt = { connected = true, kernel_ranks = 2, help = "convolutions: 1x1, a small convolution, 1x1: a tensor train over input channels, "
  .. "space, output channels; connected layers: a layer tensor_train (TT-SVD)" }

function tt.prepare(w, o)
  if not w.size then return train.prepare(w, o.cores) end
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
  if not state.w.size then return train.ranks(state, most) end
  local first = factors.rank(state.falling, most / 2 ^ 0.5)
  return { first, factors.rank(values(state, first), most / 2 ^ 0.5) }
end

function tt.count(w, ranks) return (w.size and factors.three or train.count)(w, ranks) end

function tt.fewest(w, cores) return w.size and factors.three(w, { 1, 1 }) or train.fewest(w, cores) end

-- The largest ranks; each depends on the one before.
function tt.full(state, ranks)
  local w = state.w
  if not w.size then return train.full(state, ranks) end
  return { #state.falling, math.min((ranks and ranks[1] or #state.falling) * w.space, w.out) }
end

function tt.parts(state, ranks)
  local w, a, b = state.w, ranks[1], ranks[2]
  if not w.size then return train.parts(state, ranks) end
  local u, s, v = rest(state, a):svd()
  local core, last = factors.columns(u, b), factors.rows(v, b) * s[{ { 1, b } }]:reshape(b, 1) -- {r1 space, r2}, {r2, out}
  return { { weight = factors.columns(state.u, a):transpose():clone():reshape(a, 1, 1, w.inner) },
    { weight = core:reshape(a, w.space, b):permute(3, 2, 1):clone():reshape(b, w.size, w.size, a), space = true },
    { weight = last:transpose():clone():reshape(w.out, 1, 1, b) } }
end

return tt
