-- A teacher as a training needs it: which of its layers belong to the network's, and its outputs for the batch that is trained on.
local core = require "yolua.core"
local pattern_of = require "yolua.options.glob"

local teacher = {}

local function fail(who, format, ...) error(("%s: %s"):format(who, format:format(...)), 0) end

local function plainly(reason) return (tostring(reason):gsub("^.*distill: ", "")) end

-- Refuses a teacher whose outputs mean something else: other heads, or classes of other names.
function teacher.check(who, t, model)
  local own = t.model
  if model.net == own.net then fail(who, "the teacher is the network that is trained; give a copy (yl.load) or a checkpoint") end
  local ok, reason = pcall(own.net.check_teacher, own.net, model.net, t.h, t.w)
  if not ok then fail(who, "%s cannot teach %s at %dx%d: %s", model.path, own.path, t.w, t.h, plainly(reason)) end
  for i, name in ipairs(own.names) do
    if model.names[i] ~= name then
      fail(who, "class %d is '%s' in %s and '%s' in the teacher %s", i, name, own.path, tostring(model.names[i]), model.path)
    end
  end
end

-- The names of the layers whose outputs are compared, in the network's order. list: names, which have to fit, and globs, of which those
-- count that fit; "none".
function teacher.layers(who, t, model, list)
  local found, own = {}, t.model
  for _, word in ipairs(list) do
    local glob, any = word:find "[*?]" ~= nil, false
    for _, layer in ipairs(word ~= "none" and own.structure.layers or {}) do
      if layer.name:find(pattern_of(word)) and not core.layers.kind(layer.kind).head then
        local ok, reason = core.system.attempt(own.net.check_teacher, own.net, model.net, t.h, t.w, layer.name)
        if not (ok or glob) then fail(who, "features=%s: %s", word, plainly(reason)) end
        any, found[layer.name] = any or ok, found[layer.name] or ok
      end
    end
    if word ~= "none" and not any then
      fail(who, "features=%s: no layer of that name, besides heads, has an output of one size in both networks", word)
    end
  end
  local names = {}
  for _, layer in ipairs(own.structure.layers) do names[#names + 1] = found[layer.name] and layer.name or nil end
  return names
end

-- What the teacher answers to the pixels that the training's plan was given: its plan, after forward.
function teacher.plan(t, model, outputs)
  local shape = t.plan:shape(0)
  local plan = model:plan { mode = "infer", batch = shape[1], h = shape[2], w = shape[3], outputs = outputs,
    tf32 = t.options.tf32, precision = t.options.precision ~= "f32" and t.options.precision or nil } -- both are given the same pixels
  plan:feed_from(t.plan)
  plan:forward()
  return plan
end

return teacher
