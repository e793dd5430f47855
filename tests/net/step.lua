-- The optimizer step against the papers' formulas, written out in double precision.
local t = require "luaunit"
local core = require "yolua.core"

local function net()
  return core.net { h = 1, w = 1, c = 3, layers = { { "conv2d", filters = 2, size = 1 }, { "batchnorm", name = "conv1.bn" } } }
end

local gradient = { 0.5, -1, 2, 0.25, -0.125, 4 }
local start = { 1, -2, 0.5, 3, -1, 0.1 }

local function close(got, want, what)
  for i = 1, #want do t.assertAlmostEquals(got[i], want[i], 2e-6 * math.max(1, math.abs(want[i])), what) end
end

-- Runs `count` steps with the same gradient; returns weights and bias.
local function run(o, count, prepare)
  local n = net()
  n:set("conv1.weight", start)
  n:set("conv1.bias", { 1, 1 })
  if prepare then prepare(n) end
  for _ = 1, count do
    n:set("conv1.weight", gradient, "grad")
    n:set("conv1.bias", { 1, -1 }, "grad")
    o.decay = o.decay or 0
    core.step(n, o)
  end
  return n
end

TestLossScale = {}

-- The gradient is divided, and one number that is not finite is enough.
function TestLossScale.test_unscale()
  local n = net()
  n:set("conv1.weight", gradient, "grad")
  t.assertTrue(core.unscale(n, 4))
  local got = n:get("conv1.weight", "grad")
  for i, g in ipairs(gradient) do t.assertEquals(got[i], g / 4) end
  for _, bad in ipairs { math.huge, -math.huge, 0 / 0 } do
    n:set("conv1.bias", { 0, bad }, "grad")
    t.assertFalse(core.unscale(n, 2))
  end
  n:freeze "conv1" -- and what does not learn does not count
  t.assertTrue(core.unscale(n, 2))
  t.assertErrorMsgContains("unscale: expected a loss scale above 0, got 0", core.unscale, n, 0)
end

TestRules = {}

-- v = mu v + g; w = w - lr (decay w + v): decay on weights only
function TestRules.test_sgd()
  local o = { rule = "sgd", lr = 0.1, momentum = 0.8, decay = 0.05 }
  local n = run(o, 3)
  local w, b = {}, { 1, 1 }
  for i, w0 in ipairs(start) do
    local v, value = 0, w0
    for _ = 1, 3 do
      v = 0.8 * v + gradient[i]
      value = value - 0.1 * (0.05 * value + v)
    end
    w[i] = value
  end
  for i, g in ipairs { 1, -1 } do
    local v = 0
    for _ = 1, 3 do
      v = 0.8 * v + g
      b[i] = b[i] - 0.1 * v
    end
  end
  close(n:get "conv1.weight", w, "weights")
  close(n:get "conv1.bias", b, "biases do not decay")
  for _, g in ipairs(n:get("conv1.weight", "grad")) do t.assertEquals(g, 0) end
end

function TestRules.test_nesterov()
  local n = run({ rule = "sgd", lr = 0.1, momentum = 0.8, nesterov = true }, 2)
  local w = {}
  for i, w0 in ipairs(start) do
    local v = gradient[i]
    local value = w0 - 0.1 * (gradient[i] + 0.8 * v)
    v = 0.8 * v + gradient[i]
    w[i] = value - 0.1 * (gradient[i] + 0.8 * v)
  end
  close(n:get "conv1.weight", w)
end

local function adam(decoupled)
  local w = {}
  for i, value in ipairs(start) do
    local m, v = 0, 0
    for step = 1, 3 do
      local g = gradient[i] + (decoupled and 0 or 0.05 * value)
      m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
      local update = m / (1 - 0.9 ^ step) / (math.sqrt(v / (1 - 0.99 ^ step)) + 1e-8)
      value = value - 0.1 * ((decoupled and 0.05 * value or 0) + update)
    end
    w[i] = value
  end
  return w
end

function TestRules.test_adam_and_adamw()
  for _, rule in ipairs { "adam", "adamw" } do
    local n = run({ rule = rule, lr = 0.1, beta1 = 0.9, beta2 = 0.99, decay = 0.05 }, 3)
    close(n:get "conv1.weight", adam(rule == "adamw"), rule)
  end
end

-- A parameter's own count of steps begins with its first gradient: thawed late, it moves by the rate as at the start (PyTorch's Adam),
-- while what has trained all along is not touched by that.
function TestRules.test_adam_after_a_thaw()
  for _, rule in ipairs { "adam", "adamw" } do
    local n, o = net(), { rule = rule, lr = 0.1, beta1 = 0.9, beta2 = 0.999, decay = 0 }
    n:freeze "conv1"
    local function step()
      local before = n:get "conv1.weight"
      n:set("conv1.weight", gradient, "grad")
      n:set("conv1.bn.scale", { 1, 1 }, "grad")
      core.step(n, o)
      local most = 0
      for i, w in ipairs(n:get "conv1.weight") do most = math.max(most, math.abs(w - before[i])) end
      return most / o.lr
    end
    for _ = 1, 100 do t.assertEquals(step(), 0) end
    n:freeze "none"
    for _ = 1, 3 do t.assertAlmostEquals(step(), 1, 1e-4, rule) end
    n:drop "adam_m"
    n:drop "adam_v"
    t.assertAlmostEquals(step(), 1, 1e-4) -- new moments, a new count
    t.assertEquals(n:ranges()[1].steps, 1)
  end
end

