-- How far a long job is: one line that is redrawn on a terminal, nothing elsewhere (there, plain lines say when a part is done).
local core = require "yolua.core"

local Progress = { width = 24, interval = 0.2 }
Progress.__index = Progress

local function clock_text(seconds)
  if seconds >= 3600 then return ("%d:%02d:%02d"):format(seconds // 3600, seconds % 3600 // 60, seconds % 60) end
  return ("%d:%02d"):format(seconds // 60, seconds % 60)
end

-- spec: label, total (in units), unit ("images"). `out` and `clock` may be replaced, for tests.
function Progress.new(spec)
  local self = setmetatable({ label = spec.label, total = spec.total, unit = spec.unit or "images", done = 0, shown = -math.huge,
    clock = spec.clock or core.system.clock }, Progress)
  self.out = spec.out or core.files.is_terminal() and io.stdout or nil
  self.started = self.clock()
  return self
end

-- The line: bar, share, rate, time left, and what else is to be said.
function Progress:line(text)
  local share = self.total > 0 and math.min(1, self.done / self.total) or 0
  local full, seconds = math.floor(share * self.width), self.clock() - self.started
  local rate = seconds > 0 and self.done / seconds or 0
  local left = rate > 0 and clock_text(math.ceil((self.total - self.done) / rate)) or "?"
  return ("%s [%s%s] %3d %% %.1f %s/s, %s left%s"):format(self.label, ("#"):rep(full), (" "):rep(self.width - full),
    math.floor(100 * share), rate, self.unit, left, text and ", " .. text or "")
end

-- `done` units are done; text: loss, learning rate, ...
function Progress:update(done, text)
  self.done = done
  if not self.out or self.clock() - self.shown < self.interval then return end
  self.shown = self.clock()
  self.out:write("\r\27[K", self:line(text))
  self.out:flush()
end

-- Takes the line away.
function Progress:close()
  if self.out and self.shown > -math.huge then
    self.out:write "\r\27[K"
    self.out:flush()
  end
  self.shown = -math.huge
end

Progress.__close = Progress.close

return Progress
