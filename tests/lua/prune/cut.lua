-- Cuts on networks in memory: what each score, scope and pattern takes, against plain arithmetic; and that a refused cut changes nothing.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"
local Cut = require "yolua.prune.cut"
local Model = require "yolua.model"
local ranges = require "yolua.prune.ranges"
local target = require "yolua.prune.target"

local function model()
  local net = core.net { h = 8, w = 8, c = 4, seed = 3, layers = { { "conv2d", filters = 16, size = 3, pad = 1 },
    { "batchnorm", name = "conv1.bn" }, { "conv2d", filters = 10, size = 1 }, { "conv2d", filters = 7, size = 1 },
    { "region", classes = 2, num = 1, anchors = { 1, 1 } } } }
  return Model.new { net = net, names = { "car", "person" }, path = "here.cfg" }
end

-- The masks of a cut of a new network, {name = list}, and the network. conv1.weight has 576 numbers, conv2.weight 160.
local function cut(o, share, prepare)
  local m = model()
  if prepare then prepare(m) end
  local list = ranges.of(m, o)
  local c = Cut.rules(o):open(m, list, { seed = 1 })
  local masks = c:masks(math.floor(share * c.count + 0.5))
  c:apply(masks)
  local out = {}
  for _, r in ipairs(list) do out[r.name] = m.net:get(r.name, "mask") end
  return out, m, c
end

local function zeros(list)
  local n = 0
  for _, x in ipairs(list) do n = n + (x == 0 and 1 or 0) end
  return n
end

-- The k smallest of a list of scores by place, as a set.
local function smallest(scores, k)
  local order, set = {}, {}
  for i = 1, #scores do order[i] = i end
  table.sort(order, function(a, b) return scores[a] < scores[b] or scores[a] == scores[b] and a < b end)
  for i = 1, k do set[order[i]] = true end
  return set
end

TestScores = {}

