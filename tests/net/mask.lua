-- Masks: what they cover is zero at once and stays zero, in every slab, whatever happens to the network.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"
local optimizer = require "yolua.train.optimizer"
local Model = require "yolua.model"

local SLABS = { "value", "grad", "momentum", "adam_m", "adam_v", "ema" }
local MASK = { 0, 1, 1, 0, 1, 1 } -- of conv1.weight

local function network(seed)
  return core.net { h = 1, w = 1, c = 3, seed = seed or 1,
    layers = { { "conv2d", filters = 2, size = 1 }, { "batchnorm", name = "conv1.bn" } } }
end

local function version(net)
  for _, r in ipairs(net:ranges()) do
    if r.name == "conv1.weight" then return r.version end
  end
end

-- Every copy of a masked weight is +0, the others are numbers; slabs that nobody has made are left alone.
local function holds(net, what)
  for _, slab in ipairs(SLABS) do
    if core.has_slab(net, slab) then
      for i, x in ipairs(net:get("conv1.weight", slab)) do
        local where = ("%s: %s[%d] is %s"):format(what, slab, i, x)
        if MASK[i] == 0 then t.assertTrue(1 / x == math.huge, where) else t.assertTrue(x == x, where) end
      end
    end
  end
end

local function fill_all(net)
  for _, slab in ipairs(SLABS) do net:tensor("conv1.weight", slab):fill_(7) end
end

TestSetting = {}

-- At once, in every slab, frozen or not, by a list or a tensor of any type.
function TestSetting.test_every_copy_is_zero_at_once()
  for _, frozen in ipairs { "none", "all" } do
    for _, mask in ipairs { MASK, yl.tensor(MASK):reshape(2, 1, 1, 3), yl.tensor(MASK, "u8"):reshape(2, 1, 1, 3) } do
      local net = network()
      fill_all(net)
      net:freeze(frozen)
      local before = version(net)
      net:set("conv1.weight", mask, "mask")
      holds(net, frozen)
      t.assertEquals(net:get("conv1.weight", "ema"), { 0, 7, 7, 0, 7, 7 })
      t.assertTrue(version(net) > before)
      t.assertEquals(net:get("conv1.weight", "mask"), MASK)
      t.assertEquals(net:get("conv1.bias", "mask"), { 1, 1 })
      t.assertEquals(core.nonzero(net), 4 + 2 + 2) -- weights, scales, variances
      net:set("conv1.weight", { 1, 1, 1, 1, 1, 1 }, "mask") -- free again, and zero at first
      t.assertEquals(net:get "conv1.weight", { 0, 7, 7, 0, 7, 7 })
    end
  end
end

function TestSetting.test_what_is_no_mask_is_refused()
  local net = network()
  local function refused(sentence, ...)
    local ok, message = pcall(...)
    t.assertFalse(ok, sentence)
    t.assertStrContains(message, sentence)
    t.assertNotStrContains(message, "\n")
  end
  refused("conv1.bn.mean is a statistic: only weights, biases and scales can be masked", net.set, net, "conv1.bn.mean", { 0, 1 }, "mask")
  for _, bad in ipairs { 2, -1, 0.5, 1 / 0, 0 / 0 } do
    refused("conv1.weight: expected a mask of 0 and 1, got ", net.set, net, "conv1.weight", { 1, 1, bad, 0, 0, 0 }, "mask")
  end
  refused("conv1.weight: expected 6 numbers, got 2", net.set, net, "conv1.weight", { 0, 1 }, "mask")
  refused("conv1.weight: expected a mask of 0 and 1 of the sizes {2, 1, 1, 3}, got f32 {6}", net.set, net, "conv1.weight",
    yl.ones { 6 }, "mask")
  refused('net:set("conv1.weight", tensor, "mask")', function() net:tensor("conv1.weight", "mask"):fill_(0) end)
  refused('net:set("conv1.weight", tensor, "mask")', function() net:tensor("conv1.weight", "mask")[1] = 0 end)
  refused('masks are set by net:set(name, mask, "mask")', net.zero, net, "mask")
  t.assertEquals(net:get("conv1.weight", "mask"), { 1, 1, 1, 1, 1, 1 }) -- nothing was set
end

