-- Random search: trials whose values are drawn. In the file of a sweep, for all trials or in one:
--
--   random = { trials = 16, seed = 1, values = {
--     ["optim.lr"] = { from = 1e-4, to = 1e-2, log = true },      evenly between the logarithms
--     ["optim.momentum"] = { from = 0.8, to = 0.95 },             evenly; whole = true: whole numbers
--     batch = { 4, 8, 16 },                                       one of these
--   } }
--
-- A value depends on the seed, the trial's number among those drawn and the option alone: more trials leave the first ones as they are.
local core = require "yolua.core"
local schema = require "yolua.options.schema"

local random = {}

local function fail(format, ...) error(schema.usage(format:format(...))) end

-- A number of 0 to below 1.
local function fraction(seed, number, key)
  local hash = core.files.hash_text(("%d %d %s"):format(seed, number, key))
  return tonumber(hash:sub(1, 13), 16) / 16 ^ 13
end

local RANGE = { from = "number", to = "number", log = "boolean", whole = "boolean" }

local function check_range(range, where, key)
  for name, value in pairs(range) do
    if RANGE[name] ~= type(value) then
      fail("%s: random '%s': expected a list of values, or { from = 1, to = 2, log = true, whole = true }, got '%s'", where, key,
        tostring(name))
    end
  end
  if not (range.from and range.to and range.from < range.to) or range.log and range.from <= 0 then
    fail("%s: random '%s': expected from below to%s, got %s and %s", where, key, range.log and ", both above 0 (log)" or "",
      tostring(range.from), tostring(range.to))
  end
end

local function drawn(range, u)
  if #range > 0 then return range[1 + math.floor(u * #range)] end
  local from, to = range.from, range.whole and range.to + 1 or range.to
  local value = range.log and from * (to / from) ^ u or from + (to - from) * u
  if range.whole then return math.min(math.floor(value), range.to // 1 | 0) end
  return tonumber(("%.6g"):format(value)) -- a number that people can read and type
end

-- spec: of the file; where: for sentences. A list of {key = value}, one for each trial; nil without a spec.
function random.draw(spec, where)
  if spec == nil then return nil end
  local count, seed = type(spec) == "table" and spec.trials, type(spec) == "table" and (spec.seed or 1)
  if math.type(count) ~= "integer" or count < 1 or math.type(seed) ~= "integer" or type(spec.values) ~= "table" then
    fail('%s: random: expected { trials = 8, seed = 1, values = { ["optim.lr"] = { from = 1e-4, to = 1e-2, log = true } } }', where)
  end
  local list = {}
  for i = 1, count do list[i] = {} end
  for key, range in pairs(spec.values) do
    if type(key) ~= "string" or type(range) ~= "table" then fail("%s: random '%s': expected a list or a range", where, tostring(key)) end
    if #range == 0 then check_range(range, where, key) end
    for i = 1, count do list[i][key] = drawn(range, fraction(seed, i, key)) end
  end
  return list
end

return random
