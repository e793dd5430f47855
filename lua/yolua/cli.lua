-- The command line: `yolua RECIPE.lua k=v ...`, `yolua VERB k=v ...`, -e, -i, help, the prompt. Returns the exit status:
-- 0 done, 1 the job failed, 2 the call was wrong. Standard output holds results, standard error everything else.
local core = require "yolua.core"

local cli = {}

-- On standard error; at a prompt on a terminal, lines break at blanks.
local function say(sentence)
  local text = "yolua: " .. sentence
  if package.loaded["yolua.prompt"] and core.prompt.interactive() then
    local terminal, lines = require "yolua.terminal", {}
    for line in text:gmatch "[^\n]+" do
      local tab = line:match "^\t" and "  " or ""
      table.move(terminal.wrap(tab .. line, terminal.width(), 4), 1, 100, #lines + 1, lines)
    end
    text = table.concat(lines, "\n")
  end
  io.stderr:write(text, "\n")
end

-- ---- what `yolua -i FILE` leaves to the prompt ---------------------------------------------------------------------------

-- The locals of the function at that level become globals.
local function keep_locals(level)
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
    if at.func == chunk then keep_locals(level) end
  end
end

-- ---- failures ------------------------------------------------------------------------------------------------------------

-- Lua's own C functions: what they throw is a fault of the code that called them.
local function is_standard(f)
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
    if line:find "^\tyolua/lua/yolua/cli%.lua" or line:find "^\tyolua/lua/yolua/prompt%.lua" then break end
    if line ~= "\t[C]: in function 'error'" and #lines < 9 then lines[#lines + 1] = line:gsub("in %l+ 'chunk'$", "in main chunk") end
  end
  if #lines < 2 or #lines == 2 and lines[2]:match "^\t(.-): in" == text:match "^(.-:%d+): " then return text end
  return text .. "\n" .. table.concat(lines, "\n")
end

-- The message handler: a sentence for what the library says on purpose, a short traceback for anything else.
function cli.explain(message)
  if cli.kept_chunk then keep_locals_of(cli.kept_chunk) end
  if type(message) == "table" and (getmetatable(message) or {}).__tostring then return message end
  local text = type(message) == "string" and message or ("error object: %s"):format(tostring(message))
  if is_sentence(message) then return with_callers_position(text) end
  return traceback(text)
end

local schema -- yolua.schema, loaded when the first failure or key=value asks for it

-- Runs f; a failure is said on standard error. Returns the status and f's first result.
local function attempt(f, ...)
  local ok, result = xpcall(f, cli.explain, ...)
  if ok then return 0, result end
  schema = schema or require "yolua.schema"
  say(tostring(result))
  return schema.is_usage(result) and 2 or 1
end

local function usage(format, ...)
  schema = schema or require "yolua.schema"
  error(schema.usage(format:format(...)))
end

-- ---- what a call can be ----------------------------------------------------------------------------------------------------

local function load_recipe(path, keep)
  local text, reason = core.system.try_read(path)
  if not text then usage("%s%s", reason, require("yolua.meant").recipe(path)) end
  text = text:gsub("^#[^\n]*", "")
  local keeping = keep and load(text .. "\n;(...)()", "@" .. path, "t") -- nil where the file ends with a return
  if keeping then return keeping end
  local chunk, message = load(text, "@" .. path, "t")
  if not chunk then error(message, 0) end
  return chunk
end

local function check_taken(arguments, path)
  if arguments.taken or #arguments.given == 0 then return end
  usage("command line: %s takes no options, but '%s' was given", path, arguments.given[1].key)
end

-- A recipe sees its key=value words through yl.options; modules beside it are found first. keep: its locals become globals at its end.
function cli.recipe(path, words, keep)
  local chunk, arguments = load_recipe(path, keep), require "yolua.arguments"
  arguments.given, arguments.program = arguments.parse(words), path
  package.path = (path:match "^(.*)/[^/]*$" or ".") .. "/?.lua;" .. package.path
  require("yolua.strict").on()
  cli.kept_chunk = keep and chunk
  chunk(keep and function() keep_locals(2) end)
  cli.kept_chunk = nil
  check_taken(arguments, path)
end

-- The options of a recipe as it sets them itself: it runs up to its yl.options. Nil where it has none.
function cli.recipe_options(path)
  local arguments, seen = require "yolua.arguments", nil
  arguments.probe = function(o)
    seen = o
    error "the recipe's options are known" -- ends the recipe here
  end
  local ok, message = pcall(cli.recipe, path, {})
  arguments.probe = nil
  if not ok and not seen then error(message, 0) end
  return seen
end

-- The verb's module {help=, fields=, run=function(options), show=function(result, options), status=function(result)}, or nil.
function cli.verb(name)
  if not name:find "^[%a_][%w_]*$" then return nil end
  local ok, verb = pcall(require, "yolua.verbs." .. name)
  if ok then return verb end
  if not verb:find("module 'yolua.verbs." .. name .. "' not found", 1, true) then error(verb, 0) end
end

-- Gives the verb's result as JSON, or as its own text.
local function give(verb, result, o, out)
  if out and rawget(o, "json") == "lines" then out:close() -- they are written
  elseif out then
    if result == nil then result = core.null end
    local written, reason = out:write(core.json.encode(result), "\n")
    if written then written, reason = out:close() end
    if not written then error("cannot write standard output: " .. reason, 0) end
  elseif verb.show and result ~= nil then verb.show(result, o) end
end

local function run_verb(name, verb, words)
  local arguments = require "yolua.arguments"
  local list = verb.fields or {}
  local given = arguments.parse(words, verb.positional, require("yolua.fields").get(list))
  local o = arguments.resolve { who = "yolua " .. name, fields = list, defaults = verb.defaults, list = given }
  if rawget(o, "json") == "false" then rawset(o, "json", nil) end -- of a verb with more kinds of JSON than one
  local out = rawget(o, "json") and core.system.take_output() or nil
  if rawget(o, "threads") and o.threads > 0 then core.system.threads(o.threads) end
  local result, complaint = verb.run(o, out)
  give(verb, result, o, out)
  if complaint then error(complaint, 0) end
  return verb.status and verb.status(result) -- of a verb that found something wrong
end

local function unknown_verb(name)
  if name:find("=", 1, true) then usage("command line: expected a verb or a recipe before '%s'", name) end
  usage("unknown verb '%s'%s (a recipe's name ends in .lua; `yolua help` lists the verbs)", name, require("yolua.meant").verb(name))
end

-- Words after the code are for its yl.options.
local function code(words)
  local text, arguments = table.remove(words, 1), require "yolua.arguments"
  if not text then usage "-e needs Lua code" end
  arguments.given, arguments.program = arguments.parse(words), "-e"
  local chunk, message = load(text, "=-e", "t")
  if not chunk then error(message, 0) end
  require("yolua.strict").on(true)
  rawset(_G, "yl", require "yolua")
  chunk()
  check_taken(arguments, "-e")
end

local function prompt(path, words)
  require("yolua.prompt").run(path and function() cli.recipe(path, words, true) end)
end

local function help(words)
  local topics = {}
  for _, word in ipairs(words) do
    local files = word:match "^require=(.+)$"
    if files then require("yolua.layer").load(files) else topics[#topics + 1] = word end
  end
  for i = 1, math.max(1, #topics) do require("yolua.help").show(topics[i]) end
end

local function asks_for_help(words)
  for _, word in ipairs(words) do
    if word == "-h" or word == "--help" or word == "help" then return true end
  end
end

local function dispatch(first, ...)
  local words = { ... }
  if first == nil then return prompt() end
  if first == "-e" then return code(words) end
  if first == "-i" then return prompt(..., { select(2, ...) }) end
  if first == "-v" or first == "--version" then return print("yolua " .. core.version) end
  if first == "help" or first == "-h" or first == "--help" then return help(words) end
  if first:find "%.lua$" or first:find("/", 1, true) then
    if first:find "%.lua$" and asks_for_help(words) then return help { first } end
    return cli.recipe(first, words)
  end
  local verb = cli.verb(first)
  if not verb then return unknown_verb(first) end
  if asks_for_help(words) then return help { first } end
  return run_verb(first, verb, words)
end

-- Runs the call; returns the exit status.
function cli.main(...)
  local status, result = attempt(dispatch, ...)
  return math.type(result) == "integer" and result or status
end

cli.attempt, cli.say, cli.unknown_verb = attempt, say, unknown_verb

return cli
