-- A person at a terminal, played by tmux: a window of a given size, lines typed into it, and what it shows.
local core = require "yolua.core"
local wait = require "support.wait"

local Terminal = {}
Terminal.__index = Terminal

local function quoted(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

local function output(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

function Terminal.present() return os.execute "command -v tmux >/dev/null 2>&1" == true end

-- Starts a command in a window of that many columns and rows.
function Terminal.open(command, columns, rows)
  local self = setmetatable({ name = os.tmpname():match "[^/]+$" }, Terminal)
  assert(self:tmux(("new-session -d -x %d -y %d %s"):format(columns, rows or 60, quoted(command))))
  return self
end

function Terminal:tmux(words)
  return os.execute(("env -u TMUX LC_ALL=C.UTF-8 tmux -L %s -f /dev/null %s 2>/dev/null"):format(self.name, words))
end

-- All that the window shows and has shown; joined: lines that were broken at the edge are one again.
function Terminal:text(joined)
  return output(("env -u TMUX LC_ALL=C.UTF-8 tmux -L %s capture-pane -p %s -S -3000 2>/dev/null"):format(self.name, joined and "-J" or ""))
end

function Terminal:prompts()
  local count = 0
  for _ in ("\n" .. self:text()):gmatch "\n>" do count = count + 1 end
  return count
end

function Terminal:key(name) self:tmux("send-keys " .. name) end

-- Types a line, and waits for the prompt that comes after it.
function Terminal:type(line, after)
  local before = after or self:prompts()
  self:tmux("send-keys -l " .. quoted(line))
  self:key "Enter"
  self:prompted(before + 1, line)
end

-- Waits for the prompt of that number, with nothing behind it.
function Terminal:prompted(number, what)
  wait(function()
    return self:prompts() >= number and self:text():match "\n>+ ?\n*$" ~= nil or nil
  end, "the prompt after " .. (what or "the start"))
end

function Terminal:paste(text)
  local path = os.tmpname()
  core.system.write(path, text)
  self:tmux("load-buffer " .. path)
  self:tmux "paste-buffer -p"
  os.remove(path)
end

function Terminal:resize(columns) self:tmux("resize-window -x " .. columns) end

function Terminal:running() return self:tmux "has-session" == true end

function Terminal:close() self:tmux "kill-server" end
Terminal.__close = Terminal.close

return Terminal
