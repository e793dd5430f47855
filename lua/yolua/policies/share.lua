-- yl.share{bits = {conv = 8, connected = 5}}: shared weights while training (Han, Mao and Dally, "Deep Compression", section 3.3). Before
-- the first step, the weights of layers with more different values than that are clustered; from then on, all weights of a cluster get the
-- sum of their gradients, and stay equal. Zeros stay zero, and so do weights that are pruned meanwhile (yl.prune). What is equal already,
-- as in a file of `yolua compress`, is trained as it is. Frozen layers stay as they are; one that thaws is shared then
-- (put yl.freeze before yl.share).
local core = require "yolua.core"
local options = require "yolua.options.table"
local sharing = require "yolua.compress.sharing"

local check = options.declare("yl.share", sharing.fields)

local function say(t, list)
  if #list == 0 or not t.run then return end
  local count, worst = 0, list[1]
  for _, w in ipairs(list) do
    count = count + w.count
    if w.error > worst.error then worst = w end
  end
  t.run:say("share: %d weights of %d layers are shared; the largest change is that of %s, %.2g (root of the mean square)", count, #list,
    worst.name, worst.error)
end

-- Shares the weights of the list, where they are not yet, and reads which code each has.
local function share(t, list, o)
  sharing.share(t.model, list, o)
  for _, w in ipairs(list) do w.codes, w.used = core.compress.codes(t.model.net:tensor(w.name), w.name, 2 ^ w.bits // 1) end
end

local function sum(t, w)
  return core.compress.sum(t.model.net:tensor(w.name), t.model.net:tensor(w.name, "grad"), w.codes, w.used)
end

local function level(t, list, slab)
  for _, w in ipairs(list) do core.compress.level(t.model.net:tensor(w.name, slab), w.codes, w.used) end
end

-- The part of the list that trains now.
local function training(t, list)
  local trains, part = {}, {}
  for _, r in ipairs(t.model.net:ranges()) do trains[r.name] = not r.frozen end
  for _, w in ipairs(list) do
    if trains[w.name] then part[#part + 1] = w end
  end
  return part
end

-- Shares those that are not shared yet.
local function share_new(t, list, o)
  local new = {}
  for _, w in ipairs(list) do
    if not w.codes then new[#new + 1] = w end
  end
  share(t, new, o)
  say(t, new)
end

return function(spec)
  local o = check(spec or {})
  local list, now
  return {
    name = "share",
    on = {
      start = function(_, t) list = sharing.of(t.model, o, "share") end,
      epoch_start = function(_, t) share_new(t, training(t, list), o) end,
      gradient = function(_, t)
        now = training(t, list)
        share_new(t, now, o)
        for _, w in ipairs(now) do
          if not sum(t, w) then -- pruning took a cut back
            share(t, { w }, o)
            sum(t, w)
          end
        end
      end,
      step = function(_, t)
        level(t, now, "value")
        if core.has_slab(t.model.net, "ema") then level(t, now, "ema") end
      end,
    },
  }
end
