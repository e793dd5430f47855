-- What a pruned network is worth, measured: its numbers, FLOPs, milliseconds, loss and AP.
local compact = require "yolua.prune.compact"
local core = require "yolua.core"
local Model = require "yolua.model"
local ranges = require "yolua.prune.ranges"
local score = require "yolua.eval.score"
local sources = require "yolua.train.sources"
local structure = require "yolua.model.structure"
local timing = require "yolua.prune.timing"

local measure = {}

-- FLOPs of one image with those of zero weights left out: a layer's, times the share of its weights that are not zero. left(range): how
-- many of its numbers are not zero (default: counted).
function measure.flops(model, h, w, left)
  local kept = {}
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" then kept[r.layer] = (left and left(r) or core.nonzero(model.net, r.name)) / r.count end
  end
  local total = 0
  for _, layer in ipairs(model.net:layers(h, w)) do total = total + layer.flops * (kept[layer.name] or 1) end
  return math.floor(total + 0.5)
end

local function facts(model, h, w)
  local counts = model:counts()
  return { params = counts.params, nonzero = counts.nonzero, flops = model:flops(h, w), bytes = counts.bytes }
end

-- Whether compacting removed something.
local function smaller(small, model) return small:counts().params < model:counts().params end

-- The smaller network that the zeros allow, as it would be now: {params, nonzero, flops, bytes}; then {masked, compact} in milliseconds.
-- Nothing where a layer cannot be made smaller (one of your own without `channels`).
function measure.compacted(model, h, w)
  local ok, small = core.system.attempt(compact, model)
  if not ok then return nil, { masked = timing.ms(model, h, w) } end
  local found, fewer = facts(small, h, w), smaller(small, model)
  local times = timing.in_turn({ masked = model, compact = fewer and small or nil }, h, w)
  times.compact = times.compact or times.masked
  small:close()
  return found, times
end

-- {dense, masked, compact}, each {params, nonzero, flops, bytes, ms, images_per_s, speedup}, timed in turn on this machine (of
-- timing.compare: medians, and how many times as fast as dense); a dense network of this structure is made for it. A compact network
-- from which nothing was removed is the masked one, and has its times.
function measure.speed(model, h, w)
  local net = structure.build(structure.of(model.net), model.device)
  local dense = Model.new { net = net, names = model.names, path = model.path, device = model.device }
  local ok, small = core.system.attempt(compact, model)
  local models, out = { dense = dense, masked = model, compact = ok and small or nil }, {}
  local times = timing.compare({ dense = dense, masked = model, compact = ok and smaller(small, model) and small or nil }, "dense", h, w)
  times.compact = times.compact or times.masked
  for name, one in pairs(models) do
    out[name] = facts(one, h, w)
    out[name].ms, out[name].images_per_s, out[name].speedup = times[name].ms, 1e3 / times[name].ms, times[name].speedup
  end
  dense:close()
  if ok then small:close() end
  return out
end

-- What a smaller network's speedup is: zeros that bring none make it smaller only.
local function brought(speedup)
  local faster = speedup.low > 1 or timing.unsteady(speedup)
  return (faster and "" or "smaller, not faster: ") .. timing.words(speedup)
end

-- One sentence on what the zeros brought. s: of measure.speed.
function measure.verdict(s)
  local zeros = 100 * (1 - s.masked.nonzero / s.masked.params)
  if zeros == 0 then return "no number is zero" end
  local head = ("%.1f %% of all numbers are zero; a forward pass takes %.2f ms, and dense %.2f ms, in %d turns: %s"):format(zeros,
    s.masked.ms, s.dense.ms, s.masked.speedup.turns, brought(s.masked.speedup))
  if not s.compact then return head end
  if s.compact.params == s.masked.params then return head .. "; no channel is zero as a whole, so compacting removes nothing" end
  return head .. ("; compacted, with the %.1f %% of the numbers that whole channels leave, %.2f ms: %s (yolua compact writes it)"):format(
    100 * s.compact.params / s.masked.params, s.compact.ms, brought(s.compact.speedup))
end

-- {sparsity, params, nonzero, flops, bytes}: of the candidates' numbers and of the network.
function measure.size(model, list, h, w)
  local counts = model:counts()
  return { sparsity = ranges.sparsity(model, list), params = counts.params, nonzero = counts.nonzero, bytes = counts.bytes,
    flops = measure.flops(model, h, w) }
end

local function stopped(t, what)
  error(("stopped by the user in epoch %d, while %s was measured%s"):format(t.epoch, what,
    t.run and "; continue with resume=" .. t.run.dir or ""), 0)
end

-- Mean loss per image over the list that the training is judged on; nil without such a list.
function measure.loss(t)
  local loss, whole = t:dev_loss()
  if not whole then stopped(t, "the dev loss") end
  return loss
end

-- What networks are judged by, of boxes the mean AP, of pictures with a class each the accuracy (1 - error): its value over the list that
-- choices are made on, and its name. Nil without such a list.
function measure.ap(t, protocol)
  if protocol == "none" or not sources.has_judged(t) then return nil end
  local ok, rows = pcall(score.run, t.model, sources.judged_list(t), t.options, { stage = "round", protocols = { protocol },
    source = t.cached and sources.judged(t) or nil })
  if ok and rows[1].map then return rows[1].map, "AP" end
  if ok then return 1 - rows[1].error, "accuracy" end
  if tostring(rows):find "stopped by the user" then stopped(t, "the AP") end
  error(rows, 0)
end

return measure