function TestScores.testMagnitude()
  local masks, m = cut({}, 0.5)
  local fresh, scores = model(), {}
  for _, name in ipairs { "conv1.weight", "conv2.weight" } do
    for _, w in ipairs(fresh.net:get(name)) do scores[#scores + 1] = math.abs(w) end
  end
  local gone, i = smallest(scores, 368), 0
  for _, name in ipairs { "conv1.weight", "conv2.weight" } do
    for k, bit in ipairs(masks[name]) do
      i = i + 1
      t.assertEquals(bit, gone[i] and 0 or 1, name .. k)
    end
  end
  t.assertEquals(core.nonzero(m.net, "conv1.weight") + core.nonzero(m.net, "conv2.weight"), 368)
end

function TestScores.testLamp()
  local w, score, mask = yl.tensor { 3, -1, 2, 0, 5 }, yl.zeros { 5 }, yl.tensor({ 1, 1, 1, 1, 0 }, "u8")
  core.prune.lamp(w, mask, score)
  local want = { 1, 1 / 14, 4 / 13, 0, 0 } -- w^2 over the sum of those that are not smaller; 5 is masked
  for i, x in ipairs(score:totable()) do t.assertAlmostEquals(x, want[i], 1e-6) end
  local many = yl.randn { 5000, seed = 1 }
  local s = yl.zeros { 5000 }
  core.prune.lamp(many, yl.ones { 5000, dtype = "u8" }, s)
  local list, values = s:totable(), many:totable()
  local order, sum = {}, 0
  for i = 1, 5000 do order[i] = i end
  table.sort(order, function(a, b) return math.abs(values[a]) > math.abs(values[b]) end)
  for _, i in ipairs(order) do
    sum = sum + values[i] ^ 2
    t.assertAlmostEquals(list[i], values[i] ^ 2 / sum, 1e-5)
  end
end

-- What gathers does so from the gradients that are there.
function TestScores.testGradients()
  local score = require "yolua.prune.score"
  local formula = {
    taylor = function(g, w) return 2 * (g * w) ^ 2 end, snip = function(g, w) return math.abs(2 * g * w) end,
    movement = function(g, w) return -2 * 0.1 * g * w end,
  }
  for name, f in pairs(formula) do
    local m, how = model(), score.of(name)
    local list = ranges.of(m, {})
    m.net:tensor("conv2.weight", "grad"):normal_(5, 0, 1)
    score.forget(m)
    for _ = 1, 2 do score.gather(m, list, how, { rate = 0.1 }) end
    local entry = score.all(m, list, how, { seed = 1 })[2]
    local got, g, w = entry.score:reshape(-1):totable(), m.net:get("conv2.weight", "grad"), m.net:get "conv2.weight"
    for i = 1, #got do t.assertAlmostEquals(got[i], f(g[i], w[i]), 1e-5, name) end
  end
end

function TestScores.testRandom()
  local a, b = cut({ score = "random" }, 0.5), cut({ score = "random" }, 0.5)
  t.assertEquals(a, b)
  t.assertNotEquals(a["conv1.weight"], cut({}, 0.5)["conv1.weight"])
end

function TestScores.testOwn()
  local function by_place(_, score) score:copy_(yl.arange(1, score:count()):reshape(score:shape())) end
  local masks = cut({ score = by_place, only = { "conv2" } }, 0.25)
  for i, bit in ipairs(masks["conv2.weight"]) do t.assertEquals(bit, i <= 40 and 0 or 1) end
  local function refused(sentence, f)
    local m = model()
    local before = m:checksum()
    local ok, message = pcall(function()
      local c = Cut.rules({ score = f }):open(m, ranges.of(m, {}), { seed = 1 })
      return c:masks(10)
    end)
    t.assertFalse(ok, sentence)
    t.assertStrContains(message, sentence)
    t.assertEquals(m:checksum(), before)
  end
  refused("the score of conv1.weight is NaN at place 1", function() end)
  refused("score: what was returned for conv1.weight is not used, got a tensor; write into the second argument", function(p)
    return p.value:abs()
  end)
  refused("a parameter has no 'valu'", function(p, score) p.valu:abs(score) end)
  t.assertErrorMsgContains("prune: score has no key 'gathr'", Cut.rules, { score = { score = print, gathr = print } })
end

TestScopes = {}

function TestScopes.testSharesOfEach()
  local function counts(scope, share)
    local masks = cut({ scope = scope }, share)
    return { zeros(masks["conv1.weight"]), zeros(masks["conv2.weight"]) }
  end
  t.assertEquals(counts("layer", 0.5), { 288, 80 })
  t.assertEquals(counts("layer", 0.3), { 173, 48 }) -- 221 in all, the odd one where the rest is larger
  t.assertEquals(counts("uniform", 0.2), { 0, 147 })
  t.assertEquals(counts("uniform", 0.5), { 208, 160 }) -- more than the others have
  -- kept in proportion to 16 + 3 + 3 + 4 and 10 + 1 + 1 + 16; conv2 would keep more than it has, and stays dense
  t.assertEquals(counts("erk", 0.5), { 368, 0 })
  t.assertEquals(counts("erk", 0.8), { 505, 84 }) -- 147 are kept: 26/54 and 28/54 of them
end

TestPatterns = {}

function TestPatterns.testNM()
  local masks = cut({ pattern = "2:4", only = { "conv1" } }, 0.5)
  local w = model().net:get "conv1.weight"
  for g = 0, 143 do
    local kept = 0
    for k = 1, 4 do kept = kept + masks["conv1.weight"][4 * g + k] end
    t.assertEquals(kept, 2)
    for a = 1, 4 do
      for b = 1, 4 do
        if masks["conv1.weight"][4 * g + a] == 1 and masks["conv1.weight"][4 * g + b] == 0 then
          t.assertTrue(math.abs(w[4 * g + a]) >= math.abs(w[4 * g + b]))
        end
      end
    end
  end
  local some = cut({ pattern = "2:4", only = { "conv1" } }, 0.25)["conv1.weight"] -- on the way there: never more than two of a group
  t.assertEquals(zeros(some), 144)
  for g = 0, 143 do t.assertTrue(some[4 * g + 1] + some[4 * g + 2] + some[4 * g + 3] + some[4 * g + 4] >= 2) end
  t.assertErrorMsgContains("at most 288 of 576 numbers can be masked, got 289", cut, { pattern = "2:4", only = { "conv1" } }, 289 / 576)
end

function TestPatterns.testKernel()
  for _, entries in ipairs { 2, 3 } do
    local most = 1 - entries / 9
    local masks, _, c = cut({ pattern = "kernel", entries = entries, only = { "conv1" } }, most)
    local shapes, mask = {}, masks["conv1.weight"]
    for o = 0, 15 do
      for k = 1, 4 do
        local shape = 0
        for place = 0, 8 do shape = shape | mask[(o * 9 + place) * 4 + k] << place end
        shapes[shape] = true
      end
    end
    local known, count = {}, 0
    for _, shape in ipairs(core.prune.shapes(entries)) do known[shape] = true end
    for shape in pairs(shapes) do
      count = count + 1
      t.assertTrue(known[shape], shape)
    end
    t.assertTrue(count <= 8)
    t.assertEquals(c:most(), 64 * (9 - entries))
  end
  t.assertEquals({ #core.prune.shapes(2), #core.prune.shapes(3) }, { 12, 22 })
  local masks = cut({ pattern = "kernel", only = { "conv2" } }, 0.3) -- 16 channels: nine are a kernel, the others stay
  for o = 0, 9 do
    for k = 10, 16 do t.assertEquals(masks["conv2.weight"][16 * o + k], 1) end
  end
end

function TestPatterns.testBlocks()
  local masks, _, c = cut({ pattern = "block", block = { 8, 2 }, only = { "conv1" } }, 0.5)
  local mask = masks["conv1.weight"]
  for o = 0, 1 do
    for place = 0, 8 do
      for i = 0, 1 do
        local first = mask[((o * 8) * 9 + place) * 4 + 2 * i + 1]
        for k = 0, 7 do
          for n = 1, 2 do t.assertEquals(mask[((o * 8 + k) * 9 + place) * 4 + 2 * i + n], first) end
        end
      end
    end
  end
  t.assertEquals(zeros(mask), 288)
  t.assertEquals(c:most(), 576)
  t.assertErrorMsgContains("conv2.weight: the pattern fits none of these parameters: none of their numbers can be masked, got 80", cut,
    { pattern = "block", block = { 8, 1 }, only = { "conv2" } }, 0.5) -- ten channels
  t.assertErrorMsgContains("prune: pattern: block: expected two numbers, OUT,IN, got 1", Cut.rules, { pattern = "block", block = { 8 } })
end

TestTargets = {}

-- FLOPs: as few zeros as reach the budget.
function TestTargets.testFlops()
  local m = model()
  local list = ranges.of(m, {})
  local c = Cut.rules({}):open(m, list, { seed = 1 })
  local measure = require "yolua.prune.measure"
  local dense = measure.flops(m, 8, 8)
  local wanted = target.zeros(c, { flops = 0.6 }, { zeros = 0, flops_dense = dense, h = 8, w = 8 })
  c:apply(c:masks(wanted))
  local got = measure.flops(m, 8, 8)
  t.assertTrue(got <= 0.6 * dense and got > 0.6 * dense - 64 * 2 - 1, got / dense) -- within one weight at each of 64 places
  t.assertErrorMsgContains("FLOPs cannot be reached", target.zeros, c, { flops = 3 }, { zeros = 0, flops_dense = dense, h = 8, w = 8 })
end

-- A second cut continues from the first: what is masked stays so.
function TestTargets.testRounds()
  local m = model()
  local list, before = ranges.of(m, {}), nil
  for _, share in ipairs { 0.2, 0.5, 0.8 } do
    local c = Cut.rules({ score = "random" }):open(m, list, { seed = math.floor(10 * share) })
    c:apply(c:masks(math.floor(share * c.count + 0.5)))
    local now = m.net:get("conv1.weight", "mask")
    for i, bit in ipairs(before or {}) do t.assertTrue(bit == 1 or now[i] == 0) end
    before = now
    t.assertAlmostEquals(ranges.sparsity(m, list), share, 1 / c.count)
  end
  t.assertErrorMsgContains("589 of 736 numbers are masked already: expected at least as many, got 10", function()
    return Cut.rules({}):open(m, list, { seed = 1 }):masks(10)
  end)
end

TestRanges = {}

local function names(o)
  local out = {}
  for i, r in ipairs(ranges.of(model(), o)) do out[i] = r.name end
  return out
end

function TestRanges.testWhatIsPruned()
  t.assertEquals(names {}, { "conv1.weight", "conv2.weight" })
  t.assertEquals(names { also = { "head" } }, { "conv1.weight", "conv2.weight", "conv3.weight" })
  t.assertEquals(names { only = { "head", "bn" } }, { "conv1.bn.scale", "conv3.weight" })
  t.assertEquals(names { also = { "bias" }, except = { "conv1*" } }, { "conv2.weight", "conv2.bias", "conv3.bias" })
  t.assertEquals(names { only = { "conv2.bias" } }, { "conv2.bias" })
  t.assertEquals(names { except = { "head", "bn" } }, { "conv1.weight", "conv2.weight" }) -- they are left out anyway
end

os.exit(t.LuaUnit.run())
