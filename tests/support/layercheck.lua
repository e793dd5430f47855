-- Checks a layer against a declaration {kind, oracle, cases, tolerance}, all in one: forward against the oracle (double precision),
-- backward against central differences of the oracle, accumulation of gradients where an input feeds two layers, the same bits
-- whether activations are kept or placed on top of each other, no allocation in a second step.
--
--   TestMaxpool = check.layer {
--     kind = "maxpool",
--     oracle = function(inputs, params, options, info) return y, {n, h, w, c} end,
--     cases = { { options = {size = 2}, input = {n, h, w, c}, split = 2, inputs = {1, 2}, mode = "train", name = "..." } },
--     tolerance = { forward = 1e-5, backward = 1e-3 },      -- of the largest wanted magnitude
--   }
--   os.exit(t.LuaUnit.run())
--
-- An input or y is a flat array in NHWC order; inputs also carry n, h, w, c. `params` holds flat arrays by the ranges' last names
-- (weight, bias, scale, mean, var). info: {seed, step, index (of the layer, from 0), mode, keep}. `split` cuts the input's channels
-- into that many equal parts; `inputs` lists what the layer reads: 0 the whole, i the i-th part; deep = {[i] = s}: that part through
-- reorg3d of stride s, so that it has fewer and deeper pixels. info.keep(key, value) gives the value that the unperturbed call gave for
-- that key: for what is a constant to the gradient.
--
-- `allocates`: a layer written in Lua, which makes tensors in every step.
--
-- check.loss is the same for losses: oracle(x, truth, options, info) returns {part = sum}, a case has `truth` (rows per image).
--
-- With YOLUA_TEST_PRECISION=bf16 (or f16) plans are of that precision, whose rounding changes a number by at most a share UNIT of it.
-- Inputs and gradients that are given are rounded beforehand, so that an output differs by one rounding: FORWARD allows twice that, of the
-- largest magnitude. Gradients pass up to three roundings and slopes taken from rounded outputs: BACKWARD allows eight times UNIT; they
-- are compared with those of the CPU in f32, since differences of the oracle would step over the ties that rounding makes. `roundings`:
-- how often a layer rounds its numbers on their way (1); the bounds are so many times larger.
--
-- With YOLUA_TEST_ALGORITHM=cudnn convolutions run with that algorithm, in every direction. Of 16 bits it also rounds weights and bias.
local t = require "luaunit"
local core = require "yolua.core"

local check = { on_cpu = (os.getenv "YOLUA_TEST_DEVICE" or "cpu") == "cpu", -- else support/on_gpu.lua is at work
  precision = os.getenv "YOLUA_TEST_PRECISION" or "f32" }
local ALGORITHM = os.getenv "YOLUA_TEST_ALGORITHM"
local BITS = ({ bf16 = 8, f16 = 11 })[check.precision] -- that a number has
local UNIT = BITS and 2 ^ -BITS or 0
local FORWARD, BACKWARD = 2 * UNIT, 8 * UNIT

-- A small generator of our own: the same numbers everywhere. Returns uniform numbers in (-1, 1).
function check.random(seed)
  local state = seed * 2 + 1
  return function()
    state = (state * 6364136223846793005 + 1442695040888963407)
    return ((state >> 11) & 0xFFFFFFFFFFFF) / 0x800000000000 - 1
  end
end

-- A number as the plan's precision has it: the nearest, of two the even one. (Numbers here are no subnormals of f16.)
local function exact(value)
  if not BITS then return (string.unpack("f", string.pack("f", value))) end
  if value == 0 or value - value ~= 0 then return value end
  local unit = 2.0 ^ (math.floor(math.log(math.abs(value), 2)) + 1 - BITS)
  local whole = value / unit
  local near = math.floor(whole + 0.5)
  if near - whole == 0.5 and near % 2 == 1 then near = near - 1 end
  return near * unit
end

local function fill(count, random, scale)
  local out = {}
  for i = 1, count do out[i] = exact(random() * (scale or 1)) end
  return out
end

-- 0-based (n, h, w, c) to the 1-based place in the flat array.
function check.at(s, n, i, j, c) return ((n * s.h + i) * s.w + j) * s.c + c + 1 end

local function shaped(values, n, h, w, c)
  values.n, values.h, values.w, values.c = n, h, w, c
  return values
end

