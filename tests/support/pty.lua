-- A pseudo-terminal that `script` gives a command: what is typed is sent when the prompt is there, as a person does; reading and typing at
-- the same time is what lets a test fail instead of hang.
local core = require "yolua.core"
local wait = require "support.wait"

local Pty = {}
Pty.__index = Pty

local function slurp(path)
  local f <close> = io.open(path, "rb")
  return f and f:read "a" or ""
end

function Pty.present() return os.execute "command -v script >/dev/null 2>&1" == true end

-- Runs a shell command in a terminal of that many columns.
function Pty.open(command, columns)
  local top = os.tmpname()
  os.remove(top)
  core.files.make_folder(top)
  local self = setmetatable({ top = top }, Pty)
  core.system.write(top .. "/run", ("stty cols %d rows 50 -echo; %s\n"):format(columns or 80, command))
  assert(os.execute(("mkfifo '%s/in'"):format(top)))
  local script = "timeout 300 script -qefc \"sh 'TOP/run'\" 'TOP/out' <'TOP/in' >/dev/null 2>&1; touch 'TOP/ended'"
  os.execute("(" .. script:gsub("TOP", (top:gsub("%%", "%%%%"))) .. ") &")
  self.keys = assert(io.open(top .. "/in", "w"))
  self.keys:setvbuf "no"
  self:prompted(1, "the start")
  return self
end

-- What was shown so far: without lines that were erased, escape sequences and carriage returns.
function Pty:text()
  return (slurp(self.top .. "/out"):gsub("[^\n]*\r\27%[J", ""):gsub("\27%[[?%d;]*%a", ""):gsub("\r", ""))
end

function Pty:prompts() return select(2, ("\n" .. self:text()):gsub("\n>", "")) end

function Pty:ended() return core.files.kind(self.top .. "/ended") ~= nil end

function Pty:prompted(number, what)
  wait(function()
    return self:ended() or self:prompts() >= number and self:text():match ">+ $" ~= nil
  end, "the prompt after " .. what)
end

-- Sends bytes as they are.
function Pty:send(bytes) self.keys:write(bytes) end

-- Types lines one by one, each when the prompt is there.
function Pty:type(...)
  for _, line in ipairs { ... } do
    local before = self:prompts()
    self:send(line .. "\n")
    self:prompted(before + 1, line)
  end
end

-- Ctrl-D, the end; returns all that was shown.
function Pty:leave()
  self:send "\4"
  wait(function() return self:ended() end, "the end after Ctrl-D")
  return self:text()
end

function Pty:close()
  self.keys:close()
  os.execute(("rm -r '%s'"):format(self.top))
end
Pty.__close = Pty.close

return Pty
