-- Dynamic loss scaling of trainings in f16 (Micikevicius et al. 2018, "Mixed precision training", section 3.2): the losses' gradients are
-- multiplied by the scale, so that small ones do not become zero on their way back, and the parameters' gradients are divided by it
-- before anybody sees them. A step whose gradient is not finite is left out and halves the scale; so many good steps in a row double it.
local core = require "yolua.core"

local loss_scale = {}

local FIRST, STEPS, LARGEST = 2 ^ 16, 2000, 2 ^ 24

local function power_of_two(x) return x >= 1 and 2 ^ math.floor(math.log(x, 2) + 0.5) == x end

-- The scale that a training begins with; nothing in other precisions, which need none.
function loss_scale.start(t)
  local o = t.options
  for _, key in ipairs { "loss_scale", "loss_scale_steps" } do
    if o.precision ~= "f16" and rawget(o, key) then
      error(("%s: only precision=f16 scales the loss, got precision=%s"):format(key, o.precision), 0)
    end
  end
  if o.precision ~= "f16" then
    t.loss_scale, t.good_steps = nil, nil
    return
  end
  t.loss_scale, t.good_steps = t.loss_scale or rawget(o, "loss_scale") or FIRST, t.good_steps or 0
  if not power_of_two(t.loss_scale) then error(("loss_scale: expected a power of two of at least 1, got %g"):format(t.loss_scale), 0) end
end

-- Divides the gradient by the scale. Returns false where it is not finite: then it has been cleared, and there is no step.
function loss_scale.unscale(t)
  if not t.loss_scale then return true end
  local net, scale = t.model.net, t.loss_scale
  if core.unscale(net, scale) then
    t.good_steps = t.good_steps + 1
    if t.good_steps >= (rawget(t.options, "loss_scale_steps") or STEPS) then
      t.loss_scale, t.good_steps = math.min(2 * scale, LARGEST), 0
    end
    return true
  end
  net:zero "grad"
  if scale <= 1 then
    error(("training stopped in epoch %d, iteration %d: the gradient is not finite in f16 even with a loss scale of 1"):format(t.epoch,
      t.step), 0)
  end
  t.loss_scale, t.good_steps = scale / 2, 0
  return false
end

return loss_scale
