-- Pruning schedules: a function of a state (prune/state.lua) that is asked at the start of each round and returns how sparse the network is
-- to be in it: a number from 0 to below 1, {flops = n}, {ms = n}, s:rollback{...} or s:stop().
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local kept = require "yolua.options.state"
local options = require "yolua.options.table"
local required = require "yolua.options.required"
local schema = require "yolua.options.schema"

local schedule = { actions = setmetatable({}, { __mode = "k" }) } -- actions: what s:rollback and s:stop made, as keys

local Made = { __name = "schedule" } -- what combinators make
function Made.__call(self, s) return self.f(s) end

-- A schedule with a function `over` of the state, which says that it has come to its end.
function schedule.made(f, over) return setmetatable({ f = f, over = over }, Made) end
function schedule.over(f) return getmetatable(f) == Made and f.over or nil end

local function of_file(path)
  local text = core.system.read(path)
  local chunk, message = load(text:gsub("^#[^\n]*", ""), "@" .. path, "t")
  if not chunk then error(message, 0) end
  required.prepare()
  local f = chunk()
  if callback.callable(f) then return f end
  error(("%s: expected a file that returns a schedule, a function of the state, got %s"):format(path, callback.shown(f)), 0)
end

local loaded = {} -- identity of its text -> function

-- The schedule of that name, of that file, or the function itself. o (optional): the options that it stands in. Errors: unknown, with the
-- nearest name; no such file; what it throws.
function schedule.of(spec, o)
  if callback.callable(spec) then return spec end
  local names = core.options.modules "lua/yolua/prune/schedules/"
  for _, name in ipairs(names) do
    if name == spec then return require("yolua.prune.schedules." .. name) end
  end
  if type(spec) == "string" and spec:find "%.lua$" then
    if not core.files.kind(spec) then options.refuse(o, "schedule", "prune: schedule: there is no file '%s'", spec) end
    local key = spec .. " " .. schedule.identity(spec)
    loaded[key] = loaded[key] or of_file(spec)
    return loaded[key]
  end
  options.refuse(o, "schedule", "prune: unknown schedule %s%s (%s, FILE.lua, or a function of the state)", callback.shown(spec),
    type(spec) == "string" and schema.did_you_mean(spec, names) or "", table.concat(names, ", "))
end

-- The function behind it, for places and fingerprints.
function schedule.code(f) return type(f) == "function" and f or getmetatable(f) == Made and f.f or getmetatable(f).__call end

-- A text that changes where what the schedule does may change: a name, the bytes of a file, a function's code and plain values.
function schedule.identity(spec)
  if callback.callable(spec) then return core.files.hash_text(callback.fingerprint(schedule.code(spec))) end
  return spec:find "%.lua$" and core.files.hash_text(core.system.read(spec)) or spec
end

-- An action, as a table shows it.
function schedule.named(action)
  if action.what == "stop" then return "stop" end
  return ("roll back%s%s"):format(action.target and (" to %g"):format(action.target) or "",
    action.epochs and (", %g epochs"):format(action.epochs) or "")
end

local WHAT = "the pruning schedule"

local function budget(f, value, when, s)
  local key, number = next(value)
  local good = (key == "flops" or key == "ms") and next(value, key) == nil
  if not good then callback.wrong(f, WHAT, "a sparsity, {flops = n} or {ms = n}", value, when) end
  callback.number(f, WHAT .. " (" .. key .. ")", number, when, 0)
  if key == "flops" and (number == 1 or number >= (s.flops_dense or math.huge)) then
    callback.wrong(f, WHAT .. " (flops)", ("a share above 0 and below 1, or fewer FLOPs than the dense network's %.4g,"):format(
      s.flops_dense), number, when)
  end
  return value
end

-- Asks the schedule. Returns a sparsity, a table {flops =} or {ms =}, or an action. Errors, in one sentence with the function's file and
-- line: what it throws, anything else that it returns, a memory that no checkpoint can hold.
function schedule.value(f, s)
  local code, when = schedule.code(f), ("for round %d"):format(s.round)
  local value = callback.ask(f, WHAT, when, s)
  local fault = s.memory and kept.fault(s.memory, "s.memory")
  if fault then error(("%s: %s, %s: %s"):format(callback.place(code), WHAT, when, fault), 0) end
  if schedule.actions[value] then return value end
  if type(value) == "table" then return budget(code, value, when, s) end
  if type(value) ~= "number" or not (value >= 0 and value < 1) then
    callback.wrong(code, WHAT, "a sparsity from 0 to below 1", value, when)
  end
  return value
end

return schedule
