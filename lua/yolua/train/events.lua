-- The part of a training that policies hear and see: events, fired in list order, and its fields.
-- A handler that fails ends the call. When the training continues, so does the event: that handler is called again, those before it are
-- not.
local callback = require "yolua.options.callback"
local live = require "yolua.train.live"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local state = require "yolua.options.state"

local events, Training = {}, {}

-- What a handler may read and not assign: how it is done instead.
local READ = {
  pixels = "it is a tensor to be changed in place: t.pixels:copy_(x)", record = "numbers are added to it: t.record.mine = x",
  model = "", data = "", run = "", options = "", policies = "", epoch = "", step = "", seen = "", batch_done = "", loss = "", norm = "",
  parts = "sums are added to it: t.parts.mine = { part = sum }", plan = "",
}

-- Events whose handlers are called again where they failed; those within a step begin anew with it.
local REPEATED = { start = true, epoch_start = true, step = true, epoch_end = true, finish = true }

local function refuse(handler, what, way)
  error(("%s: t.%s cannot be assigned%s"):format(callback.place(handler), what, way == "" and "" or ": " .. way), 0)
end

-- What a handler did beside its work: each assignment and each returned value has its effect or is refused.
local function check(self, handler, before, event, returned)
  if returned ~= nil then
    error(("%s: what the handler of '%s' returned is not used, got %s; t.stop = true ends the training, t.record keeps numbers"):format(
      callback.place(handler), event, callback.shown(returned)), 0)
  end
  for key, way in pairs(READ) do
    if rawget(self, key) ~= before[key] then
      self[key] = before[key]
      refuse(handler, key, way)
    end
  end
  local key, way = live.check(before.live, callback.place(handler))
  if key then refuse(handler, "options." .. key, way) end
  local fault = self.record and state.fault(self.record)
  if fault then error(("%s: t.record: %s"):format(callback.place(handler), (fault:gsub("^state", "record"))), 0) end
end

-- Which policy ended the run is noted: a resume obeys it.
local function call(self, handler, policy, event)
  if self.firing then
    error(("%s: the training is in the middle of its event '%s' here; it continues when the handler returns"):format(options.position(),
      self.firing), 0)
  end
  local stop, before = self.stop, { live = live.copy(self.options) }
  for key in pairs(READ) do before[key] = rawget(self, key) end
  self.firing = event
  local ok, returned = pcall(handler, policy, self)
  self.firing = nil
  if not ok then error(returned, 0) end
  check(self, handler, before, event, returned)
  if self.stop and not stop then self.stopped_by = policy.name end
end

-- Policies are called in list order. A handler may read the training's public fields (lua/README.md), and write `stop` and into `record`.
function Training:fire(event)
  local first = self.failed == event and self.failed_at or 1
  self.failed = nil
  for i = first, #self.policies do
    local policy = self.policies[i]
    local handler = policy.on and policy.on[event]
    if handler then
      self.failed, self.failed_at = REPEATED[event] and event or nil, i -- a broken step is done anew
      call(self, handler, policy, event)
    end
  end
  self.failed = nil
end

-- Whether any policy handles the event.
function Training:hears(event)
  for _, policy in ipairs(self.policies) do
    if policy.on and policy.on[event] then return true end
  end
  return false
end

-- Fires the rest of a `step` whose handler failed.
function Training:catch_up()
  if self.failed == "step" then self:fire "step" end
end

-- ---- fields ----------------------------------------------------------------------------------------------------------------

local FIELDS = {}
for name in ([[model data run options policies epoch step seen batch_done loss_sum loss_images shift kept objects micro w h resize own sizes
  rule rule_fields steps_per_epoch batches_per_epoch source batches prepared spent waited images_before record due proof started finished
  failed failed_at firing stop plan outputs_kept
  stopped_by screen continued_by training past loss parts last_rate norm marked busy pixels announced at_start others cached train_source
  judged_source key hashes frozen_at_start length period sparsity share parts_per_step loss_scale
  good_steps]]):gmatch "%S+" do FIELDS[name] = true end

-- A training's __index: `lr` is the rate of the last step, `epochs` how long the training is (the options', unless a policy decides), and
-- `steps` how many steps that is.
function events.read(class)
  return function(self, key)
    if key == "lr" then return rawget(self, "last_rate") end
    if key == "epochs" then return rawget(self, "length") or self.options.epochs end
    if key == "steps" then return self.epochs * self.steps_per_epoch end
    return class[key]
  end
end

-- Its __newindex: what a handler assigns has an effect or is an error.
function events.write(self, key, value)
  if FIELDS[key] then return rawset(self, key, value) end
  if key == "lr" then
    error(options.position() .. ": the trainer's lr comes from the schedule; change it with optim.schedule = function(s) ... end, or "
      .. "t.options.optim.lr = ...", 0)
  end
  error(("%s: a trainer has no field '%s'%s; a policy keeps its data in its state"):format(options.position(), tostring(key),
    type(key) == "string" and schema.did_you_mean(key, { "stop", "record", "model", "data", "run", "options" }) or ""), 0)
end

events.methods = Training

return events
