-- Where a training loop's batches come from: images through the loader, or the cached output of a frozen body.
-- A source has: epoch(e, start) -> iterator over batches, feed(plan, batch), loss(plan, batch), detect(plan, batch, view), stats(); `size`
-- images, and `part`, of the network that its plans run.
local core = require "yolua.core"

local batches = {}

-- The rows of a truth that are no regions to ignore.
local function without_regions(truth)
  local out = {}
  for _, row in ipairs(truth) do
    if row[6] ~= 1 then out[#out + 1] = row end
  end
  return out
end

-- samples for the loader: {image = path, truth = rows}. Errors: nothing to learn from, since the network has no class of any object.
local function samples(data, list, names, train, regions, labelled)
  local out, learnable = {}, not train
  for i, frame in ipairs(list.frames) do
    local truth = data:truth(frame, names, labelled)
    out[i] = { image = frame.image, truth = regions == false and without_regions(truth) or truth }
    for _, row in ipairs(learnable and {} or out[i].truth) do learnable = learnable or row[6] == 0 end
  end
  if learnable then return out end
  error(("data: no object of %s has a class that the network knows (%s): data.map=identity trains a head for the data's classes"):format(
    list.name, table.concat(names, ", ", 1, math.min(5, #names)) .. (#names > 5 and ", ..." or "")), 0)
end

local Images = {}
Images.__index = Images

-- spec: data, list, names, batch, w, h, resize, train (bool: shuffled and augmented), seed, workers, cache (MiB),
-- cache_dir, strict, augment, sizes, regions (false: those to ignore are background), parts (of a step's batch: an epoch of
-- training is completed to whole steps), attributes (the truth has alpha, occluded and truncated), net (whose device makes the images;
-- default: the host), device_cache (MiB of its memory for decoded frames)
function batches.images(spec)
  local loader = core.loader {
    samples = samples(spec.data, spec.list, spec.names, spec.train, spec.regions, spec.attributes), attributes = spec.attributes,
    batch = spec.batch, width = spec.w, height = spec.h, resize = spec.resize, train = spec.train, seed = spec.seed,
    workers = spec.workers, cache = spec.cache, cache_dir = spec.cache_dir, strict = spec.strict, exif = spec.data.options.exif,
    augment = spec.train and spec.augment or nil, sizes = spec.train and spec.sizes or nil,
    parts = spec.parts, rank = spec.rank, ranks = spec.ranks, net = spec.net, device_cache = spec.device_cache,
  }
  return setmetatable({ loader = loader, size = #spec.list.frames, part = "whole", device_cache = spec.device_cache }, Images)
end

-- Pictures without labels, in the order of the list. spec: images (paths, or frames with an `image`), batch, w, h, resize, workers,
-- strict, upright, told (a bad picture is the caller's business: batch:failures()), net
function batches.pictures(spec)
  local list = {}
  for i, image in ipairs(spec.images) do list[i] = { image = type(image) == "table" and image.image or image } end
  local loader = core.loader { samples = list, batch = spec.batch, width = spec.w, height = spec.h, resize = spec.resize,
    train = false, workers = spec.workers, strict = not spec.told and spec.strict, told = spec.told,
    exif = spec.upright and "apply" or "ignore", cache = 0, net = spec.net }
  return setmetatable({ loader = loader, size = #list, part = "whole" }, Images)
end

-- Pictures of a split, evenly spread over it, for what looks at them once. o: frames (how many at most), batch, workers (default: the
-- data's). Returns the source, which says its `batch`, and how many pictures these are.
function batches.spread(list, o, size)
  local frames, count = {}, math.min(o.frames, #list.frames)
  for i = 1, count do frames[i] = list.frames[(i - 1) * #list.frames // count + 1] end
  local source = batches.pictures { images = frames, batch = math.min(o.batch, count), w = size.w, h = size.h, resize = size.resize,
    workers = o.workers or list.data.options.workers, strict = true, upright = list.data.options.exif == "apply" }
  source.batch = math.min(o.batch, count)
  return source, count
end

function Images:epoch(e, start)
  self.loader:epoch(e, start or 1)
  return function() return self.loader:next() end
end

function Images:feed(plan, batch) plan:load(batch) end
function Images:loss(plan, batch) return plan:loss(batch) end
function Images:detect(plan, batch, view) return plan:detect(batch, view) end
function Images:stats() return self.loader:stats() end
function Images:close() self.loader:close() end
Images.__close = Images.close

local Features = {}
Features.__index = Features

-- Runs every image of an (unshuffled, unaugmented) image source once through the body, in list order.
-- spec: model, source (of images), seed, batch (of the batches to hand out), train (bool: shuffled), body_batch, parts. Nil where the user
-- asked to stop before its end.
function batches.features(spec)
  local shape = { mode = "infer", part = "body", batch = spec.body_batch, h = spec.h, w = spec.w }
  local features, places = core.features(spec.model:plan(shape), spec.source.size), {}
  for batch in spec.source:epoch(0) do
    shape.batch = batch.count
    local body = spec.model:plan(shape)
    body:load(batch)
    body:forward()
    features:store(body, batch)
    local found = batch:places()
    for k, index in ipairs(batch:indices()) do places[index] = found[k] end
  end
  if core.system.interrupted() then
    features:close()
    return nil
  end
  return setmetatable({ features = features, places = places, size = spec.source.size, seed = spec.seed, batch = spec.batch,
    train = spec.train, part = "tail", parts = spec.parts or 1, rank = spec.rank or 0, ranks = spec.ranks or 1 }, Features)
end

-- The order of an epoch: a permutation drawn from (seed, epoch), completed from its own front; list order where not training.
function Features:order(e)
  local order = self.train and core.permutation(self.size, self.seed, e) or {}
  for i = #order + 1, self.train and 0 or self.size do order[i] = i end
  return order
end

function Features:epoch(e, start)
  local order, first, last, stride = self:order(e), ((start or 1) - 1) * self.batch + 1, self.size, self.batch
  if self.train then -- whole steps, of which this rank has its share
    stride = self.batch * self.ranks
    first = (first - 1) * self.ranks + self.rank * self.batch + 1
    last = (self.size + stride * self.parts - 1) // (stride * self.parts) * stride * self.parts
  end
  return function()
    if first > last then return nil end
    local picks, count = {}, self.train and self.batch or math.min(self.batch, self.size - first + 1)
    for k = 0, count - 1 do picks[k + 1] = order[(first + k - 1) % self.size + 1] end
    first = first + stride
    return { picks = picks, count = count, indices = function() return picks end }
  end
end

function Features:feed(plan, batch) self.features:load(plan, batch.picks) end
function Features:loss(plan, batch) return self.features:loss(plan, batch.picks) end
function Features:detect(plan, batch, view)
  local places = {}
  for k, pick in ipairs(batch.picks) do places[k] = self.places[pick] end
  return plan:detect(places, view)
end

function Features:stats() return { waited_s = 0, decoded = 0 } end
function Features:close() self.features:close() end

-- Pictures that are in memory already: a tensor of bytes {all, h, w, c}. spec: list (of frames with their place in it, `at`), pixels, data,
-- names, batch, seed, train (shuffled, whole steps), parts. An image's truth is its class.
local Pixels = { order = Features.order, epoch = Features.epoch, stats = Features.stats }
Pixels.__index = Pixels

function batches.pixels(spec)
  local places, truths = {}, {}
  for i, frame in ipairs(spec.list.frames) do
    places[i], truths[i] = frame.at, {}
    for k, row in ipairs((spec.data:truth(frame, spec.names))) do truths[i][k] = { 0.5, 0.5, 1, 1, row[5], row[6] } end
  end
  return setmetatable({ pixels = spec.pixels, places = places, truths = truths, size = #places, seed = spec.seed, batch = spec.batch,
    train = spec.train, part = "whole", parts = spec.parts or 1, rank = spec.rank or 0, ranks = spec.ranks or 1 }, Pixels)
end

function Pixels:feed(plan, batch)
  local places = {}
  for k, pick in ipairs(batch.picks) do places[k] = self.places[pick] end
  plan:feed(self.pixels:index_select(1, places):to "f32":mul_(1 / 255))
end

function Pixels:loss(plan, batch)
  local truths = {}
  for k, pick in ipairs(batch.picks) do truths[k] = self.truths[pick] end
  return plan:loss(truths)
end

function Pixels.close() end

-- Bytes that caching would take on the host.
function batches.feature_bytes(model, h, w, count)
  local body = model:plan { mode = "infer", part = "body", batch = 1, h = h, w = w }
  return core.features_bytes(body, count)
end

return batches
