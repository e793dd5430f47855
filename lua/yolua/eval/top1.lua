-- The protocol of pictures with one class each: the share of them whose largest output is another class.
local core = require "yolua.core"
local callback = require "yolua.options.callback"

local top1 = { batch = 100 }

-- The place of the largest of `n` numbers from `first` on.
local function largest(numbers, first, n)
  local best = 1
  for k = 2, n do
    if numbers[first + k] > numbers[first + best] then best = k end
  end
  return best
end

local function class_numbers(model, list)
  local number, out = {}, {}
  for i, name in ipairs(model.names) do number[name] = i end
  for i, frame in ipairs(list.frames) do
    local class = frame.objects[1] and frame.objects[1].class
    out[i] = number[class] or error(("%s: the network has no class '%s' (names=)"):format(list.name, tostring(class)), 0)
  end
  return out
end

local function check(model)
  local layers = model.structure.layers
  callback.argument(layers[#layers].kind == "softmax", "top1", "a network that ends in softmax", layers[#layers].kind)
end

-- model: of yl.load; list: a split of pictures with a class each; source: of these pictures in list order. Returns {n, error}, and
-- {images, seconds, infer_ms}. Errors: another network; a class that it has not.
function top1.score(model, list, source)
  check(model)
  local classes, wrong, n, seconds = class_numbers(model, list), 0, 0, 0
  for batch in source:epoch(0) do
    local plan = model:plan { mode = "infer", batch = batch.count }
    local started = core.system.clock()
    source:feed(plan, batch)
    plan:forward()
    local numbers, shape = plan:output(#model.structure.layers)
    seconds = seconds + core.system.clock() - started
    for k, i in ipairs(batch.picks) do
      n, wrong = n + 1, wrong + (largest(numbers, (k - 1) * shape[4], shape[4]) ~= classes[i] and 1 or 0)
    end
  end
  return { n = n, error = wrong / n }, { images = n, seconds = seconds, infer_ms = 1e3 * seconds / n }
end

return top1
