-- What a pruning schedule sees. `yolua help prune.state` prints this list.
local callback = require "yolua.options.callback"
local options = require "yolua.options.table"
local schedule = require "yolua.prune.schedule"
local schema = require "yolua.options.schema"
local sealed = require "yolua.options.sealed"

local state = {}

-- {name, type, unit, range, help}
state.fields = {
  { "round", "int", "", "1 and more", "the round that begins; one that is repeated after a rollback keeps its number" },
  { "rounds", "int", "", "1 and more", "how many rounds there are" },
  { "ramp", "int", "", "1..rounds", "how many of them prune; the others, at the end, only retrain (hold=)" },
  { "try", "int", "", "1 and more", "how often this round has begun" },
  { "sparsity", "number", "share", "0 to below 1", "zeros among the prunable numbers now; with target.flops= or target.ms= the share of "
    .. "the FLOPs or milliseconds that is gone, and then what is returned is one too" },
  { "start", "number", "share", "0 to below 1", "the same before the first round" },
  { "target", "number", "share", "0 to below 1", "the same where the goal is reached: the option target=" },
  { "one", "number", "share", "above 0", "the share of a single number: shares less than this apart are equal" },
  { "flops", "number", "FLOPs", "0 and more", "of one image, without those of zero weights" },
  { "flops_dense", "number", "FLOPs", "0 and more", "the same before the first round" },
  { "ms", "number", "ms", "above 0", "a forward pass over one image, as it was measured after the last round; nil before" },
  { "ms_dense", "number", "ms", "above 0", "the same before the first round" },
  { "dev_loss", "number", "", "0 and more", "mean loss per image after the last round; nil without a dev split" },
  { "dev_loss_dense", "number", "", "0 and more", "the same before the first round" },
  { "ap", "number", "share", "0..1", "mean AP after the last round, on data.pick or dev (of pictures with one class each the accuracy, "
    .. "1 - error); nil if none is measured (judge=none)" },
  { "ap_dense", "number", "share", "0..1", "the same before the first round" },
  { "epochs", "number", "epochs", "above 0", "how long the last round was; before the first: how long a round is (epochs=)" },
  { "epoch", "int", "epochs", "0 and more", "epochs that are done" },
  { "step", "int", "steps", "0 and more", "optimizer steps that are done" },
  { "history", "list", "", "", "the rounds that are done, those rolled back too: {round, sparsity, dev_loss, ap, ...} each, as in "
    .. "results.json; s.history[#s.history] is the last one, nil when the first round begins" },
  { "memory", "table", "", "", "yours: plain data that you write into it; checkpoints keep it" },
  { "options", "table", "", "", "the options of pruning (step, rounds, ...), to be read" },
}

local known, names = {}, {}
for i, field in ipairs(state.fields) do known[field[1]], names[i] = true, field[1] end

local methods = {}

-- self: what the method was called on; a call with a dot instead of a colon would lose what stands in the braces.
local function action(self, fields)
  local way = ("s:%s%s"):format(fields.what, fields.what == "stop" and "()" or " { ... }")
  callback.argument(type(self) == "table" and getmetatable(self), "s." .. fields.what, way .. ", with a colon", self)
  schedule.actions[fields] = true
  return fields
end

-- s:rollback { epochs =, target = }: undoes the last round, and begins it again: with the same sparsity (or another target), retrained for
-- as long as before (or for other epochs).
function methods.rollback(self, spec)
  callback.argument(spec == nil or type(spec) == "table", "s:rollback", "{ epochs =, target = }", spec)
  for key, value in pairs(spec or {}) do
    if key ~= "epochs" and key ~= "target" then
      error(("%s: s:rollback has no option '%s' (epochs, target)"):format(options.position(), tostring(key)), 0)
    end
    local good = type(value) == "number" and value > 0 and value < (key == "target" and 1 or math.huge)
    callback.argument(good, "s:rollback: " .. key, key == "target" and "a sparsity above 0 and below 1" or "a number above 0", value)
  end
  return action(self, { what = "rollback", epochs = spec and spec.epochs, target = spec and spec.target })
end

-- s:stop(): ends the training with the network as it is; where the round would begin within an epoch, with that epoch.
function methods.stop(self) return action(self, { what = "stop" }) end

local Seen, behind, read = {}, setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" }) -- view -> its values, keys read

-- Options as a schedule sees them: to be read, by their names.
local function options_view(inner, path, seen)
  if not options.is(inner) then return inner and sealed.view(inner, path:sub(1, -2), "the run has begun with them") end
  return setmetatable({}, {
    __index = function(_, key)
      seen[key] = true
      local value, keys = rawget(inner, key), {}
      if value ~= nil then return options.is(value) and options_view(value, path .. key .. ".", seen) or state.copy(value) end
      for i, field in ipairs(options.fields(inner)) do
        if field[1] == key then return nil end
        keys[i] = field[1]
      end
      error(("%s: %s has no '%s'%s"):format(options.position(), path:sub(1, -2), tostring(key),
        type(key) == "string" and schema.did_you_mean(key, keys) or ""), 0)
    end,
    __newindex = function(_, key)
      sealed.refuse(path:sub(1, -2), key, "the run has begun with them")
    end,
    __pairs = function() return next, options.plain(inner), nil end,
  })
end

function Seen.__index(self, key)
  local value = behind[self][key]
  read[self][key] = true
  if value ~= nil then return value end
  if methods[key] then return methods[key] end
  if known[key] then return nil end
  error(("%s: the state of a pruning schedule has no '%s'%s (yolua help prune.state)"):format(options.position(), tostring(key),
    type(key) == "string" and schema.did_you_mean(key, names) or ""), 0)
end

function Seen.__newindex(_, key)
  error(("%s: s.%s cannot be assigned: return a sparsity, and keep what you remember in s.memory"):format(options.position(),
    tostring(key)), 0)
end

function Seen.__pairs(self) return next, behind[self], nil end

-- What a record of s.history may hold; `rolled_back` where the round was taken back.
local RECORD <const> = { "round", "try", "epochs", "epoch", "step", "sparsity", "params", "nonzero", "flops", "bytes", "dev_loss", "ap",
  "ms", "asked", "goal", "gone", "compact", "rolled_back", "repeated", "by" }
local of_record = {}
for _, key in ipairs(RECORD) do of_record[key] = true end

local Record = { __plain = true }

function Record.__index(_, key)
  if of_record[key] then return nil end
  error(("%s: a round of s.history has no '%s'%s (%s)"):format(options.position(), tostring(key),
    type(key) == "string" and schema.did_you_mean(key, RECORD) or "", table.concat(RECORD, ", ")), 0)
end

-- The state with these values, as a schedule sees it.
function state.view(values)
  local self = setmetatable({}, Seen)
  for _, record in ipairs(values.history or {}) do setmetatable(record, Record) end
  behind[self], read[self] = values, {}
  values.options = options_view(values.options, "s.options.", read[self])
  return self
end

-- Whether its schedule has read that field, or option.
function state.was_read(view, key) return read[view][key] == true end

-- A copy of plain data: what a schedule changes of its memory counts once its round has begun.
function state.copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = state.copy(item) end
  return out
end

return state
