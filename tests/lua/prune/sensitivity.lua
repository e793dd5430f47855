-- Scans of sensitivity: the scores are those of networks that are cut by hand, nothing is measured twice, and pruning can follow them.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local program = require "support.program"
local scope = require "yolua.prune.scopes.sensitivity"
local score = require "yolua.eval.score"

local training = require "support.training"
local top, quiet = training.top, training.quietly

local net -- trained a little, so that its AP is no accident
local data = training.data {}

local cache = 0
local function fresh()
  cache = cache + 1
  return ("%s/cache%d"):format(top, cache)
end

local function set_up()
  if net then return end
  local o = training.options { epochs = 25, optim = { name = "adam", lr = 3e-3 } }
  net = quiet(yl.train, { net = training.model(), data = data, options = o }).model
  net.net:drop()
  net:save(top .. "/net.safetensors")
end

TestScan, TestPruning, TestVerb, TestDecompositions = { setUp = set_up }, { setUp = set_up }, { setUp = set_up }, { setUp = set_up }

local function scan(o, model)
  local all = { sparsity = { 0.4, 0.8 }, only = { "conv2", "conv3" }, cache = fresh() }
  for key, value in pairs(o or {}) do all[key] = value end
  return quiet(yl.sensitivity, model or net, data.dev, all)
end

local function ap(model)
  return (quiet(score.run, model, data.dev, {}, { stage = "x", protocols = { "voc" } }))[1].map
end