-- Whatever else writes to a masked weight.
function TestSetting.test_writing_holds_the_mask()
  local net, other = network(), network(2)
  local writes = {
    set = function() net:set("conv1.weight", { 1, 2, 3, 4, 5, 6 }) end,
    tensor = function() net:set("conv1.weight", yl.ones { 2, 1, 1, 3 }) end,
    element = function() net:tensor "conv1.weight"[{ 1, 1, 1, 1 }] = 5 end,
    init = function() net:init(3) end,
    one = function() net:init(3, "conv1.weight") end,
    copy = function() core.copy_values(other, net, "conv1.weight") end,
    rows = function() core.copy_rows(other, net, "conv1.weight", { { 1, 2 }, { 2, 1 } }) end,
    average = function() core.copy_values(net, net, "conv1.weight", "ema", "value") end,
    mask = function() -- copied from a network with the same mask, whose weights are others
      other:set("conv1.weight", MASK, "mask")
      net:set("conv1.weight", { 1, 1, 1, 1, 1, 1 }, "mask")
      fill_all(net)
      core.copy_values(other, net, "conv1.weight", "mask", "mask")
    end,
  }
  net:set("conv1.weight", MASK, "mask")
  for what, write in pairs(writes) do
    fill_all(net)
    holds(net, "filled")
    write()
    holds(net, what)
  end
  for _, slab in ipairs(SLABS) do -- in place, by every kind of operation
    local w = net:tensor("conv1.weight", slab)
    local ones = yl.ones { 2, 1, 1, 3 }
    w:add_(3)
    w:normal_(1, 0, 1)
    w:addmul_(ones, ones)
    w:copy_(ones * (0 / 0))
    w:neg_()
    for i, x in ipairs(net:get("conv1.weight", slab)) do
      if MASK[i] == 0 then t.assertTrue(1 / x == math.huge, slab) end
    end
  end
end

TestSteps = {}

-- The norm is of what learns: five weights whose gradient is 1, not six, though backward leaves it for all of them.
function TestSteps.test_the_norm_leaves_masked_weights_out()
  local net = core.net { h = 1, w = 1, c = 3, layers = { { "conv2d", filters = 2, size = 1, bias = false } } }
  local plan = net:plan { mode = "train" }
  for _, masked in ipairs { false, true } do
    if masked then net:set("conv1.weight", { 1, 0, 1, 1, 1, 1 }, "mask") end
    plan:input { 1, 1, 1 }
    plan:forward()
    plan:backward { 1, 1 }
    local before, norm = net:get "conv1.weight", math.sqrt(masked and 5 or 6)
    t.assertAlmostEquals(core.step(net, { rule = "sgd", lr = 1, momentum = 0, decay = 0, clip = 0.5 }), norm, 1e-6)
    t.assertAlmostEquals(before[1] - net:get "conv1.weight"[1], 0.5 / norm, 1e-6) -- and clips by that
    t.assertEquals(core.gradient_norm(net), 0) -- cleared
  end
end

-- Every rule with averages, clipping, decay, several gradients to a step, freezing in between; gradients are what backward leaves,
-- masked ones included, where NaN and infinity may stand too.
function TestSteps.test_masked_weights_stay_zero()
  local function lion(p) p.m:mul_(0.9):addmul_(p.gradient, 0.1) p.gradient:copy_(p.m):add_(p.value):mul_(p.lr) end
  for _, rule in ipairs { "sgd", "nesterov", "adam", "adamw", "own" } do
    for _, ema in ipairs { 0, 0.9 } do
      local net = core.net { h = 2, w = 2, c = 3, layers = { { "conv2d", filters = 2, size = 1 } } }
      net:set("conv1.weight", { 1, -2, 0.5, -3, -1, 0.1 })
      local plan = net:plan { mode = "train" }
      local x, dy = yl.randn { 12, seed = 1 }:totable(), yl.randn { 8, seed = 2 }:totable()
      local function step(count)
        for _ = 1, count % 2 + 1 do -- gradients add up, those of masked weights too
          plan:input(x)
          plan:forward { seed = 1, step = count }
          plan:backward(dy)
        end
        local s = { rule = rule == "nesterov" and "sgd" or rule, nesterov = rule == "nesterov", lr = 0.1, decay = 0.1, clip = 0.5,
          ema = ema, images = 1, epsilon = 0 } -- 0 / 0 of what has no gradient
        return rule == "own" and optimizer.step(lion, net, {}, s) or core.step(net, s)
      end
      step(1)
      net:set("conv1.weight", MASK, "mask")
      holds(net, rule .. " set")
      for count = 2, 6 do
        if count == 4 then net:freeze "conv1" end
        if count == 5 then net:freeze "none" end
        step(count)
        holds(net, ("%s, step %d, ema %g"):format(rule, count, ema))
      end
    end
  end
