-- From the words of a call to a table of options: defaults < config=FILE.yaml < key=value.
local core = require "yolua.core"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local fields = require "yolua.options.fields"
local required = require "yolua.options.required"

-- What the command line gave the recipe that is running (`given`), its path (`program`), and where those words stand, if not on the
-- command line (`where`). Who wants to know a recipe's options sets on_options(o), called by yl.options, or on_run(o), called by yl.run;
-- the latter returns how many runs a dry run stands for. contained: the program runs in a sandbox.
local arguments = { given = {} }

-- Whether options ask for several runs of one call (folds=, seeds=).
function arguments.repeats(o)
  local folds = rawget(o, "folds")
  return (rawget(o, "seeds") or 1) > 1 or folds ~= nil and folds[1] ~= "none"
end

-- { "data.root=x", ... } -> { {key=, value=}, ... }; a word must be key=value, a key given twice counts as it was given last.
-- positional: the key that a first word without one has, or a list of keys for such words. list: the fields that there are
-- (default: a recipe's), for suggestions.
function arguments.parse(words, positional, list_of_fields)
  local list, bare = {}, 0
  for i, word in ipairs(words) do
    local key, value = word:match "^([^=%s]+)=(.*)$"
    local place = i == 1 and positional
    if type(positional) == "table" then place = positional[bare + 1] end
    if not key and place and word ~= "" and not word:find "^%-" then key, value, bare = place, word, bare + 1 end
    if not key then
      error(schema.usage(("command line: expected key=value, got '%s'%s"):format(word,
        require("yolua.options.suggestions").word(word, words[i + 1], list_of_fields or fields.all()))))
    end
    list[i] = { key = key, value = value }
  end
  return list
end

local function read_config(o, path)
  local from = { where = path, outside = true }
  local text, reason = core.system.try_read(path)
  if not text then schema.fail(from, "command line: option 'config': %s", reason) end
  local decoded, values, lines = core.system.attempt(core.yaml.decode, text, path)
  if not decoded then schema.fail(from, "%s", values) end
  if values == core.null then return end
  if type(values) ~= "table" or #values > 0 then
    schema.fail(from, "%s: expected key: value lines, got a %s", path, type(values) == "table" and "list" or type(values))
  end
  values.provenance = nil -- a run's config.yaml also says what it was made with
  from.lines = {}
  for key, line in pairs(type(lines) == "table" and lines or {}) do from.lines[key] = ("%s:%d"):format(path, line) end
  if values.require then required.load(values.require) end -- other keys may name what those files make
  options.merge(o, values, from)
end

-- A name decides which keys its table has, so `optim=adam` and `data.name=kitti` go first.
local function names_first(o, list)
  local first, rest = {}, {}
  for _, argument in ipairs(list) do
    local names = argument.key:find "%.name$" or type(rawget(o, argument.key)) == "table" and options.origin(o, argument.key) == nil
    table.insert(names and first or rest, argument)
  end
  return table.move(rest, 1, #rest, #first + 1, first)
end

-- ---- one network ---------------------------------------------------------------------------------------------------------

local darknet = { "cfg", "weights", "partial", "names" }

-- Where the keys that name a network got their values; nil for a call that takes none.
local function network_origins(o)
  local known, origins = {}, {}
  for _, field in ipairs(options.fields(o)) do known[field[1]] = true end
  if not (known.model and known.cfg) then return nil end
  for _, key in ipairs { "model", table.unpack(darknet) } do origins[key] = options.origin(o, key) end
  return origins
end

local function drop(o, keys, chosen)
  local dropped = {}
  for _, key in ipairs(keys) do
    if rawget(o, key) then
      dropped[#dropped + 1] = key
      options.drop(o, key)
    end
  end
  if #dropped > 0 then
    core.system.warn(("%s=%s: dropped %s, which named another network"):format(chosen, o[chosen], table.concat(dropped, ", ")))
  end
end

-- A network is a checkpoint (model) or a Darknet one (cfg, weights, names). If a config file or the command line gives one kind, it
-- replaces the other kind given earlier; giving both at once is an error (a model of Keras may have names).
-- `before`: network_origins before they were read.
local function one_network(o, before, from)
  if not before then return end
  local function fresh(key) return options.origin(o, key) ~= before[key] end
  if fresh "model" and fresh "names" and o.model:lower():find "%.h5$" then return drop(o, { "cfg", "weights", "partial" }, "model") end
  local other = fresh "cfg" and "cfg" or fresh "weights" and "weights" or fresh "names" and "names"
  if fresh "model" and not other then return drop(o, darknet, "model") end
  if fresh "cfg" and not fresh "model" then return drop(o, { "model" }, "cfg") end
  if other and rawget(o, "model") then
    schema.fail(from, "%s: '%s=%s' together with 'model=%s': expected either a checkpoint or a Darknet network (cfg, weights, names)",
      from.where, other, o[other], o.model)
  end
end

-- Runs one stage, which sets options that come from `from`.
local function stage(o, from, set)
  local before = network_origins(o)
  set()
  one_network(o, before, from)
end

-- spec: who = "yolua val"; fields = list of group names and fields; defaults, where = the recipe's own table and its
-- position; list = the parsed key=value list, given = where it stands (default: "command line"). Returns the options. Faults of the call
-- are usage errors (status 2).
function arguments.resolve(spec)
  local o = options.new(fields.get(spec.fields), spec.who)
  for _, argument in ipairs(spec.list) do -- what those files make may be named by any other key
    if argument.key == "require" then required.load(argument.value) end
  end
  local own, given = { where = spec.where or spec.who }, { where = spec.given or "command line", outside = true }
  stage(o, own, function() options.merge(o, spec.defaults or {}, own) end)
  for _, argument in ipairs(spec.list) do
    if argument.key == "config" then
      options.set(o, "config", argument.value, given)
      stage(o, { where = argument.value, outside = true }, function() read_config(o, o.config) end)
    end
  end
  stage(o, given, function()
    for _, argument in ipairs(names_first(o, spec.list)) do options.set(o, argument.key, argument.value, given) end
  end)
  if rawget(o, "require") then required.load(o.require) end -- a recipe's own default
  return o
end

return arguments
