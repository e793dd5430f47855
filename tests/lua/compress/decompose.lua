-- yl.decompose and `yolua decompose`: errors within their bounds, the same outputs where nothing is lost, and what is refused.
local t = require "luaunit"
local core = require "yolua.core"
local factors = require "yolua.compress.factors"
local program = require "support.program"
local random_network = require "support.random_network"
local yl = require "yolua"

local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

TestDecompose = {}

local function method(name) return require("yolua.compress.methods." .. name) end

local function weight(out, size, inner, seed)
  local value = yl.randn { out, size * size, inner, seed = seed }
  return { name = "w", out = out, size = size, space = size * size, inner = inner, value = value, norm = factors.norm(value),
    count = out * size * size * inner }
end

local function error_of(w, parts) return factors.norm(factors.product(parts) - w.value) end

-- The root of the sum of the squares behind rank r.
local function tail(s, r)
  local sum = 0
  for i = r + 1, #s do sum = sum + s[i] ^ 2 end
  return sum ^ 0.5
end

-- Singular values in double precision.
local function values_of(matrix)
  local _, s = matrix:to "f64":svd()
  return s:totable()
end

function TestDecompose.testErrorsOfRandomKernels()
  for seed = 1, 6 do
    local w = weight(7 + 3 * seed, 3, 20 - 2 * seed, seed)
    local s_out, s_in = values_of(w.value:reshape(w.out, -1)), values_of(w.value:permute(3, 2, 1):reshape(w.inner, -1))
    for _, share in ipairs { 0.05, 0.3, 0.6, 0.9 } do
      local most = share * w.norm
      local state = method "svd".prepare(w)
      local ranks = method "svd".ranks(state, most)
      local off = error_of(w, method "svd".parts(state, ranks))
      t.assertAlmostEquals(off, tail(s_out, ranks[1]), 1e-4 * w.norm) -- exactly what goes
      t.assertTrue(off <= most * (1 + 1e-5) and (ranks[1] == 1 or tail(s_out, ranks[1] - 1) > most * (1 - 1e-5)))

      state = method "tucker2".prepare(w)
      ranks = method "tucker2".ranks(state, most)
      off = error_of(w, method "tucker2".parts(state, ranks))
      t.assertTrue(off <= (tail(s_in, ranks[1]) ^ 2 + tail(s_out, ranks[2]) ^ 2) ^ 0.5 + 1e-4 * w.norm)
      t.assertTrue(off <= most * (1 + 1e-5) + 1e-4)

      state = method "tt".prepare(w)
      ranks = method "tt".ranks(state, most)
      t.assertTrue(error_of(w, method "tt".parts(state, ranks)) <= most * (1 + 1e-5) + 1e-4) -- Oseledets, theorem 2.2
    end
  end
end

-- Convolutions of every geometry with weights of low rank, batch-norm and a connected layer behind them.
local function low_rank()
  local net = core.net { w = 23, h = 19, c = 6, seed = 3, layers = {
    { "conv2d", name = "a", filters = 24, size = 3, stride = 2, padding = 1, bias = false }, { "batchnorm", name = "a.bn" },
    { "activation", name = "a.act", activation = "leaky" },
    { "conv2d", name = "b", filters = 30, size = 3, dilation = 2, padding = 2, bias = true },
    { "conv2d", name = "c", filters = 28, size = 1, bias = true },
    { "connected", name = "d", output = 9, bias = true },
  } }
  for _, r in ipairs(net:ranges()) do
    if r.kind == "weight" then -- {out, space, in} of multilinear rank 4, 4
      local d = r.dims
      local size, inner = #d == 4 and d[2] * d[3] or 1, d[#d]
      local left, right = yl.randn { d[1], 4, seed = 1 }, yl.randn { 4, inner, seed = 2 }
      local middle = yl.randn { 4 * size, 4, seed = 3 }:matmul(right):reshape(4, -1)
      net:set(r.name, left:matmul(middle):reshape(d):mul_(0.1))
    elseif r.kind == "bias" or r.kind == "scale" then net:set(r.name, yl.rand { r.count, seed = 9 }) end
  end
  return require("yolua.model").new { net = net, names = {}, path = "low" }
