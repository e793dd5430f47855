-- yl.calibrate(net, data.train, {frames = 64, out = "int8.safetensors"}): what a network needs to run in int8. Pictures run through it in
-- f32, and the range of each activation is chosen out of what was seen; bytes divide it evenly. Weights have a scale per output channel,
-- which follows from them. Nothing is trained, and f32 gives what it gave.
--
-- From then on the network runs with precision=int8, and so does the checkpoint that `out` or net:save writes, until its weights change.
-- runtime/formats/calibration.h says what the checkpoint holds.
local batches = require "yolua.data.batches"
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local input = require "yolua.model.input"
local options = require "yolua.options.table"
local outputs = require "yolua.model.outputs"
local pattern_of = require "yolua.options.glob"
local progress = require "yolua.terminal.progress"
local tables = require "yolua.report.tables"

local calibrate = { fields = {
  { "frames", "int", 64, "frames", "how many pictures, evenly spread over the split", min = 1,
    aliases = { "samples", "n_calib" } },
  { "method", "enum", "kl", "", "how a range is chosen: minmax: all that was seen; percentile: but for a share at either end; mse: the "
    .. "smallest mean square error; kl: the least Kullback-Leibler divergence", choices = { "minmax", "percentile", "mse", "kl" },
    aliases = { "algorithm", "calibration", "observer" } },
  { "share", "number", 0.9999, "", "method=percentile: the share of the numbers that the range holds", min = 0.5, max = 1,
    aliases = { "percentile" } },
  { "keep_f32", "list", "head", "", "convolutions that compute in f32: names with globs, head (the last one before each head), first, or "
    .. "none", empty = "none", aliases = { "except", "ignore", "exclude" } },
} }

calibrate.looks = {
  { "batch", "int", 4, "images", "images per forward pass", min = 1, max = 65536 },
}

