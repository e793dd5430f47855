-- yl.compress(model, o): the model as a small file, by Deep Compression (Han, Mao and Dally, ICLR 2016): shared weights, relative indices
-- of those that are not zero, Huffman codes. The file is a checkpoint like any other.
local callback = require "yolua.options.callback"
local copy = require "yolua.model.copy"
local core = require "yolua.core"
local options = require "yolua.options.table"
local outputs = require "yolua.model.outputs"
local save = require "yolua.model.save"
local sharing = require "yolua.compress.sharing"
local tables = require "yolua.report.tables"
local uncalibrated = require "yolua.model.uncalibrated"

local compress = { fields = {
  { "index_bits", "int", -1, "bits", "of a gap between weights that are not zero; 0: every weight has a code; -1: the fewest bytes",
    min = -1, max = 8 },
} }
table.move(sharing.fields, 1, #sharing.fields, 1 + #compress.fields, compress.fields)

local own = { { "out", "string", nil, "", "the file, which ends in .safetensors", ending = ".safetensors", required = true } }
table.move(compress.fields, 1, #compress.fields, 2, own)
local check = options.declare("yl.compress", own)

-- All weights of the model, shared or not: {name, layer, count, kept, error}.
local function weights_of(model, list)
  local shared, out = {}, {}
  for _, w in ipairs(list) do shared[w.name] = w end
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" then
      out[#out + 1] = { name = r.name, layer = r.layer, count = r.count, kept = core.nonzero(model.net, r.name) / r.count,
        error = shared[r.name] and shared[r.name].error or 0 }
    end
  end
  return out
end

-- One row of the table: what became of a layer's weights.
local function row(w, packed)
  local p = packed[w.name]
  if not p then
    return { name = w.layer, numbers = w.count, kept = w.kept, bits = 32, index_bits = 0, bytes_p = 4 * w.count, bytes_pq = 4 * w.count,
      bytes_pqh = 4 * w.count, bytes = 4 * w.count, error = w.error }
  end
  return { name = w.layer, numbers = p.numbers, kept = w.kept, entries = p.entries, values = p.values,
    bits = math.ceil(math.log(p.values, 2)), index_bits = p.index_bits, code_bits = p.code_bits, gap_bits = p.gap_bits, error = w.error,
    bytes_p = p.bytes_p, bytes_pq = p.bytes_pq, bytes_pqh = p.bytes_pqh,
    bytes_zstd = p.bytes_zstd, bytes = p.bytes }
end

local function kilobytes(bytes) return ("%.1f"):format(bytes / 1000) end

local LEGEND = "bits: of a weight's code and of a gap between weights (32: stored as f32); coded: the same in Huffman codes, on average; "
  .. "kB: after pruning, with shared weights, and Huffman-coded, each with what the step before saved; "
  .. "kB zstd: by Zstandard instead of Huffman's codes, for comparison"

-- The table as text.
local function text(r)
  local body = {}
  for i, w in ipairs(r.layers) do
    body[i] = { w.name, tostring(w.numbers), ("%.1f %%"):format(100 * w.kept), tostring(w.bits), tostring(w.index_bits),
      w.code_bits and ("%.2f"):format(w.code_bits) or "", w.gap_bits and ("%.2f"):format(w.gap_bits) or "", kilobytes(w.bytes_p),
      kilobytes(w.bytes_pq), kilobytes(w.bytes_pqh), w.bytes_zstd and kilobytes(w.bytes_zstd) or "" }
  end
  local head = { "layer", "weights", "kept", "bits", "index bits", "coded", "coded index", "kB pruned", "kB shared", "kB coded", "kB zstd" }
  local sum = ("%s: %.1f kB, %.1f times smaller than the parameters' %.1f kB; weights alone %.1f times"):format(r.file, r.bytes / 1000,
    r.ratio, r.dense_bytes / 1000, r.weights_ratio)
  return ("%s\n%s\n%s"):format(table.concat(tables.align(head, body), "\n"), LEGEND, sum)
end

local shown = { __tostring = text }

-- What the weights take as f32 over what their codes, indices, codebooks and code lengths take.
local function weights_ratio(layers)
  local dense, coded = 0, 0
  for _, w in ipairs(layers) do dense, coded = dense + 4 * w.numbers, coded + w.bytes_pqh end
  return dense / coded
end

local KINDS = { ["bits.conv"] = "convolution", ["bits.connected"] = "connected layer" }

local function of_kind(w, key) return (w.kind == "connected") == (key == "bits.connected") end

-- Refuses options that the caller set and that have no effect on these weights.
local function refuse_idle(model, list, o)
  local function idle(key, format, ...) options.refuse(o, key, "compress: %s has no effect: " .. format, key, ...) end
  if options.explicit(o, "seed") and o.start ~= "random" then idle("seed", "start=%s draws nothing: expected start=random", o.start) end
  for key, kind in pairs(KINDS) do
    local met = not options.explicit(o, key)
    for _, w in ipairs(list) do met = met or of_kind(w, key) end
    if not met then idle(key, "%s has no %s whose weights are shared", model.path, kind) end
  end
end

-- Says which options of sharing changed nothing, once it is done: where all weights had so few different values before.
local function warn_of_fulfilled(model, list, o)
  for _, key in ipairs { "bits.conv", "bits.connected", "start", "iterations", "seed" } do
    local met = not options.explicit(o, key)
    for _, w in ipairs(list) do met = met or w.error > 0 and (not KINDS[key] or of_kind(w, key)) end
    if not met then
      core.system.warn(("compress: %s changes nothing: no %s of %s has more different weights than its bits allow"):format(key,
        KINDS[key] or "layer", model.path))
    end
  end
end

-- o: {out = FILE, bits = {conv = 8, connected = 5}, start =, iterations =, seed =, except =, index_bits =}. Returns {file, bytes,
-- dense_bytes, ratio, weights_ratio, layers = {{name, numbers, kept, values, bits, index_bits, code_bits, gap_bits, error, bytes_p,
-- bytes_pq, bytes_pqh, bytes_zstd, bytes}, ...}}. The model stays as it is; weights that are shared already are not changed.
return setmetatable(compress, { __call = function(_, model, values)
  callback.model("yl.compress", model)
  local o = check(values or {})
  local list = sharing.of(model, o, "compress")
  refuse_idle(model, list, o)
  outputs.check(o, "out", o.out, model)
  local made = copy(model)
  sharing.share(made, list, o)
  warn_of_fulfilled(model, list, o)
  uncalibrated("compress", model, made)
  local packed, layers = {}, {}
  for _, p in ipairs(save.packed(made, o.out, o.index_bits)) do packed[p.parameter] = p end
  for i, w in ipairs(weights_of(made, list)) do layers[i] = row(w, packed) end
  local bytes, dense = outputs.bytes { o.out }, 4 * made:counts().params
  made.net:close()
  return setmetatable({ file = o.out, bytes = bytes, dense_bytes = dense, ratio = dense / bytes, weights_ratio = weights_ratio(layers),
    layers = layers }, shown)
end })
