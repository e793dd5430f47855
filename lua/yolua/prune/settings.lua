-- The options of a pruning, by themselves or out of a recipe's, checked as far as they can be without a network.
local asked = require "yolua.options.asked"
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local schedule = require "yolua.prune.schedule"
local score = require "yolua.prune.score"

local settings = { fields = {} }

for i, field in ipairs(fields.groups.prune) do
  settings.fields[i] = field[1] == "epochs" and { "every", table.unpack(field, 2) } or field -- a recipe's epochs are a round's
end

local check = options.declare("yl.prune", settings.fields)

-- What gathers while it trains, and what rewinds to an early epoch, begins with a round without a cut.
local function fill_dense(o)
  local name = rawget(o, "score")
  local how = score.of(name, o)
  if o.dense == nil then o.dense = (how.gather and not how.probe or o.rewind == "weights") and math.max(1, math.ceil(o.every)) or 0 end
  if o.dense == 0 and how.gather and not how.probe then
    options.refuse(o, "dense", "prune: dense: this score looks at training steps: expected at least 1 epoch before the first cut, got 0")
  end
end

local function check_whole(o)
  fill_dense(o)
  if o.masks == "gradient" and score.of(rawget(o, "score")).gather then
    options.refuse(o, "masks", "prune: masks=gradient keeps its masks where this score gathers: expected score=magnitude, lamp or random")
  end
  if o.masks == "once" and rawget(o, "keep") then
    options.refuse(o, "keep", "prune: keep has no effect with masks=once, whose zeros train away: expected masks=hold or gradient")
  end
  if o.every <= 0 then options.refuse(o, "every", "prune: expected rounds of more than 0 epochs, got %g", o.every) end
  if o.max_drop and o.judge == "none" then
    options.refuse(o, "max_drop", "prune: max_drop: there is no AP to judge by with judge=none")
  end
  if o.hold >= o.rounds then
    options.refuse(o, "hold", "prune: hold: expected less than the %d rounds that there are, got %d", o.rounds, o.hold)
  end
  if o.rewind == "weights" and o.rewind_epoch > o.dense then
    options.refuse(o, "rewind_epoch", "prune: rewind_epoch: expected at most the epochs before the first cut (dense=%d), got %d", o.dense,
      o.rewind_epoch)
  end
end

-- spec: a table of Lua, or a recipe's or verb's options, whose epochs are those of a round. Errors: what cannot be, by its place.
function settings.of(spec)
  local o = check(spec)
  if options.is(spec) and rawget(spec, "epochs") then options.set(o, "every", spec.epochs, options.from(spec, "epochs")) end
  check_whole(o)
  return o
end

-- Whether the options hold what a field needs; what is Lua's own (a function, a file) may read anything.
local function counts(o, needs)
  local value = rawget(o, needs[1])
  if #needs == 1 then return value ~= nil end
  if type(value) ~= "string" or value:find "%.lua$" then return value ~= nil end
  for i = 2, #needs do
    if value == needs[i] then return true end
  end
  return false
end

-- Refuses what was set and has no effect beside the other options. list: fields with their `needs` (options/fields.lua).
function settings.check_used(o, list)
  for _, field in ipairs(list) do
    local key, needs = field[1], field.needs
    if needs and asked(o, field) and not counts(o, needs) then
      local without = "prune: %s has no effect without %s="
      local with = "prune: %s has no effect with %s=%s: expected %s"
      options.refuse(o, key, #needs == 1 and without or with, key, needs[1], tostring(rawget(o, needs[1])),
        needs[1] .. "=" .. table.concat(needs, ", ", 2))
    end
  end
end

-- How many epochs the training has.
function settings.epochs(o) return math.max(1, math.ceil(o.dense + o.rounds * o.every - 1e-9)) end

-- The most rounds that a training of as many epochs has.
function settings.most_rounds(o) return math.floor((settings.epochs(o) - o.dense) / o.every + 1e-9) end

-- A score of your own, by the code of its functions; nil for a table without any.
local function of_functions(value)
  local parts = {}
  for _, key in ipairs { "score", "channel", "gather" } do
    if callback.callable(value[key]) then parts[#parts + 1] = key .. callback.fingerprint(value[key]) end
  end
  return #parts > 0 and table.concat(parts, " ") or nil
end

-- A hash of what decides what the policy does.
function settings.hash(o)
  local parts = {}
  for _, field in ipairs(settings.fields) do
    local value = rawget(o, field[1])
    if field[1] == "schedule" then value = schedule.identity(value)
    elseif callback.callable(value) then value = callback.fingerprint(value)
    elseif options.is(value) then value = core.json.encode(options.plain(value))
    elseif type(value) == "table" then value = of_functions(value) or core.json.encode(value) end
    parts[#parts + 1] = ("%s=%s"):format(field[1], tostring(value))
  end
  return core.files.hash_text(table.concat(parts, "\n"))
end

return settings
