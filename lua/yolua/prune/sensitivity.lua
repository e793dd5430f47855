-- yl.sensitivity(net, data.pick, {sparsity = {.5, .9}}): how much each layer matters. One layer at a time is cut to several
-- sparsities, all others whole, and the network is scored on a split. Nothing is trained, and the network stays as it is: a copy is cut.
--
-- What is known is kept, so that a scan that was stopped continues where it was, and one that is asked for again costs nothing: a line of
-- JSON per score in a file whose name is a hash of the network's structure and values, the frames and labels, and the options.
-- Returns {dense = AP, layers = {{name, params, sparsity = {...}, ap = {...}}, ...}, known, protocol, split, ...}; prints as a table.
-- With method = "tucker2" (or svd, tt, cp) a layer is decomposed instead, to the shares of its numbers that `ratio` lists; a layer then
-- has ratio, ap, ranks and error, relative to its weight's norm.
local callback = require "yolua.options.callback"
local copy = require "yolua.model.copy"
local core = require "yolua.core"
local structs = require "yolua.options.structs"
local fields = require "yolua.options.fields"
local input = require "yolua.model.input"
local known = require "yolua.prune.known"
local options = require "yolua.options.table"
local progress = require "yolua.terminal.progress"
local score = require "yolua.eval.score"
local sources = require "yolua.train.sources"
local terminal = require "yolua.terminal"
local files = core.files

local sensitivity = {}

-- What may be done to a layer, found by name: decomposing knows of pruning, so that this file must not need it.
local ways = {}
for name, file in pairs { cuts = "prune.cuts_scan", layers = "compress.layers_scan" } do ways[name] = require("yolua." .. file) end

