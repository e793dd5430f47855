-- The command line: `yolua RECIPE.lua k=v ...`, `yolua VERB k=v ...`, -e, -i, help, the prompt. Returns the exit status:
-- 0 done, 1 the job failed, 2 the call was wrong. Standard output holds results, standard error everything else.
local core = require "yolua.core"
local failure = require "yolua.cli.failure"
local ranks = require "yolua.ranks"
local required = require "yolua.options.required"

local cli = {}

local function usage(format, ...) error(require("yolua.options.schema").usage(format:format(...))) end

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

-- A call with folds= or seeds= ends where its first run would begin: the runs are made instead, and give(results) ends the program.
local function repeat_where_asked(program, given, give_results)
  local arguments = require "yolua.options.arguments"
  arguments.on_run = function(o)
    if not arguments.repeats(o) or ranks.size > 1 then return end -- yl.run refuses it
    local repeats = require "yolua.sweep.repeats"
    if rawget(o, "dry_run") then return repeats.rehearse(program, given, o) end
    local results = repeats.run(program, given, o)
    if give_results then give_results(results, o) end
    error(failure.ENOUGH)
  end
end

-- Joins the other ranks where a launcher started several; only a program that trains has something to share.
local function join_ranks(name, shares)
  if not ranks.launched() then return end
  if not shares then
    usage("only trainings (recipes, `yolua train`, `yolua prune`) are shared between processes: expected `yolua %s` without mpirun", name)
  end
  ranks.open()
end

local function run_verb(name, verb, words)
  join_ranks(name, verb.ranks)
  local arguments = require "yolua.options.arguments"
  local list = verb.fields or {}
  local given = arguments.parse(words, verb.positional, require("yolua.options.fields").get(list))
  local o = arguments.resolve { who = "yolua " .. name, fields = list, defaults = verb.defaults, list = given }
  if rawget(o, "json") == "false" then rawset(o, "json", nil) end -- of a verb with more kinds of JSON than one
  local out = rawget(o, "json") and core.system.take_output() or nil
  if rawget(o, "threads") and o.threads > 0 then core.system.threads(o.threads) end
  repeat_where_asked(name, given, function(results) give(verb, results, o, out) end)
  local result, complaint = verb.run(o, out)
  give(verb, result, o, out)
  if complaint then error(complaint, 0) end
  return verb.status and verb.status(result) -- of a verb that found something wrong
end

local function unknown_verb(name)
  if name:find("=", 1, true) then usage("command line: expected a verb or a recipe before '%s'", name) end
  local suggestions = require "yolua.options.suggestions"
  usage("unknown verb '%s'%s (a recipe's name ends in .lua; `yolua help` lists the verbs)", name, suggestions.verb(name))
end

-- Words after the code are for its yl.options.
local function code(words)
  local text, arguments = table.remove(words, 1), require "yolua.options.arguments"
  if not text then usage "-e needs Lua code" end
  arguments.given, arguments.program = arguments.parse(words), "-e"
  local chunk, message = load(text, "=-e", "t")
  if not chunk then error(message, 0) end
  require("yolua.cli.strict").on(true)
  rawset(_G, "yl", require "yolua")
  chunk()
  require("yolua.cli.recipe").check_taken "-e"
end

local function prompt(path, words)
  require("yolua.prompt").run(path and function() require("yolua.cli.recipe").run(path, words, true) end)
end

local function help(words)
  local topics = {}
  for _, word in ipairs(words) do
    local files = word:match "^require=(.+)$"
    if files then required.load(files) else topics[#topics + 1] = word end
  end
  for i = 1, math.max(1, #topics) do require("yolua.help.pages").show(topics[i]) end
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
    join_ranks(first, true)
    repeat_where_asked(first, require("yolua.options.arguments").parse(words))
    return require("yolua.cli.recipe").run(first, words)
  end
  local verb = cli.verb(first)
  if not verb then return unknown_verb(first) end
  if asks_for_help(words) then return help { first } end
  return run_verb(first, verb, words)
end

-- Runs the call; returns the exit status.
function cli.main(...)
  required.prepare = function()
    if not getmetatable(_G) then require("yolua.cli.strict").on() end
  end
  local status, result = failure.attempt_quietly(dispatch, ...)
  if status > 0 then return ranks.finish(status, result, failure.say) end
  return ranks.finish(math.type(result) == "integer" and result or 0, nil, failure.say)
end

cli.unknown_verb = unknown_verb

return cli
