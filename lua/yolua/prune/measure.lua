-- What a pruned network is worth, measured: its numbers, FLOPs, milliseconds, loss and AP.
local core = require "yolua.core"
local ranges = require "yolua.prune.ranges"
local score = require "yolua.eval.score"
local sources = require "yolua.train.sources"

local measure = { runs = 7 } -- timed forward passes

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

-- Milliseconds of a forward pass over one image: the median of several.
function measure.ms(model, h, w)
  local plan, times = model:plan { mode = "infer", batch = 1, h = h, w = w }, {}
  core.noise(plan, 1)
  plan:forward()
  for i = 1, measure.runs do
    local started = core.system.clock()
    plan:forward()
    times[i] = 1e3 * (core.system.clock() - started)
  end
  table.sort(times)
  return times[(#times + 1) // 2]
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

-- The mean AP by `protocol` over that list; nil without one.
function measure.ap(t, protocol)
  if protocol == "none" or not sources.has_judged(t) then return nil end
  local ok, rows = pcall(score.run, t.model, sources.judged_list(t), t.options, { stage = "round", protocols = { protocol },
    source = t.cached and sources.judged(t) or nil })
  if ok then return rows[1].map end
  if tostring(rows):find "stopped by the user" then stopped(t, "the AP") end
  error(rows, 0)
end

return measure
