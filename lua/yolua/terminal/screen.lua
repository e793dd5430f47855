-- What a training shows: the progress line within an epoch, a sentence after it. A run says the same and keeps it on disk (report/run.lua).
local progress = require "yolua.terminal.progress"
local terminal = require "yolua.terminal"

-- at_prompt: someone is watching, the prompt sets it.
local Screen = { at_prompt = false }
Screen.__index = Screen

function Screen.new() return setmetatable({}, Screen) end

-- Prints a line, as wide as the terminal.
function Screen:say(format, ...)
  local line = select("#", ...) > 0 and format:format(...) or format
  if self.bar then self.bar:clear() end
  terminal.print(line)
end

-- Shows how far an epoch is. state: {epoch, epochs, done, total (images), loss (per image), lr, wait_share, sparsity}; nil takes the line
-- away.
function Screen:step(state)
  if not state then
    if self.bar then self.bar:close() end
    self.bar = nil
    return
  end
  self.bar = self.bar or progress.new { label = ("epoch %g/%g"):format(state.epoch, state.epochs), total = state.total,
    done = state.done }
  self.bar:update(state.done, state)
end

local function number(format, value) return type(value) == "number" and value == value and format:format(value) or "n/a" end

-- An epoch's record as a sentence.
function Screen.epoch_text(record)
  local training = record.training and ("training %d, "):format(record.training) or "" -- where a run has several
  return training .. ("epoch %s: train loss %s, dev loss %s, learning rate %s, %s images/s, %s s (%s %% waiting for images)"):format(
    number("%g", record.epoch), number("%.4f", record.train_loss), number("%.4f", record.dev_loss), number("%g", record.lr),
    number("%.1f", record.images_per_s), number("%.1f", record.seconds), number("%.0f", record.wait_share and 100 * record.wait_share))
    .. (type(record.sparsity) == "number" and (", %.2f %% zeros"):format(100 * record.sparsity) or "")
end

function Screen:log_epoch(record)
  self:step(nil)
  self:say(Screen.epoch_text(record))
end

return Screen
