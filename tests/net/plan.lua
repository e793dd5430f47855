-- Plans: one way to run a network must give what another gives, whatever is fused, shared, cut or left out.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"

-- Two heads, a route, a shortcut, frozen and trainable parts: small, but every case of the planner.
local function network(seed, times)
  return core.net { h = 16 * (times or 1), w = 24 * (times or 1), c = 3, seed = seed or 5, layers = {
    { "conv2d", filters = 6, size = 3, pad = true, bias = false }, { "batchnorm", name = "conv1.bn" }, { "activation", name = "conv1.act" },
    { "maxpool", size = 2, stride = 2 },
    { "conv2d", filters = 6, size = 3, pad = true, bias = false }, { "batchnorm", name = "conv2.bn" },
    { "activation", name = "conv2.act", activation = "swish" },
    { "shortcut", inputs = { "conv2.act", "maxpool1" } }, { "activation", name = "shortcut1.act" },
    { "conv2d", filters = 14, size = 1 }, { "region", name = "head1", classes = 2, num = 2, anchors = { 1, 1, 3, 2 } },
    { "upsample", stride = 2, inputs = { "shortcut1.act" } },
    { "route", inputs = { "upsample1", "conv1.act" } },
    { "conv2d", filters = 7, size = 1 }, { "region", name = "head2", classes = 2, num = 1, anchors = { 2, 2 } },
  } }
end

local function input(n, net, shift)
  local w, h, c = net:size()
  local x = {}
  for i = 1, n * w * h * c do x[i] = 0.5 + 0.5 * math.sin(0.37 * i + (shift or 0)) end
  return x
end

local truth = { { { 0.3, 0.4, 0.3, 0.5, 0, 0 }, { 0.8, 0.7, 0.2, 0.2, 1, 0 } }, { { 0.5, 0.5, 0.9, 0.9, 1, 0 } } }

