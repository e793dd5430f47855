-- Weight sharing (Han, Mao and Dally, "Deep Compression", section 3): which weights are shared, and with how many bits.
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local ranges = require "yolua.prune.ranges"

local sharing = {}

sharing.fields = fields.get { "sharing" }

-- The weights to share: a list of {name, layer, kind (of the layer), count, bits}. who: the caller, for errors.
function sharing.of(model, o, who)
  local kinds, left_out, list = {}, {}, {}
  for _, layer in ipairs(model.net:layers()) do kinds[layer.name] = layer.kind end
  for _, glob in ipairs(o.except or {}) do
    for _, name in ipairs(ranges.named(model, who, o, "except", glob)) do left_out[name] = true end
  end
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" and not left_out[r.name] then
      list[#list + 1] = { name = r.name, layer = r.layer, kind = kinds[r.layer], count = r.count,
        bits = kinds[r.layer] == "connected" and o.bits.connected or o.bits.conv }
    end
  end
  if #list == 0 then options.refuse(o, "except", "%s: %s: no weight is left to share", who, model.path) end
  return list
end

-- Shares the weights of sharing.of's list, in the slab `value`; each entry gets `values` (how many different ones are left) and `error`
-- (the root of the mean squared change).
function sharing.share(model, list, o)
  for _, w in ipairs(list) do
    w.values, w.error = core.compress.share(model.net:tensor(w.name), w.name, { bits = w.bits, start = o.start, iterations = o.iterations,
      seed = o.seed })
  end
end

return sharing
