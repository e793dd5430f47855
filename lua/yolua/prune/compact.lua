-- yl.compact(model, o): a smaller network that computes the same, and what that brings, measured.
local core = require "yolua.core"
local Model = require "yolua.model"
local options = require "yolua.options.table"
local structs = require "yolua.options.structs"
local timing = require "yolua.prune.timing"
local uncalibrated = require "yolua.model.uncalibrated"

local compact = { fields = structs.fields "compact" }

local check = options.declare("yl.compact", compact.fields)

-- Runs a network on the noise of `seed`: its outputs, by layer. Every activation is kept, so that outputs in the middle can be read.
local function run(model, seed)
  local plan = model.net:plan { mode = "infer", batch = 1, keep = true, slab = model.averaged and "ema" or "value" }
  core.noise(plan, seed)
  plan:forward()
  local layers, read, out = model.net:layers(), {}, {}
  for _, layer in ipairs(layers) do
    for _, from in ipairs(layer.inputs) do read[from] = true end
  end
  for i, layer in ipairs(layers) do
    if not read[i] then out[layer.name] = plan:output(i) end
  end
  plan:close()
  return out
end

-- The largest difference of the outputs on noise, relative to the largest number of an output.
local function difference(before, after)
  local a, b, worst = run(before, 1), run(after, 1), 0
  for name, numbers in pairs(a) do
    local largest, most, others = 0, 0, b[name]
    for i, x in ipairs(numbers) do
      largest = math.max(largest, math.abs(x))
      local d = math.abs(x - others[i])
      most = d <= most and most or d ~= d and math.huge or d
    end
    worst = math.max(worst, largest > 0 and most / largest or most)
  end
  return worst
end

-- Milliseconds of both on one image, and how many times as fast the new one is (of timing.compare; nil where it is the same network).
local function speed(before, after)
  local same = after:counts().params == before:counts().params
  local times = timing.compare({ before = before, after = not same and after or nil }, "before")
  times.after = times.after or times.before
  return { before_ms = times.before.ms, after_ms = times.after.ms, speedup = times.after.speedup }
end

-- {layer = {before, after}} of the layers whose options count channels; 0: it has gone.
local function channels(before, after)
  local left, out = {}, {}
  for _, layer in ipairs(after.net:layers()) do left[layer.name] = layer.shape[4] end
  for _, layer in ipairs(before.net:layers()) do
    if layer.options.filters or layer.options.output then out[layer.name] = { layer.shape[4], left[layer.name] or 0 } end
  end
  return out
end

-- What is left against what was: {params, flops, channels = {layer = {before, after}}, max_error, speed = {before_ms, after_ms,
-- speedup}}.
function compact.report(before, after)
  return { params = after:counts().params, flops = after:flops(), channels = channels(before, after), max_error = difference(before, after),
    speed = speed(before, after) }
end

-- compact(model, {round_to=, min_channels=}) -> a model without the channels that are the same for every image, or that nobody reads:
-- masked filters, and what follows from them. The old one stays as it is. The new one has the same slabs: a training can continue.
return setmetatable(compact, { __call = function(_, model, values)
  local o = check(values or {})
  local net = core.compact(model.net, { round_to = o.round_to, min_channels = o.min_channels })
  local made = Model.new { net = net, names = model.names, named_by = model.named_by, path = model.path, notes = model.notes,
    map = model.map, darknet = model.darknet, device = model.device, pretrained = model.pretrained, averaged = model.averaged,
    frozen = model.frozen, frozen_ranges = model.frozen_ranges, statistics_fixed = model.statistics_fixed, trained = model.trained }
  uncalibrated("compact", model, made)
  return made
end })
