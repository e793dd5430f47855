-- A scan of sensitivity (yolua/prune/sensitivity.lua) that cuts one layer at a time to several shares of zeros, all others whole.
local copy = require "yolua.model.copy"
local core = require "yolua.core"
local Cut = require "yolua.prune.cut"
local fields = require "yolua.options.fields"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local probe = require "yolua.prune.probe"
local ranges = require "yolua.prune.ranges"

local cuts_scan = { axis = "sparsity", facts = {}, words = "change where one layer alone has so many zeros",
  plot = { "AP with one layer cut", "zeros in that layer" } }

cuts_scan.fields = {
  { "sparsity", "numbers", { 0.5, 0.7, 0.8, 0.9, 0.95 }, "", "shares of zeros that each layer is cut to, rising", min = 0, max = 0.999999 },
  fields.pick("prune", "score"), fields.pick("prune", "pattern"), fields.pick("prune", "block"), fields.pick("prune", "entries"),
  fields.pick("prune", "round_to"), fields.pick("prune", "min_channels"), fields.pick("prune", "probe"), fields.pick("prune", "also"),
}

function cuts_scan.check(o)
  local levels = o.sparsity
  if options.is(o) and options.explicit(o, "ratio") then
    options.refuse(o, "ratio", "sensitivity: ratio is of decompositions: expected method= with it")
  end
  for i, level in ipairs(levels) do
    if level <= (levels[i - 1] or 0) then
      options.refuse(o, "sparsity", "sensitivity: sparsity: expected rising shares above 0, got %g after %g", level, levels[i - 1] or 0)
    end
  end
  if #levels == 0 then options.refuse(o, "sparsity", "sensitivity: sparsity: expected at least one share of zeros") end
  local how = Cut.rules(o, "layer").score
  if how.gather and not how.probe then
    options.refuse(o, "score", "sensitivity: score: this one looks at training steps, and a scan trains nothing (taylor and snip do)")
  end
end

cuts_scan.ranges = ranges.of

-- The AP with one range cut to `zeros` of its numbers; nil where whole channels go and not so many may.
local function cut_and_rate(self, cut, zeros)
  local ok, masks = core.system.attempt(cut.masks, cut, zeros)
  if not ok and self.rules.coarse then return nil end -- the layer has not so many channels that may go
  if not ok then error(masks, 0) end
  cut:apply(masks)
  self:recalibrate(self.copy)
  local ap = self:rate()
  for _, other in ipairs(self.model.net:ranges()) do
    if masks[other.name] or other.kind == "statistic" then copy.range(self.model, self.copy, other) end
  end
  return ap
end

-- Scores that look at gradients gather them over training pictures, once, on the whole network.
local function gather(self)
  local how = self.rules.score
  if not how.gather then return end
  local data, size, o = self.list.data, input.of(self.model, self.o), self.o
  local batch = math.min(o.batch, #data.train.frames)
  local t = { data = data, model = self.copy, micro = batch, w = size.w, h = size.h, resize = size.resize, step = 0,
    work_alone = function() end, -- no training has shared this network's gradients
    options = { seed = 1, batch = batch, subdivisions = 1, augment = { name = "none" },
      data = { workers = data.options.workers, strict = true } } }
  probe(t, self.ranges, how, { batches = o.probe, round = 1 })
end

-- Of whole channels a layer may have none that can go: it has no scores then.
local function open(self, r)
  local ok, cut = core.system.attempt(self.rules.open, self.rules, self.copy, { r }, { seed = 1, rate = 0 })
  if ok then return cut end
  if not self.rules.coarse then error(cut, 0) end
end

function cuts_scan.start(self)
  self.rules = Cut.rules(self.o, "layer")
  gather(self)
end

-- What was opened of a layer serves all its levels.
function cuts_scan.measure(self, r, level)
  if self.opened ~= r then self.opened, self.cut = r, open(self, r) end
  return self.cut and cut_and_rate(self, self.cut, math.floor(level * r.count + 0.5))
end

return cuts_scan