local function judge() -- a scan has no training, whose loss could serve
  local own = {}
  for key, value in pairs(fields.pick("prune", "judge")) do own[key] = value end
  own[5], own.choices, own.aliases = "the protocol that networks are scored by", {}, { "protocol", "metric" }
  for _, protocol in ipairs(fields.pick("prune", "judge").choices) do
    if protocol ~= "none" then own.choices[#own.choices + 1] = protocol end
  end
  return own
end

sensitivity.fields = {
  { "recalibrate", "int", 0, "frames", "estimate batch-norm's statistics anew after each cut, over so many training pictures; 0: no",
    min = 0 },
  judge(), fields.pick("prune", "only"), fields.pick("prune", "except"),
  { "cache", "string", nil, "", "the folder of known scores (default: $XDG_CACHE_HOME/yolua, or ~/.cache/yolua)" },
}
for _, way in ipairs { ways.layers, ways.cuts } do
  for i = #way.fields, 1, -1 do table.insert(sensitivity.fields, 1, way.fields[i]) end
end

sensitivity.looks = fields.get { fields.pick("eval", "conf"), "suppression", fields.pick("eval", "resize"), "size",
  structs.field("loader", "batch", { help = "images per forward pass" }) }

local check = options.declare("yl.sensitivity", fields.get { "protocols", table.unpack(table.move(sensitivity.looks, 1, #sensitivity.looks,
  #sensitivity.fields + 1, table.move(sensitivity.fields, 1, #sensitivity.fields, 1, {}))) })

local DECIDE = { "sparsity", "score", "pattern", "block", "entries", "round_to", "min_channels",
  "probe", "judge", "recalibrate", "conf", "iou", "nms", "vote", "voc", "coco",
  "poster", "method" }

-- The hash of all that decides the scores, but for the levels and layers: those known for others serve too.
local function key_of(model, list, o, way)
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
    averaged = model.averaged and model:checksum() or nil, data = list.data.hash, split = frames, options = chosen, version = way.version,
    size = { size.w, size.h, size.resize } })
end

local Scan = {}
Scan.__index = Scan

-- The AP of a network, the scan's copy where none is named.
function Scan:rate(model)
  local ok, rows = pcall(score.run, model or self.copy, self.list, self.o, { stage = "scan", protocols = { self.o.judge } })
  if ok then return rows[1].map end
  if tostring(rows):find "stopped by the user" then
    error(("stopped by the user; the scan continues from here when it is asked for again (%s)"):format(self.known.path), 0)
  end
  error(rows, 0)
end

-- Batch-norm's statistics of that network anew, where the options ask for it.
function Scan:recalibrate(model)
  if self.o.recalibrate == 0 then return end
  require "yolua.train.recalibrate"(model, self.list.data.train, { frames = self.o.recalibrate, imgsz = rawget(self.o, "imgsz"),
    resize = rawget(self.o, "resize") })
end

-- self.way is what is done to a layer, yolua/prune/cuts_scan.lua or yolua/compress/layers_scan.lua:
--   version: where what it does has changed since it was first written, which number that is: other scores than those known before
--   axis: the option that lists the levels; facts: names of what measure tells besides; words, plot: what the table and the plot say
--   check(o); ranges(model, o); start(scan)
--   measure(scan, range, level) -> AP, facts; nil where that cannot be done to it
local function scan_layer(self, r, bar)
  local way, levels = self.way, self.levels
  local out = { name = r.layer, parameter = r.name, params = r.count, [way.axis] = {}, ap = {} }
  for _, fact in ipairs(way.facts) do out[fact] = {} end
  for i, level in ipairs(levels) do
    local ap, facts = self.known:get(r.name, level)
    if not ap then
      ap, facts = way.measure(self, r, level)
      if not ap then break end
      self.known:put(r.name, level, ap, facts)
    end
    out[way.axis][i], out.ap[i] = level, ap
    for _, fact in ipairs(way.facts) do out[fact][i] = facts[fact] end
    bar:update((self.at - 1) * #levels + i)
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
      local error = layer.error and layer.error[i] and (" (%.2f)"):format(layer.error[i]) or ""
      rows[k][i + 2] = layer.ap[i] and ("%+.1f%s"):format(100 * (layer.ap[i] - self.dense), error) or ""
    end
  end
  local head = ("AP of 100 (%s, %d frames of %s): %.1f whole; %s%s"):format(self.protocol, self.images, self.split, 100 * self.dense,
    self.way.words, self.method and " (in brackets the error, relative to the weight's norm)" or "")
  return table.concat(terminal.wrap(head, terminal.width(), 0), "\n") .. "\n" .. table.concat(terminal.columns(columns, rows), "\n")
end

-- Errors: what a scan cannot cut or score, by name. Returns the way that is meant and the ranges.
function sensitivity.check(model, list, o)
  local way = rawget(o, "method") and ways.layers or ways.cuts
  way.check(o)
  if o.judge == "none" then options.refuse(o, "judge", "sensitivity: judge: expected a protocol, got none") end
  if not list or #list.frames == 0 then error("sensitivity: the split has no frames to score on", 0) end
  return way, way.ranges(model, o)
end

-- model: stays as it is; list: a split. Errors: those of check; a stop by the user, with what is known kept.
function sensitivity.scan(model, list, o)
  local way, scanned = sensitivity.check(model, list, o)
  list.data:follow(model)
  local self = setmetatable({ model = model, list = list, o = o, way = way, levels = o[way.axis], ranges = scanned }, Scan)
  local key = key_of(model, list, o, way)
  self.known, self.copy = known.open(rawget(o, "cache"), key), copy(model)
  local bar <close> = progress.new { label = "sensitivity", total = #self.ranges * #self.levels, unit = "cuts" }
  local dense, layers = self.known:get("", 0), {}
  if not dense then
    dense = self:rate()
    self.known:put("", 0, dense)
  end
  way.start(self)
  for i, r in ipairs(self.ranges) do
    self.at = i
    local layer = scan_layer(self, r, bar)
    layers[#layers + 1] = #layer.ap > 0 and layer or nil
  end
  self.copy:close()
  local cut_by = way == ways.cuts and (type(rawget(o, "score")) == "string" and o.score or "your own") or nil
  return setmetatable({ dense = dense, layers = layers, levels = self.levels, way = way, axis = way.axis, method = rawget(o, "method"),
    protocol = o.judge, split = list.name, images = #list.frames, score = cut_by, known = self.known.count, key = key,
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
    local x = { result.axis == "ratio" and 1 or 0, table.unpack(layer[result.axis]) }
    series[i] = { name = layer.name, x = x, y = { result.dense, table.unpack(layer.ap) } }
  end
  files.make_folder(dir .. "/plots")
  core.plot.lines { path = dir .. "/plots/prune-sensitivity.svg", title = ("%s (%s)"):format(result.way.plot[1], result.protocol),
    xlabel = result.way.plot[2], ylabel = "mean AP", xlim = { 0, 1 }, series = series }
end

-- The scan as plain data, for JSON.
function sensitivity.plain(result)
  local out = {}
  for key, value in pairs(result) do out[key] = value end
  out.file, out.known, out.levels, out.way = nil, nil, nil, nil -- these are the machine's
  return out
end

return setmetatable(sensitivity, { __call = function(_, model, list, values)
  callback.model("yl.sensitivity", model)
  callback.argument(type(list) == "table" and type(list.frames) == "table" and list.data, "yl.sensitivity", "a split (data.pick)", list)
  return sensitivity.scan(model, list, check(values or {}))
end })
