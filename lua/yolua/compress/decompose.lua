-- yl.decompose(model, {method = "tucker2", ratio = .5}): layers as products of smaller ones, by the methods of compress/methods/. What
-- comes out is made of ordinary layers, which train, export and run everywhere; of connected layers method=tt makes one of its own kind.
local core = require "yolua.core"
local chain = require "yolua.compress.chain"
local factors = require "yolua.compress.factors"
local options = require "yolua.options.table"
local progress = require "yolua.terminal.progress"
local ranges = require "yolua.prune.ranges"
local tables = require "yolua.report.tables"
local uncalibrated = require "yolua.model.uncalibrated"

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

-- Why a layer's weight cannot be decomposed by a method; nil where it can.
local function unfit(r, layer, method, name)
  if layer.kind ~= "conv2d" and layer.kind ~= "connected" then return "is no convolution or connected layer" end
  if (tonumber(layer.options.groups) or 1) > 1 then return "has groups" end
  if #r.dims ~= 4 and not method.connected then return "is connected, which methods svd and tt decompose, not " .. name end
end

local function method_of(name) return require("yolua.compress.methods." .. name) end

-- Whether the method of that name decomposes that parameter.
function decompose.takes(model, r, name)
  for _, layer in ipairs(model.net:layers()) do
    if layer.name == r.layer then return r.kind == "weight" and not unfit(r, layer, method_of(name), name) end
  end
end

-- A weight with the method that takes it apart, and what that needs for it. The product of three that other methods make of a 1x1
-- convolution is a product of two, with fewer numbers.
local function prepared(w, o)
  local name = w.size == 1 and "svd" or o.method
  local state = method_of(name).prepare(w, o)
  state.name, state.method = name, method_of(name)
  return state
end

-- A weight as {out, space, in}, or nil and why it cannot be decomposed.
local function weight_of(model, r, layer, o, method)
  local why = unfit(r, layer, method, o.method)
  if why then return nil, why end
  local d = r.dims
  local out, size, inner = d[1], #d == 4 and d[2] or nil, d[#d]
  local space = size and size * size or 1
  local value = model.net:tensor(r.name, model.averaged and "ema" or "value"):clone():reshape(out, space, inner)
  local norm = factors.norm(value)
  if norm ~= norm or norm == math.huge then error(("decompose: %s: a weight is not finite"):format(r.name), 0) end
  if norm == 0 then return nil, "has no weight but zeros" end
  return { name = r.layer, range = r.name, out = out, size = size, space = space, inner = inner, value = value, norm = norm,
    count = r.count }
end