end

-- A gradient of a masked weight that is no number hurts nothing.
function TestSteps.test_no_revival_by_nan()
  for _, rule in ipairs { "sgd", "adam" } do
    local net = core.net { h = 1, w = 1, c = 3, layers = { { "conv2d", filters = 2, size = 1 } } }
    net:set("conv1.weight", MASK, "mask")
    local plan = net:plan { mode = "train" }
    plan:input { 1, 1, 1 }
    plan:forward()
    plan:backward { 0 / 0, 1 } -- of the first filter's weights, all of them NaN
    local ok, message = pcall(core.step, net, { rule = rule, lr = 1, ema = 0.5 })
    t.assertFalse(ok)
    t.assertStrContains(message, "the gradient of conv1.weight is NaN")
    net:set("conv1.weight", { 0, 0, 0, 0, 1, 1 }, "mask") -- now all of the filter's are masked
    net:set("conv1.bias", { 0, 1 }, "mask")
    t.assertTrue(core.step(net, { rule = rule, lr = 1, ema = 0.5 }) > 0)
    holds(net, rule)
  end
end

TestFiles = {}

local function detector()
  local net = core.net { h = 8, w = 8, c = 3, seed = 2, layers = {
    { "conv2d", filters = 2, size = 1 }, { "conv2d", filters = 7, size = 1 }, { "region", classes = 2, num = 1, anchors = { 1, 1 } } } }
  return Model.new { net = net, names = { "car", "person" }, path = "here.cfg" }
end

-- A small checkpoint, a full one, and one of averaged weights: the masks are kept, and apply from the first step on.
function TestFiles.test_masks_belong_to_the_model()
  local path = os.tmpname() .. ".safetensors"
  for _, kind in ipairs { "small", "full", "averaged" } do
    local m = detector()
    fill_all(m.net)
    m.net:set("conv1.weight", MASK, "mask")
    m:save(path, { averaged = tostring(kind == "averaged") }, kind ~= "small")
    local again = yl.load { model = path, full = kind == "full" }
    t.assertEquals(again.net:get("conv1.weight", "mask"), MASK, kind)
    t.assertEquals(again.net:get "conv1.weight", { 0, 7, 7, 0, 7, 7 }, kind)
    t.assertEquals(core.has_slab(again.net, "momentum"), kind == "full", kind)
    again.net:tensor("conv1.weight", "grad"):fill_(1)
    core.step(again.net, { rule = "sgd", lr = 1, ema = 0.5 })
    holds(again.net, kind)
    t.assertNotEquals(again.net:get "conv1.weight"[2], 7)
  end
  os.remove(path)
end

-- What a file's masks cover is zero, what the network's own masks covered before comes back; a file without masks keeps the network's.
function TestFiles.test_restoring()
  local path, a, b = os.tmpname() .. ".safetensors", network(1), network(2)
  fill_all(a)
  a:set("conv1.weight", MASK, "mask")
  core.save(a, path, {}, true)
  b:set("conv1.weight", { 1, 0, 0, 1, 1, 1 }, "mask")
  core.restore(b, path, true)
  holds(b, "restored")
  t.assertEquals(b:get("conv1.weight", "mask"), MASK)
  t.assertEquals(b:get "conv1.weight", { 0, 7, 7, 0, 7, 7 })
  a:drop "mask"
  a:set("conv1.weight", { 1, 2, 3, 4, 5, 6 })
  core.save(a, path, {}, true)
  core.restore(b, path, true)
  holds(b, "kept")
  t.assertEquals(b:get "conv1.weight", { 0, 2, 3, 0, 5, 6 })
  os.remove(path)
end

os.exit(t.LuaUnit.run())
