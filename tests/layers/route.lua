-- route: channels side by side, and groups of them.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function oracle(inputs, _, o)
  local groups, id, y, x = o.groups or 1, o.group_id or 0, {}, inputs[1]
  local width = 0
  for _, part in ipairs(inputs) do width = width + part.c // groups end
  for n = 0, x.n - 1 do
    for i = 0, x.h - 1 do
      for j = 0, x.w - 1 do
        for _, part in ipairs(inputs) do
          local count = part.c // groups
          for c = id * count, (id + 1) * count - 1 do y[#y + 1] = part[check.at(part, n, i, j, c)] end
        end
      end
    end
  end
  return y, { x.n, x.h, x.w, width }
end

TestRoute = check.layer {
  kind = "route",
  oracle = oracle,
  tolerance = { forward = 0, backward = 1e-5 },
  cases = {
    { input = { 2, 3, 4, 6 }, split = 3, inputs = { 2, 0, 1 } },
    { name = "one group", options = { groups = 2, group_id = 1 }, input = { 1, 3, 4, 8 } },
    { name = "groups of several", options = { groups = 2, group_id = 0 }, input = { 2, 2, 3, 8 }, split = 2, inputs = { 2, 0 } },
    { name = "identity", input = { 1, 2, 3, 4 } },
  },
}

function TestRoute.test_refusals()
  local function net(layers) return pcall(core.net, { h = 4, w = 4, c = 6, layers = layers }) end
  local _, message = net { { "route", groups = 4 } }
  t.assertStrContains(message, "6 channels of input 1 cannot be split into 4 groups")
  _, message = net { { "route", groups = 2, group_id = 2 } }
  t.assertStrContains(message, "expected less than groups = 2")
  _, message = net { { "maxpool", size = 2, stride = 2 }, { "route", inputs = { 0, 1 } } }
  t.assertStrContains(message, "input 2 is 2 x 2")
end

os.exit(t.LuaUnit.run())