local function chosen(model, o, method)
  local layers, list, named, heads = {}, {}, {}, ranges.heads(model.net)
  for _, layer in ipairs(model.net:layers()) do layers[layer.name] = layer end
  for _, glob in ipairs(o.layers or {}) do
    local layer = layers[glob]
    if layer and layer.kind ~= "conv2d" and layer.kind ~= "connected" then
      error(("decompose: layers: %s is no convolution or connected layer"):format(glob), 0)
    end
    for _, name in ipairs(ranges.named(model, "decompose: layers", glob)) do named[name] = true end
  end
  for _, r in ipairs(model.net:ranges()) do
    local wanted = named[r.name] or not o.layers and not heads[r.layer]
    if wanted and r.kind == "weight" then
      local w, why = weight_of(model, r, layers[r.layer], o, method)
      if not w and o.layers then error(("decompose: layers: %s %s"):format(r.layer, why), 0) end
      list[#list + 1] = w
    end
  end
  if #list == 0 then error(("decompose: %s: no layer is left to decompose by method=%s"):format(model.path, o.method), 0) end
  return list
end

-- Ranks and parts within a relative error.
local function by_error(state, error) return state.method.ranks(state, error * state.w.norm) end

-- Ranks that the caller has chosen for o.method.
local function given(state, o)
  local ranks, list = o.ranks, {}
  local function refuse(format, ...)
    error(("decompose: ranks: %s (method=%s): " .. format):format(state.w.name, state.name, ...), 0)
  end
  if state.name ~= o.method and #ranks == method_of(o.method).kernel_ranks then ranks = { math.min(table.unpack(ranks)) } end
  local full = state.method.full(state, ranks)
  if #ranks ~= #full then refuse("expected %d, got %d", #full, #ranks) end
  for i, r in ipairs(ranks) do
    if r ~= r // 1 or r < 1 or r > full[i] then refuse("expected whole numbers in 1..%d, got %g", full[i], r) end
    list[i] = r // 1 | 0
  end
  return list
end

-- The smallest error whose parts have at most so many numbers; ranks of 1 where none has.
local function by_numbers(state, most)
  local method = state.method
  if method.affordable then return method.affordable(state, most) end
  local widest = state.widest or WIDEST
  local low, high, best = 0, widest, nil
  for _ = 1, ROUNDS do
    local middle = (low + high) / 2
    local ranks = by_error(state, middle)
    if method.count(state.w, ranks) <= most then high, best = middle, ranks else low = middle end
  end
  return best or by_error(state, widest)
end

-- ---- the result ------------------------------------------------------------------------------------------------------------

local Decomposed = { __name = "decomposition" }
Decomposed.__index = Decomposed

function Decomposed:__tostring()
  local body = {}
  for i, l in ipairs(self.layers) do
    local ranks = l.ranks and table.concat(l.ranks, ", ") or "as it is"
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
local function by_flops(model, states, bar, most)
  local low, high, best, rows = 0, WIDEST, nil, nil
  if model:flops() <= most then return decomposed(model, states, bar, function() end) end
  for _ = 1, TRIALS do
    local middle = (low + high) / 2
    local made, list = decomposed(model, states, bar, function(state) return by_error(state, middle) end)
    if made:flops() <= most then
      if best then best:close() end
      high, best, rows = middle, made, list
    else
      low = middle
      made:close()
    end
  end
  if best then return best, rows end
  error(("decompose: flops: ranks of 1 leave more than %g of the FLOPs"):format(most / model:flops()), 0)
end

local function budget(o)
  local found
  for _, key in ipairs { "error", "ratio", "flops", "ranks", "vbmf" } do
    if o[key] then
      if found then error(("decompose: expected one of error, ratio, flops, ranks and vbmf, got %s and %s"):format(found, key), 0) end
      found = key
    end
  end
  return found or error("decompose: expected error=, ratio=, flops=, ranks= or vbmf=true: how much may go", 0)
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

-- Returns {net = the new model, params, flops, before = {params, flops}, layers = {{name, method, ranks, error, before, after}, ...}}; it
-- prints as a table. A layer that would not become smaller stays, without method and ranks. The old model
-- stays as it is.
return setmetatable(decompose, { __call = function(_, model, values)
  local o = check(values or {})
  local key, method = budget(o), method_of(o.method)
  if key == "vbmf" and not method.vbmf then error(("decompose: vbmf is for method=tucker2 or svd, not %s"):format(o.method), 0) end
  if o.cores and o.method ~= "tt" then error(("decompose: cores is for method=tt, not %s"):format(o.method), 0) end
  local list = chosen(model, o, method)
  local bar <close> = progress.new { label = "decompose", total = #list * (1 + (key == "flops" and TRIALS or 1)), unit = "layers" }
  local states = all_prepared(list, o, bar)
  local net, rows
  if key == "flops" then net, rows = by_flops(model, states, bar, o.flops * model:flops())
  else
    net, rows = decomposed(model, states, bar, function(state)
      if key == "vbmf" then return state.method.vbmf(state) end
      if key == "ranks" then return given(state, o) end
      if key == "error" then return by_error(state, o.error) end
      local most = math.floor(o.ratio * state.w.count)
      return most < state.w.count and by_numbers(state, most) or nil
    end, o.error)
  end
  uncalibrated("decompose", model, net)
  return setmetatable({ net = net, params = net:counts().params, flops = net:flops(), layers = rows,
    before = { params = model:counts().params, flops = model:flops() } }, Decomposed)
end })
