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

-- A recipe sees its key=value words through yl.options; modules beside it are found first. keep: its locals become globals at its end.
function recipe.run(path, words, keep)
  local chunk = load_recipe(path, keep)
  arguments.given, arguments.program = arguments.parse(words), path
  package.path = (path:match "^(.*)/[^/]*$" or ".") .. "/?.lua;" .. package.path
  strict.on()
  failure.kept_chunk = keep and chunk
  chunk(keep and function() failure.keep_locals(2) end)
  failure.kept_chunk = nil
  recipe.check_taken(path)
end

-- The options of a recipe as it sets them itself: it runs up to its yl.options. Nil where it has none.
function recipe.options(path)
  local seen
  arguments.probe = function(o)
    seen = o
    error "the recipe's options are known" -- ends the recipe here
  end
  local ok, message = pcall(recipe.run, path, {})
  arguments.probe = nil
  if not ok and not seen then error(message, 0) end
  return seen
end

return recipe
