-- The file of `yolua sweep`: it returns its trials as a table, read here into one list of key=value words per trial.
--
--   return {
--     recipe = "recipes/coco_full.lua", epochs = 12,           keys beside the list hold for every trial
--     grid = { seed = { 1, 2 }, ["optim.lr"] = { 1e-3, 1e-4 } },  every combination of these values, for every trial
--     { name = "today" },                                      a trial: its own keys; `name` is shown in the tables
--     { name = "large", imgsz = { 832, 256 }, grid = { ... } },
--   }
--
--     { name = "pruned", recipe = "recipes/prune_gradual.lua", from = { model = "today" } },   what the trial of that name leaves
--
--     random = { trials = 8, values = { ... } }, halving = { epochs = { 3, 9, 27 } }      see random.lua and halving.lua beside this file
--
-- recipe: a recipe's path, or "train". from: options whose value is a file of an earlier trial's run, its result where no file is named
-- ("today:last.safetensors"). Without a list the keys beside it are one trial. Dots reach inside, as on the command line:
-- ["optim.lr"] = 1e-3 or optim = { lr = 1e-3 }.
local core = require "yolua.core"
local halving = require "yolua.sweep.halving"
local random = require "yolua.sweep.random"
local schema = require "yolua.options.schema"
local strict = require "yolua.cli.strict"

local file = {}

local RESERVED = { out = "the sweep names its trials' folders", resume = "the sweep resumes its trials itself",
  json = "the sweep's own json=true prints all results" }

local function fail(format, ...) error(schema.usage(format:format(...))) end

-- ---- values ------------------------------------------------------------------------------------------------------------

