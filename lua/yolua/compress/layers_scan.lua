-- A scan of sensitivity (yolua/prune/sensitivity.lua) that decomposes one layer at a time instead of cutting it: with the method of
-- yl.decompose, to several shares of its numbers. A score comes with the ranks and with the error, relative to the weight's norm.
local decompose = require "yolua.compress.decompose"
local options = require "yolua.options.table"
local ranges = require "yolua.prune.ranges"
local weights = require "yolua.compress.weights"

local layers_scan = { version = 3, axis = "ratio", facts = { "ranks", "error" },
  words = "change where one layer alone keeps so much of its numbers",
  plot = { "AP with one layer decomposed", "numbers left in that layer" } }

local function of_decompose(key, default, changes)
  for _, field in ipairs(decompose.fields) do
    if field[1] == key then
      local own = { table.unpack(field, 1, 5) }
      for name, value in pairs(field) do own[name] = value end
      own[3] = default
      for name, value in pairs(changes or {}) do own[name] = value end
      return own
    end
  end
end

layers_scan.fields = {
  of_decompose("method", nil, { [5] = "decompose layers instead of cutting them: svd, tucker2, tt or cp (yolua decompose)" }),
  { "ratio", "numbers", { 0.75, 0.5, 0.25 }, "", "with method=: shares of its numbers that each layer keeps, falling", min = 0, max = 1 },
}

local OF_CUTS = { "sparsity", "score", "pattern", "block", "entries", "round_to", "min_channels", "probe", "also" }

-- Whether the caller gave the option; a file of options may hold all of them.
local function given(o, key)
  local from = options.is(o) and options.origin(o, key)
  return from and not tostring(from):find "%.ya?ml"
end

-- Refuses options of cuts that the caller gave.
function layers_scan.check(o)
  for _, key in ipairs(OF_CUTS) do
    if given(o, key) then options.refuse(o, key, "sensitivity: %s is of cuts, and method=%s decomposes", key, o.method) end
  end
  for i, level in ipairs(o.ratio) do
    if level >= (o.ratio[i - 1] or 1) then
      options.refuse(o, "ratio", "sensitivity: ratio: expected falling shares below 1, got %g after %g", level, o.ratio[i - 1] or 1)
    end
  end
  if #o.ratio == 0 then options.refuse(o, "ratio", "sensitivity: ratio: expected at least one share of a layer's numbers") end
end

-- The weights that the method can decompose, of those that `only` and `except` leave.
function layers_scan.ranges(model, o)
  local list = {}
  for _, r in ipairs(ranges.of(model, o, true)) do
    if weights.takes(model, r, o.method) then list[#list + 1] = r end
  end
  if #list == 0 then options.refuse(o, "method", "sensitivity: %s: no layer is left to decompose by method=%s", model.path, o.method) end
  return list
end

function layers_scan.start() end

function layers_scan.measure(self, r, level)
  if level * r.count < weights.fewest(r, self.o.method) then return nil, {} end -- ranks of 1 are too many
  local made = decompose(self.model, { method = self.o.method, layers = { r.layer }, ratio = level })
  local row, ap = made.layers[1], nil
  if row.ranks then -- else the layer would not become smaller
    self:recalibrate(made.net)
    ap = self:rate(made.net)
  end
  made.net:close()
  return ap, { ranks = row.ranks, error = row.error }
end

return layers_scan
