-- Canonical polyadic decomposition of a convolution's kernel over in, space, out by alternating least squares (Lebedev et al., "Speeding-up
-- convolutional neural networks using fine-tuned CP-decomposition", ICLR 2015; Kolda and Bader 2009, figure 3.3): R input mixes, a
-- depthwise convolution, an output mix. The factors begin at the leading singular vectors, and are the same in every run.
local core = require "yolua.core"
local factors = require "yolua.compress.factors"

local cp = { help = "1x1, a depthwise convolution, 1x1: a sum of R separable terms (alternating least squares)" }

local SWEEPS, HOLD = 60, 1e-4

-- (m + h)^-1 of a symmetric matrix, and h, a share of its largest eigenvalue.
local function inverse(m)
  local u, s, v = m:svd()
  local hold = HOLD * s[1]
  return (v:transpose():clone() * (s + hold):pow(-1)):matmul(u:transpose()), hold
end

-- The columnwise Kronecker product: {a, r} and {b, r} -> {a b, r}.
local function khatri_rao(a, b)
  local p, q, r = a:shape()[1], b:shape()[1], a:shape()[2]
  return (a:reshape(p, 1, r) * b:reshape(1, q, r)):reshape(p * q, r)
end

local function start(unfolded, r, seed)
  local rows = unfolded:shape()[1]
  local known = math.min(r, rows)
  local all = core.tensor.zeros { rows, r }
  all:uniform_(-1, 1, seed)
  local u = unfolded:svd()
  all[{ {}, { 1, known } }] = factors.columns(u, known)
  return all
end

function cp.prepare(w)
  local x = w.value -- {out, space, in}
  return { w = w, unfolded = { x:reshape(w.out, -1), x:permute(2, 1, 3):clone():reshape(w.space, -1),
    x:permute(3, 1, 2):clone():reshape(w.inner, -1) }, fits = {} }
end

local function gram(m) return m:transpose():matmul(m) end

-- One factor, the other two given: (X_(n) (p kr q) + h now) ((p'p) * (q'q) + h)^-1. The term with h holds the factor near what it is now,
-- which keeps terms that cancel each other from growing, and vanishes as the sweeps converge (Navasca et al. 2008).
local function solve(unfolded, p, q, now)
  local inverted, hold = inverse(gram(p) * gram(q))
  return (unfolded:matmul(khatri_rao(p, q)) + now * hold):matmul(inverted)
end

local function fit(state, r)
  if state.fits[r] then return state.fits[r] end
  local x = state.unfolded
  local o, s, i = start(x[1], r, 1), start(x[2], r, 2), start(x[3], r, 3)
  for _ = 1, SWEEPS do
    o = solve(x[1], s, i, o)
    s = solve(x[2], o, i, s)
    i = solve(x[3], o, s, i)
  end
  state.fits[r] = { o, s, i }
  return state.fits[r]
end

local function parts_of(state, r)
  local w, found = state.w, fit(state, r)
  local o, s, i = table.unpack(found)
  return { { weight = i:transpose():clone():reshape(r, 1, 1, w.inner) },
    { weight = s:transpose():clone():reshape(r, w.size, w.size, 1), space = true, depthwise = true },
    { weight = o:reshape(w.out, 1, 1, r) } }
end

-- The smallest rank found by halving whose error is at most that; its terms are never more numbers than the weight itself.
function cp.ranks(state, most)
  local w = state.w
  local low, high = 0, math.max(1, w.value:count() // (w.out + w.space + w.inner))
  while high - low > math.max(1, high // 16) do
    local middle = (low + high) // 2
    local error = factors.norm(factors.product(parts_of(state, middle)) - w.value)
    if error <= most then high = middle else low = middle end
  end
  return { high }
end

-- The largest rank: more terms than that are never needed.
function cp.full(state)
  local sizes = { state.w.out, state.w.space, state.w.inner }
  table.sort(sizes)
  return { sizes[1] * sizes[2] }
end

-- The rank of so many numbers, without a search.
function cp.affordable(state, numbers)
  local w = state.w
  return { math.max(1, numbers // (w.out + w.space + w.inner)) }
end

function cp.parts(state, ranks) return parts_of(state, ranks[1]) end

return cp
