-- yl.decompose(model, {method = "tucker2", ratio = .5}): layers as products of smaller ones, by the methods of compress/methods/. What
-- comes out is made of ordinary layers, which train, export and run everywhere; of connected layers method=tt makes one of its own kind.
local core = require "yolua.core"
local callback = require "yolua.options.callback"
local chain = require "yolua.compress.chain"
local factors = require "yolua.compress.factors"
local options = require "yolua.options.table"
local progress = require "yolua.terminal.progress"
local tables = require "yolua.report.tables"
local uncalibrated = require "yolua.model.uncalibrated"
local weights = require "yolua.compress.weights"

local methods = core.options.modules "lua/yolua/compress/methods/"

local decompose = { fields = {
  { "method", "enum", "tucker2", "", "how: " .. table.concat(methods, ", ")
    .. "; a 1x1 convolution is a matrix, so any of them gives the product of two that svd finds", choices = methods },
  { "layers", "list", nil, "", "layers, with globs (default: every convolution or connected layer but those before a head)",
    aliases = { "only" } },
  { "error", "number", nil, "", "how far each weight may be from its product, relative to its norm", min = 0, max = 1 },
  { "ratio", "number", nil, "", "how much of its numbers each layer may keep", min = 0, max = 1 },
  { "flops", "number", nil, "", "how much of the network's FLOPs is left, with one error for all layers", min = 0, max = 1 },
  { "ranks", "numbers", nil, "", "the ranks of every layer: svd and cp: one; tucker2 and tt: of its inputs, of its "
    .. "outputs (1x1 convolutions: the smaller of both); connected layers by tt: between every two cores" },
  { "cores", "int", nil, "", "method=tt: of a connected layer (default: by its sizes, at most 4)", min = 2, max = 7 },
  { "vbmf", "bool", nil, "", "method=tucker2 or svd: ranks by variational Bayes, as many as stand out of the noise" },
} }
local check = options.declare("yl.decompose", decompose.fields)

local ROUNDS, TRIALS = 12, 8 -- of halving: of one layer's numbers, of the network's FLOPs
local ROUNDING = 1e-5 -- of f32 products, in a relative error
local WIDEST = 2 ^ 0.5 -- the relative error that leaves ranks of 1: tucker2 and tt give each of their two cuts 1 / sqrt(2) of it

-- A weight with the method that takes it apart, and what that needs for it.
local function prepared(w, o)
  local name = weights.method_for(w, o.method)
  local state = weights.method(name).prepare(w, o)
  state.name, state.method = name, weights.method(name)
  return state
end

-- Ranks and parts within a relative error.
local function by_error(state, error) return state.method.ranks(state, error * state.w.norm) end

-- Ranks that the caller has chosen for o.method.
local function given(state, o)
  local ranks, list = o.ranks, {}
  local function refuse(format, ...)
    options.refuse(o, "ranks", "decompose: ranks: %s (method=%s): " .. format, state.w.name, state.name, ...)
  end
  if state.name ~= o.method and #ranks == weights.method(o.method).kernel_ranks then ranks = { math.min(table.unpack(ranks)) } end
  local full = state.method.full(state, ranks)
  if #ranks ~= #full then refuse("expected %d, got %d", #full, #ranks) end
  for i, r in ipairs(ranks) do
    if r ~= r // 1 or r < 1 or r > full[i] then refuse("expected whole numbers in 1..%d, got %g", full[i], r) end
    list[i] = r // 1 | 0
  end
  return list
end

local function widest(state) return state.widest or WIDEST end

-- The smallest error whose parts have at most so many numbers; ranks of 1 where the search finds none.
local function by_numbers(state, most)
  local method = state.method
  if method.affordable then return method.affordable(state, most) end
  local low, high, best = 0, widest(state), nil
  for _ = 1, ROUNDS do
    local middle = (low + high) / 2
    local ranks = by_error(state, middle)
    if method.count(state.w, ranks) <= most then high, best = middle, ranks else low = middle end
  end
  return best or by_error(state, widest(state))
end

-- ---- the result ------------------------------------------------------------------------------------------------------------

local Decomposed = { __name = "decomposition" }
Decomposed.__index = Decomposed

function Decomposed:__tostring()
  local body = {}
  for i, l in ipairs(self.layers) do
    local ranks = l.ranks and table.concat(l.ranks, ", ") or "as it is" .. (l.why and ": " .. l.why or "")
    body[i] = { l.name, l.method or "", ranks, ("%.4f"):format(l.error), tostring(l.before), tostring(l.after) }
  end
  return table.concat(tables.align({ "layer", "method", "ranks", "error", "numbers", "left" }, body), "\n")
    .. ("\n%d parameters (of %d), %.4g FLOPs (of %.4g)"):format(self.params, self.before.params, self.flops, self.before.flops)
