-- yl.distill{teacher, weight = 1, temperature = 1, features = "none", feature_weight = 1}: the network also learns what another one, its
-- teacher, answers (knowledge distillation). The teacher sees the same pixels, and never changes.
--
-- Its heads' outputs are targets beside the labels: objectness everywhere, classes and boxes as much as the teacher believes in an object
-- (Hinton et al. 2015; Chen et al. 2017, section 3.2; weighted as Mehta and Ozturk 2018; runtime/kernels/distill.c has the formulas).
-- `features` names layers whose outputs come near the teacher's layers of the same name (Chen et al. 2017, section 3.4). Both need
-- heads with the same classes, anchors and cells. Each epoch's record gets `distill_loss`, per image, which train_loss contains.
local asked = require "yolua.options.asked"
local callback = require "yolua.options.callback"
local load = require "yolua.model.load"
local options = require "yolua.options.table"
local structs = require "yolua.options.structs"
local teachers = require "yolua.train.teacher"

local fields = {
  { "teacher", "any", nil, "", "the network that teaches: a model (yl.load), or a checkpoint's path", positional = true, required = true },
  structs.field("distill", "heads", { key = "weight" }),
  structs.field("distill", "temperature"),
  { "features", "list", "none", "", "layers whose outputs are compared: none, or names with globs (conv*.act)", empty = "none" },
  structs.field("distill", "features", { key = "feature_weight" }),
}
local check = options.declare("yl.distill", fields)

local function model_of(given, device)
  return type(given) == "string" and load { model = given, device = device } or callback.model("yl.distill: teacher", given)
end

local function refuse_nan(loss, plan, model, who)
  if loss - loss == 0 then return end
  local layer = plan:not_finite()
  if layer then error(("%s: the teacher %s gives NaN or infinity in %s"):format(who, model.path, layer), 0) end
end

local function sum(parts) return parts.box + parts.object + parts.noobject + parts.class + parts.features end

-- What the checkpoint of a run remembers of its teacher has to be this one.
local function same_teacher(self, known, model, who)
  local s = self.state
  if s.teacher and s.teacher ~= known then
    error(("%s: this run began with another teacher: its values have the checksum %s, those of %s have %s"):format(who,
      s.teacher, model.path, known), 0)
  end
  s.teacher = known
end

local function tell(t, model, names, plan)
  local arena, _, packed = plan:memory()
  t.run:say("distill: %s (%d parameters) teaches %d head%s%s; its plan takes %.0f MiB", model.path, model:counts().params, #model.heads,
    #model.heads == 1 and "" or "s", #names > 0 and (" and the outputs of %s"):format(table.concat(names, ", ")) or "",
    (arena + packed) / 2 ^ 20)
end

local function refuse_nothing(who, words) error(("%s: weight=0 and features=%s leave nothing to teach"):format(who, words), 0) end

-- The losses of the step that was made, by batch, added to the epoch's. Returns those of the next one: none yet.
local function add_losses(s, t, losses)
  for batch = t.batch_done - t.parts_per_step, t.batch_done - 1 do
    s.loss, s.images = s.loss + losses[batch], s.images + t.micro
  end
  return {}
end

local function report_loss(self, t)
  local s = self.state
  t.record.distill_loss = s.loss / s.images
  s.loss, s.images = 0, 0
end

local function new(spec)
  local o = check(spec)
  local by = { who = options.caller() and options.position() .. ": yl.distill" or "distill" } -- a verb has no place
  local model, weight, temperature, feature_weight = model_of(o.teacher), o.weight, o.temperature, o.feature_weight
  local known, words = model:checksum(), table.concat(o.features, ",") -- a training's hash has these
  local names, told, step_losses = nil, false, {}
  local function answer(_, t)
    local plan = teachers.plan(t, model, t.outputs_kept)
    local parts = t.plan:distill(plan, { heads = weight, temperature = temperature, features = feature_weight })
    if t.run and not told then tell(t, model, names, plan) end
    told = true
    refuse_nan(sum(parts), plan, model, by.who)
    t.parts.distill, step_losses[t.batch_done] = parts, sum(parts) -- a step that is done anew overwrites its own
  end
  return {
    name = "distill", state = { loss = 0, images = 0 },
    on = {
      start = function(self, t)
        if t.model.device ~= model.device then model = model_of(o.teacher, t.model.device) end
        teachers.check(by.who, t, model)
        names = teachers.layers(by.who, t, model, o.features)
        if weight == 0 and (#names == 0 or feature_weight == 0) then refuse_nothing(by.who, words) end
        same_teacher(self, known, model, by.who)
        t:keep_outputs(feature_weight > 0 and names or {})
      end,
      loss = answer,
      step = function(self, t) step_losses = add_losses(self.state, t, step_losses) end,
      epoch_end = report_loss,
    },
  }
end

local distill = { fields = fields }

-- The weight of the heads' outputs: a teacher that is named, and nothing else of it, has all of 1, also where the default is 0.
local function weight_of(d)
  local alone = d.teacher and d.features[1] == "none" and options.origin(d, "weight") ~= "command line"
  return alone and d.weight == 0 and 1 or d.weight
end

-- Refuses what was set of the group `distill` and has no effect beside the rest of it.
local function check_used(d, weight)
  local idle = { temperature = weight == 0 and "with distill.weight=0" or nil,
    feature_weight = d.features[1] == "none" and "without distill.features=" or nil }
  for _, field in ipairs(options.fields(d)) do
    local key = field[1]
    if idle[key] and asked(d, field) then options.refuse(d, key, "distill.%s has no effect %s", key, idle[key]) end
  end
end

-- The policies that a recipe's options ask for (group `distill`), a list: `net` as it is now, or distill.teacher, teaches; none where
-- nothing has a weight. Errors: options of the group that have no effect.
function distill.wanted(o, net)
  local d = o.distill
  local weight = weight_of(d)
  check_used(d, weight)
  if weight == 0 and d.features[1] == "none" then
    if not d.teacher then return {} end
    options.refuse(d, "weight", "distill: weight=0 and features=none leave nothing to teach")
  end
  local teacher = d.teacher or require "yolua.model.copy"(net)
  return { distill { teacher, weight = weight, temperature = d.temperature, features = d.features, feature_weight = d.feature_weight } }
end

return setmetatable(distill, { __call = function(_, spec) return new(spec) end })
