-- Which of a network's parameters are pruned. Without a word these are the weights of all layers but the last convolution (or connected
-- layer) before each head, and nothing that is frozen: batch-norm, biases and heads only where they are named.
local options = require "yolua.options.table"
local pattern_of = require "yolua.options.glob"
local schema = require "yolua.options.schema"

local ranges = {}

local WORDS = { head = true, bn = true, bias = true } -- groups that a list may name

-- Whether the glob names the range itself, its layer, or the layer that its layer stands behind (conv3 of conv3.bn).
local function matches(r, glob)
  local pattern = pattern_of(glob)
  if r.name:find(pattern) then return true end
  return r.kind == "weight" and (r.layer:find(pattern) or r.layer:match "^[^.]*":find(pattern)) ~= nil
end

-- The layers with a weight that feed a loss, by name; of a network without a loss its last one.
function ranges.heads(net)
  local layers, weights, found = net:layers(), {}, {}
  for _, r in ipairs(net:ranges()) do
    if r.kind == "weight" then weights[r.layer] = true end
  end
  local function mark(i)
    while i > 0 and not weights[layers[i].name] do i = layers[i].inputs[1] end
    if i > 0 then found[layers[i].name] = true end
  end
  for i, layer in ipairs(layers) do
    if layer.loss then mark(i) end
  end
  if not next(found) then mark(#layers) end
  return found
end

local function in_group(r, word, is_head)
  if word == "head" then return is_head[r.layer] and r.kind == "weight" end
  if word == "bn" then return r.kind == "scale" end
  return r.kind == "bias"
end

local function refuse_unmatched(list, who, o, key, glob)
  local names = {}
  for _, r in ipairs(list) do names[#names + 1], names[#names + 2] = r.layer, r.name end
  options.refuse(o, key, "%s: %s: '%s' matches no parameter%s", who, key, glob, schema.did_you_mean(glob, names))
end

-- Calls visit(range) for what each entry of the option `key` names. Errors: an entry that names nothing; where `strict`, one that names
-- something that cannot be pruned.
local function each(list, o, key, is_head, strict, visit)
  local function refuse(format, r) options.refuse(o, key, "prune: %s: " .. format, key, r.name) end
  for _, entry in ipairs(rawget(o, key) or {}) do
    local hits = 0
    for _, r in ipairs(list) do
      if WORDS[entry] and in_group(r, entry, is_head) or matches(r, entry) then
        hits = hits + 1
        if strict and r.kind == "statistic" then refuse("%s is a statistic: only weights, biases and scales can be pruned", r) end
        if strict and r.frozen then refuse("%s is frozen: what is pruned has to train", r) end
        visit(r)
      end
    end
    if hits == 0 and not WORDS[entry] then refuse_unmatched(list, "prune", o, key, entry) end
  end
end

-- o: only (instead of the default), also (besides it), except: lists of globs and of the words head, bn, bias.
-- without_also (optional): `also` does not count. Returns the ranges (of net:ranges()) in the network's order. Errors: one
-- sentence that names the option and the entry.
function ranges.of(model, o, without_also)
  local list, is_head, chosen, out = model.net:ranges(), ranges.heads(model.net), {}, {}
  local function add(r) chosen[r.name] = true end
  if rawget(o, "only") then each(list, o, "only", is_head, true, add)
  else
    for _, r in ipairs(list) do
      chosen[r.name] = r.kind == "weight" and not is_head[r.layer] and not r.frozen or nil
    end
  end
  if not without_also then each(list, o, "also", is_head, true, add) end
  each(list, o, "except", is_head, false, function(r) chosen[r.name] = nil end)
  for _, r in ipairs(list) do
    if chosen[r.name] then out[#out + 1] = r end
  end
  if #out > 0 then return out end
  options.refuse(o, rawget(o, "except") and "except" or "only", "prune: %s: no parameter is left to prune (frozen ones, batch-norm, biases "
    .. "and the last convolution before a head are not pruned unless they are named)", model.path)
end

-- The names of the parameters that a glob names, one at least; it stands in the option `key` of o, a call of `who`.
function ranges.named(model, who, o, key, glob)
  local list, names = model.net:ranges(), {}
  for _, r in ipairs(list) do
    if matches(r, glob) then names[#names + 1] = r.name end
  end
  if #names == 0 then refuse_unmatched(list, who, o, key, glob) end
  return names
end

-- How many numbers these are, and how many of them are zero. Returns the sparsity first.
function ranges.sparsity(model, list)
  local core = require "yolua.core"
  local count, zeros = 0, 0
  for _, r in ipairs(list) do
    count, zeros = count + r.count, zeros + r.count - core.nonzero(model.net, r.name)
  end
  return zeros / count, zeros, count
end

return ranges
