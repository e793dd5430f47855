-- The part of a training that computes: a micro-batch forward and backward, the optimizer's step, and how a step that was broken off is
-- taken back.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local loss_scale = require "yolua.train.loss_scale"
local memory = require "yolua.train.memory"
local optimizer = require "yolua.train.optimizer"
local ranks = require "yolua.ranks"
local schedule = require "yolua.train.schedule"
local watchdog = require "yolua.train.watchdog"

local steps, Training = {}, {}

-- The sum of all heads' loss parts, in the order of their names: the same bits in every run.
function steps.total(parts)
  local values = {}
  for head, list in pairs(parts) do
    for part, value in pairs(list) do values[#values + 1] = { head .. "." .. part, value } end
  end
  table.sort(values, function(a, b) return a[1] < b[1] end)
  local sum = 0
  for _, pair in ipairs(values) do sum = sum + pair[2] end
  return sum
end

function Training:rate()
  local optim, period = self.options.optim, self.period -- a part of the training with a schedule of its own: {first =, steps =}
  local step, steps_ = self.step + self.shift, self.steps
  if period then step, steps_ = self.step - period.first, period.steps end
  return schedule.rate(optim.schedule, { step = step, steps = steps_, epoch = self.epoch, lr = optim.lr,
    options = optim })
end

-- The event `batch`: its handlers may change the pixels, self.pixels, a tensor {n, h, w, c} of 0..1 that dies with the event.
local function offer_pixels(self, plan)
  local pixels, loan <close> = plan:lend_input()
  self.pixels = pixels
  self:fire "batch"
  self.pixels = nil
  return loan
end

-- The event `loss`: its handlers may add to the losses and their gradients, through self.plan, and to self.parts.
local function offer_plan(self, plan)
  self.plan = plan
  self:fire "loss"
  self.plan = nil
  for name, list in pairs(self.parts) do
    for part, value in pairs(type(list) == "table" and list or { "" }) do
      if type(part) ~= "string" or type(value) ~= "number" then
        error(("a handler of 'loss' left t.parts.%s: expected { part = sum }, sums over the images"):format(tostring(name)), 0)
      end
    end
  end
end

-- Layers whose outputs a handler of `loss` compares with something: the plan keeps them. names: a list, empty for none.
function Training:keep_outputs(names)
  callback.argument(type(names) == "table", "t:keep_outputs", "a list of layers", names)
  self.outputs_kept = #names > 0 and table.concat(names, ",") or nil
end

-- Between steps: backward passes give their gradients to nobody until the next step begins.
function Training:work_alone()
  if self.share then self.share:close() end
  self.share = nil
end

-- Backward passes give their gradients to all ranks; a deterministic training sums those of its parts in the same way when it is alone.
local function work_together(self)
  local o = self.options
  if self.share or not o.deterministic and ranks.size == 1 then return end
  self.share = self.model.net:share { passes = self.parts_per_step, each = o.deterministic or false, sync = o.statistics == "sync" }
end

-- The place of this rank's next micro-batch in the step's batch, from 0.
function Training:place() return (self.batch_done % self.parts_per_step * ranks.size + ranks.rank) * self.micro end

-- Forward, loss and backward over one micro-batch; the gradient is added to what is there.
function Training:accumulate(source, batch)
  local plan = memory.step_plan(self, { mode = "train", part = source.part, batch = self.micro, h = batch.h or self.h,
    w = batch.w or self.w, outputs = self.outputs_kept, algorithm = self.options.deterministic and "predicted" or nil })
  work_together(self)
  source:feed(plan, batch)
  if self:hears "batch" then offer_pixels(self, plan) end
  plan:forward { seed = self.options.seed, step = self.step, first_image = self:place(), loss_scale = self.loss_scale }
  self.parts = source:loss(plan, batch)
  if self:hears "loss" then offer_plan(self, plan) end
  local loss = steps.total(self.parts)
  if ranks.size == 1 then watchdog.check_loss(self, source, batch, loss) end
  plan:backward()
  return self:count_loss(source, batch, loss)
end

-- Adds the losses of all ranks' micro-batches, in their order; their mean per image. Ends the run where one is not finite, and has all
-- ranks stop after the step where one was asked to.
function Training:count_loss(source, batch, loss)
  local all, sum = { { loss } }, 0
  if ranks.size > 1 then all = ranks.all { loss, core.ranks.asked_to_stop() } end
  for _, told in ipairs(all) do
    self.loss_sum, sum = self.loss_sum + told[1], sum + told[1]
    if told[2] then core.ranks.stop() end
  end
  watchdog.check_loss(self, source, batch, sum)
  self.loss_images = self.loss_images + self.micro * ranks.size
  return sum / (self.micro * ranks.size)
end

function Training:update(source, batch, images)
  local o, optim = self.options, self.options.optim
  self.last_rate = self:rate()
  self.step = self.step + 1
  local rule, net = self.rule, self.model.net
  if self.share then self.share:gather() end
  if not loss_scale.unscale(self) then
    self.seen = self.seen + images
    return
  end
  if self:hears "gradient" then self:fire "gradient" end
  local function apply(s)
    if type(rule) == "function" then return optimizer.step(rule, net, optim, s) end -- the user's (yl.optimizer)
    return core.step(net, s)
  end
  local s = { rule = rule, lr = self.lr, clip = o.clip, images = images, ema = o.ema }
  for _, field in ipairs(self.rule_fields) do s[field[1]] = rawget(optim, field[1]) end
  local ok, norm = pcall(apply, s)
  if not ok then watchdog.stop(self, source, batch, norm) end
  self.norm, self.seen = norm, self.seen + images
end

-- Where the clock stood after the last step: what is left of an unfinished one is forgotten when the user asks to stop, or it failed.
function Training:mark()
  self.marked = { batch_done = self.batch_done, loss_sum = self.loss_sum, loss_images = self.loss_images, step = self.step,
    seen = self.seen, loss_scale = self.loss_scale, good_steps = self.good_steps }
end

function Training:back_to_mark()
  for key, value in pairs(self.marked) do self[key] = value end
  self.model.net:zero "grad"
  if self.share then self.share:forget() end
  self.batches = nil
  return false
end

-- Forward and backward until a batch is full, then the optimizer. Returns false where the source stopped while it waited.
function Training:advance()
  local images = 0
  repeat
    local batch = self.batches()
    if not batch then return self:back_to_mark() end
    self.loss = self:accumulate(self.source, batch)
    self.batch_done, images = self.batch_done + 1, images + self.micro * ranks.size
    if self.batch_done % self.parts_per_step == 0 then
      self:update(self.source, batch, images)
      images = 0
    end
  until images == 0
  self:mark()
  return true
end

-- Takes back a step that an error broke off, the second Ctrl-C say; an epoch without a whole step is begun anew.
function Training:recover()
  if not self.busy then return end
  self.busy = false
  self:back_to_mark()
  if self.batch_done == 0 then self.epoch = self.epoch - 1 end
end

-- The next step of the epoch, which is begun where none is. Returns false where the user asked to stop before it was whole.
function Training:one_step()
  self:recover()
  self:catch_up()
  if not self.batches and not self:begin_epoch() then return false end
  local started = core.system.clock()
  self.busy = true
  local whole = self:advance()
  self.busy, self.spent = false, self.spent + core.system.clock() - started
  if whole then
    self:fire "step"
    self:show()
  elseif self.batch_done == 0 then self.epoch = self.epoch - 1 end -- it had not begun
  return whole
end

steps.methods = Training

return steps
