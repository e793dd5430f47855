-- What a trainer settles before its first step: checked options and input sizes.
local attributes = require "yolua.options.attributes"
local fields = require "yolua.options.fields"
local heads = require "yolua.model.heads"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local ranks = require "yolua.ranks"
local recheck = require "yolua.options.recheck"
local sizes_of = require "yolua.data.sizes"
local sources = require "yolua.train.sources"

local setup = { groups = { "data", "size", "train", "optim", "augment", "eval", "run" } } -- groups: the options of a training

-- The training options, checked and with defaults, whether they came from yl.options or were written by hand.
function setup.options(o)
  if getmetatable(o) then recheck(o)
  else o = options.check("yl.train", fields.get(setup.groups), o) end
  return o
end

-- The counts next to `parts` that divide the batch, as words.
local function nearest(batch, parts)
  local less, more = math.min(parts, batch), parts
  while batch % less ~= 0 do less = less - 1 end
  while more <= batch and batch % more ~= 0 do more = more + 1 end
  return more <= batch and ("%d and %d"):format(less, more) or ("%d"):format(less)
end

-- How a step is divided: images of a part of the batch, and how many parts this rank computes. Deterministic: `subdivisions` parts, shared
-- by the ranks; else each rank has as many. Errors: counts that do not divide the batch, with the nearest that do.
function setup.parts(o)
  local batch, asked = o.batch, o.subdivisions or 1
  local parts = o.deterministic and asked or asked * ranks.size
  local where = options.origin(o, "subdivisions") or options.position()
  if o.deterministic and o.statistics == "sync" then
    error(("%s: statistics=sync depends on the number of ranks, and deterministic=true must not: expected one of them"):format(where), 0)
  end
  if o.deterministic and asked % ranks.size ~= 0 then
    error(("%s: option 'subdivisions': with deterministic=true %d ranks share the parts of a batch: expected a multiple of %d, got %d")
      :format(where, ranks.size, ranks.size, asked), 0)
  end
  if batch % parts == 0 then return batch // parts, o.deterministic and asked // ranks.size or asked end
  error(("%s: option 'subdivisions': a batch of %d cannot be divided into %d equal parts%s; the nearest counts that work are %s"):format(
    where, batch, parts, ranks.size > 1 and (" (%d ranks, subdivisions=%d)"):format(ranks.size, asked) or "", nearest(batch, parts)), 0)
end

