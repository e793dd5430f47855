-- Truncated singular value decomposition (Eckart and Young 1936): the weight as a matrix {out, space in} = B A. A layer with r filters
-- of the layer's own size, and one of size 1 that mixes them (Zhang et al., "Accelerating very deep convolutional networks", TPAMI 2016,
-- section 3.1.1, without its data). Its error is the root of the sum of squares of the singular values that go.
local factors = require "yolua.compress.factors"
local vbmf = require "yolua.compress.vbmf"

local svd = { help = "a matrix {out, rest} of rank r: r filters, then a mix of them", connected = true }

function svd.prepare(w)
  local u, s, v = w.value:reshape(w.out, -1):svd()
  return { u = u, s = s, v = v, falling = s:totable(), w = w }
end

function svd.ranks(state, most) return { factors.rank(state.falling, most) } end

-- The largest ranks.
function svd.full(state) return { #state.falling } end

-- As many as stand out of the noise; nil where none does: nothing says what may go.
function svd.vbmf(state)
  local w = state.w
  local r = vbmf.rank(state.falling, w.out, w.inner * w.space)
  return r > 0 and { r } or nil
end

function svd.count(w, ranks) return ranks[1] * (w.space * w.inner + w.out) end

function svd.fewest(w) return svd.count(w, { 1 }) end

function svd.parts(state, ranks)
  local r, w = ranks[1], state.w
  local root = state.s[{ { 1, r } }]:sqrt()
  local first = factors.rows(state.v, r) * root:reshape(r, 1)
  if w.size then first = first:reshape(r, w.size, w.size, w.inner) end
  local second = factors.columns(state.u, r) * root
  if w.size then second = second:reshape(w.out, 1, 1, r) end
  return { { weight = first, space = true }, { weight = second } }
end

return svd
