-- Successive halving (Jamieson and Talwalkar, AISTATS 2016): all trials train briefly, the best ones longer, until few are left. In the
-- file of a sweep:
--
--   halving = { epochs = { 3, 9, 27 }, keep = 1 / 3, by = "voc" }
--
-- Each round of epochs trains from the beginning: a trial of 27 epochs is what it would be alone, its learning rate's schedule included.
-- by: a protocol, whose mean the last stage reports, or a number of the epochs' records (dev_loss, dev_ap), of which the best epoch
-- counts; losses are better when smaller.
local eval = require "yolua.eval.protocols"
local rundir = require "yolua.report.rundir"
local schema = require "yolua.options.schema"

local halving = {}

local function fail(format, ...) error(schema.usage(format:format(...))) end

local KEYS = { epochs = true, keep = true, by = true }

-- Errors: one sentence. Returns the spec with defaults, nil where there is none.
function halving.check(spec, where)
  if spec == nil then return nil end
  local list = type(spec) == "table" and spec.epochs
  if type(list) ~= "table" or #list < 2 then
    fail("%s: halving: expected { epochs = { 3, 9, 27 }, keep = 1 / 3, by = \"dev_loss\" }", where)
  end
  for key in pairs(spec) do
    if not KEYS[key] then fail("%s: halving has no '%s' (epochs, keep, by)", where, tostring(key)) end
  end
  for i, epochs in ipairs(list) do
    if math.type(epochs) ~= "integer" or epochs < 1 or i > 1 and epochs <= list[i - 1] then
      fail("%s: halving: epochs: expected whole numbers that grow, got %s", where, tostring(epochs))
    end
  end
  local keep, by = spec.keep or 1 / 3, spec.by or "dev_loss"
  if type(keep) ~= "number" or keep <= 0 or keep >= 1 then
    fail("%s: halving: keep: expected a share between 0 and 1, got %s", where, tostring(keep))
  end
  if type(by) ~= "string" then fail("%s: halving: by: expected a protocol or a number of the epochs, got a %s", where, type(by)) end
  return { epochs = list, keep = keep, by = by, where = where }
end

local function is_protocol(name)
  for _, known in ipairs(eval.all) do
    if known == name then return true end
  end
end

-- What a trial that is done is judged by: larger is better. Nil where it has no such number.
local function worth(h, t)
  local best
  if is_protocol(h.by) then
    for _, row in ipairs(t.result.eval or {}) do
      if row.protocol == h.by and type(row.map) == "number" then best = row.map end
    end
    return best
  end
  local sign = h.by:find "loss" and -1 or 1
  for _, record in ipairs(rundir.metrics(t.dir)) do
    local value = record[h.by]
    if type(value) == "number" and value == value and (not best or sign * value > best) then best = sign * value end
  end
  return best
end

-- Those of the round that continue, the best first; equally good ones in the list's order. Errors: nobody has the number.
local function best_of(h, list)
  local judged = {}
  for _, t in ipairs(list) do
    local value = t.status == "done" and worth(h, t)
    if value then judged[#judged + 1] = { trial = t, value = value } end
  end
  if #judged == 0 then fail("%s: halving: no trial has a '%s' to be judged by", h.where, h.by) end
  table.sort(judged, function(a, b)
    if a.value ~= b.value then return a.value > b.value end
    return a.trial.number < b.trial.number
  end)
  local count, out = math.max(1, math.floor(#list * h.keep + 1e-9)), {}
  for i = 1, math.min(count, #judged) do out[i] = judged[i].trial end
  return out
end

-- The same call with other epochs.
local function longer(t, epochs, number)
  local words = { "epochs=" .. epochs }
  for _, word in ipairs(t.words) do
    if not word:find "^epochs=" then words[#words + 1] = word end
  end
  table.sort(words)
  return { number = number, name = t.name, recipe = t.recipe, words = words, where = t.where, from = t.from, round = t.round + 1 }
end

-- Makes the trials those of the first round.
function halving.begin(h, trials)
  for i, t in ipairs(trials) do
    t.round = 0
    trials[i] = longer(t, h.epochs[1], t.number)
  end
end

-- The trials of the next round, where all of the last one have ended; nil after the last round, or where some have not. tried: what failed
-- in another process has ended; else it is to be tried again.
function halving.next(h, trials, tried)
  local round, list = trials[#trials].round, {}
  for _, t in ipairs(trials) do
    if t.round == round then list[#list + 1] = t end
  end
  for _, t in ipairs(list) do
    if t.status ~= "done" and t.status ~= "failed" and not (tried and t.failed_before) then return nil end
  end
  if round == #h.epochs then return nil end
  local more = best_of(h, list)
  for i, t in ipairs(more) do more[i] = longer(t, h.epochs[round + 1], #trials + i) end
  return more
end

return halving