-- The smallest numbers of one layer are gone, all else is whole.
function TestScan.testAgainstCutsByHand()
  local before = net:checksum()
  local result = scan()
  t.assertEquals(net:checksum(), before)
  t.assertTrue(result.dense > 0.1, result.dense)
  t.assertEquals(result.dense, ap(net))
  for k, name in ipairs { "conv2", "conv3" } do
    local layer = result.layers[k]
    t.assertEquals({ layer.name, layer.params, layer.sparsity }, { name, #net.net:get(name .. ".weight"), { 0.4, 0.8 } })
    for i, level in ipairs(layer.sparsity) do
      local made = yl.copy(net)
      local values, order = net.net:get(name .. ".weight"), {}
      for n in ipairs(values) do order[n] = n end
      table.sort(order, function(a, b) return math.abs(values[a]) < math.abs(values[b]) end)
      for n = 1, math.floor(level * #values + 0.5) do values[order[n]] = 0 end
      made.net:set(name .. ".weight", values)
      t.assertEquals(layer.ap[i], ap(made), ("%s at %g"):format(name, level))
    end
  end
  t.assertStrContains(tostring(result), "conv3")
end

local function lines(path) return select(2, core.system.read(path):gsub("\n", "")) end

function TestScan.testKnownScores()
  local folder = fresh()
  local first = scan { cache = folder }
  t.assertEquals({ first.known, lines(first.file) }, { 0, 5 })
  local again = scan { cache = folder }
  t.assertEquals({ again.known, again.layers, again.file }, { 5, first.layers, first.file })
  t.assertEquals(scan({ cache = folder, sparsity = { 0.4, 0.6, 0.8 } }).known, 5) -- new levels only
  t.assertEquals(scan({ cache = folder, sparsity = { 0.4, 0.6, 0.8 } }).known, 7)
  t.assertNotEquals(scan({ cache = folder, score = "random" }).file, first.file)
  t.assertNotEquals(scan({ cache = folder, conf = 0.1 }).file, first.file)
  t.assertNotEquals(scan({ cache = folder, only = { "conv2" } }, training.model()).file, first.file)
end

-- A scan that was killed: what it had written counts, a line that is not whole does not.
function TestScan.testItGoesOn()
  local folder = fresh()
  local first = scan { cache = folder }
  local text = core.system.read(first.file)
  core.system.write(first.file, text:sub(1, #text - 7)) -- the last line is cut short
  local second = scan { cache = folder }
  t.assertEquals({ second.known, second.layers }, { 4, first.layers })
  t.assertEquals(core.system.read(first.file), text)
  core.system.write(first.file, "nonsense\n" .. text)
  t.assertEquals({ scan({ cache = folder }).known, lines(first.file) }, { 0, 5 })
end

-- A score that looks at gradients; statistics that are estimated anew after each cut.
function TestScan.testGradientsAndStatistics()
  local before = net:checksum()
  local plain, anew = scan { only = { "conv3" } }, scan { only = { "conv3" }, recalibrate = 8 }
  t.assertEquals(plain.dense, anew.dense)
  t.assertNotEquals(plain.layers[1].ap, anew.layers[1].ap)
  t.assertEquals(net:checksum(), before)
  local gradients = scan { only = { "conv3" }, score = "taylor", probe = 2 }
  t.assertEquals(gradients.dense, plain.dense)
  t.assertNotEquals(gradients.layers[1].ap, plain.layers[1].ap)
  t.assertEquals(net:checksum(), before)
end

-- Whole channels of one layer; what has not so many that may go has fewer scores.
function TestScan.testChannels()
  local before = net:checksum()
  local result = scan { pattern = "channel", score = "filter_l2", sparsity = { 0.5, 0.75, 0.999 } }
  t.assertEquals(net:checksum(), before)
  t.assertTrue(#result.layers[1].ap >= 2 and #result.layers[1].ap < 3, #result.layers[1].ap)
  t.assertNotEquals(result.layers[1].ap[2], result.dense)
  t.assertEquals(ap(net), result.dense)
  local again = scan { pattern = "channel", score = "filter_l2", sparsity = { 0.5, 0.75, 0.999 } }
  t.assertEquals(again.layers, result.layers)
end

function TestScan.testRefusals()
  local function refused(sentence, o) t.assertErrorMsgContains(sentence, scan, o) end
  refused("sensitivity: sparsity: expected rising shares above 0, got 0.3 after 0.5", { sparsity = { 0.5, 0.3 } })
  refused("each in 0..0.999999, got 1.5", { sparsity = { 1.5 } })
  refused("this one looks at training steps", { score = "movement" })
  refused("unknown score 'magnitud'", { score = "magnitud" })
  refused("'conv9' matches no parameter", { only = { "conv9" } })
  refused("'judge': expected one of voc|kitti|coco|poster, got 'none'", { judge = "none" })
  refused("has no option 'protocol', did you mean 'judge'?", { protocol = "voc" })
  refused("has no option 'sparsty', did you mean 'sparsity'?", { sparsty = { 0.5 } })
  t.assertErrorMsgContains("yl.sensitivity: expected a split (data.pick), got nothing", yl.sensitivity, net)
  t.assertErrorMsgContains("no frames to score on", yl.sensitivity, net, { name = "x", data = data, frames = {} })
end

-- One layer at a time is decomposed, as by hand; scores are kept with ranks and errors.
function TestDecompositions.testAgainstDecompositionsByHand()
  local before, folder = net:checksum(), fresh()
  local o = { method = "tucker2", ratio = { 0.6, 0.3 }, only = { "conv2", "conv3" }, cache = folder, sparsity = nil }
  local function look() return quiet(yl.sensitivity, net, data.dev, o) end
  local result = look()
  t.assertEquals(net:checksum(), before)
  t.assertEquals({ result.dense, result.known, result.method, #result.layers }, { ap(net), 0, "tucker2", 2 })
  for k, name in ipairs { "conv2", "conv3" } do
    local layer = result.layers[k]
    t.assertEquals({ layer.name, layer.ratio }, { name, { 0.6, 0.3 } })
    for i, ratio in ipairs(layer.ratio) do
      local made = yl.decompose(net, { method = "tucker2", layers = { name }, ratio = ratio })
      t.assertEquals({ layer.ap[i], layer.ranks[i], layer.error[i] }, { ap(made.net), made.layers[1].ranks, made.layers[1].error })
      t.assertTrue(layer.error[i] > 0 and layer.error[i] < 1)
    end
    t.assertTrue(layer.error[2] > layer.error[1])
  end
  t.assertStrContains((tostring(result):gsub("%s+", " ")), "keeps so much of its numbers")
  t.assertNotNil(tostring(result):find "[+-]%d+%.%d %(0%.%d%d%)")
  local text = core.system.read(result.file)
  core.system.write(result.file, text:sub(1, #text - 5)) -- killed while it wrote
  local again = look()
  t.assertEquals({ again.known, again.layers, again.file }, { 4, result.layers, result.file })
  t.assertEquals(look().known, 5)
  o.method = "svd"
  t.assertNotEquals(look().file, result.file)
  o.ratio = { 0.6, 0.001 } -- less than ranks of 1 leave
  local low = look()
  for _, layer in ipairs(low.layers) do t.assertEquals({ layer.ranks[2], layer.ap[2] or core.null }, { nil, core.null }) end
end

function TestDecompositions.testRefusals()
  local function refused(sentence, o)
    o.cache, o.sparsity = fresh(), o.sparsity
    t.assertErrorMsgContains(sentence, quiet, yl.sensitivity, net, data.dev, o)
  end
  refused("sensitivity: ratio: expected falling shares below 1, got 0.5 after 0.3", { method = "svd", ratio = { 0.3, 0.5 } })
  refused("sensitivity: ratio is of decompositions: expected method= with it", { ratio = { 0.5 } })
  refused("sensitivity: sparsity is of cuts, and method=svd decomposes", { method = "svd", sparsity = { 0.5 } })
  refused("sensitivity: score is of cuts, and method=svd decomposes", { method = "svd", score = "magnitude" })
  refused("expected one of cp|svd|tt|tucker2, got 'sdv'", { method = "sdv" })
end

TestShares = {}

local ranges = { { name = "a", count = 1000 }, { name = "b", count = 3000 }, { name = "c", count = 500 } }
local function layer(name, ...) return { parameter = name, name = name, sparsity = { 0.5, 0.9 }, ap = { ... } } end
local result = { dense = 0.8, layers = { layer("a", 0.8, 0.7), layer("b", 0.6, 0.2) } }

local function total(shares)
  local sum = 0
  for i, r in ipairs(ranges) do sum = sum + shares[i] * r.count end
  return sum
end

-- Equal drops: where a layer loses .1 at 90 %, one that loses .2 at 50 % gets a quarter. What was not scanned stays whole.
function TestShares.testEqualDrops()
  local shares, drop = scope.shares(result, ranges, 900 + 750)
  t.assertAlmostEquals(drop, 0.1, 1e-9)
  t.assertAlmostEquals(shares[1], 0.9, 1e-9)
  t.assertAlmostEquals(shares[2], 0.25, 1e-9)
  t.assertEquals(shares[3], 0)
end

function TestShares.testTotals()
  local before = { 0, 0, 0 }
  for _, zeros in ipairs { 0, 1, 250, 500, 501, 1000, 2000, 3500, 3999 } do
    local shares = scope.shares(result, ranges, zeros)
    t.assertAlmostEquals(total(shares), zeros, 1e-6 * math.max(1, zeros))
    for i = 1, 3 do
      t.assertTrue(shares[i] >= before[i] - 1e-9 and shares[i] <= 1, ("share %d for %d zeros"):format(i, zeros))
    end
    before = shares
    local sum = 0
    for _, group in ipairs(scope.groups(ranges, zeros, 4500, result)) do sum = sum + group.zeros end
    t.assertEquals(sum, zeros)
  end
end

-- An AP that rises with the zeros counts as one that stays.
function TestShares.testRisingAP()
  local shares = scope.shares({ dense = 0.5, layers = { layer("a", 0.9, 0.4), layer("b", 0.5, 0.5) } }, ranges, 500 + 2700)
  t.assertAlmostEquals(shares[1], 0.5, 1e-6)
  t.assertAlmostEquals(shares[2], 0.9, 1e-6)
end

local function prune(spec, out, resume)
  local o = yl.options { batch = 4, epochs = 4, seed = 7, out = out, resume = resume, optim = { lr = 1e-3 } }
  return quiet(function()
    local run <close> = yl.run(o)
    return yl.train { net = yl.load { model = top .. "/net.safetensors" }, data = data, run = run, options = o, yl.prune(spec) }
  end)
end

function TestPruning.testTheScheduleFollowsTheScan()
  local trained = prune({ schedule = "sensitivity", target = 0.6, rounds = 2 }, top .. "/guided")
  local scanned = core.json.decode(core.system.read(top .. "/guided/sensitivity.json"))
  local list, zeros, got = {}, 0, {}
  for _, r in ipairs(trained.model.net:ranges()) do
    for _, l in ipairs(scanned.layers) do
      if l.parameter == r.name then
        list[#list + 1], got[#got + 1] = r, r.count - core.nonzero(trained.model.net, r.name)
        zeros = zeros + got[#got]
      end
    end
  end
  local count = 0
  for _, r in ipairs(list) do count = count + r.count end
  t.assertEquals(zeros, math.floor(0.6 * count + 0.5))
  for i, share in ipairs((scope.shares(scanned, list, zeros))) do t.assertAlmostEquals(got[i], share * list[i].count, 1.5) end
  t.assertEquals(core.files.kind(top .. "/guided/plots/prune-sensitivity.svg"), "file")
end

function TestPruning.testOneOfBoth()
  t.assertErrorMsgContains("schedule=sensitivity decides each layer's share of the zeros, and so does scope=erk", yl.prune,
    { schedule = "sensitivity", scope = "erk" })
end

function TestVerb.testSensitivity()
  local words = { "sensitivity", "model=" .. top .. "/net.safetensors", "data=kitti", "data.root=" .. top .. "/data", "sparsity=.5,.9",
    "cache=" .. fresh(), "out=" .. top .. "/scan" }
  local r = program.json(words)
  t.assertEquals(#r.layers, 4)
  for _, l in ipairs(r.layers) do
    t.assertEquals({ l.sparsity, #l.ap, type(l.ap[1]), type(l.name) }, { { 0.5, 0.9 }, 2, "number", "string" })
  end
  t.assertEquals(core.files.kind(top .. "/scan/plots/prune-sensitivity.svg"), "file")
  t.assertStrContains(core.system.read(top .. "/scan/report.html"), "Sensitivity")
  words[#words] = nil -- json=true
  t.assertStrContains(program.ok(words), "9 of 9 were known")
end

function TestVerb.testDecompositions()
  local words = { "sensitivity", "model=" .. top .. "/net.safetensors", "data=kitti", "data.root=" .. top .. "/data", "method=svd",
    "ratio=.5,.25", "cache=" .. fresh(), "out=" .. top .. "/ranks" }
  local r = program.json(words)
  t.assertTrue(#r.layers >= 3, #r.layers)
  for _, l in ipairs(r.layers) do t.assertEquals({ #l.ratio, #l.ap, #l.error, #l.ranks[1] }, { 2, 2, 2, 1 }) end
  t.assertEquals({ r.method, r.axis }, { "svd", "ratio" })
  t.assertEquals(core.files.kind(top .. "/ranks/plots/prune-sensitivity.svg"), "file")
  t.assertStrContains(core.system.read(top .. "/ranks/report.html"), "decomposed by svd (in brackets the error")
end

function TestVerb.testWithoutANetwork()
  local status, _, err = program.run { "sensitivity", "data=synthetic", "data.frames=8", "data.root=" .. top .. "/streets",
    "sparsity=.5,.3", "cache=" .. fresh(), "out=" .. top .. "/refused" }
  t.assertStrContains(err, "no network given: using model=street")
  t.assertEquals({ status, err:match "[^\n]*\n$" },
    { 2, "yolua: command line: sensitivity: sparsity: expected rising shares above 0, got 0.3 after 0.5\n" })
end

function TestVerb.testRefusals()
  for sentence, words in pairs {
    ["ratio: expected falling shares below 1, got 0.7 after 0.5"] = { "method=svd", "ratio=.5,.7" },
    ["sparsity is of cuts, and method=svd decomposes"] = { "method=svd", "sparsity=.5" },
    ["ratio is of decompositions: expected method= with it"] = { "ratio=.5" },
    ["sparsity: expected rising shares above 0, got 0.3 after 0.5"] = { "sparsity=.5,.3" },
  } do
    local status, _, err = program.run { "sensitivity", "model=" .. top .. "/net.safetensors", "data=kitti", "data.root=" .. top .. "/data",
      "cache=" .. fresh(), "out=" .. top .. "/refused", table.unpack(words) }
    t.assertEquals({ status, err:find("yolua: command line: sensitivity: " .. sentence, 1, true) ~= nil }, { 2, true }, err)
  end
end

training.run(t)