-- How many steps an epoch has.
function setup.steps(data, o) return (#data.train.frames + o.batch - 1) // o.batch end

-- Labelled objects of a list by the network's classes, and by any; see data:truth.
local function count(t, list)
  local known, all = 0, 0
  for _, frame in ipairs(list.frames) do
    all = all + #(frame.objects or {})
    for _, row in ipairs((t.data:truth(frame, t.model.names))) do known = known + (row[6] == 0 and 1 or 0) end
  end
  return known, all
end

-- How many objects the training list holds, and the one that choices are made on. Errors: a list that holds none.
function setup.objects(t)
  local out, lists = {}, { train = t.data.train, judged = sources.judged_list(t) }
  for _, key in ipairs { "train", "judged" } do
    local list = lists[key]
    if key == "train" and not (list and #list.frames > 0) then
      error(("%s: yl.train: the training list has no frames"):format(options.position()), 0)
    end
    local known, all = 0, 0
    if list then known, all = count(t, list) end
    if list and #list.frames > 0 and known == 0 then
      error(("%s: yl.train: the %d frames of the list '%s' contain no objects%s"):format(options.position(), #list.frames,
        list.name or key, all > 0 and (" of the network's classes (data.map: %d objects of other classes)"):format(all) or ""), 0)
    end
    out[key] = known
  end
  return out
end

-- What the heads predict beside box and class is what the options ask for, and the training list has labels of it. Errors: one sentence.
function setup.attributes(t)
  local has, asked = attributes.of_model(t.model), t.options.attributes
  if asked and attributes.text(has) ~= attributes.text(attributes.of(asked)) then
    local what = #t.model.heads == 0 and "has no detection head" or "predicts " .. attributes.text(has)
    error(("%s: attributes=%s: %s %s; a new head gets them (yl.transplant)"):format(options.origin(t.options, "attributes")
      or options.position(), attributes.text(attributes.of(asked)), t.model.path, what), 0)
  end
  for _, a in ipairs(has) do
    if not t.data:has_attribute(t.data.train, a) then
      error(("%s: the network predicts %s, and no object of the training list '%s' of data=%s has that label (%s)"):format(t.model.path,
        a.name, t.data.train.name, t.data.name, a.label), 0)
    end
  end
end

-- One line about what it trains on.
function setup.tell(t)
  if not t.run then return end
  local list = sources.judged_list(t)
  t.run:say("training on %d frames with %d objects, dev loss on %d with %d%s", #t.data.train.frames, t.objects.train,
    list and #list.frames or 0, t.objects.judged, t.data.pick and (" of data.pick=%s"):format(t.data.pick.name) or "")
end

-- multiscale: inputs of 3/4 to 5/4 of the size w x h in whole cells, as Redmon and Farhadi 2017, section 2 ("Multi-Scale Training").
function setup.sizes(model, w, h)
  local cell, sizes, seen = input.stride(model), {}, {}
  for eighth = 6, 10 do
    local size = { math.max(1, w * eighth // 8 // cell) * cell, math.max(1, h * eighth // 8 // cell) * cell }
    local key = size[1] .. "x" .. size[2]
    if not seen[key] then sizes[#sizes + 1] = size end
    seen[key] = true
  end
  return sizes
end

-- Sets the options of the heads' losses. What a head's kind lacks is an error; as a recipe's default, which the config.yaml of its run
-- repeats, it is told and left out.
local function set_losses(t, lines, run)
  local o, values = t.options, {}
  for _, field in ipairs(fields.loss) do values[field[1]] = rawget(o.loss, field[1]) end
  for _, lack in ipairs(heads.set(t.model, values)) do
    local key, kind, head = table.unpack(lack)
    local origin = options.origin(o, "loss." .. key) or options.position()
    if origin == "command line" or not run then
      error(("%s: loss: %s"):format(origin, head and ("%s of %s does not predict what '%s' weighs"):format(head, t.model.path, key)
        or ("[%s] of %s has no option '%s'"):format(kind, t.model.path, key)), 0)
    end
    lines[#lines + 1] = ("loss.%s=%s is left out: [%s] has no such %s"):format(key, values[key], kind, head and "output" or "option")
  end
end

local ANCHORS = { cfg = heads.keep, predicted = heads.drop_unpredicted, all = heads.need_all, auto = heads.fit }

-- Before anything is restored: the heads' losses and anchors as the options say; tells what it changed.
function setup.heads(t)
  local o, lines, run = t.options, {}, t.run or rawget(t, "dry_run") -- a dry run has its own
  set_losses(t, lines, run)
  if #t.model.heads > 0 then
    local sizes = sizes_of(t.data.train, t.model.names, t.w, t.h, t.resize)
    local found = (ANCHORS[o.anchors] or heads.keep)(t.model, sizes, t.w, t.h) -- those of a file came with the network
    table.move(found, 1, #found, #lines + 1, lines)
  end
  for _, line in ipairs(run and lines or {}) do run:say("%s", line) end
end

-- Before the first step: says what pictures are brought to, and makes that and the class map the network's own, which its checkpoints keep.
function setup.adopt(t)
  local model = t.model
  if t.run then t.run:say_input(input.text(model, t.options)) end
  t.own = { w = t.w, h = t.h, resize = t.resize, map = t.data:kept_map(model.names) }
  model:adopt(t.own)
end

return setup
