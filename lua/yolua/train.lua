-- The training loop is a spine: batch -> forward -> loss -> backward -> step. Everything else is a policy that subscribes to its
-- events (lua/README.md): start, epoch_start, batch, step, epoch_end, finish. A policy is a table
-- {name=, state={plain data}, on={event=function(policy, trainer)}}.
local core = require "yolua.core"
local options = require "yolua.options"
local reuse = require "yolua.reuse"
local setup = require "yolua.train.setup"
local sources = require "yolua.train.sources"
local checkpoint = require "yolua.train.checkpoint"
local steps = require "yolua.train.steps"

local Trainer = { __name = "trainer" }
Trainer.__index = Trainer
for name, method in pairs(steps.methods) do Trainer[name] = method end

-- Policies are called in list order. A handler may read and write the trainer's public fields: model, data, run, options, epoch,
-- record (the epoch's numbers), lr, stop (true ends the run after this epoch).
function Trainer:fire(event)
  for _, policy in ipairs(self.policies) do
    local handler = policy.on and policy.on[event]
    if handler then handler(policy, self) end
  end
end

-- Whether any policy handles the event.
function Trainer:hears(event)
  for _, policy in ipairs(self.policies) do
    if policy.on and policy.on[event] then return true end
  end
  return false
end

-- Freezes anew: plans, sources and cached features that depend on it are dropped.
function Trainer:freeze(pattern)
  if type(pattern) == "table" then pattern = table.concat(pattern, ",") end
  if pattern == self.model.frozen then return end
  self.model:freeze(pattern)
  self:drop()
end

-- Gives back loaders and cached features; they are made again when they are needed.
function Trainer:drop()
  sources.drop(self)
  self.batches = nil
end

local check = options.declare("yl.train", {
  { "net", "any", nil, "", "the model (yl.load)", required = true },
  { "data", "any", nil, "", "its data (yl.data)", required = true },
  { "run", "any", nil, "", "a run directory to keep it in (yl.run)" },
  { "options", "any", nil, "", "the options of the training (yl.options, or a table)" },
  array = true, -- policies
})

local function new(values)
  local spec = check(values)
  local o = setup.options(spec.options or {})
  local self = setmetatable({ model = spec.net, data = spec.data, run = spec.run, options = o, epoch = 0, step = 0, seen = 0,
    policies = {}, batch_done = 0, loss_sum = 0, loss_images = 0 }, Trainer)
  for i, policy in ipairs(spec) do
    if type(policy) ~= "table" or type(policy.name) ~= "string" then
      error(("yl.train: policy %d: expected a table with a name, got a %s"):format(i, type(policy)), 3)
    end
    self.policies[i] = policy
  end
  self.micro = math.max(1, o.batch // (o.subdivisions or 1))
  self.w = o.imgsz and o.imgsz[1] or self.model.w
  self.h = o.imgsz and o.imgsz[2] or self.model.h
  self.sizes = o.multiscale and setup.sizes(self.model, self.w, self.h) or nil
  self.model:keep_statistics(o.statistics == "running")
  self.model.averaged = (o.ema or 0) > 0
  self.rule = require("yolua.optim." .. o.optim.name).rule
  local images = #spec.data.train.frames
  self.batches_per_epoch = (images + self.micro - 1) // self.micro
  self.steps = math.ceil(o.epochs * math.ceil(self.batches_per_epoch / (o.subdivisions or 1)))
  return self
end

-- The share of the epoch's time so far that went into waiting for images; nil before there is any.
function Trainer:wait_share()
  return self.spent > 0 and ((self.source:stats().waited_s or 0) - self.waited) / self.spent or nil
end

-- Opens the epoch that the clock stands in, the next one where the last is done. Returns false where the user asked to stop while its
-- images' features were computed.
function Trainer:begin_epoch()
  if self.batch_done == 0 then
    self.epoch, self.loss_sum, self.loss_images = self.epoch + 1, 0, 0
  end
  self:fire "epoch_start"
  local started = core.system.clock()
  self.source = sources.train(self)
  if not self.source then
    if self.batch_done == 0 then self.epoch = self.epoch - 1 end -- it had not begun
    return false
  end
  self.batches = self.source:epoch(self.epoch, self.batch_done + 1)
  self.prepared = core.system.clock() - started -- the frozen body's output, computed once
  self.spent, self.waited, self.images_before = 0, self.source:stats().waited_s or 0, self.loss_images
  self:mark()
  self:show()
  return true
end

-- How far the epoch is.
function Trainer:show()
  local screen = self.run or self.screen
  if not screen then return end
  screen:step { epoch = self.epoch, epochs = self.options.epochs, done = self.batch_done * self.micro,
    total = self.batches_per_epoch * self.micro, loss = self.loss, lr = self.lr, wait_share = self:wait_share() }
end

-- Mean loss per image over the dev list, in inference mode, with the averaged weights where there are any; nil without a dev list.
-- Second value: false where the user asked to stop before its end.
function Trainer:dev_loss()
  local source = sources.dev(self)
  if not source then return nil, not sources.has_dev(self) end
  local sum, images = 0, 0
  for batch in source:epoch(0) do
    local plan = self.model:plan { mode = "infer", part = source.part, batch = batch.count, h = self.h, w = self.w }
    source:feed(plan, batch)
    plan:forward()
    sum, images = sum + steps.total(source:loss(plan, batch)), images + batch.count
  end
  return sum / images, images == source.size
end

-- What follows an epoch's last step: its record, and the policies that hear of it. Returns false where the user asked to stop before.
function Trainer:end_epoch()
  local started, source = core.system.clock(), self.source
  local dev_loss, whole = self:dev_loss()
  if not whole then return false end
  self.record = {
    epoch = self.epoch, step = self.step, lr = self.lr or self:rate(), train_loss = self.loss_sum / self.loss_images, dev_loss = dev_loss,
    gradient_norm = self.norm, wait_share = self:wait_share(),
    images_per_s = self.spent > 0 and (self.loss_images - self.images_before) / self.spent or nil, -- a stop may have left the end alone
    cached_body = source.part == "tail", seconds = self.prepared + self.spent + core.system.clock() - started,
  }
  self.batch_done, self.batches = 0, nil
  self:fire "epoch_end"
  return true
end

-- The rest of the epoch that the clock stands in. Returns false where the user asked to stop.
function Trainer:run_epoch()
  if not self.batches and not self:begin_epoch() then return false end
  while self.batch_done < self.batches_per_epoch do
    if not self:one_step() then return false end
    if core.system.interrupted() then
      self.batches = nil
      return false
    end
  end
  return self:end_epoch()
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

-- Before the first step: what is known of an earlier part of the run, and what must be known at its end.
function Trainer:start()
  if self.proof then return end
  if self.run then
    reuse.begin(self.run, reuse.key { net = self.model, data = self.data, options = self.options, table.unpack(self.policies) })
  end
  require("yolua.train.cfg").tell(self)
  checkpoint.restore(self)
  self.proof = proof(self)
  self:fire "start"
end

-- After an epoch: the checkpoint first, then the line that says it is there.
function Trainer:close_epoch()
  if self.run then self.run:expect(self.record) end
  checkpoint.save(self)
  local screen = self.run or self.screen
  if screen then screen:log_epoch(self.record) end
end

-- How a training that Ctrl-C stopped can go on.
local function way_on(self)
  local ways = { self.run and "continue with resume=" .. self.run.dir or nil }
  if self.led then ways[#ways + 1] = ":step() and :run() go on"
  elseif package.loaded["yolua.prompt"] then
    local trainer = require "yolua.trainer"
    trainer.stopped = trainer.over(self)
    ways[#ways + 1] = "yl.trainer.stopped:run() goes on"
  end
  return table.concat(ways, ", or ")
end

-- Tells that the user asked to stop: an error, after the last whole step.
function Trainer:stopped()
  core.system.clear_interrupt()
  error(("stopped by the user in epoch %d after step %d; %s"):format(self.epoch, self.step, way_on(self)), 0)
end

-- Trains up to that epoch. On Ctrl-C the step is finished, the state saved and an error raised that says so.
function Trainer:go(epochs)
  self:recover()
  while self.epoch < epochs or self.batch_done > 0 do
    if not self:run_epoch() then
      checkpoint.save(self)
      self:stopped()
    end
    self:close_epoch()
    if self.stop then break end
  end
end

function Trainer:finish()
  self:fire "finish"
  if self.run then reuse.finish(self.run) end
  show_proof(self, self.proof)
  self:drop()
end

local train = { new = new }

-- Trains and returns the trainer. The table holds net (a model), data, run, options (epochs, batch, optim, ...), and policies in
-- its array part.
return setmetatable(train, { __call = function(_, spec)
  local self = new(spec)
  if package.loaded["yolua.prompt"] then self.screen = require("yolua.screen").new() end -- someone is watching
  self:start()
  self:go(self.options.epochs)
  self:finish()
  return self
end })
