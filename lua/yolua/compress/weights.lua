-- The weights that a decomposition takes, seen as {out, space, in}: a connected layer's space is 1, a convolution's size^2.
local factors = require "yolua.compress.factors"
local options = require "yolua.options.table"
local ranges = require "yolua.prune.ranges"

local weights = {}

-- The method of that name: a file in compress/methods/.
function weights.method(name) return require("yolua.compress.methods." .. name) end

-- The method that takes a weight apart. The product of three that most of them make of a 1x1 convolution is a product of two, with fewer
-- numbers.
function weights.method_for(w, name) return w.size == 1 and "svd" or name end

-- Why the method of that name cannot decompose a layer's weight; nil where it can.
local function unfit(r, layer, name)
  if layer.kind ~= "conv2d" and layer.kind ~= "connected" then return "is no convolution or connected layer" end
  if (tonumber(layer.options.groups) or 1) > 1 then return "has groups, which no method decomposes" end
  if #r.dims ~= 4 and not weights.method(name).connected then
    return "is connected, which methods svd and tt decompose, not " .. name
  end
end

-- Whether the method of that name decomposes that parameter.
function weights.takes(model, r, name)
  for _, layer in ipairs(model.net:layers()) do
    if layer.name == r.layer then return r.kind == "weight" and not unfit(r, layer, name) end
  end
end

local function sizes(r)
  local d = r.dims
  local size = #d == 4 and d[2] or nil
  return { name = r.layer, range = r.name, out = d[1], size = size, space = size and size * size or 1, inner = d[#d], count = r.count }
end

-- The fewest numbers that its parts can have: with ranks of 1.
local function fewest(w, name, cores) return weights.method(weights.method_for(w, name)).fewest(w, cores) end

function weights.fewest(r, name) return fewest(sizes(r), name) end

-- The weight, or nil and why it cannot be decomposed.
local function weight_of(model, r, layer, name)
  local why = unfit(r, layer, name)
  if why then return nil, why end
  local w = sizes(r)
  w.value = model.net:tensor(r.name, model.averaged and "ema" or "value"):clone():reshape(w.out, w.space, w.inner)
  w.norm = factors.norm(w.value)
  if w.norm ~= w.norm or w.norm == math.huge then error(("decompose: %s: a weight is not finite"):format(r.name), 0) end
  if w.norm == 0 then return nil, "has no weight but zeros" end
  return w
end

-- The names of the parameters that `layers` names, and of the layers that it calls by their names; nil without `layers`.
local function named(model, o, layers)
  local found, called = o.layers and {}, {}
  for _, glob in ipairs(o.layers or {}) do
    local layer = layers[glob]
    if layer and layer.kind ~= "conv2d" and layer.kind ~= "connected" then
      options.refuse(o, "layers", "decompose: layers: %s is no convolution or connected layer", glob)
    end
    called[glob] = layer ~= nil
    for _, name in ipairs(ranges.named(model, "decompose", o, "layers", glob)) do found[name] = true end
  end
  return found, called
end

-- The weights that the options o (layers, method) choose, and those among them that stay: {name, count, why}. A layer that is called by its
-- name has to fit; of those that a glob matches, and of all of them, the method takes what it can.
function weights.chosen(model, o)
  local layers, taken, stay, heads = {}, {}, {}, ranges.heads(model.net)
  for _, layer in ipairs(model.net:layers()) do layers[layer.name] = layer end
  local wanted, called = named(model, o, layers)
  for _, r in ipairs(model.net:ranges()) do
    local meant = wanted and wanted[r.name] or not wanted and not heads[r.layer]
    if meant and r.kind == "weight" then
      local w, why = weight_of(model, r, layers[r.layer], o.method)
      if w then taken[#taken + 1] = w
      elseif called[r.layer] then options.refuse(o, "layers", "decompose: layers: %s %s", r.layer, why)
      else stay[#stay + 1] = { name = r.layer, count = r.count, why = why } end
    end
  end
  if #taken == 0 then
    options.refuse(o, o.layers and "layers" or "method", "decompose: %s: no layer is left to decompose by method=%s", model.path, o.method)
  end
  return taken, stay
end

local function up(share) return math.ceil(share * 1e4) / 1e4 end -- as it is told, so that it is enough

-- "0.0996": the smallest share that `least` of `all` fits in, with four digits.
function weights.share_text(least, all) return ("%g"):format(up(least / all)) end

-- How many of its numbers the ratio leaves a weight, in whole ones.
function weights.kept(w, ratio) return math.floor(ratio * w.count + 1e-6) end

-- Refuses options that ask of the chosen weights what none of them, or not each, can give.
function weights.check(list, o)
  local connected, worst = false, nil
  for _, w in ipairs(list) do
    connected = connected or not w.size
    w.fewest = fewest(w, o.method, o.cores)
    local short = o.ratio and w.fewest < w.count and w.fewest > weights.kept(w, o.ratio)
    if short and (not worst or w.fewest / w.count > worst.fewest / worst.count) then worst = w end
  end
  if o.cores and not connected then
    options.refuse(o, "cores", "decompose: cores has no effect: no connected layer is decomposed")
  end
  if worst then
    options.refuse(o, "ratio", "decompose: ratio=%g: ranks of 1 leave %d of %d numbers in %s: expected at least %s, or layers= without it",
      o.ratio, worst.fewest, worst.count, worst.name, weights.share_text(worst.fewest, worst.count))
  end
end

return weights
