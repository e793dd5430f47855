-- Schedules made of schedules. `f` is a function of the state, a name (cubic), a file, or another of these.
--
--   until_("poster", .5)                          the poster's, up to 50 %; then it holds
--   then_(until_("poster", .5), "cubic")          after that the cubic one, over the rounds that are left
--   repeat_("linear", 3)                          prunes in every third round, and only retrains in the others
--   when_stalled("poster", 2)                     prunes once the dev loss has not fallen for 2 rounds
local callback = require "yolua.options.callback"
local options = require "yolua.options.table"
local schedule = require "yolua.prune.schedule"

local combine = {}

local function fail(format, ...) error(("%s: "):format(options.position()) .. format:format(...), 0) end

-- The state with other fields, and a memory of its own in the state's.
local function part(s, key, fields)
  s.memory[key] = s.memory[key] or {}
  fields.memory = s.memory[key]
  return setmetatable(fields, { __index = s })
end

local function count(who, n)
  if math.type(n) ~= "integer" or n < 1 then fail("%s: expected a whole number of at least 1, got %s", who, callback.shown(n)) end
end

-- yl.prune.until_(f, limit): what f asks for, until `limit`: a sparsity that is not passed, or a function of the state that says true.
function combine.until_(f, limit)
  f = schedule.of(f)
  local by_number = type(limit) == "number"
  if not (by_number and limit >= 0 and limit < 1) and not callback.callable(limit) then
    fail("until_: expected a sparsity from 0 to below 1, or a function, got %s", callback.shown(limit))
  end
  local function over(s)
    if by_number then return s.sparsity >= limit - s.one end
    return limit(s) and true or false
  end
  return schedule.made(function(s)
    if over(s) then return s.sparsity end
    local value = schedule.value(f, part(s, "until", { target = by_number and math.min(limit, s.target) or nil }))
    return by_number and type(value) == "number" and math.max(s.sparsity, math.min(value, limit)) or value
  end, over)
end

-- yl.prune.then_(first, second): what first asks for, and when it is over (until_ says when), what second does, with its own rounds, from
-- 1, and the sparsity that it begins with as start.
function combine.then_(first, second)
  first, second = schedule.of(first), schedule.of(second)
  if not schedule.over(first) then fail "then_: expected a schedule that ends first, as until_(f, limit) makes it" end
  return schedule.made(function(s)
    local m = s.memory
    if not m.began and not schedule.over(first)(part(s, "first", {})) then return schedule.value(first, part(s, "first", {})) end
    m.began, m.start = m.began or s.round, m.start or s.sparsity
    local before = m.began - 1
    return schedule.value(second, part(s, "second", { round = s.round - before, rounds = math.max(1, s.rounds - before),
      ramp = math.max(1, s.ramp - before), start = m.start }))
  end, schedule.over(second))
end

-- yl.prune.repeat_(f, n): what f asks for, in every n-th round, from the first; the rounds between hold. f's own rounds count by these.
function combine.repeat_(f, n)
  f = schedule.of(f)
  count("repeat_", n)
  return schedule.made(function(s)
    if (s.round - 1) % n ~= 0 then return s.sparsity end
    local function share(rounds) return math.max(1, (rounds + n - 1) // n) end
    return schedule.value(f, part(s, "repeat", { round = (s.round - 1) // n + 1, rounds = share(s.rounds), ramp = share(s.ramp) }))
  end)
end

-- yl.prune.when_stalled(f, patience): what f asks for, when the dev loss of the last `patience` rounds is not below that before them; else
-- it holds. The first round prunes.
function combine.when_stalled(f, patience)
  f = schedule.of(f)
  count("when_stalled", patience)
  return schedule.made(function(s)
    local m, loss = s.memory, s.dev_loss
    if m.cuts and not loss then fail "when_stalled: there is no dev loss to follow (the data have no dev split)" end
    if m.cuts and loss < m.best then m.best, m.waited = loss, 0
    elseif m.cuts then m.waited = m.waited + 1 end
    if m.cuts and m.waited < patience then return s.sparsity end
    m.cuts, m.best, m.waited = (m.cuts or 0) + 1, math.huge, 0
    return schedule.value(f, part(s, "stalled", { round = m.cuts }))
  end)
end

return combine