local own = {
  { "workers", "int", nil, "threads", "decoding threads (default: data.workers)", min = 0, max = 256 },
  { "out", "string", nil, "", "the checkpoint to write, which ends in .safetensors", ending = ".safetensors" },
  { "imgsz", "size", nil, "px", "input size (default: the network's)", min = 8, max = 8192 },
  { "resize", "enum", nil, "", "how a picture is fitted to it (default: the network's way)", choices = { "letterbox", "stretch" } },
}
for _, list in ipairs { calibrate.fields, calibrate.looks } do table.move(list, 1, #list, #own + 1, own) end
local check = options.declare("yl.calibrate", own)

local FOLDED = { batchnorm = true, activation = true } -- computed together with the convolution before them

-- For each layer the last one that is computed together with it.
local function ends(layers)
  local readers, last = {}, {}
  for i, layer in ipairs(layers) do
    for _, from in ipairs(layer.inputs) do
      readers[from] = readers[from] or {}
      table.insert(readers[from], i)
    end
  end
  for i = #layers, 1, -1 do
    local next = readers[i] and #readers[i] == 1 and readers[i][1]
    local folds = next and FOLDED[layers[next].kind] and (layers[i].kind == "conv2d" or layers[i].kind == "batchnorm")
    last[i] = folds and last[next] or i
  end
  return last
end

-- The layers whose outputs are asked for, as their indices: those that another layer reads, and no other is computed with.
local function watched(layers, last)
  local list, read = {}, {}
  for _, layer in ipairs(layers) do
    for _, from in ipairs(layer.inputs) do read[from] = true end
  end
  for i, layer in ipairs(layers) do
    if last[i] == i and read[i] and not layer.loss then list[#list + 1] = i end
  end
  return list
end

-- Runs all pictures and calls use(plan, images) behind each batch.
local function each_batch(self, use)
  for batch in self.source:epoch(0) do
    local plan = self.model:plan { mode = "infer", batch = self.slots, h = self.size.h, w = self.size.w, precision = "f32",
      outputs = self.outputs, algorithm = "predicted" } -- what was measured differs from machine to machine
    plan:load(batch)
    plan:forward()
    use(plan, batch.count)
    self.done = self.done + batch.count
    self.bar:update(self.done)
  end
  if not core.system.interrupted() then return end
  core.system.clear_interrupt()
  error("stopped by the user while activations were looked at; nothing is calibrated", 0)
end

-- First the extremes, then what lies between them. Index 0: the network's input.
local function gather(self)
  local found = {}
  for _, i in ipairs(self.watched) do found[i] = core.histogram() end
  for _, what in ipairs { "extremes", "add" } do
    each_batch(self, function(plan, images)
      for i, histogram in pairs(found) do
        local ok, sentence = pcall(histogram[what], histogram, plan, i, images)
        if not ok then error(("%s: %s"):format(i == 0 and "the input" or self.layers[i].name, sentence), 0) end
      end
    end)
  end
  return found
end

local function look(model, list, o, layers, last)
  local size, names = input.of(model, o), {}
  local source <close>, frames = batches.spread(list, o, size)
  local indices = watched(layers, last)
  for k, i in ipairs(indices) do names[k] = layers[i].name end
  table.insert(indices, 1, 0)
  local bar <close> = progress.new { label = "calibrate", total = 2 * frames }
  return gather { model = model, source = source, size = size, slots = source.batch, layers = layers, watched = indices, bar = bar,
    done = 0, outputs = table.concat(names, ",") }, frames
end

-- The convolutions that keep_f32 names.
local function kept(model, layers, o)
  local out = {}
  for _, word in ipairs(o.keep_f32) do
    local any = word == "head" and #model.heads == 0
    for i, layer in ipairs(layers) do
      local head, first = false, layer.inputs[1] == 0
      for _, h in ipairs(model.heads) do head = head or h.conv == layer.name end
      local hit = layer.kind == "conv2d" and (word == "head" and head or word == "first" and first or layer.name:find(pattern_of(word)))
      if hit then out[i], any = true, true end
    end
    if not any then options.refuse(o, "keep_f32", "calibrate: keep_f32: no convolution matches '%s'", word) end
  end
  return out
end

local function note_of(layers, found, f32, o, frames)
  local note = { method = o.method, share = o.method == "percentile" and o.share or nil, frames = frames, layers = {}, f32 = {} }
  local errors = {}
  for i, histogram in pairs(found) do
    local low, high = histogram:range(o.method, o.share)
    errors[i] = histogram:error(low, high)
    if i == 0 then note.input = { low, high } else note.layers[layers[i].name] = { low, high } end
  end
  for i, layer in ipairs(layers) do
    if f32[i] then table.insert(note.f32, layer.name) end
  end
  return note, errors
end

local function rows(model, layers, last, note, errors)
  local out = {}
  local plan <close> = model.net:plan { mode = "infer", batch = 1, precision = "int8", algorithm = "predicted" }
  for i, layer in ipairs(layers) do
    if layer.kind == "conv2d" then
      local range = note.layers[layers[last[i]].name]
      local row = { name = layer.name, precision = (plan:algorithm(i, "forward") or ""):find "^int8" and "int8" or "f32" }
      if range then
        row.low, row.high, row.error = range[1], range[2], errors[last[i]]
        row.scale, row.zero = core.quant_of(range[1], range[2])
      end
      out[#out + 1] = row
    end
  end
  return out
end

local function text(r)
  local body = {}
  for i, l in ipairs(r.layers) do
    body[i] = { l.name, l.precision, l.scale and ("%.4g"):format(l.scale) or "", l.zero and tostring(l.zero) or "",
      l.low and ("%.3f"):format(l.low) or "", l.high and ("%.3f"):format(l.high) or "",
      l.error and ("%.2f %%"):format(100 * l.error) or "" }
  end
  local head = { "layer", "precision", "scale", "zero", "low", "high", "error" }
  return ("%s\nerror: of the output's bytes, root mean square against that of the numbers; method=%s, %d frames%s"):format(
    table.concat(tables.align(head, body), "\n"), r.method, r.frames, r.file and "; written: " .. r.file or "")
end

local shown = { __tostring = text }

-- Returns {layers = {{name, precision, scale, zero, low, high, error}, ...} of the convolutions and their outputs, method, frames, file}.
return setmetatable(calibrate, { __call = function(_, model, list, values)
  callback.model("yl.calibrate", model)
  callback.argument(type(list) == "table" and type(list.frames) == "table" and list.data, "yl.calibrate", "a split (data.train)", list)
  local o = check(values or {})
  if options.explicit(o, "share") and o.method ~= "percentile" then
    options.refuse(o, "share", "calibrate: share has no effect: method=%s: expected method=percentile with it", o.method)
  end
  if o.out then outputs.check(o, "out", o.out) end
  if #list.frames == 0 then error(options.position() .. ": yl.calibrate: the split has no frames", 0) end
  local layers = model.net:layers()
  local last, f32 = ends(layers), kept(model, layers, o)
  local found, frames = look(model, list, o, layers, last)
  local note, errors = note_of(layers, found, f32, o, frames)
  local encoded = core.json.encode(note)
  model:drop_plans()
  model.net:calibrate(encoded, "yl.calibrate")
  model.calibration = encoded
  if o.out then model:save(o.out) end
  return setmetatable({ layers = rows(model, layers, last, note, errors), method = o.method, frames = frames, file = o.out }, shown)
end })
