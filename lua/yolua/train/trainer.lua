-- yl.trainer: a training to be led by hand, step by step or an epoch at a time. It lives on when Ctrl-C stops it.
--
--   t = yl.trainer { net = net, data = data, batch = 4, optim = "adam" }
--   t:step()                  one optimizer step: {step, epoch, loss, norm, lr}
--   for s in t:steps(100) do print(s) end
--   t:run()                   on to the last epoch; t:run(2): two epochs
--
-- Fields: net, data, options, epoch, loss (per image, of the last batch), lr, record (of the last epoch), policies, stop.
-- yl.trainer.stopped: the training of yl.train that Ctrl-C stopped at the prompt.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local live = require "yolua.train.live"
local options = require "yolua.options.table"
local screen = require "yolua.terminal.screen"
local terminal = require "yolua.terminal"
local Training = require "yolua.train.training"

local Trainer = { __name = "yolua.trainer" }
local methods = {}

-- The training that a trainer leads (train/training.lua); its public fields are the trainer's.
local behind = setmetatable({}, { __mode = "k" })
local known = setmetatable({}, { __mode = "k" }) -- training -> its options after the last call

function Trainer.__index(self, key)
  if methods[key] then return methods[key] end
  local training = behind[self]
  if key == "net" then return training.model end
  return training[key]
end

-- `stop` ends the training, or (false) lets it continue after a policy ended it; what else is assigned would have no effect.
function Trainer.__newindex(self, key, value)
  if key == "stop" then
    behind[self].stop, behind[self].stopped_by = value or nil, nil
    return
  end
  error(("%s: a trainer's '%s' cannot be set%s"):format(options.position(), tostring(key),
    key == "lr" and ": t.options.optim.lr = ... changes the rate" or "; t.stop can"), 0)
end

local function fitted(format, ...) return table.concat(terminal.wrap(format:format(...), terminal.width(), 2), "\n") end

-- For completion at the prompt.
function Trainer.__names()
  local names = { "net", "data", "options", "epoch", "loss", "lr", "record", "policies", "stop" }
  for name in pairs(methods) do names[#names + 1] = name end
  return names
end

local Step = { __name = "yolua.step" }

function Step.__tostring(s)
  return fitted("step %d: loss %.4g, gradient norm %.4g, learning rate %.3g", s.step, s.loss, s.norm, s.lr)
end

local function ended(training)
  return ("the training was ended%s after epoch %d; t.stop = false continues it"):format(
    training.stopped_by and (" by '%s'"):format(training.stopped_by) or "", training.epoch)
end

-- The training, whose options are looked at: what was assigned since the last call has its effect, or is refused.
local function awake(self)
  local training = behind[self]
  local key, way = live.check(known[training], options.position(), "epochs")
  if key then error(("%s: a trainer's options.%s cannot be set: %s"):format(options.position(), key, way), 0) end
  known[training] = live.copy(training.options)
  return training
end

local function whole_number(who, value)
  callback.argument(value == nil or math.type(value) == "integer" and value >= 0, who, "a whole number of at least 0", value)
end

-- One optimizer step, and what belongs to the end of an epoch after its last one (dev loss, policies). Errors: Ctrl-C, after the step.
function methods:step(...)
  callback.argument(select("#", ...) == 0, "trainer:step", "no argument (trainer:steps(n) gives n steps)", (...))
  local training = awake(self)
  training:start()
  training:recover()
  training:catch_up()
  local function close_full_epoch()
    if not training.due and training.batch_done < training.batches_per_epoch then return end
    if not training:end_epoch() then training:stopped() end
  end
  close_full_epoch() -- Ctrl-C or an error came before the last one's end
  if training.stop then error(ended(training), 0) end
  local whole = training:one_step()
  if not whole and training.stop then error(ended(training), 0) end
  if not whole or core.system.interrupted() then training:stopped() end
  local made = { step = training.step, epoch = training.epoch, loss = training.loss, norm = training.norm, lr = training.lr }
  close_full_epoch()
  return setmetatable(made, Step)
end

-- Iterator over `count` steps (for ever without one), to where a policy ends the training.
function methods:steps(count)
  whole_number("trainer:steps", count)
  local done = 0
  return function()
    done = done + 1
    if behind[self].stop and not behind[self].due then return nil end
    if done <= (count or math.huge) then return self:step() end
  end
end

-- Trains up to the last epoch of the options, or for `epochs` more; an epoch that was begun is the first of them. Shows how far it is.
-- Returns the trainer. Errors: Ctrl-C, after a step; the same call continues it.
function methods:run(epochs)
  whole_number("trainer:run", epochs)
  local training = awake(self)
  training:start()
  if training.stop and not training.due then print(ended(training)) end
  training.screen = screen.new()
  training:recover()
  local last = epochs and training.epoch + epochs - (training.batch_done > 0 and 1 or 0)
  local ok, message = xpcall(training.go, function(e) return e end, training, last or training.epochs)
  training.screen:step(nil)
  training.screen = nil
  if not ok then error(message, 0) end
  if training.stop or training.epoch >= training.epochs then training:finish() end
  return self
end

-- Gives back what the training holds besides the network: loaders and cached features. It can still continue.
function methods:close() behind[self]:drop() end
Trainer.__close = methods.close

function Trainer.__tostring(self)
  local training = behind[self]
  local place = fitted("trainer: epoch %d of %d, batch %d of %d, step %d", training.epoch, training.epochs, training.batch_done,
    training.batches_per_epoch, training.step)
  if not training.loss then return place end
  return place .. "\n" .. fitted("loss %.4g, learning rate %.3g, %s", training.loss, training.lr, training.options.optim.name)
end

local function by_hand() return ":step() and :run() continue it" end

-- A trainer that leads a training which is there already.
local function over(training)
  local self = setmetatable({}, Trainer)
  behind[self], training.continued_by = training, by_hand
  known[training] = live.copy(training.options)
  return self
end

-- What is no part of the training itself is an option of it.
local parts = { net = true, data = true, run = true, options = true }

-- spec: as yl.train's: net, data, policies in the array part, run (optional), and the options, in `options` or beside the rest.
local function new(spec)
  local given, rest = { options = spec.options }, {}
  for key, value in pairs(spec) do
    if parts[key] or math.type(key) == "integer" then given[key] = value else rest[key] = value end
  end
  if spec.options ~= nil and next(rest) ~= nil then
    error(("%s: yl.trainer: '%s' must be given inside 'options', not beside it"):format(options.position(), tostring(next(rest))), 0)
  end
  given.options = given.options or rest
  for _, key in ipairs { "net", "data" } do
    if given[key] == nil then error(("yl.trainer: '%s' is missing"):format(key), 2) end
  end
  return over(Training.new(given))
end

return setmetatable({ new = new, over = over }, { __call = function(_, spec) return new(spec) end })
