-- How far a long job is. On a terminal: one line, redrawn in place, never longer than the terminal is wide. Elsewhere: a plain line every
-- now and then, so that a log shows that the job lives; what a part came to is said by whoever runs it.
local core = require "yolua.core"
local terminal = require "yolua.terminal"

local Progress = { bar = 24, interval = 0.2, plain_interval = 60 }
Progress.__index = Progress

local function clock_text(seconds)
  if seconds >= 3600 then return ("%d:%02d:%02d"):format(seconds // 3600, seconds % 3600 // 60, seconds % 60) end
  return ("%d:%02d"):format(seconds // 60, seconds % 60)
end

-- spec: label, total (in units), unit ("images"), done (at the start, of a part that continues). `out`,
-- `clock`, `width` (a function) and `terminal` may be replaced, for tests.
function Progress.new(spec)
  local self = setmetatable({ label = spec.label, total = spec.total, unit = spec.unit or "images" }, Progress)
  self.clock, self.width = spec.clock or core.system.clock, spec.width or terminal.width
  self.done, self.base, self.shown = spec.done or 0, spec.done or 0, -math.huge
  self.terminal = spec.terminal
  if self.terminal == nil then self.terminal = core.files.is_terminal() and os.getenv "TERM" ~= "dumb" end
  self.out = spec.out or io.stdout
  self.started = self.clock()
  if not self.terminal then self.shown = self.started end
  return self
end

-- What the line can say, most important first: { place in the line, text }.
function Progress:parts(state)
  local share = self.total > 0 and math.min(1, self.done / self.total) or 0
  local seconds = self.clock() - self.started
  local rate = seconds > 0 and (self.done - self.base) / seconds or 0
  local left = rate > 0 and clock_text(math.ceil(math.max(0, self.total - self.done) / rate)) or nil
  local parts = { { 1, self.label }, { 3, ("%3d %%"):format(math.floor(100 * share)) } }
  local function add(place, format, value)
    if value then parts[#parts + 1] = { place, format:format(value) } end
  end
  add(6, "loss %.4g", state.loss)
  add(5, "%s left", left)
  add(4, "%.1f " .. self.unit .. "/s", rate > 0 and rate or nil)
  add(7, "lr %.3g", state.lr)
  add(9, "%.1f %% zeros", state.sparsity and 100 * state.sparsity)
  add(8, "wait %.0f %%", state.wait_share and 100 * state.wait_share)
  return parts, share
end

-- The line in at most `width` characters: as many parts as fit, and a bar where room is left.
function Progress:line(state, width)
  local parts, share = self:parts(state or {})
  local chosen, used = {}, -1
  for _, part in ipairs(parts) do
    if used + 1 + terminal.length(part[2]) <= width then
      chosen[#chosen + 1] = part
      used = used + 1 + terminal.length(part[2])
    end
  end
  local room = math.min(self.bar, width - used - 3)
  if room >= 5 then
    local full = math.floor(share * room)
    chosen[#chosen + 1] = { 2, "[" .. ("#"):rep(full) .. (" "):rep(room - full) .. "]" }
  end
  table.sort(chosen, function(a, b) return a[1] < b[1] end)
  for i, part in ipairs(chosen) do chosen[i] = part[2] end
  return table.concat(chosen, " ")
end

-- The cursor waits where the line begins: there it stays when a window that changes its width breaks the line anew, so that erasing what
-- is behind it always takes all of the line. A line never wraps by itself (autowrap is off meanwhile): its width may be out of date.
local ERASE, NO_WRAP, WRAP = "\r\27[J", "\27[?7l", "\27[?7h"

-- `done` units are done; state: what else to say, {loss =, lr =, wait_share =, sparsity =}.
function Progress:update(done, state)
  self.done = done
  if self.clock() - self.shown < (self.terminal and self.interval or self.plain_interval) then return end
  self.shown = self.clock()
  if not self.terminal then
    self.out:write(self:line(state, math.huge):gsub("%[.-%] ", "") .. "\n")
  else
    local line = self:line(state, self.width() - 1)
    self.out:write(ERASE, NO_WRAP, line, WRAP, "\r")
    self.drawn = true
  end
  self.out:flush()
end

-- Takes the line away, so that something else can be printed; the next update draws it again.
function Progress:clear()
  if not self.drawn then return end
  self.out:write(ERASE)
  self.out:flush()
  self.drawn = false
end

Progress.close = Progress.clear
Progress.__close = Progress.clear

return Progress