end

-- A matrix {out, inner} whose cores have ranks of at most `rank`, by modes {2, 3, 4} and {3, 2, 2}.
local function train_of_rank(rank)
  local a, b, c = yl.randn { 6, rank, seed = 1 }, yl.randn { rank, 6 * rank, seed = 2 }, yl.randn { rank, 8, seed = 3 }
  local all = a:matmul(b):reshape(6 * 6, rank):matmul(c):reshape(2, 3, 3 * 2 * 4 * 2) -- m1 n1 m2 n2 m3 n3
  all = all:reshape(2, 3, 3, 2, 8):permute(1, 3, 2, 4, 5):clone():reshape(6, 6, 4, 2) -- (m1 m2), (n1 n2), m3, n3
  return all:permute(1, 3, 2, 4):clone():reshape(24, 1, 12)
end

function TestDecompose.testTrainsOfMatrices()
  local train = require "yolua.compress.tensor_train"
  t.assertEquals({ train.modes(784, 4), train.modes(300, 4), train.modes(7, 2) }, { { 7, 7, 4, 4 }, { 5, 5, 3, 4 }, { 7, 1 } })
  local w = { out = 24, inner = 12, space = 1, value = train_of_rank(3), count = 24 * 12 }
  w.norm = factors.norm(w.value)
  local state = method "tt".prepare(w, { cores = 3 })
  w.in_modes, w.out_modes = { 3, 2, 2 }, { 2, 3, 4 }
  local ranks = method "tt".ranks(state, 1e-4 * w.norm)
  t.assertEquals(ranks, { 3, 3 })
  t.assertTrue(error_of(w, method "tt".parts(state, ranks)) < 1e-5 * w.norm)
  t.assertEquals(factors.count(method "tt".parts(state, ranks)), method "tt".count(w, ranks))
  for seed = 1, 4 do
    w = { out = 30, inner = 28, space = 1, value = yl.randn { 30, 1, 28, seed = seed }, count = 840 }
    w.norm = factors.norm(w.value)
    for _, share in ipairs { 0.1, 0.5, 0.9 } do
      state = method "tt".prepare(w, {})
      t.assertTrue(error_of(w, method "tt".parts(state, method "tt".ranks(state, share * w.norm))) <= share * w.norm * (1 + 1e-5))
    end
  end
end

