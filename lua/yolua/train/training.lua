-- A training: the loop's clock, its epochs and what belongs to their ends; handlers of policies are given it as `t`. yl.train runs one
-- to its end, yl.trainer leads one by hand.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local input = require "yolua.model.input"
local memory = require "yolua.train.memory"
local options = require "yolua.options.table"
local policy = require "yolua.train.policy"
local setup = require "yolua.train.setup"
local sources = require "yolua.train.sources"
local checkpoint = require "yolua.train.checkpoint"
local events = require "yolua.train.events"
local ledger = require "yolua.train.ledger"
local loss_scale = require "yolua.train.loss_scale"
local proof = require "yolua.train.proof"
local ranks = require "yolua.ranks"
local steps = require "yolua.train.steps"

local Training = { __name = "training" }
for _, part in ipairs { events, steps } do
  for name, method in pairs(part.methods) do Training[name] = method end
end
Training.__index = events.read(Training)
Training.__newindex = events.write

-- Freezes anew: plans, sources and cached features that depend on it are dropped.
function Training:freeze(pattern)
  callback.argument(type(pattern) == "string" or type(pattern) == "table", "t:freeze", "a pattern or a list of patterns", pattern)
  if type(pattern) == "table" then pattern = table.concat(pattern, ",") end
  if pattern == self.model.frozen then return end
  self.model:freeze(pattern)
  self:drop()
end

-- Gives back loaders and cached features; they are made again when they are needed.
function Training:drop()
  if self.busy then error(options.position() .. ": the training is in the middle of a step: its loader cannot be closed here", 0) end
  sources.drop(self)
  self.batches = nil
  self:work_alone()
end

-- spec: net, data, run, options, and policies in the array part.
function Training.new(spec)
  local o = setup.options(spec.options or {})
  if spec.run and spec.run.dry then
    error(options.position() .. ": dry_run=true: a training that is led by hand (yl.trainer) cannot be told in advance", 0)
  end
  if rawget(o, "serve") and not spec.run then error(options.position() .. ": serve: expected a run directory (yl.run) to show", 0) end
  local self = setmetatable({ model = spec.net, data = spec.data, run = spec.run, options = o, epoch = 0, step = 0, seen = 0,
    policies = policy.list("yl.train", spec), batch_done = 0, loss_sum = 0, loss_images = 0, shift = 0, kept = {} }, Training)
  self.hashes = {} -- before a handler has changed anything
  for _, p in ipairs(self.policies) do self.hashes[p.name] = policy.hash(p) end
  self.length = policy.length(self.policies)
  local size = input.of(self.model, o)
  self.w, self.h, self.resize = size.w, size.h, size.resize
  self.data:follow(self.model)
  self.objects = setup.objects(self)
  setup.attributes(self)
  self.micro, self.parts_per_step = setup.parts(o)
  memory.check(o)
  self.sizes = o.multiscale and setup.sizes(self.model, self.w, self.h) or nil
  local optimizer = require("yolua.optim." .. o.optim.name)
  self.rule, self.rule_fields = optimizer.rule, optimizer.fields
  self.steps_per_epoch = setup.steps(spec.data, o)
  self.batches_per_epoch = self.steps_per_epoch * self.parts_per_step
  return self
end

-- The share of the epoch's time so far that went into waiting for images; nil before there is any.
function Training:wait_share()
  return self.spent > 0 and ((self.source:stats().waited_s or 0) - self.waited) / self.spent or nil
end

-- Returns false where a handler has ended the training before the epoch's first step, and where the user asked to stop while the images'
-- features were computed.
local function open_epoch(self, fresh)
  self:fire "epoch_start"
  self.stop, self.stopped_by = ranks.first(function() return self.stop, self.stopped_by end)
  if fresh and self.stop then return false end
  local started = core.system.clock()
  self.source = sources.train(self)
  if not self.source then return false end
  self.batches = self.source:epoch(self.epoch, self.batch_done + 1)
  self.prepared = core.system.clock() - started -- the frozen body's output, computed once
  self.spent, self.waited, self.images_before = 0, self.source:stats().waited_s or 0, self.loss_images
  self:mark()
  self:show()
  return true
end

-- Opens the epoch that the clock stands in, the next one where the last is done. Returns false where the user asked to stop, or a handler
-- has ended the training (`stop`); then, and where something failed, an epoch without a step has not begun.
function Training:begin_epoch()
  local fresh = self.batch_done == 0
  if fresh then self.epoch, self.loss_sum, self.loss_images = self.epoch + 1, 0, 0 end
  local ok, opened = pcall(open_epoch, self, fresh)
  if fresh and not (ok and opened) then self.epoch = self.epoch - 1 end
  if not ok then error(opened, 0) end
  return opened
end

-- How far the epoch is.
function Training:show()
  local screen = self.run or self.screen
  if not screen then return end
  screen:step { epoch = self.epoch, epochs = self.epochs, done = self.batch_done * self.micro * ranks.size,
    total = self.batches_per_epoch * self.micro * ranks.size, loss = self.loss, lr = self.lr, wait_share = self:wait_share(),
    sparsity = self.sparsity }
end

