-- NaN and infinity stop a run at once, with the layer, the image and the iteration named.
local ranks = require "yolua.ranks"

local watchdog = {}

-- Runs the batch once more with every activation kept, and looks for the first layer with a value that is not finite.
local function locate(t, source, batch)
  local plan = t.model.net:plan { mode = "train", part = source.part, batch = t.micro, h = t.h, w = t.w, keep = true,
    precision = t.options.precision, tf32 = t.options.tf32 }
  source:feed(plan, batch)
  plan:forward { seed = t.options.seed, step = t.step, hold_statistics = true }
  local layer, image = plan:not_finite()
  plan:close()
  return layer, image
end

local function image_name(t, batch, image)
  local indices = batch:indices()
  local frame = image and t.data.train.frames[indices[image]]
  return frame and (frame.image or frame.id) or "of this batch"
end

-- Ends the run with one sentence.
function watchdog.stop(t, source, batch, reason)
  local layer, image = locate(t, source, batch)
  local where = layer and ("%s gives NaN or infinity for image %s"):format(layer, image_name(t, batch, image))
  for _, found in ipairs(ranks.all(where or "")) do where = where or found ~= "" and found end -- it may be in another rank's images
  where = where or tostring(reason):gsub("^yolua/.-:%d+: ", "")
  error(("training stopped in epoch %d, iteration %d (learning rate %g): %s"):format(t.epoch, t.step, t.lr or t:rate(), where), 0)
end

function watchdog.check_loss(t, source, batch, loss)
  if loss ~= loss or loss == math.huge or loss == -math.huge then
    watchdog.stop(t, source, batch, ("the loss is %s"):format(tostring(loss)))
  end
end

return watchdog
