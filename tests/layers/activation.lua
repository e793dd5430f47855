-- activation: every function and its gradient, in place and not.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function logistic(x) return 1 / (1 + math.exp(-x)) end

local functions = {
  linear = function(x) return x end,
  leaky = function(x, slope) return x > 0 and x or slope * x end,
  relu = function(x) return math.max(x, 0) end,
  logistic = logistic,
  swish = function(x) return x * logistic(x) end,
  mish = function(x)
    local e = math.exp(x)
    return x * (e * e + 2 * e) / (e * e + 2 * e + 2)
  end,
  relu6 = function(x) return math.min(math.max(x, 0), 6) end,
  hardswish = function(x) return x * math.min(math.max(x + 3, 0), 6) / 6 end,
  hard_mish = function(x) return x > 0 and x or x > -2 and x * x / 2 + x or 0 end,
  tanh = function(x) return 2 * logistic(2 * x) - 1 end,
  elu = function(x) return x > 0 and x or math.exp(x) - 1 end,
  selu = function(x) return 1.0507 * (x > 0 and x or 1.6732 * (math.exp(x) - 1)) end,
  gelu = function(x) return x * logistic(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x ^ 3)) end,
  hardtan = function(x) return math.min(math.max(x, -1), 1) end,
  ramp = function(x) return math.max(x, 0) + x / 10 end,
  loggy = function(x) return 2 * logistic(x) - 1 end,
  relie = function(x) return x > 0 and x or x / 100 end,
}

local function oracle(inputs, _, o)
  local x, y = inputs[1], {}
  local f = functions[o.activation or "leaky"]
  for i = 1, #x do y[i] = f(x[i], o.slope or 0.1) end
  return y, { x.n, x.h, x.w, x.c }
end

local cases = { { options = {}, input = { 1, 3, 5, 7 } }, { options = { slope = 0.25 }, input = { 2, 4, 3, 5 } } }
for name in pairs(functions) do
  cases[#cases + 1] = { name = name, options = { activation = name }, input = { 2, 5, 4, 3 }, scale = 6 }
  cases[#cases + 1] = { name = name .. ", infer", mode = "infer", options = { activation = name }, input = { 1, 2, 2, 19 }, scale = 30 }
end
table.sort(cases, function(a, b) return (a.name or "") < (b.name or "") end)

TestActivation = check.layer { kind = "activation", oracle = oracle, cases = cases, tolerance = { forward = 2e-6, backward = 1e-4 } }

local function values(name, x)
  local net = core.net { h = 1, w = #x, c = 1, layers = { { "activation", activation = name } }, seed = 1 }
  local plan = net:plan { mode = "infer", batch = 1, keep = true }
  plan:input(x)
  plan:forward {}
  return plan:output(1)
end

-- Where exp leaves the range of single precision, and a NaN.
function TestActivation.test_far_away()
  local far = { -1e30, -1e4, -200, -88, 88, 200, 1e4, 1e30 }
  for name, f in pairs(functions) do
    local y = values(name, { far[1], far[2], far[3], far[4], far[5], far[6], far[7], far[8], 0 / 0 })
    local steep = math.abs(f(80, 0.1)) > 10 -- grows with x above zero
    local deep = math.abs(f(-80, 0.1)) > 0.5 and math.abs(f(-60, 0.1)) ~= math.abs(f(-80, 0.1)) -- falls with x below
    for i, x in ipairs(far) do
      local want = x > 0 and steep and f(80, 0.1) * x / 80 or x < 0 and deep and f(-80, 0.1) * x / -80 or f(x > 0 and 80 or -80, 0.1)
      t.assertTrue(math.abs(y[i] - want) <= 1e-5 * math.abs(want) + 1e-6 + (x < 0 and 1e-34 * -x or 0),
        ("%s of %g is %g, expected %g"):format(name, x, y[i], want))
    end
    t.assertTrue(y[#far + 1] ~= y[#far + 1], name .. " hides a NaN")
  end
end

-- Relative error of the swish and the logistic function, which rest on exp alone.
function TestActivation.test_accuracy()
  local x = {}
  for i = 1, 2001 do x[i] = string.unpack("f", string.pack("f", (i - 1001) / 50)) end
  for _, name in ipairs { "logistic", "swish", "mish" } do
    for i, y in ipairs(values(name, x)) do
      local want = functions[name](x[i])
      t.assertTrue(math.abs(y - want) <= 1e-6 * math.abs(want) + 1e-30, ("%s of %g is %.9g, expected %.9g"):format(name, x[i], y, want))
    end
  end
end

function TestActivation.test_unknown_function()
  t.assertErrorMsgContains("expected one of linear", core.net, { h = 1, w = 1, c = 1, layers = { { "activation", activation = "leeky" } } })
end

os.exit(t.LuaUnit.run())
