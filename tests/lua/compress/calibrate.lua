-- yl.calibrate and `yolua calibrate`: int8 is what the quantisation simulated in double precision gives, the checkpoint keeps it, and what
-- cannot run is refused in one sentence.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local training = require "support.training"
local yl = require "yolua"

local top = training.top
local data = training.data {}

local function calibrated(model, o) return training.quietly(yl.calibrate, model, data.train, o or { frames = 8 }) end

local small = require "support.small_int8"
local RANGES, network = small.ranges, small.network

local function rounded(x) -- halves to the even neighbour
  local low = math.floor(x)
  local rest = x - low
  if rest ~= 0.5 then return math.floor(x + 0.5) end
  return low % 2 == 0 and low or low + 1
end

-- {n = 1 image as [h][w][c]}: what the bytes of that range say of it
local function quantised(x, range)
  local low, high = math.min(range[1], 0), math.max(range[2], 0)
  local scale = (high - low) / 255
  local zero = rounded(-low / scale)
  local y = {}
  for i, row in ipairs(x) do
    y[i] = {}
    for j, pixel in ipairs(row) do
      y[i][j] = {}
      for c, v in ipairs(pixel) do y[i][j][c] = scale * (math.max(0, math.min(255, rounded(v / scale) + zero)) - zero) end
    end
  end
  return y
end

-- y[i][j][o] = f(i, j, o)
local function map(h, w, c, f)
  local y = {}
  for i = 1, h do
    y[i] = {}
    for j = 1, w do
      y[i][j] = {}
      for o = 1, c do y[i][j][o] = f(i, j, o) end
    end
  end
  return y
end

-- A convolution with weights as bytes; o: size, stride, act, factor and bias per output channel.
local function convolution(x, weight, o)
  local h, w, c, n, pad = #x, #x[1], #x[1][1], #o.bias, o.size // 2
  local per, bytes = o.size * o.size * c, {}
  for k = 1, n do
    local most = 0
    for i = 1, per do most = math.max(most, math.abs(weight[(k - 1) * per + i] * o.factor[k])) end
    for i = 1, per do bytes[(k - 1) * per + i] = most / 127 * rounded(weight[(k - 1) * per + i] * o.factor[k] / (most / 127)) end
  end
  return map((h - 1) // o.stride + 1, (w - 1) // o.stride + 1, n, function(i, j, k)
    local sum, at = o.bias[k], (k - 1) * per
    for u = 0, o.size - 1 do
      for v = 0, o.size - 1 do
        local pixel = (x[(i - 1) * o.stride + 1 + u - pad] or {})[(j - 1) * o.stride + 1 + v - pad]
        for q = 1, c do sum = sum + (pixel and pixel[q] or 0) * bytes[at + (u * o.size + v) * c + q] end
      end
    end
    return sum > 0 and sum or o.act * sum
  end)
end

