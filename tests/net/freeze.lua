-- Freezing by name: what a pattern covers, that frozen means bit-identical, and that a pattern which matches nothing is refused.
local t = require "luaunit"
local core = require "yolua.core"

local function detector()
  return core.net { h = 8, w = 8, c = 3, seed = 3, layers = {
    { "conv2d", filters = 4, size = 3, pad = true, bias = false }, { "batchnorm", name = "conv1.bn" }, { "activation", name = "conv1.act" },
    { "conv2d", filters = 4, size = 1, bias = false }, { "batchnorm", name = "conv2.bn" }, { "activation", name = "conv2.act" },
    { "conv2d", filters = 7, size = 1 }, { "region", classes = 2, num = 1, anchors = { 1, 1 } },
  } }
end

local function frozen_names(net)
  local names = {}
  for _, r in ipairs(net:ranges()) do
    if r.frozen then names[#names + 1] = r.name end
  end
  return table.concat(names, " ")
end

TestPatterns = {}

function TestPatterns.test_body_is_all_but_the_convolution_before_the_head()
  local net = detector()
  net:freeze "body"
  t.assertEquals(frozen_names(net), "conv1.weight conv1.bn.scale conv1.bn.bias conv1.bn.mean conv1.bn.var "
    .. "conv2.weight conv2.bn.scale conv2.bn.bias conv2.bn.mean conv2.bn.var")
end

function TestPatterns.test_a_layer_covers_its_batch_norm()
  local net = detector()
  t.assertEquals(net:freeze "conv1", 5)
end

function TestPatterns.test_globs_and_lists()
  local net = detector()
  t.assertEquals(net:freeze "conv[12].weight,conv3", 4)
  t.assertEquals(frozen_names(net), "conv1.weight conv2.weight conv3.weight conv3.bias")
end

function TestPatterns.test_a_pattern_is_the_whole_truth()
  local net = detector()
  net:freeze "all"
  net:freeze "conv3"
  t.assertEquals(frozen_names(net), "conv3.weight conv3.bias")
  net:freeze "none"
  t.assertEquals(frozen_names(net), "")
end

function TestPatterns.test_no_match_names_the_pattern_and_the_nearest()
  t.assertErrorMsgContains("'konv1' matches no layer or parameter; expected none, body, all or a name such as 'conv1', did you mean",
    function() detector():freeze "konv1" end)
  t.assertErrorMsgContains("or a name such as 'conv1', did you mean 'body'?", function() detector():freeze "bdoy" end)
end

TestFrozen = {}

local function image(net)
  local w, h, c = net:size()
  local x = {}
  for i = 1, w * h * c do x[i] = math.sin(i) end
  return x
end

local function train_step(net, o)
  local plan = net:plan { mode = "train", batch = 1 }
  plan:input(image(net))
  plan:forward()
  plan:loss { { { 0.4, 0.6, 0.5, 0.5, 1, 0 } } }
  plan:backward()
  return core.step(net, o)
end

local function sums(net)
  local out = {}
  for _, r in ipairs(net:ranges()) do out[r.name] = net:checksum(r.name) end
  return out
end

-- Every rule, with momentum, decay and an average: frozen ranges keep their bits, statistics included; all others move.
function TestFrozen.test_frozen_ranges_keep_their_bits()
  for _, rule in ipairs { "sgd", "adam", "adamw" } do
    local net = detector()
    net:freeze "conv1"
    local before = sums(net)
    for _ = 1, 3 do train_step(net, { rule = rule, lr = 0.05, decay = 0.1, ema = 0.9 }) end
    for _, r in ipairs(net:ranges()) do
      t.assertEquals(net:checksum(r.name) == before[r.name], r.frozen, rule .. " " .. r.name)
    end
  end
end

function TestFrozen.test_versions_count_changes_of_the_unfrozen()
  local net = detector()
  net:freeze "body"
  local before = {}
  for _, r in ipairs(net:ranges()) do before[r.name] = r.version end
  train_step(net, { rule = "sgd", lr = 0.1 })
  for _, r in ipairs(net:ranges()) do t.assertEquals(r.version - before[r.name], r.frozen and 0 or 1, r.name) end
end

os.exit(t.LuaUnit.run())
