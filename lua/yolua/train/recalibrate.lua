-- yl.recalibrate(net, data.train, {frames = 256}): the running statistics of batch-norm are estimated anew over pictures of a split, and
-- nothing is trained. After weights or channels were cut, activations have other means and variances than those that training left.
--
-- Each layer's statistics become the means over the batches' own (the variance with n - 1): what cumulative averages give. The network
-- runs as in inference otherwise, so dropout is off; frozen layers' statistics are estimated as well. Averaged weights (ema) have
-- statistics of their own, which are estimated with them. Returns the network and the number of pictures.
local batches = require "yolua.data.batches"
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local progress = require "yolua.terminal.progress"

local check = options.declare("yl.recalibrate", {
  { "frames", "int", 256, "frames", "how many pictures, evenly spread over the split", min = 1 },
  { "batch", "int", 16, "images", "images per forward pass, whose statistics are taken together", min = 1, max = 65536 },
  { "workers", "int", nil, "threads", "decoding threads (default: data.workers)", min = 0, max = 256 },
  { "imgsz", "size", nil, "px", "input size (default: the network's)", min = 8, max = 8192 },
  { "resize", "enum", nil, "", "how a picture is fitted to it (default: the network's way)", choices = { "letterbox", "stretch" } },
})

local function estimate(model, slab, list, o, size)
  local source, frames = batches.spread(list, o, size)
  local bar <close>, seen = progress.new { label = "statistics", total = frames }, 0
  local ok, message = pcall(function()
    for batch in source:epoch(0) do
      local plan = model:plan { mode = "infer", estimate = true, slab = slab, batch = batch.count, h = size.h, w = size.w }
      plan:load(batch)
      seen = seen + batch.count
      plan:forward { statistics_share = batch.count / seen }
      bar:update(seen)
    end
  end)
  source:close()
  if not ok then error(message, 0) end
  return seen
end

local function statistics(net)
  local names = {}
  for _, r in ipairs(net:ranges()) do names[#names + 1] = r.kind == "statistic" and r.name or nil end
  return names
end

-- The network keeps its statistics where the user stops it, or a picture cannot be read.
local function all_or_nothing(model, slab, ...)
  local before, names = {}, statistics(model.net)
  for _, name in ipairs(names) do before[name] = model.net:get(name, slab) end
  local ok, seen = pcall(estimate, model, slab, ...)
  local stopped = ok and core.system.interrupted()
  if ok and not stopped then return seen end
  for _, name in ipairs(names) do model.net:set(name, before[name], slab) end
  if not stopped then error(seen, 0) end
  core.system.clear_interrupt()
  error("stopped by the user while statistics were estimated; the network keeps those that it had", 0)
end

return function(model, list, values)
  callback.model("yl.recalibrate", model)
  callback.argument(type(list) == "table" and type(list.frames) == "table" and list.data, "yl.recalibrate", "a split (data.train)", list)
  local o = check(values or {})
  local size = input.of(model, o)
  if #list.frames == 0 then error(options.position() .. ": yl.recalibrate: the split has no frames", 0) end
  if #statistics(model.net) == 0 then
    error(("%s: yl.recalibrate: %s has no batch-norm, so no statistics to estimate"):format(options.position(), model.path), 0)
  end
  local seen
  for _, slab in ipairs(model.averaged and { "ema", "value" } or { "value" }) do
    seen = all_or_nothing(model, slab, list, o, size)
  end
  return model, seen
end
