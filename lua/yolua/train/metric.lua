-- A number of the epoch's record that a policy follows: read, or refused with the place where the policy was made, and the right name.
local core = require "yolua.core"
local schema = require "yolua.options.schema"
local sources = require "yolua.train.sources"

local metric = {}

local ALWAYS = { "train_loss", "lr", "gradient_norm", "images_per_s", "seconds", "wait_share", "step", "epoch" }

-- What the loop and the library's policies before `own` write, and whether a policy of the user's stands there, which may write anything.
local function written(t, own)
  local names, anything = { table.unpack(ALWAYS) }, false
  if sources.has_judged(t) then table.insert(names, 1, "dev_loss") end
  for _, p in ipairs(t.policies) do
    if p == own then break end
    if p.name:find "^evaluate%." then table.insert(names, "dev_ap") end
    local handler = p.on and p.on.epoch_end
    anything = anything or handler and debug.getinfo(handler, "S").source:sub(1, 7) ~= "@yolua/"
  end
  return names, anything
end

local function why(t, own, name, names)
  for _, p in ipairs(name == "dev_ap" and t.policies or {}) do
    if p ~= own and p.name:find "^evaluate%." then
      return ("; '%s' writes it and must stand before '%s' in the list"):format(p.name, own.name)
    end
  end
  if name == "dev_ap" then return "; yl.evaluate, before it in the list, writes it" end
  if name == "dev_loss" then return " (is there a dev split?)" end
  return schema.did_you_mean(name, names) .. (" (%s)"):format(table.concat(names, ", "))
end

local function fail(t, own, by, name, names)
  error(("%s: %s: the epoch's record has no '%s'%s"):format(by.where, by.who, name, why(t, own, name, names)), 0)
end

-- Before training: refuses what nobody will write. by: {where = the place that made the policy, who = its name for people}.
function metric.expect(t, own, by, name)
  local names, anything = written(t, own)
  for _, known in ipairs(names) do anything = anything or known == name end
  if not anything then fail(t, own, by, name, names) end
end

-- The number; nil where the epoch was not evaluated.
function metric.read(t, own, by, name)
  local value = t.record[name]
  if value == core.null then return nil end
  if type(value) == "number" then return value end
  if value ~= nil then
    error(("%s: %s: expected a number as the record's '%s', got a %s"):format(by.where, by.who, name, type(value)), 0)
  end
  fail(t, own, by, name, (written(t, own)))
end

return metric
