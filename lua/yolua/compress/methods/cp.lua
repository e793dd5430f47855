-- Canonical polyadic decomposition of a convolution's kernel over in, space, out by alternating least squares (Lebedev et al., "Speeding-up
-- convolutional neural networks using fine-tuned CP-decomposition", ICLR 2015; Kolda and Bader 2009, figure 3.3): R input mixes, a
-- depthwise convolution, an output mix. The factors are the same in every run.
local core = require "yolua.core"
local factors = require "yolua.compress.factors"

local cp = { help = "1x1, a depthwise convolution, 1x1: a sum of R separable terms (alternating least squares)" }

local SWEEPS, HOLD, STILL = 60, 1e-4, 1e-3 -- still: a sweep that takes less of the error is the last one

-- The largest eigenvalue of a symmetric matrix that is positive, by power iteration: near enough for what it is for.
local function largest(m)
  local x, size = core.tensor.zeros({ m:shape()[1], 1 }):fill_(1), 1
  for _ = 1, 20 do
    x = m:matmul(x)
    size = factors.norm(x)
    if size == 0 then return 0 end
    x = x * (1 / size)
  end
  return size
end

-- The weight's slices along its singular vectors of space, each by its own singular values: orthogonal terms, of which the largest are
-- where a fit begins. It fits the weight at norm 1, so that no product of Gram matrices leaves f32's range.
function cp.prepare(w)
  local unit = setmetatable({ value = w.value / w.norm, norm = 1 }, { __index = w })
  local by_space = unit.value:permute(2, 1, 3):clone():reshape(w.space, -1)
  local basis = by_space:svd()
  local turned, slices, sizes = basis:transpose():clone():matmul(by_space), {}, {}
  for k = 1, basis:shape()[2] do
    local u, s, v = turned[{ { k, k }, {} }]:clone():reshape(w.out, w.inner):svd()
    slices[k] = { u = u, root = s:pow(1 / 3), v = v:transpose():clone() }
    for _, x in ipairs(s:totable()) do sizes[#sizes + 1] = { x, k } end
  end
  table.sort(sizes, function(a, b) if a[1] ~= b[1] then return a[1] > b[1] end return a[2] < b[2] end)
  return { w = w, unit = unit, basis = basis, slices = slices, sizes = sizes, fits = {} }
end

-- The r largest terms: {out, r}, {space, r}, {in, r}.
local function start(state, r)
  local w, counts, first = state.w, {}, 1
  local o, s, i = core.tensor.zeros { w.out, r }, core.tensor.zeros { w.space, r }, core.tensor.zeros { w.inner, r }
  for n = 1, math.min(r, #state.sizes) do counts[state.sizes[n][2]] = (counts[state.sizes[n][2]] or 0) + 1 end
  for k, slice in ipairs(state.slices) do
    local n = counts[k] or 0
    if n > 0 then
      local place, root = { {}, { first, first + n - 1 } }, slice.root[{ { 1, n } }]
      o[place] = factors.columns(slice.u, n) * root
      s[place] = state.basis[{ {}, { k, k } }] * root
      i[place] = factors.columns(slice.v, n) * root
      first = first + n
    end
  end
  return o, s, i
end

local function gram(m) return m:transpose():matmul(m) end

-- One factor {n, r}, the other two given by their Gram matrices, p and q, and by their product with the weight {n, r}: (product + h now)
-- (p * q + h)^-1. The term with h holds the factor near what it is now, which keeps terms that cancel each other from growing, and
-- vanishes as the sweeps converge (Navasca et al. 2008).
local function solve(product, p, q, now)
  local m, places = p * q, core.tensor.arange(1, now:shape()[2])
  local hold = math.max(HOLD * largest(m), 1e-30)
  m = m + places:reshape(-1, 1):eq(places:reshape(1, -1)):to "f32" * hold
  return m:solve((product + now * hold):transpose():clone()):transpose():clone()
end

-- A factor's product with the weight and the other two factors is made of two matrix products in a sweep: with the inputs' factor,
-- for outputs and space, and with the outputs' factor, for the inputs.
local function sweep(w, o, s, i)
  local r = o:shape()[2]
  local mixed = w.value:reshape(-1, w.inner):matmul(i):reshape(w.out, w.space, r)
  local of_i = gram(i)
  o = solve((mixed * s:reshape(1, w.space, r)):sum(2), gram(s), of_i, o)
  s = solve((mixed * o:reshape(w.out, 1, r)):sum(1), gram(o), of_i, s)
  mixed = o:transpose():clone():matmul(w.value:reshape(w.out, -1)):reshape(r, w.space, w.inner)
  local product = (mixed * s:transpose():clone():reshape(r, w.space, 1)):sum(2):transpose():clone()
  local others = gram(o) * gram(s)
  i = solve(product, others, core.tensor.zeros({ r, r }):fill_(1), i)
  local squared = w.norm ^ 2 - 2 * (product * i):sum() + (others * gram(i)):sum()
  return o, s, i, math.max(0, squared) ^ 0.5
end

local function fit(state, r)
  if state.fits[r] then return state.fits[r] end
  local w, error = state.unit, math.huge
  local o, s, i = start(state, r)
  for _ = 1, SWEEPS do
    local last = error
    o, s, i, error = sweep(w, o, s, i)
    if last - error < STILL * last and last < math.huge then break end
  end
  state.fits[r] = { o, s, i }
  return state.fits[r]
end

local function parts_of(state, r)
  local w, found = state.w, fit(state, r)
  local o, s, i = table.unpack(found)
  local root = w.norm ^ (1 / 3)
  o, s, i = o * root, s * root, i * root
  return { { weight = i:transpose():clone():reshape(r, 1, 1, w.inner) },
    { weight = s:transpose():clone():reshape(r, w.size, w.size, 1), space = true, depthwise = true },
    { weight = o:reshape(w.out, 1, 1, r) } }
end

-- The smallest rank found by halving whose error is at most that; its terms are never more numbers than the weight itself.
function cp.ranks(state, most)
  local w = state.w
  local low, high = 0, math.max(1, w.value:count() // cp.fewest(w))
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

-- Of one term.
function cp.fewest(w) return w.out + w.space + w.inner end

-- The rank of so many numbers, without a search.
function cp.affordable(state, numbers) return { math.max(1, numbers // cp.fewest(state.w)) } end

function cp.parts(state, ranks) return parts_of(state, ranks[1]) end

return cp