local function number(value)
  if math.type(value) == "integer" then return tostring(value) end
  local short = ("%.14g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

local function scalar(value)
  if type(value) == "number" then return number(value) end
  return (type(value) == "string" or type(value) == "boolean") and tostring(value) or nil
end

-- The value as a word of the command line. Errors: what no word can say, a function say.
local function text(value, where, key)
  local plain = scalar(value)
  if plain then return plain end
  if type(value) ~= "table" then fail("%s: '%s': expected a text, a number, true, false or a list, got a %s", where, key, type(value)) end
  local items, numbers = {}, true
  for i, item in ipairs(value) do
    items[i] = scalar(item) or fail("%s: '%s': expected texts or numbers in the list, got a %s", where, key, type(item))
    numbers = numbers and type(item) == "number"
  end
  local joined = table.concat(items, ",")
  return numbers and #items > 1 and "[" .. joined .. "]" or joined
end

-- Sets flat[key]; `optim = "adam"` and `optim.name = "adam"` are one key.
local function put(flat, key, value)
  flat[key], flat[key .. ".name"] = nil, nil
  local table_ = key:match "^(.*)%.name$"
  if table_ then flat[table_] = nil end
  flat[key] = value
end

-- Adds the keys of `values` to `flat`, with dots for tables inside.
local function flatten(values, flat, where, prefix)
  for key, value in pairs(values) do
    if type(key) ~= "string" or not key:find "^[%w_.]+$" then
      fail("%s: expected the name of an option, got '%s'", where, tostring(key))
    end
    local path = prefix .. key
    if type(value) == "table" and #value == 0 and next(value) ~= nil then flatten(value, flat, where, path .. ".")
    else put(flat, path, text(value, where, path)) end
  end
  return flat
end

local OWN = { recipe = true, grid = true, name = true, from = true, random = true, halving = true } -- keys that are no options

-- ---- trials ------------------------------------------------------------------------------------------------------------

-- The keys of a table that are no options, and the rest.
local function parts(values, where)
  local rest = {}
  for key, value in pairs(values) do
    if type(key) == "string" and not OWN[key] then rest[key] = value end
  end
  for _, key in ipairs { "recipe", "name" } do
    if values[key] ~= nil and type(values[key]) ~= "string" then
      fail("%s: '%s': expected a text, got a %s", where, key, type(values[key]))
    end
  end
  if values.grid ~= nil and type(values.grid) ~= "table" then
    fail("%s: 'grid': expected lists of values by option, got a %s", where, type(values.grid))
  end
  return rest, values.grid or {}
end

-- {trial, file} of "NAME" or "NAME:FILE".
local function read_source(text_, trials, where)
  local found, names = {}, {}
  for _, other in ipairs(trials) do
    local name = other.name
    if name then names[#names + 1] = name end
    if name == text_ then found[#found + 1] = { trial = other, file = "best.safetensors" }
    elseif name and text_:sub(1, #name + 1) == name .. ":" then found[#found + 1] = { trial = other, file = text_:sub(#name + 2) } end
  end
  if #found == 1 then return found[1] end
  if #found > 1 then fail("%s: %d trials have the name of '%s': expected one", where, #found, text_) end
  fail("%s: there is no earlier trial '%s'%s", where, text_, schema.did_you_mean(text_, names))
end

-- {key, trial, file} of a trial's `from`, in the options' order.
local function read_from(from, trials, where)
  if from ~= nil and type(from) ~= "table" then fail("%s: 'from': expected trials' names by option, got a %s", where, type(from)) end
  local list = {}
  for key, value in pairs(from or {}) do
    if type(key) ~= "string" or type(value) ~= "string" then
      fail('%s: from \'%s\': expected the name of an earlier trial, as in from = { model = "dense" }, got %s', where, tostring(key),
        tostring(value))
    end
    list[#list + 1] = read_source(value, trials, ("%s: from %s"):format(where, key))
    list[#list].key = key
  end
  table.sort(list, function(a, b) return a.key < b.key end)
  return list
end

-- {key = list of words} of a grid, added to `axes`.
local function read_axes(grid, axes, where)
  for key, list in pairs(grid) do
    if type(key) ~= "string" or type(list) ~= "table" or #list == 0 then
      local got = type(list) == "table" and "an empty one" or tostring(list)
      fail("%s: grid '%s': expected a list of values, got %s", where, tostring(key), got)
    end
    axes[key] = {}
    for i, value in ipairs(list) do axes[key][i] = text(value, where, key) end
  end
  return axes
end

-- Every combination of the axes, the last key's values changing fastest: a list of {key = word}.
local function combinations(axes)
  local keys, all = {}, { {} }
  for key in pairs(axes) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local longer = {}
    for _, chosen in ipairs(all) do
      for _, word in ipairs(axes[key]) do
        local more = { [key] = word }
        for k, v in pairs(chosen) do more[k] = v end
        longer[#longer + 1] = more
      end
    end
    all = longer
  end
  return all
end

local function words(flat, where)
  local list = {}
  for key, value in pairs(flat) do
    if RESERVED[key] then fail("%s: '%s' cannot be set: %s", where, key, RESERVED[key]) end
    list[#list + 1] = key .. "=" .. value
  end
  table.sort(list)
  return list
end

-- Adds the trials of one entry of the file.
local function add(trials, entry, common, where)
  local own, grid = parts(entry, where)
  local rest, shared = parts(common, where)
  local axes = read_axes(grid, read_axes(shared, {}, where), where)
  local recipe = entry.recipe or common.recipe or fail('%s: recipe is missing: expected recipe = "FILE.lua" or recipe = "train"', where)
  local from = read_from(entry.from or common.from, trials, where)
  local base = flatten(own, flatten(rest, {}, where, ""), where, "")
  local draws = random.draw(entry.random or common.random, where) or { {} }
  for _, chosen in ipairs(combinations(axes)) do
    for _, drawn in ipairs(draws) do
      local flat, number_ = {}, #trials + 1
      for key, value in pairs(base) do flat[key] = value end
      for key, value in pairs(chosen) do put(flat, key, value) end
      for key, value in pairs(drawn) do put(flat, key, text(value, where, key)) end
      trials[number_] = { number = number_, name = entry.name or common.name, recipe = recipe, words = words(flat, where), where = where,
        from = from }
    end
  end
end

local function run(path)
  local source, reason = core.system.try_read(path)
  if not source then fail("%s%s", reason, require("yolua.options.suggestions").recipe(path)) end
  local chunk, message = load(source:gsub("^#[^\n]*", ""), "@" .. path, "t")
  if not chunk then error(message, 0) end
  package.path = (path:match "^(.*)/[^/]*$" or ".") .. "/?.lua;" .. package.path
  strict.on()
  return chunk()
end

-- The trials of the file: a list of {number, name (may be nil), recipe, words, where (for sentences)}, and how they are halved, or nil.
-- Errors: one sentence that says which trial is wrong.
function file.read(path)
  local value = run(path)
  if type(value) ~= "table" or next(value) == nil then
    fail("%s returns %s: expected a list of trials, as in return { { recipe = \"FILE.lua\", epochs = 5 }, ... }", path,
      value == nil and "nothing" or type(value) == "table" and "an empty table" or "a " .. type(value))
  end
  local trials = {}
  if #value == 0 then add(trials, value, {}, path) end
  for i, entry in ipairs(value) do
    local where = ("%s: trial %d"):format(path, i)
    if type(entry) ~= "table" then fail("%s: expected a table of options, got a %s", where, type(entry)) end
    if entry.name then where = ("%s (%s)"):format(where, tostring(entry.name)) end
    if entry.halving ~= nil then fail("%s: 'halving' is for all trials: it stands beside the list", where) end
    add(trials, entry, value, where)
  end
  return trials, halving.check(value.halving, path)
end

return file
