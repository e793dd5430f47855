-- What a reordering layer makes of 0, 1, 2, ... laid out in Darknet's order (c, h, w): counted(kind, c, h, w, stride) -> numbers.
local core = require "yolua.core"

local function counted(kind, c, h, w, stride)
  local net = core.net { h = h, w = w, c = c, layers = { { kind, stride = stride } }, seed = 1 }
  local plan = net:plan { mode = "infer", batch = 1, keep = true }
  local x = {}
  for i = 0, h - 1 do
    for j = 0, w - 1 do
      for k = 0, c - 1 do x[#x + 1] = (k * h + i) * w + j end
    end
  end
  plan:input(x)
  plan:forward {}
  local y, s = plan:output(1)
  local out = {}
  for k = 1, s[4] do
    for p = 0, s[2] * s[3] - 1 do out[#out + 1] = y[p * s[4] + k] end
  end
  return out
end

return counted
