-- What the methods of decomposition share. A weight is seen as {out, space, in}: a connected layer's space is 1, a convolution's size^2.
local factors = {}

-- The Euclidean norm. Numbers are divided by the largest before they are squared, so that no square is lost below f32's range or beyond
-- it (as in BLAS's nrm2).
function factors.norm(t)
  local largest = t:abs():max()
  if not (largest > 0 and largest < math.huge) then return (t * t):sum() ^ 0.5 end -- 0, or not finite
  local part = t / largest
  return largest * (part * part):sum() ^ 0.5
end

-- How many singular values (a falling list) are left when those that go have at most `most` as the root of their sum of squares; 1 at
-- least.
function factors.rank(s, most)
  local tail, rank = 0, #s
  while rank > 1 do
    tail = tail + s[rank] * s[rank]
    if tail > most * most then break end
    rank = rank - 1
  end
  return rank
end

-- The first r columns or rows.
function factors.columns(t, r) return t[{ {}, { 1, r } }]:clone() end
function factors.rows(t, r) return t[{ { 1, r }, {} }]:clone() end

-- A part is a layer: {weight = {out, in} or {out, size, size, in}, space = whether it carries the layer's size, stride and padding,
-- depthwise =}, or one layer of another kind, {kind =, options =, numbers = {name = tensor}, product = its weight}. The weight that parts
-- make together, as {out, space, in}.
function factors.product(parts)
  local all
  for _, part in ipairs(parts) do
    if part.product then return part.product end
    local w, d = part.weight, part.weight:shape()
    local out, space, inner = d[1], #d == 4 and d[2] * d[3] or 1, d[#d]
    if not all then all = w:reshape(out, space, inner)
    elseif part.depthwise then all = w:reshape(out, space, 1) * all -- all: {out, 1, in}
    elseif space > 1 then -- all: {inner, 1, in}
      all = w:reshape(out * space, inner):matmul(all:reshape(inner, -1)):reshape(out, space, -1)
    else
      local s = all:shape()
      all = w:reshape(out, inner):matmul(all:reshape(inner, -1)):reshape(out, s[2], s[3])
    end
  end
  return all
end

-- How many numbers the three layers of tucker2 and tt have.
function factors.three(w, ranks)
  local a, b = ranks[1], ranks[2]
  return a * w.inner + a * w.space * b + b * w.out
end

function factors.count(parts)
  local count = 0
  for _, part in ipairs(parts) do
    for _, numbers in pairs(part.numbers or { part.weight }) do count = count + numbers:count() end
  end
  return count
end

return factors
