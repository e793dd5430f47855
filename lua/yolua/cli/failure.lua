-- How the program says what went wrong: a sentence on standard error for what the library says on purpose, a short traceback for
-- anything else.
local core = require "yolua.core"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local debug = debug -- whole, also in a sandbox

-- at_prompt: lines break at blanks, a person reads them. kept_chunk: a chunk whose locals become globals where it fails.
local failure = { at_prompt = false }

-- Thrown to end a recipe where it has done, or told, all that it was asked for.
failure.ENOUGH = setmetatable({}, { __tostring = function() return "enough" end })

-- On standard error; at a prompt on a terminal, lines break at blanks.
function failure.say(sentence)
  local text = "yolua: " .. sentence
  if failure.at_prompt then
    local terminal, lines = require "yolua.terminal", {}
    for line in text:gmatch "[^\n]+" do
      local tab = line:match "^\t" and "  " or ""
      table.move(terminal.wrap(tab .. line, terminal.width(), 4), 1, 100, #lines + 1, lines)
    end
    text = table.concat(lines, "\n")
  end
  io.stderr:write(text, "\n")
end

-- The locals of the function at that level become globals, for `yolua -i FILE`.
function failure.keep_locals(level)
  for i = 1, math.huge do
    local name, value = debug.getlocal(level + 1, i)
    if not name then break end
    if name:sub(1, 1) ~= "(" then rawset(_G, name, value) end
  end
end

-- The same for a chunk that failed, wherever it stands in the stack.
local function keep_locals_of(chunk)
  for level = 2, math.huge do
    local at = debug.getinfo(level, "f")
    if not at then break end
    if at.func == chunk then failure.keep_locals(level) end
  end
end

-- Lua's own C functions: what they throw is a fault of the code that called them.
local function is_standard(f)
  if f == ipairs {} then return true end -- what `for ... in ipairs(nil)` calls
  for _, name in ipairs { "_G", "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package" } do
    for _, g in pairs(package.loaded[name]) do
      if f == g then return true end
    end
  end
  return false
end

-- Whether the error was thrown on purpose: by a C function of ours, or by error() or assert() in a file of the library.
local function is_sentence(message)
  if core.system.is_failure(message) then return true end
  local thrower, caller = debug.getinfo(3, "Sf"), debug.getinfo(4, "S")
  if not thrower or thrower.what ~= "C" then return false end
  if thrower.func == error or thrower.func == assert then return caller ~= nil and caller.source:find "^@yolua/" ~= nil end
  return not is_standard(thrower.func)
end

-- The sentence with the position of the recipe's line instead of one in the library.
local function with_callers_position(sentence)
  local stripped = sentence:match "^yolua/lua/[^:]+:%d+: (.*)" or sentence:match "^yolua/datasets/[^:]+:%d+: (.*)"
  if not stripped then return sentence end
  for level = 4, 1000 do
    local at = debug.getinfo(level, "Sl")
    if not at then break end
    local is_users = at.currentline > 0 and at.source:sub(1, 7) ~= "@yolua/"
    if is_users then return ("%s:%d: %s"):format(at.short_src, at.currentline, stripped) end
  end
  return stripped
end

-- The message and the user's frames, without those of the program below them; one frame alone says nothing that the message does not.
local function traceback(text)
  local lines = {}
  for line in debug.traceback("", 3):gmatch "[^\n]+" do
    if line:find "^\tyolua/lua/yolua/cli[./]" or line:find "^\tyolua/lua/yolua/prompt%.lua" then break end
    if line ~= "\t[C]: in function 'error'" and #lines < 9 then lines[#lines + 1] = line:gsub("in %l+ 'chunk'$", "in main chunk") end
  end
  if #lines < 2 or #lines == 2 and lines[2]:match "^\t(.-): in" == text:match "^(.-:%d+): " then return text end
  return text .. "\n" .. table.concat(lines, "\n")
end

-- The message with the user's line where it names none: Lua gives no place to what its C functions meet ("attempt to index a nil value").
local function with_position(message)
  if type(message) ~= "string" or message:find "^[^\n]-:%d+: " then return message end
  local at = options.caller()
  return at and ("%s:%d: %s"):format(at.short_src, at.currentline, message) or message
end

-- The message handler: a sentence for what the library says on purpose, a short traceback for anything else.
function failure.explain(message)
  if failure.kept_chunk then keep_locals_of(failure.kept_chunk) end
  if type(message) == "table" and (getmetatable(message) or {}).__tostring then return message end
  local text = type(message) == "string" and message or ("error object: %s"):format(tostring(message))
  if is_sentence(message) then return schema.one_line(with_callers_position(text)) end
  return traceback(with_position(text))
end

-- Runs f; returns the status (0 where it did not fail), and f's first result or the sentence.
function failure.attempt_quietly(f, ...)
  local ok, result = xpcall(f, failure.explain, ...)
  if ok or result == failure.ENOUGH then return 0, ok and result or nil end
  return schema.is_usage(result) and 2 or 1, tostring(result)
end

-- The same, and a failure is said on standard error.
function failure.attempt(f, ...)
  local status, result = failure.attempt_quietly(f, ...)
  if status == 0 then return 0, result end
  failure.say(result)
  return status
end

return failure
