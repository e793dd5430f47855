-- The rank of a noisy matrix by empirical variational Bayes, in closed form but for the noise's variance (Nakajima, Sugiyama, Babacan
-- and Tomioka, "Global analytic solution of fully-observed variational Bayesian matrix factorization", JMLR 14, 2013, theorem 2 and
-- corollary 1).
local vbmf = {}

local GOLDEN = (5 ^ 0.5 - 1) / 2

-- The estimate's size against the noise, for an observed x (equation 10).
local function tau(x, alpha)
  local d = x - (1 + alpha)
  return 0.5 * (d + math.max(0, d * d - 4 * alpha) ^ 0.5)
end

-- The free energy as a function of the variance, but for constants (equation 15).
local function energy(s, m, alpha, border, variance)
  local sum = 0
  for _, value in ipairs(s) do
    local x = math.max(value * value / (m * variance), 1e-300)
    sum = sum + x - math.log(x)
    if x > border then
      local y = tau(x, alpha)
      sum = sum + math.log(y + 1) + alpha * math.log(y / alpha + 1) - y
    end
  end
  return sum
end

-- The smallest value of f between two numbers, by golden sections of their logarithms.
local function minimum(f, low, high)
  local a, b = math.log(low), math.log(high)
  for _ = 1, 80 do
    local left, right = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
    if f(math.exp(left)) < f(math.exp(right)) then b = right else a = left end
  end
  return math.exp((a + b) / 2)
end

-- s: all singular values of a matrix {rows, columns}, falling. Returns how many are signal, and the noise's variance.
function vbmf.rank(s, rows, columns)
  local l, m = math.min(rows, columns), math.max(rows, columns)
  local alpha = l / m
  local bar = 2.5129 * alpha ^ 0.5 -- the root of equation 13, as corollary 1 approximates it
  local border = (1 + bar) * (1 + alpha / bar)
  local most = math.min(math.ceil(l / (1 + alpha)) - 1, #s - 1) -- more values than these cannot be signal
  local all, rest = 0, 0
  for i, value in ipairs(s) do
    all = all + value * value
    if i > most then rest = rest + value * value end
  end
  if all == 0 then return 0, 0 end
  local high = all / (l * m)
  local low = math.max(s[most + 1] ^ 2 / (m * border), rest / ((l - most) * m), 1e-12 * high)
  local variance = low < high and minimum(function(v) return energy(s, m, alpha, border, v) end, low, high) or high
  local rank = 0
  for i, value in ipairs(s) do rank = value * value > m * variance * border and i or rank end
  return rank, variance
end

return vbmf
