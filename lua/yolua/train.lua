-- Trains a network. The loop is a spine: batch -> forward -> loss -> backward -> step (train/training.lua). Everything else is a policy
-- that subscribes to its events (lua/README.md): start, epoch_start, batch, loss, step, epoch_end, finish. A policy is a table
-- {name=, state={plain data}, on={event=function(policy, training)}}.
local options = require "yolua.options.table"
local screen = require "yolua.terminal.screen"
local trainer = require "yolua.train.trainer"
local training = require "yolua.train.training"

local check = options.declare("yl.train", {
  { "net", "any", nil, "", "the model (yl.load)", required = true },
  { "data", "any", nil, "", "its data (yl.data)", required = true },
  { "run", "any", nil, "", "a run directory for its files (yl.run)" },
  { "options", "any", nil, "", "the options of the training (yl.options, or a table)" },
  array = true, -- policies
})

-- At the prompt a training that Ctrl-C stopped lives on as yl.trainer.stopped.
local function kept(self)
  trainer.stopped = trainer.over(self)
  return "yl.trainer.stopped:run() continues it"
end

-- Trains and returns the training. The table holds net (a model), data, run, options (epochs, batch, optim, ...), and policies in
-- its array part.
return function(...)
  local spec = check(...)
  if spec.run and spec.run.dry then return require "yolua.train.dry"(spec) end
  local self = training.new(spec)
  if screen.at_prompt then self.screen, self.continued_by = screen.new(), kept end
  self:start()
  self:go(self.epochs)
  self:finish()
  return self
end