-- Mean loss per image over the list that the training is judged on (data.pick, else dev), in inference mode, with the averaged weights
-- where there are any; nil without such a list.
-- Second value: false where the user asked to stop before its end.
local function judge(self)
  local source = sources.judged(self)
  if not source then return nil, not sources.has_judged(self) end
  local sum, images = 0, 0
  for batch in source:epoch(0) do
    local plan = self.model:plan { mode = "infer", part = source.part, batch = batch.count, h = self.h, w = self.w }
    source:feed(plan, batch)
    plan:forward()
    sum, images = sum + steps.total(source:loss(plan, batch)), images + batch.count
  end
  return sum / images, images == source.size
end

function Training:dev_loss() return ranks.first(judge, self) end

-- The record of an epoch whose steps are done. Returns false where the user asked to stop before its end.
local function measure(self)
  local started, source = core.system.clock(), self.source
  local dev_loss, whole = self:dev_loss()
  if not whole then return false end
  self.record = {
    training = self.training and self.training > 1 and self.training or nil,
    epoch = self.epoch, step = self.step, lr = self.lr or self:rate(), train_loss = self.loss_sum / self.loss_images, dev_loss = dev_loss,
    gradient_norm = self.norm, loss_scale = self.loss_scale, wait_share = self:wait_share(),
    images_per_s = self.spent > 0 and (self.loss_images - self.images_before) / self.spent or nil, -- a stop may have left the end alone
    cached_body = source.part == "tail", seconds = self.prepared + self.spent + core.system.clock() - started,
  }
  self.record = ranks.first(function() return self.record end) -- clocks differ
  self.batch_done, self.batches, self.due = 0, nil, "handlers"
  return true
end

-- What follows an epoch's last step: its record, the policies that hear of it, the checkpoint, and the line that says it is there. What
-- failed is made up for by the next call. Returns false where the user asked to stop before.
function Training:end_epoch()
  if not self.due and not measure(self) then return false end
  if self.due == "handlers" then
    self:fire "epoch_end"
    self.stop, self.stopped_by = ranks.first(function() return self.stop, self.stopped_by end)
    self.due = "files"
  end
  if self.run then self.run:expect(self.record) end
  checkpoint.save(self)
  local screen = self.run or self.screen
  if self.run and self.run.live then self.run.live:look(self) end
  if screen then screen:log_epoch(self.record) end
  self.due = nil
  return true
end

-- The rest of the epoch that the clock stands in. Returns false where the user asked to stop.
function Training:run_epoch()
  if self.due then return self:end_epoch() end
  self:catch_up()
  if not self.batches and not self:begin_epoch() then
    if self.stop then checkpoint.save(self) end
    return self.stop
  end
  while self.batch_done < self.batches_per_epoch do
    if not self:one_step() then return false end
    if core.system.interrupted() then
      self.batches = nil
      return false
    end
  end
  return self:end_epoch()
end

-- Before the first step: what is known of an earlier part of the run, and what must be known at its end.
function Training:start()
  self.model:keep_statistics(self.options.statistics == "running") -- another trainer of the network may have had it since
  self.model.averaged, self.model.precision, self.model.tf32 = (self.options.ema or 0) > 0, self.options.precision, self.options.tf32
  self.model.quantised = nil
  for _, p in ipairs(self.policies) do self.model.quantised = self.model.quantised or (policy.forecast[p] or {}).quantises end
  if self.started then return end
  self.at_start = self.at_start or memory.now(self.model)
  if not self.proof then
    loss_scale.start(self)
    ledger.enter(self)
    require("yolua.train.cfg").tell(self)
    setup.heads(self)
    if ledger.settle(self, checkpoint.restore(self)) then setup.tell(self) end
    setup.adopt(self)
    self.proof = proof.take(self)
  end
  self:fire "start"
  for _, p in ipairs(self.policies) do policy.check_state(p) end
  self.started = true
end

-- Tells that the user asked to stop: an error, after the last whole step. continued_by(training): how it can continue, besides resume=.
function Training:stopped()
  core.system.clear_interrupt()
  local ways = { self.run and "continue with resume=" .. self.run.dir or nil }
  ways[#ways + 1] = self.continued_by and self.continued_by(self)
  error(("stopped by the user in epoch %d after step %d; %s"):format(self.epoch, self.step, table.concat(ways, ", or ")), 0)
end

-- While it lives, SIGTERM asks the training to stop, as Ctrl-C does.
local function heed_signals()
  core.system.heed_interrupt(true)
  return setmetatable({}, { __close = function() core.system.heed_interrupt(false) end })
end

-- Trains up to that epoch. On Ctrl-C or SIGTERM the step is finished, the state saved and an error raised that says so.
function Training:go(epochs)
  self:recover()
  local _ <close> = heed_signals()
  while self.due or not (self.past or self.stop) and (self.epoch < epochs or self.batch_done > 0) do
    if not self:run_epoch() then
      checkpoint.save(self)
      self:stopped()
    end
  end
end

function Training:finish()
  if self.finished ~= self.epoch then self:fire "finish" end
  self.finished = self.epoch
  ledger.finish(self)
  proof.show(self)
  self:drop()
end

return Training