-- SGD has no such count, and what it did is not Adam's.
function TestRules.test_adam_after_sgd()
  local n = net()
  n:set("conv1.weight", gradient, "grad")
  for _ = 1, 5 do core.step(n, { rule = "sgd", lr = 0.1 }) end
  t.assertEquals(n:ranges()[1].steps, 0)
  local before = n:get "conv1.weight"
  n:set("conv1.weight", gradient, "grad")
  core.step(n, { rule = "adam", lr = 0.1 })
  for i, w in ipairs(n:get "conv1.weight") do t.assertAlmostEquals(math.abs(w - before[i]), 0.1, 1e-5) end
end

-- An optimizer of the caller's own: the gradient is the step, nothing decays and nothing is remembered.
function TestRules.test_apply()
  local n = run({ rule = "apply", lr = 0.5, momentum = 0.9, decay = 0.1, nesterov = true }, 2)
  local w = {}
  for i, w0 in ipairs(start) do w[i] = w0 - 2 * 0.5 * gradient[i] end
  close(n:get "conv1.weight", w)
  t.assertFalse(core.has_slab(n, "momentum"))
  t.assertEquals(n:ranges()[1].steps, 2)
  for _, g in ipairs(n:get("conv1.weight", "grad")) do t.assertEquals(g, 0) end
end

-- The counts travel with a full checkpoint: the next step is the same.
function TestRules.test_counts_in_a_checkpoint()
  local path = os.tmpname() .. ".safetensors"
  local function step(n)
    n:set("conv1.weight", gradient, "grad")
    core.step(n, { rule = "adam", lr = 0.1, beta2 = 0.99 })
  end
  local a, b = net(), net()
  for i = 1, 4 do
    a:freeze(i < 3 and "conv1.weight" or "none")
    step(a)
  end
  core.save(a, path, {}, true)
  core.restore(b, path, true)
  for i, r in ipairs(a:ranges()) do
    t.assertEquals(r.steps, r.name == "conv1.weight" and 2 or r.kind == "statistic" and 0 or 4)
    t.assertEquals(b:ranges()[i].steps, r.steps)
  end
  step(a)
  step(b)
  t.assertEquals(b:checksum "conv1.weight", a:checksum "conv1.weight")
  for _, text in ipairs { "1 2", "1 2 3 4 5 6 7 8 9", "x", "-1 2 2 2 0 0", "" } do
    core.save(net(), path, { steps = text }, true)
    t.assertErrorMsgContains("the note 'steps': expected 6 counts of steps", core.restore, b, path, true)
  end
  t.assertEquals(#b:ranges(), 6)
  core.save(a, path, {}, true)
  core.system.write(path, (core.system.read(path):gsub('"steps"', '"stepz"')))
  t.assertErrorMsgContains("Adam's moments need their counts of steps", core.restore, b, path, true)
  os.remove(path)
end

TestScale = {}

function TestScale.test_images_divide_and_the_norm_is_returned()
  local n = net()
  n:set("conv1.weight", start)
  n:set("conv1.weight", gradient, "grad")
  local norm = core.step(n, { rule = "sgd", lr = 1, momentum = 0, decay = 0, images = 4 })
  local sum = 0
  for _, g in ipairs(gradient) do sum = sum + g * g end
  t.assertAlmostEquals(norm, math.sqrt(sum) / 4, 1e-9)
  local w = {}
  for i = 1, 6 do w[i] = start[i] - gradient[i] / 4 end
  close(n:get "conv1.weight", w)
end

function TestScale.test_clipping_bounds_the_global_norm()
  local n = net()
  n:set("conv1.weight", start)
  n:set("conv1.weight", gradient, "grad")
  local norm = core.step(n, { rule = "sgd", lr = 1, momentum = 0, decay = 0, clip = 0.5 })
  local w = {}
  for i = 1, 6 do w[i] = start[i] - gradient[i] * 0.5 / norm end
  close(n:get "conv1.weight", w)
end

TestAverage = {}

-- The average covers every unfrozen range, statistics included, and starts at the values it finds.
function TestAverage.test_ema_of_weights_and_statistics()
  local n = net()
  n:set("conv1.weight", start)
  n:set("conv1.bn.mean", { 1, 2 })
  n:set("conv1.weight", gradient, "grad")
  core.step(n, { rule = "sgd", lr = 0.5, momentum = 0, decay = 0, ema = 0.75 })
  n:set("conv1.bn.mean", { 3, 6 })
  core.step(n, { rule = "sgd", lr = 0.5, momentum = 0, decay = 0, ema = 0.75 })
  local w = {}
  for i = 1, 6 do
    local after = start[i] - 0.5 * gradient[i]
    w[i] = 0.75 * (0.75 * start[i] + 0.25 * after) + 0.25 * after
  end
  close(n:get("conv1.weight", "ema"), w)
  close(n:get("conv1.bn.mean", "ema"), { 0.75 * 1 + 0.25 * 3, 0.75 * 2 + 0.25 * 6 })
end

TestWatch = {}

function TestWatch.test_a_gradient_that_is_not_finite_is_named_and_changes_nothing()
  for _, bad in ipairs { 0 / 0, math.huge } do
    local n = net()
    n:set("conv1.weight", start)
    n:set("conv1.weight", { 1, 1, bad, 1, 1, 1 }, "grad")
    t.assertErrorMsgContains("the gradient of conv1.weight is NaN or infinite", function() core.step(n, { rule = "sgd", lr = 1 }) end)
    t.assertEquals(n:get "conv1.weight", { 1, -2, 0.5, 3, -1, n:get("conv1.weight")[6] })
  end
end

os.exit(t.LuaUnit.run())
