-- Running a recipe: its key=value words, and its options as help shows them.
local arguments = require "yolua.options.arguments"
local core = require "yolua.core"
local failure = require "yolua.cli.failure"
local suggestions = require "yolua.options.suggestions"
local schema = require "yolua.options.schema"
local strict = require "yolua.cli.strict"

local recipe = {}

local function usage(format, ...) error(schema.usage(format:format(...))) end

local function load_recipe(path, keep)
  local text, reason = core.system.try_read(path)
  if not text then usage("%s%s", reason, suggestions.recipe(path)) end
  text = text:gsub("^#[^\n]*", "")
  local keeping = keep and load(text .. "\n;(...)()", "@" .. path, "t") -- nil where the file ends with a return
  if keeping then return keeping end
  local chunk, message = load(text, "@" .. path, "t")
  if not chunk then error(message, 0) end
  return chunk
end

-- Errors: words that no yl.options took.
function recipe.check_taken(path)
  if arguments.taken or #arguments.given == 0 then return end
  usage("command line: %s takes no options, but '%s' was given", path, arguments.given[1].key)
end

local function enter_sandbox(path)
  for _, argument in ipairs(arguments.given) do
    if argument.key:find "^sandbox" then return require "yolua.sandbox.enter"(path, arguments.given) end
  end
end

-- A recipe sees its key=value words through yl.options; modules beside it are found first. keep: its locals become globals at its end.
function recipe.run(path, words, keep)
  local chunk = load_recipe(path, keep)
  arguments.given, arguments.program = arguments.parse(words), path
  enter_sandbox(path)
  package.path = (path:match "^(.*)/[^/]*$" or ".") .. "/?.lua;" .. package.path
  strict.on()
  failure.kept_chunk = keep and chunk
  chunk(keep and function() failure.keep_locals(2) end)
  failure.kept_chunk = nil
  recipe.check_taken(path)
end

-- Calls f, and what it needs to know: the words for its options, and whom sentences name as their source. All is as before afterwards.
local function alone(path, words, where, f)
  local kept = { given = arguments.given, program = arguments.program, taken = arguments.taken, where = arguments.where }
  local paths = package.path
  arguments.given, arguments.program, arguments.where = words, path, where
  local ok, message = pcall(f)
  for _, key in ipairs { "given", "program", "taken", "where", "on_options", "on_run" } do arguments[key] = kept[key] end
  package.path = paths
  if not ok and message ~= failure.ENOUGH then error(message, 0) end
end

-- The options of a recipe as it sets them itself: it runs up to its yl.options. Nil where it has none.
function recipe.options(path)
  local seen
  arguments.on_options = function(o)
    seen = o
    error(failure.ENOUGH)
  end
  alone(path, {}, nil, function() recipe.run(path, {}) end)
  return seen
end

-- The options with which a call of the recipe, or of the verb `train`, begins its run: it goes that far and no further. where: what
-- sentences about the words name as their place. Errors: those of the call; a recipe without a run.
function recipe.begun(path, words, where)
  local seen
  arguments.on_run = function(o)
    seen = o
    error(failure.ENOUGH)
  end
  alone(path, {}, where, function()
    if path:find "%.lua$" then return recipe.run(path, words) end
    local verb = require("yolua.verbs." .. path)
    verb.run(arguments.resolve { who = "yolua " .. path, fields = verb.fields, list = arguments.parse(words), given = where })
  end)
  return seen or error(("%s begins no run (yl.run): only what a run keeps can be a trial"):format(path), 0)
end

return recipe
