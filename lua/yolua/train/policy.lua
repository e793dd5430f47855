-- The one place that checks policies: tables {name=, state={plain data}, on={event=function(policy, trainer)}}. What is misspelt, of
-- another type or there twice ends the call with one sentence that begins with the user's file and line.
local core = require "yolua.core"
local callback = require "yolua.options.callback"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local state = require "yolua.options.state"

-- forecast: what dry_run=true can know of a policy beforehand: policy -> { every = epochs between its evaluations, rounds = function(
-- training): the rounds of a pruning, files = checkpoints that it keeps in the run directory for later parts of a recipe, longer = the
-- option that makes the training longer, where the policy decides its length }.
local policy = { forecast = setmetatable({}, { __mode = "k" }),
  events = { "start", "epoch_start", "batch", "loss", "gradient", "step", "epoch_end", "finish" } }

local KEYS = { "name", "state", "on", "epochs" }

local function has(list, word)
  for _, item in ipairs(list) do
    if item == word then return true end
  end
  return false
end

-- Where the policy's own functions begin, where the user wrote them; else where the training was called.
local function place(p)
  for _, event in ipairs(policy.events) do
    local handler = type(p.on) == "table" and rawget(p.on, event)
    if type(handler) == "function" and debug.getinfo(handler, "S").source:sub(1, 7) ~= "@yolua/" then return callback.place(handler) end
  end
  return options.position()
end

local function fail(p, format, ...)
  error(("%s: policy '%s': %s"):format(place(p), p.name, format:format(...)), 0)
end

local function sorted(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

local function check_keys(p)
  for _, key in ipairs(sorted(p)) do
    if has(policy.events, key) then
      fail(p, "'%s' is an event: put its handler into on = { %s = function(policy, trainer) ... end }", key, key)
    elseif not has(KEYS, key) then
      fail(p, "unknown key '%s'%s (%s); store what it remembers in state", tostring(key),
        type(key) == "string" and schema.did_you_mean(key, KEYS) or "", table.concat(KEYS, ", "))
    end
  end
end

local function check_handlers(p)
  if p.on == nil then return end
  if type(p.on) ~= "table" then fail(p, "on: expected a table of handlers, got %s", callback.shown(p.on)) end
  for _, event in ipairs(sorted(p.on)) do
    local handler = p.on[event]
    if not has(policy.events, event) then
      fail({ name = p.name, on = { start = handler } }, "unknown event '%s'%s (%s)", tostring(event),
        type(event) == "string" and schema.did_you_mean(event, policy.events) or "", table.concat(policy.events, ", "))
    elseif type(handler) ~= "function" then
      fail(p, "on.%s: expected a function(policy, trainer), got %s", event, callback.shown(handler))
    end
  end
end

-- Refuses a state that a checkpoint cannot hold.
function policy.check_state(p)
  local fault = p.state ~= nil and state.fault(p.state)
  if fault then fail(p, "%s", fault) end
end

-- Checks the array part of a call's table, holes left out, and returns it as a list.
function policy.list(who, spec)
  local keys, list, known = {}, {}, {}
  for key in pairs(spec) do
    if math.type(key) == "integer" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    local p = spec[key]
    if type(p) ~= "table" or type(p.name) ~= "string" then
      error(("%s: %s: policy %d: expected a table with a name, got %s"):format(options.position(), who, key,
        type(p) == "table" and "one without" or callback.shown(p)), 0)
    end
    check_keys(p)
    check_handlers(p)
    policy.check_state(p)
    if known[p.name] then fail(p, "policies %d and %d have this name: each needs its own, states go by it", known[p.name], key) end
    known[p.name], list[i] = key, p
  end
  return list
end

-- How many epochs the training has, where a policy decides that (its key `epochs`); nil where the options do. Errors: two of them.
function policy.length(list)
  local by
  for _, p in ipairs(list) do
    if p.epochs ~= nil then
      if math.type(p.epochs) ~= "integer" or p.epochs < 1 then
        fail(p, "epochs: expected a whole number of at least 1, got %s", callback.shown(p.epochs))
      end
      if by then fail(p, "it decides how long the training is (epochs = %d), and so does '%s'", p.epochs, by.name) end
      by = p
    end
  end
  return by and by.epochs
end

-- A hash of what decides what a policy does: its handlers' code, and the plain values that they hold on to.
function policy.hash(p)
  local parts = { p.name, p.epochs and tostring(p.epochs) }
  for _, event in ipairs(policy.events) do
    local handler = p.on and p.on[event]
    if handler then parts[#parts + 1] = event .. "\n" .. callback.fingerprint(handler) end
  end
  return core.files.hash_text(table.concat(parts, "\n"))
end

return policy