end

-- The decomposition with `ranks_of(state)`; layers that would not become smaller stay, and so do those for which it gives nil, or whose
-- product is further away than `most`.
local function decomposed(model, states, bar, ranks_of, most)
  local parts_of, rows = {}, {}
  for i, state in ipairs(states) do
    local w = state.w
    local ranks = ranks_of(state)
    local parts = ranks and state.method.parts(state, ranks)
    local count = parts and factors.count(parts) or w.count
    local off = count < w.count and factors.norm(factors.product(parts) - w.value) / w.norm or 0
    if count < w.count and off <= (most or math.huge) + ROUNDING then
      parts_of[w.name] = parts
      rows[i] = { name = w.name, method = state.name, ranks = ranks, before = w.count, after = count, error = off }
    else rows[i] = { name = w.name, before = w.count, after = w.count, error = 0 } end
    bar:update(bar.done + 1)
  end
  return chain(model, parts_of), rows
end

-- One error for all layers with which the network has at most so many FLOPs.
local function by_flops(model, states, bar, o)
  local low, high, all = 0, 1, model:flops()
  local function made_with(share) -- of the error that leaves ranks of 1
    return decomposed(model, states, bar, function(state) return by_error(state, share * widest(state)) end)
  end
  if o.flops >= 1 then return decomposed(model, states, bar, function() end) end
  local best, rows = made_with(high)
  if best:flops() > o.flops * all then
    local least = best:flops()
    best:close()
    options.refuse(o, "flops", "decompose: flops=%g: ranks of 1 leave %s of the FLOPs: expected at least that", o.flops,
      weights.share_text(least, all))
  end
  for _ = 1, TRIALS do
    local middle = (low + high) / 2
    local made, list = made_with(middle)
    if made:flops() <= o.flops * all then
      best:close()
      high, best, rows = middle, made, list
    else
      low = middle
      made:close()
    end
  end
  return best, rows
end

local function budget(o)
  local found
  for _, key in ipairs { "error", "ratio", "flops", "ranks", "vbmf" } do
    if o[key] then
      if found then options.refuse(o, key, "decompose: expected one of error, ratio, flops, ranks and vbmf, got %s and %s", found, key) end
      found = key
    end
  end
  return found or options.refuse(o, nil, "decompose: expected error=, ratio=, flops=, ranks= or vbmf=true: how much may go")
end

-- The states of the chosen weights; the bar counts them.
local function all_prepared(list, o, bar)
  local states = {}
  for i, w in ipairs(list) do
    states[i] = prepared(w, o)
    bar:update(i)
  end
  return states
end

-- The decomposition by the option `key`, which says how much may go.
local function by(key, model, states, bar, o)
  if key == "flops" then return by_flops(model, states, bar, o) end
  return decomposed(model, states, bar, function(state)
    if key == "vbmf" then return state.method.vbmf(state) end
    if key == "ranks" then return given(state, o) end
    if key == "error" then return by_error(state, o.error) end
    local most = weights.kept(state.w, o.ratio)
    return most < state.w.count and by_numbers(state, most) or nil
  end, o.error)
end

-- Returns {net = the new model, params, flops, before = {params, flops}, layers = {{name, method, ranks, error, before, after}, ...}}; it
-- prints as a table. A layer that would not become smaller stays, without method and ranks, and so do chosen ones that the method cannot
-- take, whose rows say `why`. The old model stays as it is.
return setmetatable(decompose, { __call = function(_, model, values)
  callback.model("yl.decompose", model)
  local o = check(values or {})
  local key = budget(o)
  if key == "vbmf" and not weights.method(o.method).vbmf then
    options.refuse(o, key, "decompose: vbmf is for method=tucker2 or svd, not %s", o.method)
  end
  if o.cores and o.method ~= "tt" then options.refuse(o, "cores", "decompose: cores is for method=tt, not %s", o.method) end
  local list, stay = weights.chosen(model, o)
  weights.check(list, o)
  local bar <close> = progress.new { label = "decompose", total = #list * (1 + (key == "flops" and 1 + TRIALS or 1)), unit = "layers" }
  local net, rows = by(key, model, all_prepared(list, o, bar), bar, o)
  for _, w in ipairs(stay) do rows[#rows + 1] = { name = w.name, before = w.count, after = w.count, error = 0, why = w.why } end
  uncalibrated("decompose", model, net)
  return setmetatable({ net = net, params = net:counts().params, flops = net:flops(), layers = rows,
    before = { params = model:counts().params, flops = model:flops() } }, Decomposed)
end })
