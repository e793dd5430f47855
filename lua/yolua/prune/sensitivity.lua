-- yl.sensitivity(net, data.pick, {sparsity = {.5, .9}}): how much each layer matters. One layer at a time is cut to several
-- sparsities, all others whole, and the network is scored on a split. Nothing is trained, and the network stays as it is: a copy is cut.
--
-- What is known is kept, so that a scan that was stopped continues where it was, and one that is asked for again costs nothing: a line of
-- JSON per score in a file whose name is a hash of the network's structure and values, the frames and labels, and the options.
-- Returns {dense = AP, layers = {{name, params, sparsity = {...}, ap = {...}}, ...}, known, protocol, split, ...}; prints as a table.
local callback = require "yolua.options.callback"
local copy = require "yolua.model.copy"
local core = require "yolua.core"
local structs = require "yolua.options.structs"
local Cut = require "yolua.prune.cut"
local fields = require "yolua.options.fields"
local input = require "yolua.model.input"
local known = require "yolua.prune.known"
local options = require "yolua.options.table"
local probe = require "yolua.prune.probe"
local progress = require "yolua.terminal.progress"
local ranges = require "yolua.prune.ranges"
local score = require "yolua.eval.score"
local sources = require "yolua.train.sources"
local terminal = require "yolua.terminal"
local files = core.files

local sensitivity = {}

sensitivity.fields = {
  { "sparsity", "numbers", { 0.5, 0.7, 0.8, 0.9, 0.95 }, "", "shares of zeros that each layer is cut to, rising", min = 0, max = 0.999999 },
  fields.pick("prune", "score"), fields.pick("prune", "pattern"), fields.pick("prune", "block"), fields.pick("prune", "entries"),
  fields.pick("prune", "round_to"), fields.pick("prune", "min_channels"),
  fields.pick("prune", "probe"), fields.pick("prune", "only"), fields.pick("prune", "also"), fields.pick("prune", "except"),
  fields.pick("prune", "judge"),
  { "recalibrate", "int", 0, "frames", "estimate batch-norm's statistics anew after each cut, over so many training pictures; 0: no",
    min = 0 },
  { "cache", "string", nil, "", "the folder of known scores (default: $XDG_CACHE_HOME/yolua, or ~/.cache/yolua)" },
}

sensitivity.looks = fields.get { fields.pick("eval", "conf"), "suppression", fields.pick("eval", "resize"), "size",
  structs.field("loader", "batch", { help = "images per forward pass" }) }