local function compare(got, want, tolerance, what)
  t.assertEquals(#got, #want, what .. ": length")
  local top = 0
  for i = 1, #want do top = math.max(top, math.abs(want[i])) end
  for i = 1, #want do
    local near = math.abs(got[i] - want[i]) <= tolerance * math.max(top, 1e-3)
    if not near then
      t.fail(("%s: element %d is %.9g, expected %.9g (largest %.3g, tolerance %g)"):format(what, i, got[i], want[i], top, tolerance))
    end
  end
end
check.compare = compare

local function equal(a, b, what)
  t.assertEquals(#a, #b, what)
  for i = 1, #a do
    if a[i] ~= b[i] then t.fail(("%s: element %d is %.9g and %.9g"):format(what, i, a[i], b[i])) end
  end
end

local function prime_from(n)
  for p = n, 2 * n + 2 do
    local prime = p > 1
    for d = 2, math.floor(math.sqrt(p)) do prime = prime and p % d ~= 0 end
    if prime then return p end
  end
end

-- Places of 1..#got to look at: every p-th (a prime, so that every channel has its turn), and each channel's `largest`.
local function places(got, channels, spread, largest)
  local chosen, out = {}, {}
  for c = 1, math.min(channels, #got) do
    local order = {}
    for i = c, #got, channels do order[#order + 1] = i end
    table.sort(order, function(a, b) return math.abs(got[a]) > math.abs(got[b]) or (math.abs(got[a]) == math.abs(got[b]) and a < b) end)
    for k = 1, math.min(largest, #order) do chosen[order[k]] = true end
  end
  for i = 1, #got, #got <= spread and 1 or prime_from(#got // spread) do chosen[i] = true end
  for i = 1, #got do out[#out + 1] = chosen[i] and i or nil end
  return out
end

-- Central differences of f() with respect to some places of `values`; checks `got` there.
local function check_differences(f, values, got, tolerance, what, step, channels)
  local want, some = {}, {}
  for k, i in ipairs(places(got, channels or 1, 40, channels and 5 or 40)) do
    local old, h = values[i], (step or 1e-5) * math.max(1, math.abs(values[i]))
    values[i] = old + h
    local up = f()
    values[i] = old - h
    local down = f()
    values[i] = old
    want[k], some[k] = (up - down) / (2 * h), got[i]
  end
  compare(some, want, tolerance, what)
end

local function copy_layer(kind, case, name, inputs)
  local layer = { kind, name = name, inputs = inputs }
  for k, v in pairs(case.options or {}) do layer[k] = v end
  return layer
end

local function stems(case)
  local layers, names = { { "route", name = "stem", inputs = { 0 } } }, { [0] = "stem" }
  for i = 1, case.split or 0 do
    names[i] = "part" .. i
    layers[#layers + 1] = { "route", name = names[i], inputs = { "stem" }, groups = case.split, group_id = i - 1 }
    local stride = case.deep and case.deep[i]
    if stride then
      layers[#layers + 1] = { "reorg3d", name = "deep" .. i, inputs = { names[i] }, stride = stride }
      names[i] = "deep" .. i
    end
  end
  local inputs = {}
  for i, which in ipairs(case.inputs or { 0 }) do inputs[i] = names[which] end
  return layers, inputs
end

-- stem -> L as "a" [and once more as "b", their outputs side by side].
local function build(kind, case, copies, loss, device)
  local layers, inputs = stems(case)
  local info = { a = #layers, b = #layers + 1 }
  layers[#layers + 1] = copy_layer(kind, case, "a", inputs)
  if copies == 2 then
    layers[#layers + 1] = copy_layer(kind, case, "b", inputs)
    if not loss then layers[#layers + 1] = { "route", name = "out", inputs = { "a", "b" } } end
  end
  local s = case.input
  return core.net { h = s[2], w = s[3], c = s[4], layers = layers, seed = 1, device = device }, info
end

-- Random parameters (statistics and scales positive); returns {a = {weight = ...}, b = ...}.
local function set_parameters(net, random)
  local params = { a = {}, b = {} }
  for _, range in ipairs(net:ranges()) do
    local values = fill(range.count, random, 0.5)
    local layer, last = range.name:match "^([ab])%.(%w+)$"
    if last == "scale" or last == "var" then
      for i = 1, #values do values[i] = 1 + values[i] end
    end
    net:set(range.name, values)
    params[layer][last] = values
  end
  return params
end

-- Fewer, deeper pixels: out[k][j][i] = x[k mod C][js + q div s][is + q mod s] with q = k div C.
local function deepened(x, s)
  local out, c = shaped({}, x.n, x.h // s, x.w // s, x.c * s * s), x.c
  for n = 0, out.n - 1 do
    for j = 0, out.h - 1 do
      for i = 0, out.w - 1 do
        for k = 0, out.c - 1 do out[#out + 1] = x[check.at(x, n, j * s + k // c // s, i * s + k // c % s, k % c)] end
      end
    end
  end
  return out
end

local function oracle_inputs(case, x)
  local s, out = case.input, {}
  for k, which in ipairs(case.inputs or { 0 }) do
    if which == 0 then
      out[k] = shaped(table.move(x, 1, #x, 1, {}), table.unpack(s))
    else
      local part = shaped({}, s[1], s[2], s[3], s[4] // case.split)
      for p = 0, s[1] * s[2] * s[3] - 1 do
        for c = 0, part.c - 1 do part[#part + 1] = x[p * s[4] + (which - 1) * part.c + c + 1] end
      end
      local stride = case.deep and case.deep[which]
      out[k] = stride and deepened(part, stride) or part
    end
  end
  return out
end

local function keeper()
  local kept = {}
  return function(key, value)
    if kept[key] == nil then kept[key] = value end
    return kept[key]
  end
end

local STEP = { seed = 7, step = 3, hold_statistics = true }

local function info_of(case, index)
  return { seed = STEP.seed, step = STEP.step, index = index, mode = case.mode or "train", keep = keeper() }
end

local function plan_of(net, case, keep, precision)
  local mode = case.mode or "train"
  local pinned = not precision and ALGORITHM or nil
  local plan = net:plan { mode = mode, batch = case.input[1], keep = keep, whole_gradient = mode == "train",
    precision = precision or check.precision, algorithm = check.on_cpu and case.algorithm or pinned } -- those that cases name are the CPU's
  for i, layer in ipairs(pinned and net:layers() or {}) do
    local used = layer.name == "a" and plan:algorithm(i, "forward")
    if used then t.assertEquals(used, pinned) end
  end
  return plan
end

local function channels(values, shape, first, count)
  local out = {}
  for p = 0, #values // shape[4] - 1 do
    for c = first, first + count - 1 do out[#out + 1] = values[p * shape[4] + c + 1] end
  end
  return out
end

local function dot(a, b)
  local sum = 0
  for i = 1, #a do sum = sum + a[i] * b[i] end
  return sum
end

local function check_forward(d, case, what)
  local random = check.random(5)
  local net = build(d.kind, case, 1)
  local params = set_parameters(net, random)
  local s = case.input
  local x = fill(s[1] * s[2] * s[3] * s[4], random, case.scale)
  local want, shape = d.oracle(oracle_inputs(case, x), params.a, case.options or {}, info_of(case, #stems(case)))
  local kept
  for _, keep in ipairs { true, false } do
    local plan <close> = plan_of(net, case, keep)
    plan:input(x)
    plan:forward(STEP)
    local y, got_shape = plan:output "a"
    t.assertEquals(got_shape, shape, what .. ": shape")
    compare(y, want, math.max(d.tolerance.forward, FORWARD * (d.roundings or 1)), what .. (keep and ": forward" or ": forward, not kept"))
    kept = kept or y
    equal(y, kept, what .. ": kept and not kept")
  end
end

local function gradients(net, plan)
  local out = {}
  for _, range in ipairs(net:ranges()) do
    if range.kind ~= "statistic" then
      local twice = net:get(range.name, "grad")
      for i = 1, #twice do twice[i] = twice[i] / 2 end
      out[range.name] = twice
    end
  end
  out.input = plan:gradient(0)
  return out
end

local function one_step(net, plan, x, dy, allocates)
  plan:input(x)
  plan:forward(STEP)
  net:zero "grad"
  plan:backward(dy)
  local count = core.alloc_count()
  plan:forward(STEP)
  plan:backward(dy) -- parameter gradients have added up
  if not allocates then t.assertEquals(core.alloc_count(), count, "allocations in a second step") end
end

local function compare_with_cpu(d, case, x, dy, got, what)
  local net = build(d.kind, case, 2, false, "cpu")
  set_parameters(net, check.random(9))
  local plan <close> = plan_of(net, case, true, "f32")
  one_step(net, plan, x, dy, d.allocates)
  for name, want in pairs(gradients(net, plan)) do compare(got[name], want, BACKWARD * (d.roundings or 1), what .. ": d" .. name) end
end

local function check_backward(d, case, what)
  local random = check.random(9)
  local net, index = build(d.kind, case, 2)
  local params = set_parameters(net, random)
  local s = case.input
  local x = fill(s[1] * s[2] * s[3] * s[4], random, case.scale)
  local plan <close> = plan_of(net, case, true)
  local shape = plan:shape "out"
  local dy = fill(shape[1] * shape[2] * shape[3] * shape[4], random)
  one_step(net, plan, x, dy, d.allocates)
  local got, half = gradients(net, plan), shape[4] // 2
  if BITS then return compare_with_cpu(d, case, x, dy, got, what) end
  local dys = { a = channels(dy, shape, 0, half), b = channels(dy, shape, half, half) }
  local infos = { a = info_of(case, index.a), b = info_of(case, index.b) }
  local function phi(copy) return dot(dys[copy], (d.oracle(oracle_inputs(case, x), params[copy], case.options or {}, infos[copy]))) end
  local function both() return phi "a" + phi "b" end
  both()
  check_differences(both, x, got.input, d.tolerance.backward, what .. ": dx", case.step)
  for _, range in ipairs(net:ranges()) do
    local copy, last = range.name:match "^([ab])%.(%w+)$"
    if got[range.name] then
      check_differences(function() return phi(copy) end, params[copy][last], got[range.name], d.tolerance.backward,
        what .. ": d" .. last, case.step)
    end
  end
end

-- A test class with one test per case and direction.
function check.layer(d)
  local class = {}
  for i, case in ipairs(d.cases) do
    local what = ("%s, case %d%s"):format(d.kind, i, case.name and " (" .. case.name .. ")" or "")
    class["test_forward_" .. i] = function() check_forward(d, case, what) end
    if case.mode ~= "infer" then class["test_backward_" .. i] = function() check_backward(d, case, what) end end
  end
  return class
end

local function total(parts)
  local sum = 0
  for _, v in pairs(parts) do sum = sum + v end
  return sum
end

local function check_parts(got, want, tolerance, what)
  for part, value in pairs(want) do
    t.assertNotNil(got[part], what .. ": part " .. part)
    compare({ got[part] }, { value }, tolerance, what .. ": part " .. part)
  end
  for part in pairs(got) do t.assertNotNil(want[part], what .. ": unexpected part " .. part) end
end

-- The gradient of both losses with respect to the input, by the CPU in f32.
local function gradient_on_cpu(d, case, x)
  local net = build(d.kind, case, 2, true, "cpu")
  local plan <close> = plan_of(net, case, true, "f32")
  plan:input(x)
  plan:forward(STEP)
  plan:loss(case.truth)
  plan:backward()
  return plan:gradient(0)
end

local function check_loss(d, case, what)
  local random = check.random(case.seed or 11)
  local net = build(d.kind, case, 2, true)
  local s = case.input
  local x = case.x or fill(s[1] * s[2] * s[3] * s[4], random, case.scale or 2)
  for i = 1, #x do x[i] = exact(x[i]) end
  local info = info_of(case, 1)
  info.net_h, info.net_w = s[2], s[3]
  local function f() return d.oracle(shaped(x, table.unpack(s)), case.truth, case.options, info) end
  local want = f()
  local plan <close> = plan_of(net, case, true)
  plan:input(x)
  plan:forward(STEP)
  local parts = plan:loss(case.truth)
  check_parts(parts.a, want, d.tolerance.forward, what)
  check_parts(parts.b, want, d.tolerance.forward, what)
  local count = core.alloc_count()
  plan:forward(STEP)
  plan:loss(case.truth)
  plan:backward()
  if not d.allocates then t.assertEquals(core.alloc_count(), count, what .. ": allocations in a second step") end
  if BITS then
    compare(plan:gradient(0), gradient_on_cpu(d, case, x), BACKWARD, what .. ": dx")
  else
    check_differences(function() return 2 * total(f()) end, x, plan:gradient(0), d.tolerance.backward, what .. ": dx", case.step, s[4])
  end
  local dev <close> = net:plan { mode = "infer", batch = s[1], precision = check.precision }
  dev:input(x)
  dev:forward(STEP)
  check_parts(dev:loss(case.truth).a, parts.a, 0, what .. ": inference")
end

function check.loss(d)
  local class = {}
  for i, case in ipairs(d.cases) do
    local what = ("%s, case %d%s"):format(d.kind, i, case.name and " (" .. case.name .. ")" or "")
    class["test_loss_" .. i] = function() check_loss(d, case, what) end
  end
  return class
end

return check