local function close(a, b, tolerance, what)
  t.assertEquals(#a, #b, what)
  local worst, scale = 0, 1e-12
  for i = 1, #a do
    worst = math.max(worst, math.abs(a[i] - b[i]))
    scale = math.max(scale, math.abs(b[i]))
  end
  t.assertTrue(worst <= tolerance * scale, ("%s: off by %g of %g"):format(what or "", worst, scale))
end

local function outputs(net, spec, x)
  local plan = net:plan(spec)
  plan:input(x or input(spec.batch, net))
  plan:forward { seed = 1, step = 1, hold_statistics = true }
  return { plan:output "head1" }, { plan:output "head2" }, plan
end

TestInference = {}

-- Where a batch's activations fit no cache, inference takes its images one after the other through all layers: the heads hold all of
-- them, losses are those of the whole batch, and memory grows by the heads and inputs alone.
function TestInference.test_slices()
  local x, memory, heads, boxes = input(8, network(5, 8)), {}, {}, {}
  for i = 1, 8 do boxes[i] = { { 0.1 * i, 0.4, 0.3, 0.5, i % 2, 0 }, i > 4 and { 0.8, 0.7, 0.2, 0.2, 1, 0 } or nil } end
  for i, keep in ipairs { false, true } do
    local head1, head2, plan = outputs(network(5, 8), { mode = "infer", batch = 8, keep = keep }, x)
    heads[i], memory[i] = { head1[1], head2[1], plan:loss(boxes) }, plan:memory()
    plan:forward {}
    close((plan:output "head2"), head2[1], 0, "again")
  end
  for k = 1, 2 do close(heads[1][k], heads[2][k], 1e-5, "head" .. k) end
  for _, head in ipairs { "head1", "head2" } do
    for name, part in pairs(heads[2][3][head]) do
      t.assertTrue(part > 0, name)
      t.assertAlmostEquals(heads[1][3][head][name], part, 1e-5 * part, name)
    end
  end
  if os.getenv "YOLUA_TEST_DEVICE" == "cuda" then return end -- a GPU takes the whole batch at once
  local _, _, single = outputs(network(5, 8), { mode = "infer", batch = 1 }, table.move(x, 1, #x // 8, 1, {}))
  t.assertTrue(memory[1] < 6 * single:memory(), ("%d, %d alone"):format(memory[1], single:memory()))
end

-- A thread has images of its own, which no other thread's numbers reach; where that would leave half of them idle, all share an image.
function TestInference.test_lanes()
  t.skipIf(not check.on_cpu, "a GPU takes the whole batch at once")
  local _ <close> = setmetatable({ core.system.threads() }, { __close = function(was) core.system.threads(was[1]) end })
  for _, batch in ipairs { 2, 7 } do
    local x, heads = input(batch, network(5, 8)), {}
    for _, count in ipairs { 1, 2, 3 } do
      core.system.threads(count)
      local head1, head2, plan = outputs(network(5, 8), { mode = "infer", batch = batch, algorithm = "direct" }, x)
      heads[#heads + 1] = { head1[1], head2[1] }
      plan:forward {}
      close((plan:output "head2"), head2[1], 0, "again")
      for k = 1, 2 do close(heads[#heads][k], heads[1][k], 0, ("%d images, %d threads, head%d"):format(batch, count, k)) end
    end
  end
end

-- Rows of truth with attributes are longer, and each slice starts at its own images' rows.
function TestInference.test_slices_of_truth_with_attributes()
  local net = core.net { h = 128, w = 192, c = 3, seed = 5, layers = {
    { "conv2d", filters = 8, size = 3, pad = true }, { "activation", activation = "swish" },
    { "conv2d", filters = 13, size = 1 },
    { "yolo", name = "head", classes = 2, num = 1, anchors = { 30, 40 }, attributes = { "orientation", "occlusion" } } } }
  local x, boxes, parts = input(8, net), {}, {}
  net:set("conv2.bias", { 0.1, 0.2, 0.3, 0.1, -1, 0.4, -0.3, 0.6, 0.2, -0.5, 0.7, 0.1, 0.9 })
  for i = 1, 8 do
    boxes[i] = { { 0.1 * i, 0.4, 0.3, 0.5, i % 2, 0, 0.7 * i - 3, i % 4, 0.1 * i }, { 0.8, 0.05 * i, 0.2, 0.2, 1, 0, 1, 2, 0 } }
  end
  for i, keep in ipairs { false, true } do
    local plan <close> = net:plan { mode = "infer", batch = 8, keep = keep }
    plan:input(x)
    plan:forward {}
    parts[i] = plan:loss(boxes).head
  end
  for name, part in pairs(parts[2]) do t.assertAlmostEquals(parts[1][name], part, 1e-5 * math.abs(part) + 1e-9, name) end
  t.assertTrue(parts[2].object > 0)
end

-- Fusion folds batch-norm and activations into the convolution; `keep` runs every layer on its own.
function TestInference.test_fused_equals_unfused()
  local net = network()
  for name, values in pairs { ["conv1.bn.mean"] = 0.3, ["conv1.bn.var"] = 2.5, ["conv1.bn.scale"] = -1.5, ["conv2.bn.bias"] = 0.7 } do
    local v = {}
    for i = 1, 6 do v[i] = values + 0.1 * i end
    net:set(name, v)
  end
  local a1, a2 = outputs(net, { mode = "infer", batch = 2 })
  local b1, b2 = outputs(net, { mode = "infer", batch = 2, keep = true })
  close(a1[1], b1[1], 1e-5, "head1")
  close(a2[1], b2[1], 1e-5, "head2")
end

function TestInference.test_images_of_a_batch_do_not_touch_each_other()
  local net = network()
  local two = input(2, net)
  local both = outputs(net, { mode = "infer", batch = 2 }, two)
  local second = table.move(two, #two // 2 + 1, #two, 1, {})
  local alone = outputs(net, { mode = "infer", batch = 1 }, second)
  close(alone[1], table.move(both[1], #both[1] // 2 + 1, #both[1], 1, {}), 1e-6, "second image")
end

function TestInference.test_another_size_than_the_networks_own()
  local net = network()
  local plan = net:plan { mode = "infer", batch = 1, h = 32, w = 8 }
  local x = {}
  for i = 1, 32 * 8 * 3 do x[i] = 0.1 end
  plan:input(x)
  plan:forward()
  local _, shape = plan:output "head1"
  t.assertEquals(shape, { 1, 16, 4, 14 })
end

-- Packed weights follow every change of the values.
function TestInference.test_packed_weights_follow_changes()
  local net = network()
  local plan = net:plan { mode = "infer", batch = 1 }
  local function run()
    plan:input(input(1, net))
    plan:forward()
    return (plan:output "head1")
  end
  local before = run()
  local w = net:get "conv2.weight"
  for i = 1, #w do w[i] = -w[i] end
  net:set("conv2.weight", w)
  local after = run()
  local fresh = outputs(net, { mode = "infer", batch = 1 })
  t.assertNotEquals(before, after)
  t.assertEquals(after, fresh[1])
end

-- A plan follows its weights: where most become zero it takes the sparse algorithm, which gives what the others give, and leaves it when
-- they come back. Pinned, it may be asked for at any number of zeros.
function TestInference.test_zeros_change_the_algorithm()
  t.skipIf(not check.on_cpu, "the sparse algorithm is the CPU's")
  local function net_of() return core.net { h = 13, w = 13, c = 32, seed = 3, layers = {
    { "conv2d", filters = 64, size = 1, bias = false }, { "batchnorm", name = "conv1.bn" }, { "activation", name = "conv1.act" } } } end
  local net, names, x = net_of(), {}, input(2, net_of())
  local plan, dense = net:plan { mode = "infer", batch = 2 }, net:plan { mode = "infer", batch = 2, algorithm = "gemm" }
  local pinned = net:plan { mode = "infer", batch = 2, algorithm = "sparse" }
  for i, kept in ipairs { 1, 20, 25, 1, 50, 3 } do -- one weight in so many
    local values, mask = net:get "conv1.weight", {}
    for k = 1, #values do mask[k], values[k] = k % kept == 0 and 1 or 0, math.sin(k) end
    net:set("conv1.weight", mask, "mask")
    net:set("conv1.weight", values)
    local got = {}
    for n, one in ipairs { dense, plan, pinned } do
      one:input(x)
      one:forward {}
      got[n] = one:output "conv1.act"
    end
    close(got[2], got[1], 1e-5, "one in " .. kept)
    close(got[3], got[1], 1e-5, "pinned, one in " .. kept)
    names[i] = plan:algorithm("conv1", "forward")
    t.assertEquals(pinned:algorithm("conv1", "forward"), "sparse")
  end
  t.assertEquals(names, { "direct", "sparse", "sparse", "direct", "sparse", "sparse" })
end

-- A plan made before the weights are known (all zero) looks at them when they are; what it packs is freed and asked for anew.
function TestInference.test_weights_that_come_later()
  t.skipIf(not check.on_cpu, "the sparse algorithm is the CPU's")
  local net = core.net { h = 13, w = 13, c = 32, seed = 3, layers = { { "conv2d", filters = 64, size = 1 } } }
  local zeros = {}
  for i = 1, 32 * 64 do zeros[i] = 0 end
  net:set("conv1.weight", zeros)
  local plan = net:plan { mode = "infer", batch = 1 }
  t.assertEquals(plan:algorithm("conv1", "forward"), "direct")
  zeros[7] = 1
  net:set("conv1.weight", zeros)
  plan:input(input(1, net))
  plan:forward {}
  t.assertEquals(plan:algorithm("conv1", "forward"), "sparse")
end

TestCut = {}

-- Body, then tail fed with its output: the same losses and the same gradient as the whole, bit for bit.
function TestCut.test_body_and_tail_equal_the_whole()
  for _, frozen in ipairs { "body", "conv1", "conv1,conv2" } do
    local net = network()
    net:freeze(frozen)
    local whole = net:plan { mode = "train", batch = 2 }
    whole:input(input(2, net))
    whole:forward { seed = 1, step = 1, hold_statistics = true }
    local want = whole:loss(truth)
    whole:backward()
    local gradient = net:get("conv3.weight", "grad")
    net:zero "grad"

    local body, tail = net:plan { mode = "infer", part = "body", batch = 2 }, net:plan { mode = "train", part = "tail", batch = 2 }
    body:input(input(2, net))
    body:forward()
    tail:take_cut(body)
    tail:forward { seed = 1, step = 1, hold_statistics = true }
    t.assertEquals(tail:loss(truth), want, frozen)
    tail:backward()
    close(net:get("conv3.weight", "grad"), gradient, 1e-6, frozen)
  end
end

TestTraining = {}

local function norm(values)
  local sum = 0
  for _, v in ipairs(values) do sum = sum + v * v end
  return math.sqrt(sum)
end

-- The loss from its parts.
local function total(parts)
  local sum = 0
  for _, head in pairs(parts) do
    for _, part in pairs(head) do sum = sum + part end
  end
  return sum
end

local function gradients(net, spec)
  net:zero "grad"
  local plan = net:plan(spec)
  plan:input(input(2, net))
  plan:forward { seed = 1, step = 1, hold_statistics = true }
  local parts = plan:loss(truth)
  plan:backward()
  local out = {}
  for _, r in ipairs(net:ranges()) do
    if r.kind ~= "statistic" and not r.frozen then out[r.name] = net:get(r.name, "grad") end
  end
  return out, parts, plan
end

-- Sharing memory between activations and gradients must not change a bit of any gradient.
function TestTraining.test_shared_memory_changes_nothing()
  local net = network()
  local shared, a, small = gradients(net, { mode = "train", batch = 2 })
  local kept, b, large = gradients(net, { mode = "train", batch = 2, keep = true })
  t.assertEquals(a, b)
  t.assertEquals(shared, kept)
  t.assertTrue(small:memory() < large:memory())
end

local function skip_without_bf16() t.skipIf(not (check.on_cpu and core.machine().bf16), "takes a CPU with AVX512-BF16") end

-- What bf16 changes on a CPU: the factors of convolutions, and so gradients by a few hundredths at most; activations are f32.
function TestTraining.test_bf16_gradients()
  skip_without_bf16()
  local net = network(5, 2)
  local want, loss = gradients(net, { mode = "train", batch = 2 })
  for _, algorithm in ipairs { "auto", "direct_bf16", "winograd_bf16" } do
    local got, parts, plan <close> = gradients(net, { mode = "train", batch = 2, precision = "bf16", algorithm = algorithm })
    t.assertAlmostEquals(total(parts) / total(loss), 1, 0.02)
    t.assertNotEquals(got, want)
    t.assertEquals(plan:algorithm("conv2", "forward"), algorithm == "auto" and "direct_bf16" or algorithm)
    for name, values in pairs(got) do
      local off = {}
      for i, v in ipairs(values) do off[i] = v - want[name][i] end
      t.assertTrue(norm(off) <= 0.05 * norm(want[name]) + 1e-6, ("%s: off by %g of %g"):format(name, norm(off), norm(want[name])))
    end
  end
end

-- A training in bf16 gets where one in f32 gets.
function TestTraining.test_bf16_converges()
  skip_without_bf16()
  local first, last = {}, {}
  for _, precision in ipairs { "f32", "bf16" } do
    local net = network(5, 2)
    local plan <close> = net:plan { mode = "train", batch = 2, precision = precision }
    plan:input(input(2, net))
    for step = 1, 60 do
      plan:forward { seed = 1, step = step }
      last[precision] = total(plan:loss(truth))
      first[precision] = first[precision] or last[precision]
      plan:backward()
      core.step(net, { lr = 1e-2, momentum = 0.9, images = 2 })
    end
  end
  t.assertTrue(last.f32 < first.f32 / 2, ("%g, then %g"):format(first.f32, last.f32))
  t.assertAlmostEquals(last.bf16, last.f32, 0.1 * first.f32)
end

-- Which types there are kernels for is the device's to say; a plan asks it.
function TestTraining.test_precision()
  local net = network()
  local plan <close> = net:plan { mode = "infer", batch = 1, precision = "f32" }
  t.assertEquals(plan:shape(0)[1], 1)
  local can = core.machine().bf16 and "f32 or bf16 or int8" or "f32 or int8"
  if check.on_cpu then
    t.assertErrorMsgContains("plan: precision f16 is not available on cpu: expected " .. can, net.plan, net,
      { mode = "infer", batch = 1, precision = "f16" })
  end
  if check.on_cpu and not core.machine().bf16 then
    t.assertErrorMsgContains("plan: precision bf16 is not available on cpu, which has no AVX512-BF16: expected f32 or int8", net.plan, net,
      { mode = "infer", batch = 1, precision = "bf16" })
  end
  core.noise(plan, 1)
  t.assertErrorMsgContains("loss_scale: only plans of precision f16", plan.forward, plan, { loss_scale = 2 })
  t.assertErrorMsgContains("'fp16'", net.plan, net, { mode = "infer", batch = 1, precision = "fp16" })
  for _, mode in ipairs { "infer", "train" } do -- not calibrated, not for training; not on a GPU either
    t.assertErrorMsgContains("precision int8", net.plan, net, { mode = mode, batch = 1, precision = "int8" })
  end
end

-- A frozen layer gets no gradient, and what is above it gets the gradient that it would get otherwise (on the same statistics).
function TestTraining.test_freezing_leaves_other_gradients_alone()
  local net = network()
  for i, name in ipairs { "conv1.bn", "conv2.bn" } do net:set(name .. ".mean", { 0.1 * i, 0, 0.2, 0, 0.1, 0 }) end
  net:freeze "*.mean,*.var"
  local all = gradients(net, { mode = "train", batch = 2 })
  net:freeze "conv1*,conv2*,*.mean,*.var"
  local few, above = gradients(net, { mode = "train", batch = 2 }), 0
  for name, values in pairs(few) do
    t.assertNil(name:match "^conv[12]", name)
    close(values, all[name], 1e-5, name)
    above = above + 1
  end
  t.assertEquals(above, 4) -- weight and bias of conv3 and conv4
  for _, name in ipairs { "conv1.weight", "conv2.weight", "conv1.bn.scale", "conv2.bn.bias" } do
    for _, v in ipairs(net:get(name, "grad")) do t.assertEquals(v, 0, name) end
    t.assertTrue(norm(all[name]) > 0, name) -- unfrozen it has one
  end
end

-- The gradient through a frozen batch-norm in the middle is that of an affine map: check against differences of the loss.
function TestTraining.test_gradient_through_a_frozen_batch_norm()
  local net = network()
  net:freeze "conv2"
  local analytic = gradients(net, { mode = "train", batch = 2 })["conv1.weight"]
  local w = net:get "conv1.weight"
  local function loss()
    local _, parts = gradients(net, { mode = "train", batch = 2 })
    return total(parts)
  end
  local i, step = 1, 2e-3
  for k, slope in ipairs(analytic) do -- the steepest one: a difference of floats says nothing about a slope near 0
    if math.abs(slope) > math.abs(analytic[i]) then i = k end
  end
  t.assertTrue(math.abs(analytic[i]) > 0.1)
  local at = w[i]
  w[i] = at + step
  net:set("conv1.weight", w)
  local up = loss()
  w[i] = at - step
  net:set("conv1.weight", w)
  local down = loss()
  t.assertAlmostEquals(analytic[i], (up - down) / (2 * step), 0.03 * math.abs(analytic[i]))
end

function TestTraining.test_gradients_of_batches_add_up()
  local net = network()
  gradients(net, { mode = "train", batch = 2 })
  local once = net:get("conv4.weight", "grad")
  local plan = net:plan { mode = "train", batch = 2 }
  plan:input(input(2, net))
  plan:forward { seed = 1, step = 1, hold_statistics = true }
  plan:loss(truth)
  plan:backward()
  local twice = net:get("conv4.weight", "grad")
  for i = 1, #once do once[i] = 2 * once[i] end
  close(twice, once, 1e-5, "twice the gradient")
end

function TestTraining.test_a_second_step_allocates_nothing()
  local net = network()
  local plan = net:plan { mode = "train", batch = 2 }
  local x = input(2, net)
  local function step()
    plan:input(x)
    plan:forward()
    plan:loss(truth)
    plan:backward()
    core.step(net, { rule = "sgd", lr = 1e-3, images = 2 })
  end
  step()
  local before = core.alloc_count()
  step()
  t.assertEquals(core.alloc_count(), before)
end

-- Two plans share one arena: running one must not disturb the next run of the other.
function TestTraining.test_plans_share_an_arena()
  local net = network()
  local a = outputs(net, { mode = "infer", batch = 1 })
  local small = net:plan { mode = "infer", batch = 1 }
  local large <close> = net:plan { mode = "train", batch = 4 }
  large:input(input(4, net, 2))
  large:forward { hold_statistics = true }
  small:input(input(1, net))
  small:forward()
  t.assertEquals((small:output "head1"), a[1])
end

TestSharing = {}

local HOLD = { seed = 1, step = 1, hold_statistics = true }

-- What a second plan may do between two calls of the first: each overwrites what the first has.
local others = {
  fed = function(net, plan) plan:input(input(2, net, 5)) end,
  inferred = function(net, plan)
    plan:input(input(2, net, 5))
    plan:forward()
  end,
  trained = function(net, plan)
    plan:input(input(2, net, 5))
    plan:forward(HOLD)
    plan:loss(truth)
    plan:backward()
    net:zero "grad"
  end,
}

local function refused(what, f, ...)
  local done, message = pcall(f, ...)
  t.assertFalse(done, what)
  t.assertStrContains(message, what .. ": another plan of this network has run since and overwrote this one's values")
  t.assertStrContains(message, "give it its input again")
  t.assertNotStrContains(message, "\n")
end

-- Another plan, of whatever kind, at whatever moment of a step: what was overwritten is refused, and the step done anew is right.
function TestSharing.test_an_overwritten_step_is_refused()
  local net = network()
  local want = gradients(net, { mode = "train", batch = 2 })
  local plan = net:plan { mode = "train", batch = 2, keep = true }
  for kind, disturb in pairs(others) do
    local other <close> = net:plan { mode = kind == "trained" and "train" or "infer", batch = 2 }
    local function from(stage)
      plan:input(input(2, net))
      if stage ~= "input" then plan:forward(HOLD) end
      if stage == "loss" or stage == "backward" then plan:loss(truth) end
      if stage == "backward" then plan:backward() end
      disturb(net, other)
    end
    from "input"
    refused("forward", plan.forward, plan, HOLD)
    refused("output", plan.output, plan, 0)
    from "forward"
    refused("loss", plan.loss, plan, truth)
    refused("output", plan.output, plan, "head1")
    refused("output", plan.not_finite, plan)
    refused("output", plan.detect, plan, { { 1, 1, 0, 0, 24, 16 }, { 1, 1, 0, 0, 24, 16 } }, {})
    from "loss"
    refused("backward", plan.backward, plan)
    from "backward"
    refused("gradient", plan.gradient, plan, "conv3")
    refused("forward", plan.forward, plan, HOLD)
    net:zero "grad"
    plan:input(input(2, net))
    plan:forward(HOLD)
    plan:loss(truth)
    plan:backward()
    for name, values in pairs(want) do close(net:get(name, "grad"), values, 0, name) end
    t.assertTrue(#plan:gradient "conv3" > 0)
  end
end

-- A plan that is made in between takes nothing away, also where the arena has to grow and moves; one that is closed neither.
function TestSharing.test_making_a_plan_disturbs_nothing()
  local net = network()
  local want = gradients(net, { mode = "train", batch = 2 })
  net:zero "grad"
  local plan = net:plan { mode = "train", batch = 2 }
  local function disturb(batch)
    local other <close> = net:plan { mode = "train", batch = batch, keep = true }
    t.assertFalse(pcall(other.forward, other))
  end
  plan:input(input(2, net))
  disturb(32)
  plan:forward(HOLD)
  disturb(64)
  plan:loss(truth)
  disturb(128)
  plan:backward()
  for name, values in pairs(want) do close(net:get(name, "grad"), values, 0, name) end
end

-- The input stays for as many passes as one likes; a backward pass uses up what the forward pass left.
function TestSharing.test_an_input_is_good_for_many_passes()
  for _, mode in ipairs { "infer", "train" } do
    local net = network()
    local plan = net:plan { mode = mode, batch = 2 }
    plan:input(input(2, net))
    local first
    for _ = 1, 3 do
      plan:forward(HOLD)
      first = first or plan:output "head1"
      close(plan:output "head1", first, 0, "head1")
      if mode == "train" then
        plan:loss(truth)
        plan:backward()
        t.assertErrorMsgContains("run forward again", plan.backward, plan)
      end
    end
  end
end

-- A body's cut and a tail that was given it are values of one plan as well.
function TestSharing.test_cuts_are_guarded()
  local net = network()
  net:freeze "conv1,conv2"
  local body, tail = net:plan { part = "body", batch = 2 }, net:plan { mode = "train", part = "tail", batch = 2 }
  local other = net:plan { mode = "infer", batch = 2 }
  t.assertErrorMsgContains("cut: run forward first", tail.take_cut, tail, body)
  body:input(input(2, net))
  body:forward()
  others.inferred(net, other)
  refused("cut", tail.take_cut, tail, body)
  t.assertErrorMsgContains("forward: give the plan its input", tail.forward, tail, HOLD)
  body:input(input(2, net))
  body:forward()
  tail:take_cut(body)
  others.inferred(net, other)
  refused("forward", tail.forward, tail, HOLD)
end

-- Two networks share nothing.
function TestSharing.test_another_networks_plan_may_run()
  local net, twin = network(), network()
  local want = gradients(net, { mode = "train", batch = 2 })
  net:zero "grad"
  local plan, other = net:plan { mode = "train", batch = 2 }, twin:plan { mode = "train", batch = 2 }
  plan:input(input(2, net))
  others.trained(twin, other)
  plan:forward(HOLD)
  others.trained(twin, other)
  plan:loss(truth)
  plan:backward()
  for name, values in pairs(want) do close(net:get(name, "grad"), values, 0, name) end
end

TestMisuse = {}

function TestMisuse.test_wrong_numbers_are_refused()
  local net = network()
  t.assertErrorMsgContains("expected 1152 numbers, got 2", function() net:plan { batch = 1 }:input { 1, 2 } end)
  t.assertErrorMsgContains("option 'batch': expected an integer in 1..65536 (images), got 0", function() net:plan { batch = 0 } end)
  t.assertErrorMsgContains("no layer 'head9'", function() net:plan { batch = 1 }:output "head9" end)
  t.assertErrorMsgContains("made for inference", function() net:plan { batch = 1 }:backward() end)
  t.assertErrorMsgContains("truth: expected 2 images, got 1", function() net:plan { batch = 2 }:loss { {} } end)
end

function TestMisuse.test_a_plan_says_what_it_is()
  local net = core.net { h = 8, w = 16, layers = { { "conv2d", filters = 2 } } }
  local plan = net:plan { mode = "train", batch = 2 }
  t.assertEquals(tostring(plan), "plan: train, 2 images of 16x8")
  t.assertEquals(tostring(net:plan {}), "plan: infer, 1 image of 16x8")
  plan:close()
  t.assertEquals(tostring(plan), "plan (closed)")
end

function TestMisuse.test_closed_objects_say_so()
  local net = network()
  local plan = net:plan { batch = 1 }
  net:close()
  t.assertErrorMsgContains("closed", function() net:ranges() end)
  plan:close() -- the plan kept the network's memory alive
  t.assertErrorMsgContains("closed", function() plan:forward() end)
end

TestStatistics = {}

local function folded()
  local net = core.net { h = 2, w = 3, c = 2, seed = 3, layers = {
    { "conv2d", filters = 3, size = 1, bias = false },
    { "batchnorm", name = "conv1.bn", momentum = 0.25 }, { "activation", name = "conv1.act" },
    { "conv2d", name = "last", filters = 2, size = 1 },
  } }
  local x = {}
  for i = 1, 24 do x[i] = math.sin(i) end
  return net, x
end

local function out(net, x)
  local plan = net:plan { mode = "infer", batch = 2 }
  plan:input(x)
  plan:forward {}
  return plan
end

-- A forward pass in training moves the running statistics: plans that have folded them into weights fold anew.
function TestStatistics.testMovedStatisticsReachFoldedWeights()
  local net, x = folded()
  local plan = out(net, x)
  local before = plan:output "last"
  local train = net:plan { mode = "train", batch = 2 }
  train:input(x)
  train:forward {}
  plan:input(x)
  plan:forward {}
  local after = plan:output "last"
  t.assertNotEquals(after, before)
  close(after, out(net, x):output "last", 1e-6, "folded anew") -- as a plan that is made now
end

-- The means over two batches' own statistics, as shares 1 and 1/2 make them; frozen or not.
function TestStatistics.testEstimate()
  for _, frozen in ipairs { "none", "all" } do
    local net, x = folded()
    net:freeze(frozen)
    local weights = net:checksum "conv1.weight"
    local wanted, y = { mean = { 0, 0, 0 }, var = { 0, 0, 0 } }, {}
    for k = 1, 2 do
      for i = 1, #x do x[i] = math.cos(i * k) + k end
      local look = net:plan { mode = "infer", batch = 2, keep = true }
      look:input(x)
      look:forward {}
      y[k] = look:output "conv1"
      for c = 1, 3 do
        local mean, var = 0, 0
        for i = c, 36, 3 do mean = mean + y[k][i] / 12 end
        for i = c, 36, 3 do var = var + (y[k][i] - mean) ^ 2 / 11 end
        wanted.mean[c], wanted.var[c] = wanted.mean[c] + mean / 2, wanted.var[c] + var / 2
      end
      local plan = net:plan { mode = "infer", estimate = true, batch = 2 }
      plan:input(x)
      plan:forward { statistics_share = 1 / k }
    end
    close(net:get "conv1.bn.mean", wanted.mean, 1e-5, "mean")
    close(net:get "conv1.bn.var", wanted.var, 1e-5, "var")
    t.assertEquals(net:checksum "conv1.weight", weights)
  end
end

-- Only statistics are the batch's: dropout is off, and there is no backward pass.
function TestStatistics.testEstimateIsInference()
  local net = core.net { h = 2, w = 2, c = 4, seed = 1, layers = { { "dropout", name = "drop", probability = 0.5 } } }
  local plan, x = net:plan { estimate = true }, {}
  for i = 1, 16 do x[i] = i end
  plan:input(x)
  plan:forward { seed = 1 }
  t.assertEquals((plan:output "drop"), x)
  t.assertErrorMsgContains("made for inference", plan.backward, plan)
  t.assertErrorMsgContains("expected the mode infer", net.plan, net, { mode = "train", estimate = true })
  t.assertErrorMsgContains("forward: option 'statistics_share': expected a number in 0..1, got 2",
    plan.forward, plan, { statistics_share = 2 })
end

os.exit(t.LuaUnit.run())