local check = options.declare("yl.sensitivity", fields.get { "protocols", table.unpack(table.move(sensitivity.looks, 1, #sensitivity.looks,
  #sensitivity.fields + 1, table.move(sensitivity.fields, 1, #sensitivity.fields, 1, {}))) })

local DECIDE = { "sparsity", "score", "pattern", "block", "entries", "round_to", "min_channels",
  "probe", "judge", "recalibrate", "conf", "iou", "nms", "vote", "voc", "coco",
  "poster" }

-- The hash of all that decides the scores, but for the levels and layers: those known for others serve too.
local function key_of(model, list, o)
  local size, chosen = input.of(model, o), {}
  for _, key in ipairs(DECIDE) do
    local value = rawget(o, key)
    if options.is(value) then value = options.plain(value) end
    if type(value) == "function" or type(value) == "table" and type(value.score) == "function" then
      value = callback.fingerprint(type(value) == "table" and value.score or value)
    end
    if key ~= "sparsity" then chosen[key] = value end
  end
  local masks = {}
  for _, r in ipairs(model.net:ranges()) do masks[#masks + 1] = model.net:checksum(r.name) end
  local frames = {}
  for i, frame in ipairs(list.frames) do frames[i] = { frame.id, list.data:truth(frame, model.names) } end
  return files.hash_text(core.json.encode { structure = model.structure, names = model.names, values = masks,
    averaged = model.averaged and model:checksum() or nil, data = list.data.hash, split = frames, options = chosen,
    size = { size.w, size.h, size.resize } })
end

local Scan = {}
Scan.__index = Scan

local function rate(self)
  local ok, rows = pcall(score.run, self.copy, self.list, self.o, { stage = "scan", protocols = { self.o.judge } })
  if ok then return rows[1].map end
  if tostring(rows):find "stopped by the user" then
    error(("stopped by the user; the scan continues from here when it is asked for again (%s)"):format(self.known.path), 0)
  end
  error(rows, 0)
end

-- The AP with one range cut to `zeros` of its numbers; nil where whole channels go and not so many may.
local function cut_and_rate(self, cut, zeros)
  local ok, masks = core.system.attempt(cut.masks, cut, zeros)
  if not ok and self.rules.coarse then return nil end -- the layer has not so many channels that may go
  if not ok then error(masks, 0) end
  cut:apply(masks)
  if self.o.recalibrate > 0 then
    require "yolua.train.recalibrate"(self.copy, self.list.data.train, { frames = self.o.recalibrate, imgsz = rawget(self.o, "imgsz"),
      resize = rawget(self.o, "resize") })
  end
  local ap = rate(self)
  for _, other in ipairs(self.model.net:ranges()) do
    if masks[other.name] or other.kind == "statistic" then copy.range(self.model, self.copy, other) end
  end
  return ap
end

-- Scores that look at gradients gather them over training pictures, once, on the whole network.
local function gather(self)
  local how = self.rules.score
  if not how.gather then return end
  if not how.probe then error("sensitivity: score: this one looks at training steps, and a scan trains nothing (taylor and snip do)", 0) end
  local data, size, o = self.list.data, input.of(self.model, self.o), self.o
  local batch = math.min(o.batch, #data.train.frames)
  local t = { data = data, model = self.copy, micro = batch, w = size.w, h = size.h, resize = size.resize, step = 0,
    work_alone = function() end, -- no training has shared this network's gradients
    options = { seed = 1, batch = batch, subdivisions = 1, augment = { name = "none" }, data = { workers = 2, strict = true } } }
  probe(t, self.ranges, how, { batches = o.probe, round = 1 })
end

-- Of whole channels a layer may have none that can go: it has no scores then.
local function open(self, r)
  local ok, cut = core.system.attempt(self.rules.open, self.rules, self.copy, { r }, { seed = 1, rate = 0 })
  if ok then return cut end
  if not self.rules.coarse then error(cut, 0) end
end

local function scan_layer(self, r, bar)
  local out = { name = r.layer, parameter = r.name, params = r.count, sparsity = {}, ap = {} }
  local cut
  for i, level in ipairs(self.o.sparsity) do
    local ap = self.known:get(r.name, level)
    if not ap then
      cut = cut or open(self, r)
      ap = cut and cut_and_rate(self, cut, math.floor(level * r.count + 0.5))
      if not ap then break end
      self.known:put(r.name, level, ap)
    end
    out.sparsity[i], out.ap[i] = level, ap
    bar:update((self.at - 1) * #self.o.sparsity + i)
  end
  return out
end

local Result = { __name = "sensitivity" }

function Result:__tostring()
  local columns, rows = { { "layer" }, { "numbers", right = true } }, {}
  for i, level in ipairs(self.levels) do columns[i + 2] = { ("%g %%"):format(100 * level), right = true } end
  for k, layer in ipairs(self.layers) do
    rows[k] = { layer.name, tostring(layer.params) }
    for i in ipairs(self.levels) do
      rows[k][i + 2] = layer.ap[i] and ("%+.1f"):format(100 * (layer.ap[i] - self.dense)) or ""
    end
  end
  local head = ("AP of 100 (%s, %d frames of %s): %.1f whole; change where one layer alone has so many zeros"):format(self.protocol,
    self.images, self.split, 100 * self.dense)
  return table.concat(terminal.wrap(head, terminal.width(), 0), "\n") .. "\n" .. table.concat(terminal.columns(columns, rows), "\n")
end

local function check_levels(levels)
  for i, level in ipairs(levels) do
    if level <= (levels[i - 1] or 0) then
      error(("sensitivity: sparsity: expected rising shares above 0, got %g after %g"):format(level, levels[i - 1] or 0), 0)
    end
  end
  if #levels == 0 then error("sensitivity: sparsity: expected at least one share of zeros", 0) end
end

-- model: stays as it is; list: a split. Errors: what the scan cannot cut or score, by name; a stop by the user, with what is known kept.
function sensitivity.scan(model, list, o)
  check_levels(o.sparsity)
  if o.judge == "none" then error("sensitivity: judge: expected a protocol, got none", 0) end
  if not list or #list.frames == 0 then error("sensitivity: the split has no frames to score on", 0) end
  list.data:follow(model)
  local self = setmetatable({ model = model, list = list, o = o, rules = Cut.rules { score = rawget(o, "score"), scope = "layer",
    pattern = o.pattern, block = o.block, entries = o.entries, round_to = rawget(o, "round_to"),
    min_channels = rawget(o, "min_channels") }, ranges = ranges.of(model, o) }, Scan)
  local key = key_of(model, list, o)
  self.known, self.copy = known.open(rawget(o, "cache"), key), copy(model)
  local bar <close> = progress.new { label = "sensitivity", total = #self.ranges * #o.sparsity, unit = "cuts" }
  local dense, layers = self.known:get("", 0), {}
  if not dense then
    dense = rate(self)
    self.known:put("", 0, dense)
  end
  gather(self)
  for i, r in ipairs(self.ranges) do
    self.at = i
    local scanned = scan_layer(self, r, bar)
    layers[#layers + 1] = #scanned.ap > 0 and scanned or nil
  end
  self.copy:close()
  return setmetatable({ dense = dense, layers = layers, levels = o.sparsity, protocol = o.judge, split = list.name, images = #list.frames,
    score = type(rawget(o, "score")) == "string" and o.score or "your own", known = self.known.count, key = key,
    file = self.known.path }, Result)
end

-- The scan for a training that prunes by it, on the list that it is judged on; the run keeps it for its report. o: the options of pruning.
function sensitivity.of_training(t, o)
  local own = t.options
  local result = sensitivity.scan(t.model, sources.judged_list(t), { sparsity = sensitivity.fields[1][3], score = rawget(o, "score"),
    pattern = o.pattern, block = o.block, entries = o.entries, round_to = rawget(o, "round_to"),
    min_channels = rawget(o, "min_channels"), probe = o.probe, only = rawget(o, "only"), also = rawget(o, "also"),
    except = rawget(o, "except"), judge = o.judge, recalibrate = 0, conf = rawget(own, "conf"), iou = rawget(own, "iou"),
    nms = rawget(own, "nms"), vote = rawget(own, "vote"), voc = rawget(own, "voc"), coco = rawget(own, "coco"),
    poster = rawget(own, "poster"), resize = t.resize, imgsz = { t.w, t.h }, batch = t.micro })
  if t.run then
    t.run:say("%s", tostring(result))
    sensitivity.keep(t.run.dir, result)
  end
  return result
end

-- sensitivity.json and its plot in a run directory, where the report finds them.
function sensitivity.keep(dir, result)
  core.system.write(dir .. "/sensitivity.json", core.json.encode(sensitivity.plain(result)) .. "\n")
  local series = {}
  for i, layer in ipairs(result.layers) do
    series[i] = { name = layer.name, x = { 0, table.unpack(layer.sparsity) }, y = { result.dense, table.unpack(layer.ap) } }
  end
  files.make_folder(dir .. "/plots")
  core.plot.lines { path = dir .. "/plots/prune-sensitivity.svg", title = ("AP with one layer cut (%s)"):format(result.protocol),
    xlabel = "zeros in that layer", ylabel = "mean AP", xlim = { 0, 1 }, series = series }
end

-- The scan as plain data, for JSON.
function sensitivity.plain(result)
  local out = {}
  for key, value in pairs(result) do out[key] = value end
  out.file, out.known, out.levels = nil, nil, nil -- these are the machine's
  return out
end

return setmetatable(sensitivity, { __call = function(_, model, list, values)
  callback.model("yl.sensitivity", model)
  callback.argument(type(list) == "table" and type(list.frames) == "table" and list.data, "yl.sensitivity", "a split (data.pick)", list)
  return sensitivity.scan(model, list, check(values or {}))
end })
