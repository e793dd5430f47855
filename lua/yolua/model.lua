-- A model: a network with its class names, plans on demand, and how to save and show itself.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local parameters = require "yolua.model.parameters"
local sealed = require "yolua.options.sealed"
local structs = require "yolua.options.structs"
local structure = require "yolua.model.structure"

local argument = callback.argument
local Model = {}
Model.__name, Model.__what = "yolua.model", "model"
Model.__optional = { averaged = true, precision = true, tf32 = true, quantised = true, calibration = true, statistics_fixed = true,
  frozen = true, frozen_ranges = true, notes = true, map = true, trained = true, darknet = true, conf = true, named_by = true, path = true,
  seen = true, stopped = true, leaves = true, sources = true }
Model.__ways = { frozen = "net:freeze(pattern) freezes", layers = "write into a parameter, as in net.layers.conv1.weight:copy_(t)",
  w = "imgsz is an option of each call", h = "imgsz is an option of each call" }
sealed.class(Model)

-- Refuses class names that are more or fewer than the classes of a head, or of the softmax that a classifier ends in (which may have none).
local function check_names(self)
  local function check(name, classes)
    if #self.names == classes then return end
    error(("%s: %s has %d classes, but %s"):format(self.path, name, classes, self.named_by
      and ("%s names %d"):format(self.named_by, #self.names) or ("%d names were given"):format(#self.names)), 0)
  end
  for _, head in ipairs(self.heads) do check(head.name, head.classes) end
  local layers = self.net:layers()
  local last = layers[#layers]
  if last and last.kind == "softmax" and #self.names > 0 then check(last.name, last.shape[4]) end
end

-- fields: net, names (list of class names), named_by (the file that they are from), path (where it came from), sources (the files that it
-- was read from), notes (a checkpoint's texts), map (the class map that it was trained with, as yolua.classmap's `kept`), darknet (the head
-- of its weights file), conf (its best score threshold, as yolua.report.conf chooses it).
-- Of itself it has w, h, c and resize ("stretch" or "letterbox"): what its cfg says, or what it was last trained with.
function Model.new(fields)
  local self = sealed.object(fields, Model)
  self.w, self.h, self.c = self.net:size()
  self.resize = ("\n" .. (self.net:header() or "")):find "\nletter_box=0*1\n" and "letterbox" or "stretch"
  self.structure = structure.of(self.net)
  self.heads = structure.heads(self.structure)
  self.plans = {}
  self.stopped = structure.stopped(self.net)
  if self.stopped then self:freeze "none" end
  self.layers = parameters(self.net) -- model.layers.conv3.weight is a tensor over the weights themselves
  check_names(self)
  return self
end

-- What a user may set of a model: how its classes are called, the precision of inference (int8: see yl.calibrate), and whether that may be
-- TF32's on a GPU.
Model.__settable = {
  names = function(self, names, refuse)
    local classes = self.heads[1] and self.heads[1].classes or #self.names
    if type(names) ~= "table" or #names ~= classes then refuse("model.names: expected a list of %d names", classes) end
    for i, name in ipairs(names) do
      if type(name) ~= "string" then refuse("model.names: expected a string as name %d, got a %s", i, type(name)) end
    end
    self.names = table.move(names, 1, classes, 1, {})
  end,
  tf32 = function(self, tf32, refuse)
    if type(tf32) ~= "boolean" then refuse("model.tf32: expected true or false, got '%s'", tostring(tf32)) end
    self.tf32 = tf32
  end,
  precision = function(self, precision, refuse)
    for _, field in ipairs(structs.fields "plan") do
      if field[1] == "precision" then
        for _, choice in ipairs(field.choices) do
          if choice == precision then self.precision = precision end
        end
        if self.precision ~= precision then
          refuse("model.precision: expected one of %s, got '%s'", table.concat(field.choices, ", "), tostring(precision))
        end
      end
    end
  end,
}

local DEFAULTS = {} -- of a plan's options; its size is the model's
for _, field in ipairs(structs.fields "plan") do DEFAULTS[field[1]] = field[3] end

-- Every option of a plan that is not its default: those of the same text are the same plan.
local function text_of(spec, model)
  local list, own = {}, { h = model.h, w = model.w }
  for key, value in pairs(spec) do
    if value ~= (own[key] or DEFAULTS[key]) then list[#list + 1] = ("%s=%s"):format(key, value) end
  end
  table.sort(list)
  return table.concat(list, " ")
end

-- A plan of that kind (see core.net's plan), made once and kept. Changing what is frozen drops them. Inference uses the averaged
-- weights while `averaged` is set (training with ema); `precision` (which its device may refuse) and `tf32` are those of the training
-- or the call. `quantised`: f32 computes as bytes would (yl.quantize).
function Model:plan(spec)
  argument(type(spec) == "table", "net:plan", "a table of options", spec)
  for key, value in pairs(spec) do
    argument(type(value) ~= "table" and type(value) ~= "function", "net:plan: " .. tostring(key), "a number, a text or a boolean", value)
  end
  local own = { precision = self.precision, tf32 = self.tf32, slab = self.averaged and spec.mode ~= "train" and "ema" or nil }
  for key, value in pairs(spec) do own[key] = value end
  local f32 = (own.precision or "f32") == "f32" and not own.keep and not own.estimate
  own.quantise = own.quantise or self.quantised and f32 or nil
  spec = own
  local key = text_of(spec, self)
  self.plans[key] = self.plans[key] or self.net:plan(spec)
  return self.plans[key]
end

function Model:drop_plans()
  for key, plan in pairs(self.plans) do
    plan:close()
    self.plans[key] = nil
  end
end

-- The pattern and what stopbackward in the cfg freezes besides, unless one of its words is "thaw".
local function with_stopped(pattern, stopped)
  local others, thaw = {}, false
  for word in pattern:gmatch "[^,%s]+" do
    if word == "thaw" then thaw = true else others[#others + 1] = word end
  end
  if not thaw then return stopped and pattern .. "," .. stopped or pattern end
  return #others > 0 and table.concat(others, ",") or "none"
end

-- Freezes by pattern ("none", "body", "conv1*,conv2"); what neither the pattern nor the cfg's stopbackward names is trainable ("thaw":
-- whatever the cfg says). Returns self.
function Model:freeze(pattern)
  if type(pattern) == "table" then
    for i = 1, #pattern do
      local part = pattern[i]
      argument(type(part) == "string", "net:freeze", "a pattern or a list of patterns", part)
    end
    pattern = table.concat(pattern, ",")
  end
  argument(type(pattern) == "string", "net:freeze", "a pattern or a list of patterns", pattern)
  argument(pattern:find "[^,%s]", "net:freeze", "a pattern or a list of patterns ('none' freezes nothing)", pattern)
  local whole = with_stopped(pattern, self.stopped)
  self.frozen_ranges = self.net:freeze(self.statistics_fixed and whole .. ",*.mean,*.var" or whole)
  self:drop_plans()
  self.frozen = pattern
  return self
end

local function has_statistics(net)
  for _, r in ipairs(net:ranges()) do
    if r.kind == "statistic" then return true end
  end
  return false
end

-- yes: batch-norm runs on the statistics that it has, in training too, and these stay whatever else is frozen or not. Returns self.
function Model:keep_statistics(yes)
  local fixed = yes and has_statistics(self.net)
  if fixed == (self.statistics_fixed or false) then return self end
  self.statistics_fixed = fixed
  return self:freeze(self.frozen or "none")
end

-- Sets a parameter ("conv3.weight") to a tensor of its shape or a list of its numbers; slab "mask": what is 0 there becomes zero and stays
-- zero, in every copy. Returns self.
function Model:set(name, numbers, slab, ...)
  argument(select("#", ...) == 0, "net:set", "nothing after the slab", ...)
  self.net:set(name, numbers, slab)
  return self
end

-- Counts over all parameters: {params, nonzero is counted by prune, bytes, frozen}
function Model:counts()
  local params, frozen = 0, 0
  for _, r in ipairs(self.net:ranges()) do
    params = params + r.count
    if r.frozen then frozen = frozen + r.count end
  end
  return { params = params, frozen = frozen, bytes = 4 * params, nonzero = core.nonzero(self.net) }
end

function Model:flops(h, w)
  local total = 0
  for _, layer in ipairs(self.net:layers(h or self.h, w or self.w)) do total = total + layer.flops end
  return total
end

-- Checksum over the values of the parameters that `which` (a function of a range) picks; all where it is nil.
function Model:checksum(which)
  argument(which == nil or type(which) == "function", "net:checksum", "a function of a range", which)
  local sums, n = {}, 0
  for _, r in ipairs(self.net:ranges()) do
    if not which or which(r) then
      sums[#sums + 1] = self.net:checksum(r.name)
      n = n + r.count
    end
  end
  return core.files.hash_text(table.concat(sums)), #sums, n
end

-- The layer table (yolua.describe): output size, parameters, FLOPs, frozen, and the algorithms chosen so far, as wide as the terminal.
function Model:table(width)
  argument(width == nil or math.type(width) == "integer" and width > 0, "net:table", "a whole number of columns", width)
  return require("yolua.model.describe")(self, width)
end

-- The objects in a picture: a tensor u8 {h, w, 3} or {1, h, w, 3} (yl.image gives one), or the path of an image. o: conf (lowest score,
-- .25), iou (of suppression, .45), clip (boxes to the image), resize ("letterbox" or "stretch"), imgsz ({w, h}).
-- Returns a list of {class = name, score, box = {x1, y1, x2, y2}} in pixels of the picture, by falling score; it prints as a table.
function Model:detect(picture, o) return require("yolua.model.detect").picture(self, picture, o) end

-- The network on a tensor f32 {n, h, w, c}: what enters its heads, with gradients. See yolua.model.forward.
function Model:forward(x, o) return require("yolua.model.forward").run(self, x, o) end

-- Asks for the gradients of all parameters that are not frozen, which net:forward's results then lead to (false: no longer). Returns self.
function Model:requires_grad_(yes) return require("yolua.model.forward").require_grad(self, yes) end

function Model:__tostring()
  return self.net:closed() and "model (closed)" or self:table()
end

-- Saves the network; the path decides how: FILE.safetensors is a checkpoint (structure, names, input size, way of resizing, class map,
-- values), FILE.weights are Darknet's, FOLDER/ gets model.cfg, model.weights and model.names. Of a checkpoint: `notes` are further
-- texts, `full` keeps what a resume needs. Errors: another ending; a layer that Darknet has not, by name.
function Model:save(path, notes, full)
  argument(type(path) == "string", "net:save", "the path of a file or folder", path)
  argument(notes == nil or type(notes) == "table", "net:save", "notes as a table of texts", notes)
  require("yolua.model.save")(self, path, notes, full)
end

-- The network as a file of another program: net:export { out = "net.onnx", check = true }. See yolua.model.export.
function Model:export(o) return require "yolua.model.export"(self, o) end

-- Makes w, h, resize and map (see `new`) the network's own: what it is trained with, and what it is used with and saved with from then on.
function Model:adopt(own)
  argument(type(own) == "table", "net:adopt", "a table {w=, h=, resize=, map=}", own)
  self.net:resize(own.w, own.h)
  if own.resize ~= self.resize then
    local rest = ("\n" .. (self.net:header() or "")):gsub("\nletter_box=[^\n]*", ""):sub(2)
    self.net:header(rest .. (own.resize == "letterbox" and "letter_box=1\n" or ""))
  end
  self.w, self.h, self.resize, self.map, self.trained = own.w, own.h, own.resize, own.map, true
  self.conf = nil -- of what it was before
  self.structure = structure.of(self.net)
end

function Model:close()
  self:drop_plans()
  self.net:close()
end

return Model