local function simulated(net, x)
  local function get(name) return net:get(name) end
  local scale, mean, var, shift = get "conv1.bn.scale", get "conv1.bn.mean", get "conv1.bn.var", get "conv1.bn.bias"
  local factor, bias, ones = {}, {}, {}
  for i = 1, 11 do ones[i] = 1 end
  for i = 1, 5 do
    factor[i] = scale[i] / math.sqrt(var[i] + 1e-5)
    bias[i] = shift[i] - factor[i] * mean[i]
  end
  local r = RANGES.layers
  local a = quantised(convolution(quantised(x, RANGES.input), get "conv1.weight", { size = 3, stride = 1, act = 0.1, factor = factor,
    bias = bias }), r["conv1.act"])
  local pooled = map(4, 4, 5, function(i, j, c)
    return math.max(a[2 * i - 1][2 * j - 1][c], a[2 * i][2 * j - 1][c], a[2 * i - 1][2 * j][c], a[2 * i][2 * j][c])
  end)
  local b = quantised(convolution(pooled, get "conv2.weight", { size = 3, stride = 2, act = 0, factor = ones, bias = get "conv2.bias" }),
    r["conv2.act"])
  local both = quantised(map(4, 4, 11, function(i, j, c)
    return c <= 6 and b[(i + 1) // 2][(j + 1) // 2][c] or pooled[i][j][c - 6]
  end), r.route1)
  local d = quantised(convolution(both, get "conv3.weight", { size = 1, stride = 1, act = 0.1, factor = ones, bias = get "conv3.bias" }),
    r["conv3.act"])
  local sum = quantised(map(4, 4, 11, function(i, j, c) return 2 * d[i][j][c] end), r.shortcut1)
  return convolution(sum, get "conv4.weight", { size = 1, stride = 1, act = 1, factor = ones, bias = get "conv4.bias" })
end

local function flat(x)
  local out = {}
  for _, row in ipairs(x) do
    for _, pixel in ipairs(row) do table.move(pixel, 1, #pixel, #out + 1, out) end
  end
  return out
end

TestInt8 = {}

-- An output is the simulation's but for rounding, save where a number lay so near the middle of two bytes that f32 took the other one.
function TestInt8.testIsTheSimulation()
  local net <close> = network()
  net:calibrate(core.json.encode(RANGES), "test")
  local images = 12
  local plan <close> = net:plan { mode = "infer", batch = images, precision = "int8" }
  local plain <close> = net:plan { mode = "infer", batch = images }
  core.noise(plain, 3)
  local input = plain:output(0)
  plain:forward()
  local exact = plain:output "conv4"
  plan:input(input)
  plan:forward()
  local got, near, apart, most = plan:output "conv4", 0, 0, 0
  for n = 0, images - 1 do
    local want = flat(simulated(net, map(8, 8, 3, function(i, j, c) return input[((n * 8 + i - 1) * 8 + j - 1) * 3 + c] end)))
    for i, value in ipairs(want) do
      local k = n * #want + i
      most = math.max(most, math.abs(value))
      near = near + (math.abs(got[k] - value) <= 1e-5 and 1 or 0)
      apart = math.max(apart, math.abs(got[k] - value))
    end
  end
  t.assertTrue(near >= 0.9 * #got, ("%d of %d"):format(near, #got))
  t.assertTrue(apart <= 0.03 * most, ("%g of %g"):format(apart, most))
  local off = 0
  for k, value in ipairs(got) do off = math.max(off, math.abs(value - exact[k])) end
  t.assertTrue(off > 1e-3 and off < 0.2 * most, off) -- and it is not the f32 network
  for _, name in ipairs { "conv1", "conv2", "conv3", "conv4" } do t.assertStrContains(plan:algorithm(name, "forward"), "int8") end
end

-- Layers that know no bytes, and those that are to stay f32, get and give f32; kept outputs read as what their bytes stand for.
function TestInt8.testMixed()
  local net <close> = network()
  local ranges = { input = RANGES.input, layers = RANGES.layers, f32 = { "conv2", "conv4" } }
  net:calibrate(core.json.encode(ranges), "test")
  local plan <close> = net:plan { mode = "infer", batch = 1, precision = "int8", outputs = "conv1.act,conv2.act" }
  local plain <close> = net:plan { mode = "infer", batch = 1, outputs = "conv1.act,conv2.act" }
  core.noise(plain, 3)
  local input, want, got = plain:output(0), {}, {}
  plain:forward()
  for _, name in ipairs { "conv1.act", "conv2.act", "conv4" } do want[name] = plain:output(name) end
  plan:input(input)
  plan:forward()
  for _, name in ipairs { "conv1.act", "conv2.act", "conv4" } do got[name] = plan:output(name) end
  t.assertNotStrContains(plan:algorithm("conv2", "forward"), "int8")
  local step = 3.4 / 255
  for i, value in ipairs(got["conv1.act"]) do
    local bytes = (value + 0.4) / step
    t.assertTrue(math.abs(bytes - rounded(bytes)) < 0.01) -- the lattice of that range, whose zero is byte 30 of 29.99
    t.assertAlmostEquals(value, math.max(-0.4, math.min(3, want["conv1.act"][i])), 3 * step)
  end
  for i, value in ipairs(got.conv4) do t.assertAlmostEquals(value, want.conv4[i], 0.3) end
end

-- Each weight takes a byte and each channel three numbers, of channels up to a multiple of 4: layers of few channels fill no vectors up.
function TestInt8.testPackedWeightsAreTight()
  local layers, ranges, bytes, c = {}, { input = { 0, 1 }, layers = {}, f32 = {} }, 0, 4
  for i, filters in ipairs { 8, 24, 4, 72, 20, 12 } do
    table.move({ { "conv2d", name = "conv" .. i, filters = filters, size = 3, pad = true, bias = false }, { "batchnorm", name = "bn" .. i },
      { "activation", name = "act" .. i, activation = "leaky" } }, 1, 3, #layers + 1, layers)
    ranges.layers["act" .. i] = { -1, 3 }
    bytes, c = bytes + filters * 9 * c + math.max(8 * filters, 64) + 4 * filters + 16, filters
  end
  local net <close> = core.net { h = 8, w = 8, c = 4, seed = 2, layers = layers }
  net:calibrate(core.json.encode(ranges), "test")
  local plan <close> = net:plan { mode = "infer", batch = 1, precision = "int8" }
  for i = 1, 6 do t.assertStrContains(plan:algorithm("conv" .. i, "forward"), "int8") end
  local _, _, packed = plan:memory()
  t.assertTrue(packed <= bytes, ("%d, at most %d"):format(packed, bytes))
end

TestCalibrate = {}

function TestCalibrate.testTheCheckpointKeepsIt()
  local model, path = training.model(), top .. "/int8.safetensors"
  local before = model:checksum()
  local r = calibrated(model, { frames = 8, out = path })
  t.assertEquals(model:checksum(), before)
  t.assertEquals(#r.layers, 5)
  t.assertEquals({ r.layers[1].precision, r.layers[5].precision, r.method, r.frames }, { "int8", "f32", "kl", 8 })
  for i = 1, 4 do
    local l = r.layers[i]
    t.assertAlmostEquals(l.scale, (math.max(l.high, 0) - math.min(l.low, 0)) / 255, 1e-6 * l.scale)
    t.assertTrue(l.error > 0 and l.error < 0.25)
  end
  t.assertStrContains(tostring(r), "written: " .. path)
  local again = yl.load { model = path }
  local words = { "bench", "model=" .. path, "precision=int8", "runs=1", "layers=true" }
  local layers = program.json(words).layers
  t.assertStrContains(layers[1].algorithm, "int8")
  t.assertTrue(again.net:calibrated())
  t.assertEquals(again.calibration, model.calibration)
  again:save(top .. "/again.safetensors")
  t.assertEquals(core.system.read(top .. "/again.safetensors"), core.system.read(path))
end

-- The same frames give the same bytes, whatever the batch and whichever algorithms were the fastest when they were measured.
function TestCalibrate.testIsDeterministic()
  local a, b = yl.load { model = "street" }, yl.load { model = "street" }
  calibrated(a, { frames = 3, batch = 1 })
  for _, algorithm in ipairs { "winograd", "gemm" } do
    b:plan { mode = "infer", batch = 2 }
    core.algorithms((core.algorithms():gsub("= %w+", "= " .. algorithm)))
    calibrated(b, { frames = 3, batch = 2 })
    t.assertEquals(a.calibration, b.calibration, algorithm)
  end
end

-- Each method has a range inside of all that was seen, and mse has the least error.
function TestCalibrate.testMethods()
  local errors, widest = {}, nil
  for _, method in ipairs { "minmax", "percentile", "mse", "kl" } do
    local r = calibrated(training.model(), { frames = 8, method = method,
      share = method == "percentile" and 0.99 or nil })
    local l = r.layers[1]
    widest = widest or l
    errors[method] = l.error
    t.assertTrue(l.low >= widest.low and l.high <= widest.high, method)
  end
  for _, method in ipairs { "minmax", "percentile", "kl" } do t.assertTrue(errors.mse <= errors[method], method) end
  t.assertTrue(errors.percentile ~= errors.minmax)
end

function TestCalibrate.testDetectionsAreThoseOfF32()
  local o = training.options { epochs = 12, optim = { name = "adam", lr = 3e-3 } }
  local model = training.quietly(yl.train, { net = training.model(), data = data, options = o }).model
  local frame, n = data.dev.frames[1].image, 0
  local want = model:detect(frame, { conf = 0.3 })
  calibrated(model, { frames = 24 })
  t.assertErrorMsgContains("expected one of f32, bf16, f16, int8, got 'int9'", function() model.precision = "int9" end)
  model.precision = "int8"
  local got = model:detect(frame, { conf = 0.2 })
  for _, d in ipairs(want) do
    for _, e in ipairs(got) do
      local near = d.class == e.class and math.abs(d.score - e.score) < 0.1
      for k = 1, 4 do near = near and math.abs(d.box[k] - e.box[k]) < 4 end
      n = n + (near and 1 or 0)
    end
  end
  t.assertTrue(#want >= 1 and n >= #want, ("%d of %d"):format(n, #want))
end

TestRefused = {}

local function fails(sentence, f, ...)
  local ok, said = pcall(training.quietly, f, ...)
  t.assertFalse(ok, sentence)
  t.assertStrContains(tostring(said), sentence)
end

function TestRefused.testCalls()
  local model = training.model()
  fails("expected a name that ends in .safetensors", yl.calibrate, model, data.train, { out = "x.weights" })
  fails("no convolution matches 'conv77'", yl.calibrate, model, data.train, { keep_f32 = { "conv77" } })
  fails("frames", yl.calibrate, model, data.train, { frames = 0 })
  fails("a split (data.train)", yl.calibrate, model, {})
  fails("method", yl.calibrate, model, data.train, { method = "median" })
  t.assertNil(model.calibration)
end

-- A calibration is of the weights that it was made with, and of no other network.
function TestRefused.testAnotherNetworks()
  local model = training.model()
  calibrated(model)
  local plan = { mode = "infer", batch = 1, precision = "int8" }
  model.layers.conv2.weight:mul_(2)
  fails("weights have changed since it was calibrated", model.plan, model, plan)
  model:save(top .. "/changed.safetensors")
  t.assertNil(core.safetensors.info(top .. "/changed.safetensors").metadata.int8)
  local net <close> = network()
  fails("is of another network: it names the layer 'conv4.act'", net.calibrate, net, model.calibration, "x.safetensors")
  for text, sentence in pairs { ["{"] = "line 1", ["{}"] = "expected a map of layers", ['{"layers":{},"f32":[]}'] = "a list of two numbers",
    ['{"input":[0,1],"layers":{},"f32":[3]}'] = "names of layers", ['{"input":[2,1],"layers":{},"f32":[]}'] = "got 2 to 1",
    ['{"input":[0,1],"layers":{}}'] = "'f32'" } do
    fails(sentence, net.calibrate, net, text, "x.safetensors")
  end
  fails("needs a calibrated network", net.plan, net, plan) -- nothing of them has stayed
end

-- A copy has its network's calibration, and so has a small file of weights that were shared already; where weights change, that is said.
function TestRefused.testOtherFiles()
  local model, file = training.model(), top .. "/small.safetensors"
  local warnings, warn = {}, core.system.warn
  local function made(f, ...)
    warnings = {}
    core.system.warn = function(text) warnings[#warnings + 1] = text end
    local ok, result = pcall(f, ...)
    core.system.warn = warn
    t.assertTrue(ok, result)
    return result
  end
  calibrated(model)
  t.assertTrue(yl.copy(model).net:calibrated())
  made(yl.compress, model, { out = file, bits = { conv = 3 } })
  t.assertStrContains(warnings[1], "compress: the calibration of " .. model.path .. " for int8 is left out, since it belongs to other")
  model = yl.load { model = file }
  t.assertFalse((model.net:calibrated()))
  calibrated(model)
  local second = top .. "/second.safetensors"
  made(yl.compress, model, { out = second })
  t.assertEquals(warnings, {})
  local again = yl.load { model = second }
  t.assertTrue(again.net:calibrated())
  t.assertEquals(again.calibration, model.calibration)
  made(yl.decompose, model, { ratio = 0.5 })
  t.assertStrContains(warnings[1], "decompose: the calibration of")
  made(yl.compact, model)
  t.assertStrContains(warnings[1], "compact: the calibration of")
  made(yl.decompose, training.model(), { ratio = 0.5 })
  t.assertEquals(warnings, {})
end

function TestRefused.testVerbs()
  local config = "config=" .. training.top .. "/config.yaml"
  local cfg, names = "cfg=" .. training.top .. "/tiny.cfg", "names=" .. training.top .. "/tiny.names"
  local function says(sentence, words)
    local status, _, err = program.run(words)
    t.assertTrue(status ~= 0)
    t.assertStrContains(err, sentence)
    t.assertNotStrContains(err, "traceback")
  end
  local root = "data.root=" .. training.top .. "/data"
  says("out is missing", { "calibrate", cfg, names, "data=kitti", root })
  says("yolua calibrate has no option 'workers', did you mean 'data.workers'?",
    { "calibrate", cfg, names, "data=kitti", root, "workers=0" })
  for sentence, word in pairs {
    ["option 'out': expected a name that ends in .safetensors, got 'a.txt'"] = "out=a.txt",
    ["calibrate: keep_f32: no convolution matches 'nope'"] = "keep_f32=nope",
    ["calibrate: share has no effect: method=kl: expected method=percentile with it"] = "share=.99",
  } do
    local status, _, err = program.run { "calibrate", cfg, names, "data=kitti", root, "out=" .. training.top .. "/a.safetensors", word }
    t.assertEquals({ status, err:find("yolua: command line: " .. sentence, 1, true) ~= nil }, { 2, true }, err)
  end
  says("needs a calibrated network", { "val", cfg, names, "data=kitti", root, "precision=int8" })
  says("needs a calibrated network", { "bench", cfg, names, "precision=int8" })
  says("a training runs in f32", { "train", config, "precision=int8", "out=" .. top .. "/run" })
  t.assertNil(core.files.kind(top .. "/run"))
end

training.run(t)
