-- What a trainer settles before its first step: checked options, input sizes, and how much memory a step will take.
local options = require "yolua.options"

local setup = { groups = { "data", "size", "train", "optim", "augment", "eval", "run" } } -- groups: the options of a training

-- The training options, checked and with defaults, whether they came from yl.options or were written by hand.
function setup.options(o)
  if not getmetatable(o) then o = options.check("yl.train", require("yolua.fields").get(setup.groups), o) end
  local precision = rawget(o, "precision") or "f32"
  if precision ~= "f32" then error(("train: precision %s is not built in; expected f32"):format(precision), 0) end
  return o
end

-- How many input pixels one cell of the coarsest head spans.
local function stride(model)
  local most = 1
  for _, layer in ipairs(model.net:layers()) do
    if layer.loss then most = math.max(most, model.w // layer.shape[3], model.h // layer.shape[2]) end
  end
  return most
end

-- multiscale: inputs of 3/4 to 5/4 of the size w x h in whole cells, as Redmon and Farhadi 2017, section 2 ("Multi-Scale Training").
function setup.sizes(model, w, h)
  local cell, sizes, seen = stride(model), {}, {}
  for eighth = 6, 10 do
    local size = { math.max(1, w * eighth // 8 // cell) * cell, math.max(1, h * eighth // 8 // cell) * cell }
    local key = size[1] .. "x" .. size[2]
    if not seen[key] then sizes[#sizes + 1] = size end
    seen[key] = true
  end
  return sizes
end

local function mib(bytes) return bytes / 2 ^ 20 end

-- One line about the plan of a step and the slabs, before the first step runs.
function setup.announce(t, plan)
  if not t.run or t.announced then return end
  local arena, scratch, packed = plan:memory()
  local counts = t.model:counts()
  t.run:say("%d of %d parameters train; a step of %d images at %dx%d takes %.0f MiB (activations and gradients %.0f, "
    .. "scratch %.0f, packed weights %.0f)",
    counts.params - counts.frozen, counts.params, t.micro, t.w, t.h, mib(arena + scratch + packed), mib(arena), mib(scratch), mib(packed))
  t.announced = true
end

return setup
