-- The prompt: reads chunks (unfinished ones continue over lines), prints what expressions give, keeps a history.
local chunks = require "yolua.prompt.chunks"
local complete = require "yolua.prompt.complete"
local core = require "yolua.core"
local failure = require "yolua.cli.failure"
local picture = require "yolua.terminal.picture"
local screen = require "yolua.terminal.screen"
local show = require "yolua.prompt.show"
local strict = require "yolua.cli.strict"
local terminal = require "yolua.terminal"

local prompt = { show = show, compile = chunks.compile }

local function print_results(results)
  if results.n == 0 or results.n == 1 and results[1] == io.stdout then return end -- io.write is called for what it does
  if results.n == 1 and picture.possible() and picture.size(results[1]) then
    print(picture.text(results[1]))
    return print(tostring(results[1]):match "[^\n]*")
  end
  for i = 1, results.n do results[i] = show(results[i]) end
  print(table.concat(results, "\t"))
end

local function run(chunk)
  return failure.attempt(function() print_results(table.pack(chunk())) end)
end

-- ---- on a terminal ---------------------------------------------------------------------------------------------------------

-- A line, or the lines of a paste; one that does not end its last line waits for Enter.
local function read_line(editor, mark)
  local text, open = editor:read(mark)
  while text and open do
    local more
    more, open = editor:read ">> "
    text = more and text .. more
  end
  return text
end

-- Reads until the last chunk is whole. Returns the text; false after Ctrl-C, nil at the end of the input.
local function read_text(editor)
  complete.before = ""
  local text = read_line(editor, "> ")
  while text do
    local _, _, unfinished = chunks.compile(text:find "\n" and chunks.last(text) or text)
    if not unfinished then return text end
    complete.before = text .. "\n"
    local more = read_line(editor, ">> ")
    text = more and text .. "\n" .. more
  end
  return text
end

local function run_chunk(text, line)
  local chunk, message = chunks.compile(text, nil, line)
  if chunk then return run(chunk) end
  failure.say(message)
  return 1
end

-- Chunk by chunk, up to the first that fails.
local function run_text(text)
  if not text:find "\n" then return run_chunk(text) end
  for _, part in ipairs(chunks.split(text)) do
    if run_chunk(part.text, part.line) ~= 0 then return end
  end
end

local function loop(editor)
  while true do
    local text = read_text(editor)
    if text == nil then return print() end
    if text and text:find "%S" then
      editor:add((text:gsub("\n+$", "")))
      run_text(text)
    end
  end
end

local function history_file()
  local home = os.getenv "HOME"
  return os.getenv "YOLUA_HISTORY" or home and home .. "/.yolua_history"
end

-- ---- without a terminal ----------------------------------------------------------------------------------------------------

-- The whole input falls into chunks, which are checked before the first one runs; the first failure ends it.
local function run_input()
  local list = chunks.split(io.read "a":gsub("^#[^\n]*", ""), "=stdin")
  for i, part in ipairs(list) do
    local chunk, message = chunks.compile(part.text, "=stdin", part.line)
    if not chunk then error(message, 0) end
    list[i] = chunk
  end
  for _, chunk in ipairs(list) do print_results(table.pack(chunk())) end
end

-- Starts the prompt; `before` (running a recipe, say) goes first, and the prompt opens even where it fails.
function prompt.run(before)
  local interactive = core.prompt.interactive()
  screen.at_prompt, failure.at_prompt = true, interactive
  rawset(_G, "yl", require "yolua")
  rawset(_G, "help", require "yolua.help.pages")
  if before and interactive then failure.attempt(before) elseif before then before() end
  strict.on(true)
  if not interactive then return run_input() end
  local editor <close> = core.prompt.open(history_file())
  editor:complete(complete.tab)
  core.system.warn = function(sentence) failure.say("warning: " .. sentence) end -- as wide as the terminal
  local banner = ("yolua %s: help() shows more, Ctrl-D quits"):format(core.version)
  print(table.concat(terminal.wrap(banner, terminal.width()), "\n"))
  loop(editor)
end

return prompt