-- The layer computes what its cores make, is stored and read back, and trains.
function TestDecompose.testTrainOfAConnectedLayer()
  local model = low_rank()
  local r = yl.decompose(model, { method = "tt", ratio = 0.4, layers = { "d" } })
  t.assertTrue(r.layers[1].after <= 0.4 * r.layers[1].before and #r.layers[1].ranks == 3)
  local kinds = {}
  for _, layer in ipairs(r.net.net:layers()) do kinds[layer.name] = layer.kind end
  t.assertEquals(kinds.d, "tensor_train")
  local whole = yl.decompose(model, { method = "tt", error = 1e-6, layers = { "d" } })
  t.assertNil(whole.layers[1].ranks) -- at full rank it is no smaller
  local few = yl.decompose(model, { method = "tt", ranks = { 9 }, cores = 2, layers = { "d" } })
  t.assertEquals(few.layers[1].ranks, { 9 })
  r.net:save(top .. "/train.safetensors")
  local again = yl.load { model = top .. "/train.safetensors" }
  t.assertEquals(random_network.outputs(again.net, 3), random_network.outputs(r.net.net, 3))
  local fine = pcall(r.net.save, r.net, top .. "/train.cfg")
  t.assertFalse(fine) -- Darknet has no such layer
end

-- A sum of three separable terms is found again; more terms are never worse.
function TestDecompose.testCp()
  local w = weight(12, 3, 10, 4)
  local o, s, i = yl.randn { 12, 1, 1, 3, seed = 5 }, yl.randn { 1, 9, 1, 3, seed = 6 }, yl.randn { 1, 1, 10, 3, seed = 7 }
  w.value = (o * s * i):sum(4)
  w.norm = factors.norm(w.value)
  local state = method "cp".prepare(w)
  t.assertTrue(error_of(w, method "cp".parts(state, { 3 })) < 1e-3 * w.norm)
  t.assertTrue(method "cp".ranks(state, 1e-2 * w.norm)[1] <= 4)
  w = weight(12, 3, 10, 8)
  state = method "cp".prepare(w)
  local few, many = error_of(w, method "cp".parts(state, { 3 })), error_of(w, method "cp".parts(state, { 20 }))
  t.assertTrue(many < few and few < w.norm)
end

-- A trained layer's terms do not grow against each other: the error falls with every term, and is below that of Tucker-2 with as many
-- numbers.
function TestDecompose.testCpOfATrainedLayer()
  local model, last = yl.load { model = "street" }, 1
  for _, ratio in ipairs { 0.05, 0.25, 0.5 } do
    local function error_by(name) return yl.decompose(model, { method = name, ratio = ratio, layers = { "conv6" } }).layers[1].error end
    local off = error_by "cp"
    t.assertTrue(off < last and off <= error_by "tucker2", ("ratio %g: %g"):format(ratio, off))
    last = off
  end
end

function TestDecompose.testNothingIsLostOfLowRank()
  for _, name in ipairs { "svd", "tucker2", "tt" } do
    local model = low_rank()
    local layers = name == "svd" and { "a", "b", "c", "d" } or { "a", "b", "c" }
    local r = yl.decompose(model, { method = name, error = 1e-3, layers = layers })
    t.assertEquals(#r.layers, #layers)
    for _, l in ipairs(r.layers) do
      t.assertNotNil(l.ranks, name .. " " .. l.name)
      t.assertTrue(l.after < l.before and l.error <= 1e-3)
      for _, rank in ipairs(l.ranks) do t.assertTrue(rank <= 4, rank) end
    end
    t.assertTrue(r.params < r.before.params and r.flops < r.before.flops)
    t.assertEquals(r.params, r.net:counts().params)
    local before, after = random_network.outputs(model.net, 3), random_network.outputs(r.net.net, 3)
    t.assertTrue(random_network.difference(before, after) <= 2e-3, name)
    t.assertStrContains(tostring(r), "FLOPs (of ")
  end
end

function TestDecompose.testBudgets()
  local model = yl.load { model = "street" }
  local r = yl.decompose(model, { method = "tucker2", ratio = 0.5, layers = { "conv6", "conv7" } })
  for _, l in ipairs(r.layers) do t.assertTrue(l.after <= 0.5 * l.before and l.after > 0.4 * l.before and l.error > 0 and l.error < 1) end
  r = yl.decompose(model, { method = "svd", flops = 0.6 })
  t.assertTrue(r.flops <= 0.6 * model:flops() and r.flops > 0.45 * model:flops())
  r = yl.decompose(model, { method = "tt", ranks = { 8, 12 }, layers = { "conv6" } })
  t.assertEquals(r.layers[1].ranks, { 8, 12 })
  r = yl.decompose(model, { method = "svd", error = 0, layers = { "conv6" } }) -- nothing may go: the layer stays
  t.assertNil(r.layers[1].ranks)
  t.assertEquals(r.params, model:counts().params)
end

-- Where everything may stay, or cannot be met, it stays: by a full budget, by CP's fits, where Bayes sees noise alone.
function TestDecompose.testStays()
  local model = yl.load { model = "street" }
  local function stays(o)
    local r = yl.decompose(model, o)
    for _, l in ipairs(r.layers) do t.assertNil(l.ranks, l.name) end
    t.assertEquals({ r.params, r.flops }, { model:counts().params, model:flops() })
  end
  stays { ratio = 1 }
  stays { flops = 1 }
  stays { method = "cp", error = 0.05, layers = { "conv3" } }
  stays { vbmf = true, layers = { "conv1", "conv2" } }
end

-- The cores of a connected layer stand in the weights file and in a header too, whose check computes what it holds.
function TestDecompose.testCoresInFiles()
  local out = top .. "/trains"
  program.ok { "decompose", "model=lenet300", "method=tt", "ratio=.1", "cores=2", "out=" .. out }
  local one, two = yl.load { model = out .. "/model.safetensors" }, yl.load { cfg = out .. "/model.cfg", weights = out .. "/model.weights" }
  local cores, read = 0, two.net:ranges() -- a cfg has no names
  for i, r in ipairs(one.net:ranges()) do
    cores = cores + (r.name:find "^connected1%.core" and 1 or 0)
    t.assertEquals(two.net:get(read[i].name), one.net:get(r.name), r.name)
  end
  t.assertEquals(cores, 2)
  t.assertEquals(yl.export(one, { out = top .. "/trains.h", check = true }).max_error, 0)
  local text = core.system.read(top .. "/trains.h")
  local words = text:match "_weights%[%] = {\n(.-)\n};"
  core.system.write(top .. "/trains.h", (text:gsub(words:sub(-60):gsub("%p", "%%%0"), (words:sub(-60):gsub("0x%x%x", "0x4f")))))
  local written = require "yolua.model.export.c".written
  t.assertTrue(written(one, { top .. "/trains.h" }) > 0) -- the check sees it
end

-- A 1x1 convolution is a matrix: whatever the method, two layers, as near as svd's.
function TestDecompose.testMatrices()
  local model, layers = yl.load { model = "street" }, { "conv4" }
  for _, budget in ipairs { { error = 0.5 }, { ratio = 0.4 }, { flops = 0.995 } } do
    local found = {}
    for _, name in ipairs { "svd", "tucker2", "tt", "cp" } do
      budget.method, budget.layers = name, layers
      local r = yl.decompose(model, budget)
      t.assertEquals({ #r.layers, r.layers[1].method, #r.layers[1].ranks }, { 1, "svd", 1 })
      t.assertEquals(#r.net.net:layers(), #model.net:layers() + 1)
      found[#found + 1] = { r.layers[1].ranks, r.layers[1].error }
    end
    for i = 2, #found do t.assertEquals(found[i], found[1]) end
  end
  local both = yl.decompose(model, { method = "tucker2", ranks = { 9, 12 }, layers = { "conv4", "conv6" } })
  t.assertEquals({ both.layers[1].ranks, both.layers[2].ranks }, { { 9 }, { 9, 12 } })
  t.assertStrMatches(tostring(both), ".*conv4 +svd +9 .*conv6 +tucker2 +9, 12 .*")
  t.assertEquals(yl.decompose(model, { method = "tucker2", ranks = { 9 }, layers = layers }).layers[1].ranks, { 9 })
  t.assertErrorMsgContains("decompose: ranks: conv4 (method=svd): expected 1, got 3", yl.decompose, model,
    { method = "tt", ranks = { 9, 9, 9 }, layers = layers })
end

-- Norms far outside the range in which f32 has squares, against double precision.
function TestDecompose.testNorms()
  for _, scale in ipairs { 1e-42, 1e-30, 1, 1e30 } do
    local x = yl.randn { 50, 7, seed = 9 } * scale
    local wide = x:to "f64"
    t.assertAlmostEquals(factors.norm(x) / (wide * wide):sum() ^ 0.5, 1, 1e-6)
  end
  t.assertEquals(factors.norm(yl.zeros { 3 }), 0)
  t.assertTrue(factors.norm(yl.tensor { 1, 1 / 0 }) == math.huge)
  for _, numbers in ipairs { { 0, 0 / 0 }, { 0 / 0, 2 } } do
    local norm = factors.norm(yl.tensor(numbers))
    t.assertTrue(norm ~= norm)
  end
end

-- Small weights are decomposed as large ones are.
function TestDecompose.testSmallWeights()
  for _, name in ipairs { "svd", "tucker2", "tt", "cp" } do
    local rows = {}
    for i, scale in ipairs { 1, 1e-30 } do
      local model = yl.load { model = "street" }
      model.net:set("conv6.weight", model.net:tensor "conv6.weight":clone() * scale)
      rows[i] = yl.decompose(model, { method = name, ratio = 0.5, layers = { "conv6" } }).layers[1]
    end
    t.assertEquals(rows[2].ranks, rows[1].ranks, name)
    t.assertAlmostEquals(rows[2].error, rows[1].error, 1e-3, name)
    t.assertTrue(rows[1].error > 0.05 and rows[1].error < 1, name)
  end
end

-- Whatever takes long is told: each weight that is taken apart, and each trial of its ranks.
function TestDecompose.testProgress()
  local progress, model = require "yolua.terminal.progress", yl.load { model = "street" }
  local new, bars = progress.new, {}
  function progress.new(spec)
    local bar = { done = 0, spec = spec, update = function(self, done) self.done, self.calls = done, (self.calls or 0) + 1 end }
    bars[#bars + 1] = bar
    return setmetatable(bar, { __close = function() end })
  end
  local ok, message = pcall(function()
    for _, budget in ipairs { { ratio = 0.5 }, { flops = 0.9 } } do
      budget.layers = { "conv3", "conv6" }
      yl.decompose(model, budget)
    end
  end)
  progress.new = new
  t.assertTrue(ok, message)
  for i, total in ipairs { 4, 20 } do t.assertEquals({ bars[i].spec.total, bars[i].done, bars[i].calls }, { total, total, total }) end
end

-- Low rank in noise: variational Bayes finds the ranks.
function TestDecompose.testVbmf()
  local model = low_rank()
  local w = model.net:tensor "b.weight"
  model.net:set("b.weight", w + yl.randn { 30, 3, 3, 24, seed = 8 } * (0.2 * factors.norm(w) / w:count() ^ 0.5))
  local r = yl.decompose(model, { method = "tucker2", vbmf = true, layers = { "b" } })
  t.assertEquals(r.layers[1].ranks, { 4, 4 })
  t.assertEquals(yl.decompose(model, { method = "svd", vbmf = true, layers = { "b" } }).layers[1].ranks, { 4 })
end

-- A network may be decomposed again, whatever its layers' names; frozen layers are taken like all others.
function TestDecompose.testAgain()
  local model = yl.load { model = "street" }
  local layers = { "conv6", "conv8" }
  local once = yl.decompose(model, { method = "tucker2", ratio = 0.5, layers = layers })
  local twice = yl.decompose(once.net, { method = "svd", ratio = 0.5, layers = { "conv6" } }) -- conv6.1 and conv6.2 too
  t.assertEquals(#twice.layers, 3)
  for _, l in ipairs(twice.layers) do t.assertNotNil(l.ranks, l.name) end
  local names = {}
  for _, layer in ipairs(twice.net.net:layers()) do names[layer.name] = true end
  for _, name in ipairs { "conv6.1.1", "conv6.1", "conv6.2.1", "conv6.2", "conv6.3", "conv6" } do t.assertTrue(names[name], name) end
  model:freeze "body"
  local frozen = yl.decompose(model, { method = "tucker2", ratio = 0.5 })
  t.assertEquals(#frozen.layers, #yl.decompose(yl.load { model = "street" }, { method = "tucker2", ratio = 0.5 }).layers)
end

-- Ranks of 1 are the smallest product; what asks for less is refused, with the least that there can be.
function TestDecompose.testTheSmallest()
  local model, numbers = yl.load { model = "street" }, 128 * 9 * 64
  for name, case in pairs { svd = { { 1 }, 9 * 64 + 128 }, tucker2 = { { 1, 1 }, 64 + 9 + 128 }, tt = { { 1, 1 }, 64 + 9 + 128 },
    cp = { { 1 }, 64 + 9 + 128 } } do
    local ranks, fewest = table.unpack(case)
    local function made(ratio) return yl.decompose(model, { method = name, ratio = ratio, layers = { "conv6" } }).layers[1] end
    local row = made(fewest / numbers)
    t.assertEquals({ row.ranks, row.after }, { ranks, fewest }, name)
    local least = math.ceil(fewest / numbers * 1e4) / 1e4
    t.assertErrorMsgContains(("decompose: ratio=0.0001: ranks of 1 leave %d of 73728 numbers in conv6: expected at least %g, or layers= "
      .. "without it"):format(fewest, least), made, 0.0001)
    t.assertEquals(made(least).ranks, ranks, name)
  end
  local lenet = yl.load { model = "lenet300" }
  local function made(o) return yl.decompose(lenet, o) end
  t.assertErrorMsgContains("ranks of 1 leave 400 of 30000 numbers in connected2: expected at least 0.0134", made,
    { method = "svd", ratio = 0.005 })
  t.assertErrorMsgContains("ranks of 1 leave 87 of 235200 numbers in connected1: expected at least 0.0004", made,
    { method = "tt", cores = 7, ratio = 0.00006, layers = { "connected1" } })
  local ok, sentence = pcall(yl.decompose, model, { flops = 0.001 })
  local least = not ok and tonumber(sentence:match "decompose: flops=0.001: ranks of 1 leave ([%d.]+) of the FLOPs: expected at least that")
  t.assertNotNil(least, sentence)
  for _, row in ipairs(yl.decompose(model, { flops = least }).layers) do t.assertEquals(math.max(table.unpack(row.ranks)), 1, row.name) end
end

-- A glob takes what the method can; what stays is in the table with its reason. A layer that is called by its name has to fit.
function TestDecompose.testGlobs()
  local net = core.net { h = 8, w = 8, c = 4, seed = 1, layers = { { "conv2d", name = "a", filters = 16, size = 3 },
    { "conv2d", name = "b", filters = 16, size = 3, groups = 16 }, { "conv2d", name = "c", filters = 16, size = 3 },
    { "conv2d", name = "last", filters = 4 } } }
  local model = require("yolua.model").new { net = net, names = {}, path = "groups.cfg" }
  for _, layers in ipairs { { "*" }, { "a", "*" }, false } do
    local r = yl.decompose(model, { method = "svd", ratio = 0.5, layers = layers or nil })
    local rows = {}
    for _, row in ipairs(r.layers) do rows[row.name] = row end
    t.assertEquals({ rows.a.ranks ~= nil, rows.c.ranks ~= nil, rows.b.ranks, rows.b.before, rows.b.after, rows.b.error },
      { true, true, nil, 144, 144, 0 })
    t.assertStrContains(tostring(r), "as it is: has groups")
  end
  for _, layers in ipairs { { "b" }, { "*", "b" } } do
    t.assertErrorMsgContains("decompose: layers: b has groups, which no method decomposes", yl.decompose, model,
      { method = "svd", ratio = 0.5, layers = layers })
  end
end

-- Mistakes of the call end the program with status 2, whatever finds them; options in Lua are refused at their line.
function TestDecompose.testStatusOfWrongCalls()
  for sentence, words in pairs {
    ["command line: decompose: cores has no effect: no connected layer is decomposed"] = { "method=tt", "cores=3", "ratio=.5" },
    ["command line: decompose: cores is for method=tt, not tucker2"] = { "cores=3", "ratio=.5" },
    ["command line: decompose: expected error=, ratio="] = {},
    ["command line: decompose: expected one of error, ratio"] = { "ratio=.5", "error=.1" },
    ["command line: decompose: vbmf is for method=tucker2"] = { "vbmf=true", "method=tt" },
    ["command line: decompose: flops=0.001: ranks of 1"] = { "flops=.001", "layers=conv6" },
    ["command line: decompose: layers: region1 is no convolution"] = { "ratio=.5", "layers=region1" },
    ["command line: decompose: layers: 'conv99' matches no parameter"] = { "ratio=.5", "layers=conv99" },
    ["command line: decompose: layers: 'z*' matches no parameter"] = { "ratio=.5", "layers=z*" },
  } do
    local status, _, err = program.run { "decompose", "model=street", "out=" .. top .. "/wrong", table.unpack(words) }
    t.assertEquals({ status, err:gsub("%s+", " "):find(sentence, 1, true) ~= nil }, { 2, true }, err)
    t.assertNil(core.files.kind(top .. "/wrong"))
  end
  local model = yl.load { model = "street" }
  local _, sentence = pcall(function() yl.decompose(model, { method = "tt", cores = 3, ratio = .5 }) end)
  t.assertStrMatches(sentence, ".*decompose%.lua:%d+: decompose: cores has no effect: no connected layer is decomposed")
end

-- What was decomposed trains, and Darknet's files of it compute the same.
function TestDecompose.testFilesAndTraining()
  local out = top .. "/small"
  local r = program.json { "decompose", "model=street", "method=tt", "ratio=.4", "out=" .. out }
  t.assertTrue(#r.layers > 4 and r.params < r.before.params)
  for _, key in ipairs { "name", "ranks", "error" } do t.assertNotNil(r.layers[#r.layers][key], key) end
  local one, two = yl.load { model = out .. "/model.safetensors" },
    yl.load { cfg = out .. "/model.cfg", weights = out .. "/model.weights", names = out .. "/model.names" }
  t.assertEquals(one:counts().params, r.params)
  local a, b = random_network.outputs(one.net, 3), random_network.outputs(two.net, 3)
  t.assertTrue(random_network.difference({ x = select(2, next(a)) }, { x = select(2, next(b)) }) <= 1e-5)
  local trainer <close> = yl.trainer { net = one, data = yl.data { name = "synthetic", frames = 8, root = top .. "/streets" },
    options = { batch = 2, threads = 2 } }
  t.assertTrue(trainer:step().loss > 0)
end

local function nonzero(model)
  local list = {}
  for _, r in ipairs(model.net:ranges()) do list[r.name] = r.kind == "weight" and core.nonzero(model.net, r.name) or nil end
  return list
end

-- In a row: channels go, what is left is decomposed, its factors are pruned, trained on with shared values, and coded. Masks hold all the
-- way, and the file gives back the last network's bits.
function TestDecompose.testComposes()
  local model = yl.load { model = "street" }
  yl.prune.cut(model, { 0.3, pattern = "channel", score = "filter_l1" })
  local small = yl.compact(model)
  local made = yl.decompose(small, { method = "tucker2", ratio = 0.6 }).net
  t.assertTrue(made:counts().params < small:counts().params and small:counts().params < model:counts().params)
  yl.prune.cut(made, 0.5)
  local pruned, factors_cut = nonzero(made), 0
  for _, r in ipairs(made.net:ranges()) do
    if r.name:find "^conv%d+%.%d" and r.kind == "weight" and pruned[r.name] < r.count then factors_cut = factors_cut + 1 end
  end
  t.assertTrue(factors_cut > 4, factors_cut)
  local trainer <close> = yl.trainer { net = made, data = yl.data { name = "synthetic", frames = 8, root = top .. "/compose" },
    options = { batch = 2, threads = 2, optim = { name = "adam", lr = 1e-4 } }, yl.share { bits = { conv = 4 } } }
  for _ = 1, 3 do trainer:step() end
  local trained, before = trainer.net, made:checksum()
  trainer:step()
  t.assertNotEquals(trained:checksum(), before)
  local after = nonzero(trained)
  for name, count in pairs(pruned) do t.assertTrue(after[name] <= count, name) end
  local out = top .. "/composed.safetensors"
  local file = yl.compress(trained, { out = out, bits = { conv = 4 } })
  t.assertTrue(file.weights_ratio > 10, file.weights_ratio)
  local again = yl.load { model = out }
  t.assertEquals(nonzero(again), after)
  t.assertEquals(again:checksum(), trained:checksum())
  t.assertEquals(random_network.outputs(again.net, 3), random_network.outputs(trained.net, 3))
  local once_more = yl.compact(again) -- and may be made smaller again
  t.assertTrue(once_more:counts().params <= again:counts().params)
end

-- The other way round: of a pruned network the layers that are not decomposed keep their masks, and those that are have none.
function TestDecompose.testOfAPrunedNetwork()
  local model = yl.load { model = "street" }
  yl.prune.cut(model, 0.6)
  local made = yl.decompose(model, { method = "svd", ratio = 0.4, layers = { "conv6" } }).net
  local masked = 0
  for _, r in ipairs(made.net:ranges()) do
    local zeros = r.kind == "weight" and r.count - core.nonzero(made.net, r.name) or 0
    if r.layer:find "^conv6" then t.assertTrue(zeros < r.count // 10, r.name)
    elseif zeros > 0 then
      masked = masked + 1
      made.net:tensor(r.name):fill_(1)
      t.assertEquals(r.count - core.nonzero(made.net, r.name), zeros, r.name)
    end
  end
  t.assertTrue(masked > 3, masked)
end

-- A folder that cannot be made is told before the work; one that was made for nothing goes again.
function TestDecompose.testTheFolder()
  core.system.write(top .. "/file", "x")
  local status, _, err = program.run { "decompose", "model=street", "ratio=.5", "out=" .. top .. "/file/below" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, top .. "/file")
  t.assertNil(err:find "checkpoint")
  status, _, err = program.run { "decompose", "model=street", "layers=nothing", "ratio=.5", "out=" .. top .. "/nothing" }
  t.assertEquals(status, 2)
  t.assertStrContains(err, "'nothing' matches no parameter")
  t.assertNil(core.files.kind(top .. "/nothing"))
  core.files.make_folder(top .. "/taken/model.safetensors")
  status, _, err = program.run { "decompose", "model=lenet5", "method=svd", "ratio=.5", "out=" .. top .. "/taken" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "taken/model.safetensors: it is a directory, a file was expected")
  t.assertEquals({ core.files.list(top .. "/taken"), core.files.list(top .. "/taken/model.safetensors") }, { { "model.safetensors" }, {} })
  status, _, err = program.run { "decompose", "model=street", "ratio=.5" }
  t.assertEquals(status, 2)
  t.assertStrContains(err, "out is missing: expected the folder for the new network")
end

function TestDecompose.testRefusals()
  local model = yl.load { model = "street" }
  local function refused(o, sentence) t.assertErrorMsgContains(sentence, yl.decompose, model, o) end
  refused({}, "decompose: expected error=, ratio=, flops=, ranks= or vbmf=true: how much may go")
  refused({ error = .1, ratio = .5 }, "decompose: expected one of error, ratio, flops, ranks and vbmf, got error and ratio")
  refused({ error = 2 }, "error")
  refused({ method = "qr", error = .1 }, "method")
  refused({ error = .1, layers = { "conv99" } }, "decompose: layers: 'conv99' matches no parameter")
  refused({ error = .1, layers = { "region1" } }, "decompose: layers: region1 is no convolution or connected layer")
  refused({ ranks = { 0, 4 }, layers = { "conv6" } }, "decompose: ranks: conv6 (method=tucker2): expected whole numbers in 1..")
  refused({ ranks = { 4, 100000 }, layers = { "conv6" } }, ", got 100000")
  refused({ method = "tt", vbmf = true }, "decompose: vbmf is for method=tucker2 or svd, not tt")
  refused({ ranks = { 4 }, layers = { "conv6" } }, "decompose: ranks: conv6 (method=tucker2): expected 2, got 1")
  local broken = yl.load { model = "street" }
  broken.net:tensor "conv6.weight":fill_(0)
  t.assertErrorMsgContains("decompose: layers: conv6 has no weight but zeros", yl.decompose, broken, { ratio = .5, layers = { "conv6" } })
  broken.net:tensor "conv6.weight":fill_(0 / 0)
  t.assertErrorMsgContains("decompose: conv6.weight: a weight is not finite", yl.decompose, broken, { ratio = .5 })
  t.assertErrorMsgContains("decompose: recipes/models/lenet300.cfg: no layer is left", yl.decompose, yl.load { model = "lenet300" },
    { error = .1, layers = { "connected1.bias" } })
  local lenet = yl.load { model = "lenet300" }
  t.assertErrorMsgContains("connected1 is connected, which methods svd and tt decompose, not tucker2", yl.decompose, lenet,
    { method = "tucker2", error = .1, layers = { "connected1" } })
  t.assertErrorMsgContains("decompose: cores is for method=tt, not svd", yl.decompose, lenet, { method = "svd", cores = 3, error = .1 })
  t.assertErrorMsgContains("decompose: ranks: connected1 (method=tt): expected 3, got 1", yl.decompose, lenet,
    { method = "tt", ranks = { 3 } })
  t.assertErrorMsgContains("no layer is left to decompose by method=cp", yl.decompose, lenet, { method = "cp", error = .1 })
  t.assertErrorMsgContains("svd: number 1 is not finite", function() yl.tensor { { 0 / 0, 1 } }:svd() end)
  t.assertErrorMsgContains("svd: expected f32 or f64 {m, n}", function() yl.zeros { 3 }:svd() end)
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
