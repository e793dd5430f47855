-- Which source a trainer draws from: cached features where a frozen body makes that possible and memory allows, else images.
local core = require "yolua.core"
local attributes = require "yolua.options.attributes"
local batches = require "yolua.data.batches"
local ranks = require "yolua.ranks"

local sources = {}

-- The list that choices are made on (best epoch, early stop, thresholds): data.pick where the options name one, else dev; nil without
-- either.
function sources.judged_list(t) return t.data.pick or t.data.dev end

function sources.has_judged(t)
  local list = sources.judged_list(t)
  return list and #list.frames > 0
end

-- Does anything random happen to the pixels?
local function augments(t) return (t.options.augment.name or "none") ~= "none" end

-- Pictures that the data set has in memory.
local function pixels(t, list, train, alone)
  local all = t.data.source.pixels
  local shape = all:shape()
  if augments(t) then error(("data=%s: its pictures are not augmented: expected augment=none"):format(t.data.name), 0) end
  if t.model.c ~= shape[4] or t.w ~= shape[3] or t.h ~= shape[2] then
    error(("%s: the network takes %dx%d with %d channels, the pictures of data=%s are %dx%d with %d"):format(t.model.path, t.w, t.h,
      t.model.c, t.data.name, shape[3], shape[2], shape[4]), 0)
  end
  return batches.pixels { list = list, pixels = all, data = t.data, names = t.model.names, batch = alone or t.micro,
    seed = t.options.seed, train = train, parts = t.parts_per_step, rank = alone and 0 or ranks.rank, ranks = alone and 1 or ranks.size }
end

-- MiB of the device's memory that the decoded frames of a new source may take: what the option leaves, or half of what is free (bytes).
local function device_cache(t, free)
  local mib, source = t.options.data.device_cache, t.train_source
  if not mib then return free / 2 / 2 ^ 20 end
  return math.max(0, mib - (source and source:stats().resident_bytes or 0) / 2 ^ 20)
end

-- A new source of a list's pictures; train: shuffled, and augmented as the options say. alone: images of a batch that is not shared by
-- ranks. once: its pictures are needed only once.
local function images(t, list, train, alone, once)
  local o, _, free = t.options, t.model.net:device()
  if t.data.source.pixels then return pixels(t, list, train, alone) end
  if t.model.c ~= 3 then error(("%s: the network takes %d channels, pictures have 3"):format(t.model.path, t.model.c), 0) end
  return batches.images {
    data = t.data, list = list, names = t.model.names, batch = alone or t.micro, w = t.w, h = t.h, resize = t.resize, train = train,
    seed = o.seed, workers = o.data.workers, cache = o.data.cache, cache_dir = o.data.cache_dir, strict = o.data.strict, sizes = t.sizes,
    regions = o.regions, attributes = #attributes.of_model(t.model) > 0, augment = augments(t) and o.augment or nil,
    parts = t.parts_per_step, rank = ranks.rank, ranks = alone and 1 or ranks.size, net = t.model.net,
    device_cache = free and not alone and not once and device_cache(t, free) or nil,
  }
end

sources.images = images

-- Bytes of cached features that the run may hold: the option, or a quarter of the machine's memory.
local function budget(t)
  local mib = t.options.data.features
  return mib and mib * 2 ^ 20 or core.machine().memory_bytes / 4
end

-- Can the body be cached? Something below the heads is frozen, nothing random happens before the cut, no policy needs the pixels, and it
-- fits.
function sources.cacheable(t)
  if t.data.source.pixels or augments(t) or t:hears "batch" or t:hears "loss" or t.sizes then return false end
  if t.options.data.features == 0 then return false end
  local count = #t.data.train.frames + (sources.has_judged(t) and #sources.judged_list(t).frames or 0)
  local ok, bytes = core.system.attempt(batches.feature_bytes, t.model, t.h, t.w, count)
  if not ok or bytes == 0 then return false end
  if bytes > budget(t) then
    core.system.warn(("the frozen body's output takes %.0f MiB, more than the %.0f MiB allowed: it is computed again in every epoch")
      :format(bytes / 2 ^ 20, budget(t) / 2 ^ 20))
    return false
  end
  return true
end

local function features(t, list, train)
  local source = images(t, list, false, nil, true)
  local made = batches.features { model = t.model, source = source, seed = t.options.seed, batch = t.micro, train = train,
    body_batch = t.micro, h = t.h, w = t.w, parts = t.parts_per_step, rank = ranks.rank, ranks = ranks.size }
  source:close()
  return made
end

-- The training source; made on first use after a change of what is frozen, kept for later epochs. Nil where the user asked to stop
-- while it was made.
function sources.train(t)
  if not t.train_source then
    t.cached = sources.cacheable(t)
    t.train_source = (t.cached and features or images)(t, t.data.train, true)
  end
  return t.train_source
end

-- The source of the list that a training is judged on, in list order; nil where there is none, or where the user asked to stop while it
-- was made.
function sources.judged(t)
  if not sources.has_judged(t) then return nil end
  if not t.judged_source then t.judged_source = (t.cached and features or images)(t, sources.judged_list(t), false) end
  return t.judged_source
end

function sources.drop(t)
  for _, key in ipairs { "train_source", "judged_source" } do
    if t[key] then t[key]:close() end
    t[key] = nil
  end
end

return sources
