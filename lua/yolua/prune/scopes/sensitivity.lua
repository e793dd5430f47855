-- What a scan of sensitivity says: each parameter gets as many zeros as cost it the same drop of AP on its own (Li et al. 2017, "Pruning
-- filters for efficient convnets", section 3.2, made a rule). The scan runs before the first cut, on data.pick, else dev; what is known
-- of the network from an earlier one is used again.
local apportion = require "yolua.prune.apportion"
local sensitivity = require "yolua.prune.sensitivity"
local sources = require "yolua.train.sources"

local scope = {}

-- By parameter: points {sparsity, drop of the AP}, from {0, 0} to everything gone.
local function curves_of(result)
  local curves = {}
  for _, layer in ipairs(result.layers) do
    local points, worst = { { 0, 0 } }, 0
    for i, level in ipairs(layer.sparsity) do
      worst = math.max(worst, result.dense - layer.ap[i])
      points[#points + 1] = { level, worst }
    end
    points[#points + 1] = { 1, math.max(worst, result.dense) }
    curves[layer.parameter] = points
  end
  return curves
end

-- The sparsity at which a curve has reached the drop: linear between its points. A layer without a curve stays whole.
local function share(points, drop)
  local found = 0
  for i = 2, #(points or {}) do
    local a, b = points[i - 1], points[i]
    if b[2] <= drop then found = b[1]
    else return math.max(found, a[1] + (b[1] - a[1]) * math.max(0, drop - a[2]) / (b[2] - a[2])) end
  end
  return found
end

-- Each parameter's share of zeros, so that together they are `zeros`, at the least drop of the AP that allows this; and that drop.
function scope.shares(result, list, zeros)
  local curves = curves_of(result)
  local function total(drop)
    local sum = 0
    for _, r in ipairs(list) do sum = sum + share(curves[r.name], drop) * r.count end
    return sum
  end
  local low, high = 0, 1
  for _ = 1, 60 do
    local middle = (low + high) / 2
    if total(middle) >= zeros then high = middle else low = middle end
  end
  local below, above, out = total(low), total(high), {}
  local mix = above > below and math.min(1, math.max(0, (zeros - below) / (above - below))) or 1
  local free = zeros < below and zeros / below or 1 -- what costs nothing is more than is asked for
  for i, r in ipairs(list) do
    local least, most = share(curves[r.name], low), share(curves[r.name], high)
    out[i] = free * (least + mix * (most - least))
  end
  return out, high
end

-- Plain data, which a checkpoint keeps.
function scope.prepare(t, o)
  if not sources.has_judged(t) then error("prune: scope=sensitivity needs a dev split to scan on (data.dev, data.pick)", 0) end
  local result = sensitivity.of_training(t, o)
  return { dense = result.dense, layers = result.layers }
end

function scope.groups(list, zeros, _, scanned) return apportion(list, (scope.shares(scanned, list, zeros)), zeros) end

return scope
