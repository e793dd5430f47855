-- A teacher's outputs as targets: losses and gradients against the formulas in plain Lua, double precision, and their differences.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"
local boxes = require "support.overlap"

local SIZE = { n = 2, h = 3, w = 4, c = 16 }
local HEADS = {
  region = { "region", anchors = { 1, 1.5, 3, 2 }, num = 2, classes = 3 },
  ["region with softmax"] = { "region", anchors = { 1, 1.5, 3, 2 }, num = 2, classes = 3, softmax = true },
  yolo = { "yolo", anchors = { 1, 1.5, 3, 2, 5, 4 }, mask = { 0, 2 }, num = 3, classes = 3 },
  ["region with softmax, softened"] = { "region", anchors = { 1, 1.5, 3, 2 }, num = 2, classes = 3, softmax = true, temperature = 4 },
  ["yolo, softened"] = { "yolo", anchors = { 1, 1.5, 3, 2, 5, 4 }, mask = { 0, 2 }, num = 3, classes = 3, temperature = 2.5 },
  ["yolo with new_coords"] = { "yolo", anchors = { 1, 1.5, 3, 2 }, num = 2, classes = 3, new_coords = true },
}

-- A network of one convolution's worth of nothing: the head reads the input itself, or a layer that passes it on.
local function plan_of(head, x, spec, layers)
  local copy = { name = "head" }
  for key, value in pairs(head) do copy[key] = key ~= "temperature" and value or nil end
  layers = layers or {}
  layers[#layers + 1] = copy
  local net = core.net { h = SIZE.h, w = SIZE.w, c = SIZE.c, layers = layers, seed = 1 }
  local plan = net:plan(spec)
  plan:input(x)
  plan:forward {}
  return plan, net
end

local function numbers(seed, scale, shift)
  local random, x = check.random(seed), {}
  for i = 1, SIZE.n * SIZE.h * SIZE.w * SIZE.c do
    x[i] = string.unpack("f", string.pack("f", random() * (scale or 2) + (shift or 0)))
  end
  return x
end

-- ---- the formulas ----------------------------------------------------------------------------------------------------------

local function divergence(target, p)
  local function half(q, s) return q > 0 and q * math.log(q / s) or 0 end
  return half(target, p) + half(1 - target, 1 - p)
end

local function softmax(x, at)
  local sum, out = 0, {}
  for k = 0, 2 do sum = sum + math.exp(x[at + k]) end
  for k = 0, 2 do out[k] = math.exp(x[at + k]) / sum end
  return out
end

-- The inputs from `at` on, divided by the temperature of the head (no option of the head itself).
local function soft(head, x, at, n)
  local out = {}
  for k = 0, n - 1 do out[k] = x[at + k] / (head.temperature or 1) end
  return out
end

local function class_loss(head, s_, t_, from)
  local s, at = soft(head, s_, from, 3), 0
  t_ = soft(head, t_, from, 3)
  local sum = 0
  if head.softmax then
    local p, q = softmax(s, at), softmax(t_, at)
    for k = 0, 2 do sum = sum + q[k] * math.log(q[k] / p[k]) end
    return sum
  end
  for k = 0, 2 do
    sum = sum + (head.new_coords and (s[at + k] - t_[at + k]) ^ 2 / 2
      or divergence(boxes.logistic(t_[at + k]), boxes.logistic(s[at + k])))
  end
  return sum
end

local function oracle(head, s, t_, weight)
  local sums = { box = 0, object = 0, noobject = 0, class = 0 }
  local function one(at)
    if head.new_coords then return (s[at] - t_[at]) ^ 2 / 2 end
    return divergence(boxes.logistic(t_[at]), boxes.logistic(s[at]))
  end
  for at = 1, #s, 8 do
    local believed = head.new_coords and t_[at + 4] or boxes.logistic(t_[at + 4])
    local object = believed >= 0.5 and "object" or "noobject"
    local heat = head.new_coords and 1 or head.temperature or 1
    local a, b = s[at + 4] / heat, t_[at + 4] / heat
    local of_object = head.new_coords and one(at + 4) or divergence(boxes.logistic(b), boxes.logistic(a))
    sums[object] = sums[object] + weight * heat ^ 2 * of_object
    sums.class = sums.class + weight * heat ^ 2 * believed * class_loss(head, s, t_, at + 5)
    sums.box = sums.box + weight * believed
      * (one(at) + one(at + 1) + (s[at + 2] - t_[at + 2]) ^ 2 / 2 + (s[at + 3] - t_[at + 3]) ^ 2 / 2)
  end
  return sums
end

local function total(sums) return sums.box + sums.object + sums.noobject + sums.class end

-- ---- heads -----------------------------------------------------------------------------------------------------------------

-- The head's losses and gradient by the teacher alone: what is there after `distill` less what the head's own loss left.
local function taught(head, x, z, weight)
  local spec = { mode = "train", batch = SIZE.n, keep = true, whole_gradient = true }
  local student, teacher = plan_of(head, x, spec), plan_of(head, z, { mode = "infer", batch = SIZE.n })
  local truth = { {}, {} }
  student:loss(truth)
  student:backward()
  local own = student:gradient(0)
  student:forward {}
  student:loss(truth)
  local parts = student:distill(teacher, { heads = weight, temperature = head.temperature })
  student:backward()
  local gradient = student:gradient(0)
  for i = 1, #gradient do gradient[i] = gradient[i] - own[i] end
  return parts, gradient
end

TestHeads = {}

function TestHeads.testAgainstTheFormulas()
  local count = 0
  for name, head in pairs(HEADS) do
    local inside = head.new_coords and 0.25 or 2
    local x, z = numbers(3, inside, head.new_coords and 0.5 or 0), numbers(4, inside, head.new_coords and 0.5 or 0)
    local parts, gradient = taught(head, x, z, 0.7)
    local want = oracle(head, x, z, 0.7)
    for part, value in pairs(want) do
      t.assertTrue(value > 0, name)
      t.assertAlmostEquals(parts[part], value, 1e-5 * value, name .. ": " .. part)
    end
    local slopes = {}
    for i = 1, #x do
      local old = x[i]
      x[i] = old + 1e-5
      local up = total(oracle(head, x, z, 0.7))
      x[i] = old - 1e-5
      slopes[i] = (up - total(oracle(head, x, z, 0.7))) / 2e-5
      x[i] = old
    end
    check.compare(gradient, slopes, 1e-5, name)
    count = count + 1
  end
  t.assertEquals(count, 6)
end

-- Who answers as the teacher does learns nothing from it.
function TestHeads.testAgreement()
  for name, head in pairs(HEADS) do
    local x = numbers(5, head.new_coords and 0.25 or 3, head.new_coords and 0.5 or 0)
    local parts, gradient = taught(head, x, x, 1)
    for part, value in pairs(parts) do t.assertEquals(value, 0, name .. ": " .. part) end
    for i, value in ipairs(gradient) do t.assertEquals(value, 0, ("%s: place %d"):format(name, i)) end
  end
end

function TestHeads.testExtremesStayFinite()
  for name, head in pairs(HEADS) do
    for _, pair in ipairs { { 80, -80 }, { -80, 80 }, { 3e4, -3e4 } } do
      local x, z = numbers(6, 0, pair[1]), numbers(7, 0, pair[2])
      local parts, gradient = taught(head, x, z, 1)
      for part, value in pairs(parts) do
        t.assertTrue(value - value == 0, ("%s: %s is %g at %g"):format(name, part, value, pair[1]))
      end
      for _, value in ipairs(gradient) do t.assertTrue(value - value == 0, name) end
    end
  end
end

function TestHeads.testNaNShows()
  for _, at in ipairs { 1, 5, 8, 100 } do
    local x, z = numbers(8), numbers(9)
    z[at] = 0 / 0
    local sum = total((taught(HEADS.region, x, z, 1)))
    t.assertTrue(sum ~= sum, "a NaN of the teacher's at " .. at)
  end
end

-- ---- features --------------------------------------------------------------------------------------------------------------

-- The input passes two convolutions, of which the first is compared; the head reads the second.
local function body(seed)
  local conv = { "conv2d", name = "first", filters = 6, size = 3, pad = true, bias = false }
  return { conv, { "activation", name = "first.act", activation = "swish" }, { "conv2d", name = "second", filters = 16, size = 1 } }, seed
end

local function feature_loss(s, t_, weight)
  local sum = 0
  for i = 1, #s do sum = sum + (s[i] - t_[i]) ^ 2 end
  return weight / 2 * sum / (#s / SIZE.n)
end

-- The gradient of a compared output, and those of the parameters below and above it, with and without a teacher.
local function features(weight, keep, names)
  local spec = { mode = "train", batch = SIZE.n, keep = keep, outputs = names }
  local student, net = plan_of(HEADS.yolo, numbers(10, 1), spec, body())
  local layers = body()
  local teacher, other = plan_of(HEADS.yolo, numbers(10, 1), { mode = "infer", batch = SIZE.n, outputs = names }, layers)
  other:init(2)
  teacher:forward {}
  student:loss { {}, {} }
  local parts = weight and student:distill(teacher, { heads = 0, features = weight })
  student:backward()
  return parts, student, teacher, net
end

TestFeatures = {}

function TestFeatures.testLossAndGradient()
  for _, name in ipairs { "first", "first.act", "second" } do
    local _, plain = features(nil, true, name)
    local parts, student, teacher = features(0.5, true, name)
    local s, z = student:output(name), teacher:output(name)
    t.assertEquals(#s, #z)
    t.assertAlmostEquals(parts.features, feature_loss(s, z, 0.5), 1e-5)
    t.assertTrue(parts.features > 0.01)
    local own, got, want = plain:gradient(name), student:gradient(name), {}
    for i = 1, #s do
      want[i] = 0.5 * (s[i] - z[i]) / (#s / SIZE.n)
      got[i] = got[i] - own[i]
    end
    check.compare(got, want, 1e-5, name)
  end
end

-- Places that share memory give what places of their own give; and a plan that is never taught is one without `outputs`.
function TestFeatures.testPlacesInTheArena()
  local function gradients(...)
    local _, _, _, net = features(...)
    return { net:get("first.weight", "grad"), net:get("second.weight", "grad"), net:get("second.bias", "grad") }
  end
  t.assertEquals(gradients(2, false, "first,first.act"), gradients(2, true, "first,first.act"))
  t.assertEquals(gradients(nil, false, "first,first.act"), gradients(nil, false, nil))
  t.assertNotEquals(gradients(2, false, "first"), gradients(nil, false, nil))
end

-- Below the compared layer the parameters' slopes are those of the whole loss.
function TestFeatures.testParametersSlopes()
  local name = "first.act"
  local _, _, _, net = features(3, false, name)
  local _, _, _, plain = features(nil, false, name)
  local got, own = net:get("first.weight", "grad"), plain:get("first.weight", "grad")
  local layers = body()
  local student, moved = plan_of(HEADS.yolo, numbers(10, 1), { mode = "infer", batch = SIZE.n, outputs = name }, layers)
  local _, _, teacher = features(3, false, name)
  local z, values, slopes, some = teacher:output(name), moved:get "first.weight", {}, {}
  for k, i in ipairs { 1, 50, 333, 801, #values } do
    local old = values[i]
    local function at(value)
      values[i] = value
      moved:set("first.weight", values)
      student:forward {}
      return feature_loss(student:output(name), z, 3)
    end
    slopes[k] = (at(old + 1e-2) - at(old - 1e-2)) / 2e-2
    at(old)
    some[k] = got[i] - own[i]
  end
  check.compare(some, slopes, 2e-3, "first.weight")
end

os.exit(t.LuaUnit.run())
