-- yl.share{bits = {conv = 8, connected = 5}}: shared weights while training (Han, Mao and Dally, "Deep Compression", section 3.3). Before
-- the first step, the weights of layers with more different values than that are clustered; from then on, all weights of a cluster get the
-- sum of their gradients, and stay equal. Zeros stay zero, and so do weights that are pruned meanwhile (yl.prune). What is equal already, as in a file of `yolua compress`, is trained as it is.
local core = require "yolua.core"
local options = require "yolua.options.table"
local sharing = require "yolua.compress.sharing"

local check = options.declare("yl.share", sharing.fields)

local function say(t, list)
  local count, worst = 0, list[1]
  for _, w in ipairs(list) do
    count = count + w.count
    if (w.error or 0) > (worst.error or 0) then worst = w end
  end
  if t.run then
    t.run:say("share: %d weights of %d layers are shared; the largest change is that of %s, %.2g (root of the mean square)", count, #list,
      worst.name, worst.error or 0)
  end
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

return function(spec)
  local o = check(spec or {})
  local list
  return {
    name = "share",
    on = {
      start = function(_, t)
        list = sharing.of(t.model, o)
        share(t, list, o)
        say(t, list)
      end,
      gradient = function(_, t)
        for _, w in ipairs(list) do
          if not sum(t, w) then -- pruning took a cut back
            share(t, { w }, o)
            sum(t, w)
          end
        end
      end,
      step = function(_, t)
        level(t, list, "value")
        if core.has_slab(t.model.net, "ema") then level(t, list, "ema") end
      end,
    },
  }
end
