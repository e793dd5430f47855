-- The training loop is a spine: batch -> forward -> loss -> backward -> step. Everything else is a policy that subscribes to its
-- events: start, epoch_start, step, epoch_end, finish. A policy is {name=, state={plain data}, on={event=function(policy, trainer)}}.
local core = require "yolua.core"
local reuse = require "yolua.reuse"
local schedule = require "yolua.schedule"
local setup = require "yolua.train.setup"
local sources = require "yolua.train.sources"
local checkpoint = require "yolua.train.checkpoint"
local watchdog = require "yolua.train.watchdog"

local Trainer = {}
Trainer.__index = Trainer

-- Policies are called in list order. A handler may read and write the trainer's public fields: model, data, run, options, epoch,
-- record (the epoch's numbers), lr, stop (true ends the run after this epoch).
function Trainer:fire(event)
  for _, policy in ipairs(self.policies) do
    local handler = policy.on and policy.on[event]
    if handler then handler(policy, self) end
  end
end

-- Freezes anew: plans, sources and cached features that depend on it are dropped.
function Trainer:freeze(pattern)
  if type(pattern) == "table" then pattern = table.concat(pattern, ",") end
  if pattern == self.model.frozen then return end
  self.model:freeze(pattern)
  sources.drop(self)
end

local function new(spec)
  local o = setup.options(spec.options or {})
  local self = setmetatable({ model = spec.net, data = spec.data, run = spec.run, options = o, epoch = 0, step = 0, seen = 0,
    policies = {}, batch_done = 0, loss_sum = 0, loss_images = 0 }, Trainer)
  for i, policy in ipairs(spec) do
    if type(policy) ~= "table" or type(policy.name) ~= "string" then
      error(("train: policy %d: expected a table with a name, got a %s"):format(i, type(policy)), 3)
    end
    self.policies[i] = policy
  end
  self.micro = math.max(1, o.batch // (o.subdivisions or 1))
  self.w = o.imgsz and o.imgsz[1] or self.model.w
  self.h = o.imgsz and o.imgsz[2] or self.model.h
  self.sizes = o.multiscale and setup.sizes(self.model, self.w, self.h) or nil
  self.model.averaged = (o.ema or 0) > 0
  self.rule = require("yolua.optim." .. o.optim.name).rule
  local images = #spec.data.train.frames
  self.batches_per_epoch = (images + self.micro - 1) // self.micro
  self.steps = math.ceil(o.epochs * math.ceil(self.batches_per_epoch / (o.subdivisions or 1)))
  return self
end

function Trainer:rate()
  local optim = self.options.optim
  return schedule.rate(optim.schedule, { step = self.step, steps = self.steps, epoch = self.epoch, lr = optim.lr, options = optim })
end

-- The sum of all heads' loss parts, in the order of their names: the same bits in every run.
local function total(parts)
  local values = {}
  for head, list in pairs(parts) do
    for part, value in pairs(list) do values[#values + 1] = { head .. "." .. part, value } end
  end
  table.sort(values, function(a, b) return a[1] < b[1] end)
  local sum = 0
  for _, pair in ipairs(values) do sum = sum + pair[2] end
  return sum
end

-- Forward, loss and backward over one micro-batch; the gradient is added to what is there.
function Trainer:accumulate(source, batch)
  local plan = self.model:plan { mode = "train", part = source.part, batch = self.micro, h = batch.h or self.h, w = batch.w or self.w }
  setup.announce(self, plan)
  source:feed(plan, batch)
  plan:forward { seed = self.options.seed, step = self.step }
  local parts = source:loss(plan, batch)
  local loss = total(parts)
  watchdog.check_loss(self, source, batch, loss)
  plan:backward()
  self.parts = parts
  self.loss_sum, self.loss_images = self.loss_sum + loss, self.loss_images + self.micro
  return loss / self.micro
end

function Trainer:update(source, batch, images)
  local o, optim = self.options, self.options.optim
  local function of(key) return rawget(optim, key) end -- each optimizer has its own keys
  self.lr = self:rate()
  self.step = self.step + 1
  local ok, norm = pcall(core.step, self.model.net, {
    rule = self.rule, lr = self.lr, momentum = of "momentum", decay = of "decay", beta1 = of "beta1", beta2 = of "beta2",
    epsilon = of "epsilon", nesterov = of "nesterov", clip = o.clip, images = images, count = self.step, ema = o.ema,
  })
  if not ok then watchdog.stop(self, source, batch, norm) end
  self.norm, self.seen = norm, self.seen + images
end

-- How far the epoch is.
function Trainer:show()
  if not self.run then return end
  self.run:step { epoch = self.epoch, epochs = self.options.epochs, done = self.batch_done * self.micro,
    total = self.batches_per_epoch * self.micro, loss = self.loss, lr = self.lr, wait_share = self:wait_share() }
end

-- The share of the epoch's time so far that went into waiting for images; nil before there is any.
function Trainer:wait_share()
  local seconds = core.system.clock() - self.epoch_started
  return self.loss and seconds > 0 and ((self.train_source:stats().waited_s or 0) - self.waited) / seconds or nil
end

-- Where the clock stood after the last step: what is left of an unfinished one is forgotten when the user asks to stop.
function Trainer:mark()
  self.marked = { batch_done = self.batch_done, loss_sum = self.loss_sum, loss_images = self.loss_images }
end

function Trainer:back_to_mark()
  for key, value in pairs(self.marked) do self[key] = value end
  self.model.net:zero "grad"
  return false
end

-- One epoch from where the clock stands. Returns false where the user asked to stop in the middle.
function Trainer:pass(source)
  local subdivisions, images = self.options.subdivisions or 1, 0
  self:mark()
  self:show()
  for batch in source:epoch(self.epoch, self.batch_done + 1) do
    self.loss = self:accumulate(source, batch)
    self.batch_done, images = self.batch_done + 1, images + self.micro
    if self.batch_done % subdivisions == 0 or self.batch_done == self.batches_per_epoch then
      self:update(source, batch, images)
      images = 0
      self:mark()
      self:fire "step"
      self:show()
      if core.system.interrupted() then return false end
    end
  end
  if self.batch_done < self.batches_per_epoch then return self:back_to_mark() end -- the source stopped while it waited
  return true
end

-- Mean loss per image over the dev list, in inference mode, with the averaged weights where there are any; nil without a dev list.
-- Second value: false where the user asked to stop before its end.
function Trainer:dev_loss()
  local source = sources.dev(self)
  if not source then return nil, true end
  local sum, images = 0, 0
  for batch in source:epoch(0) do
    local plan = self.model:plan { mode = "infer", part = source.part, batch = batch.count, h = self.h, w = self.w }
    source:feed(plan, batch)
    plan:forward()
    sum, images = sum + total(source:loss(plan, batch)), images + batch.count
  end
  return sum / images, images == source.size
end

function Trainer:run_epoch()
  local started = core.system.clock()
  if self.batch_done == 0 then
    self.epoch, self.loss_sum, self.loss_images = self.epoch + 1, 0, 0
  end
  self:fire "epoch_start"
  local source = sources.train(self)
  self.epoch_started, self.waited = started, source:stats().waited_s or 0
  if not self:pass(source) then
    if self.batch_done == 0 then self.epoch = self.epoch - 1 end -- it had not begun
    return false
  end
  local seconds = core.system.clock() - started
  local dev_loss, whole = self:dev_loss()
  if not whole then return false end
  self.record = {
    epoch = self.epoch, step = self.step, lr = self.lr or self:rate(), train_loss = self.loss_sum / self.loss_images, dev_loss = dev_loss,
    gradient_norm = self.norm, images_per_s = self.loss_images / seconds,
    wait_share = ((source:stats().waited_s or 0) - self.waited) / seconds, cached_body = source.part == "tail",
  }
  self.batch_done = 0
  self.record.seconds = core.system.clock() - started
  self:fire "epoch_end"
  return true
end

-- Which parameters were frozen, and their checksum: printed after the run as a proof that freezing froze.
local function proof(t)
  local frozen = {}
  for _, r in ipairs(t.model.net:ranges()) do frozen[r.name] = r.frozen or nil end
  local which = function(r) return frozen[r.name] end
  local sum, count, numbers = t.model:checksum(which)
  return { sum = sum, count = count, numbers = numbers, which = which }
end

local function show_proof(t, before)
  if before.count == 0 or not t.run then return end
  local after = t.model:checksum(before.which)
  t.run:say("frozen at the start: %d parameters, %d numbers, checksum %s before and %s after: %s", before.count, before.numbers,
    before.sum, after, before.sum == after and "not a byte changed" or "changed since a schedule thawed them")
end

-- Trains and returns the trainer. The table holds net (a model), data, run, options (epochs, batch, optim, ...), and policies in
-- its array part. On Ctrl-C the step is finished, the state saved and an error raised that says so.
return function(spec)
  local self = new(spec)
  if self.run then
    reuse.begin(self.run, reuse.key { net = self.model, data = self.data, options = self.options, table.unpack(self.policies) })
  end
  checkpoint.restore(self)
  local before = proof(self)
  self:fire "start"
  while self.epoch < self.options.epochs or self.batch_done > 0 do
    local whole = self:run_epoch()
    if whole and self.run then self.run:expect(self.record) end
    checkpoint.save(self)
    if not whole then
      core.system.clear_interrupt()
      error(("stopped by the user in epoch %d after step %d; continue with resume=%s"):format(self.epoch, self.step,
        self.run and self.run.dir or "RUNDIR"), 0)
    end
    if self.run then self.run:log_epoch(self.record) end
    if self.stop then break end
  end
  self:fire "finish"
  if self.run then reuse.finish(self.run) end
  show_proof(self, before)
  sources.drop(self)
  return self
end
