-- Int8 in ONNX and ncnn: what the files say, run by plain Lua, is what the network computes in int8.
local t = require "luaunit"
local core = require "yolua.core"
local ncnn = require "support.ncnn"
local onnx = require "support.onnx"
local program = require "support.program"
local small = require "support.small_int8"
local training = require "support.training"
local yl = require "yolua"

local top = training.top

-- {n, h, w, c} as {n, c, h, w}
local function turned(numbers, s)
  local out = {}
  for n = 0, s[1] - 1 do
    for c = 0, s[4] - 1 do
      for p = 0, s[2] * s[3] - 1 do out[#out + 1] = numbers[(n * s[2] * s[3] + p) * s[4] + c + 1] end
    end
  end
  return out
end

-- The root mean square of the difference, relative to that of what is expected; and how many agree to the last digits.
local function compared(expected, got)
  t.assertEquals(#got, #expected)
  local off, all, near = 0, 0, 0
  for i, v in ipairs(expected) do
    off, all = off + (got[i] - v) ^ 2, all + v ^ 2
    near = near + (math.abs(got[i] - v) <= 1e-4 and 1 or 0)
  end
  return (off / all) ^ 0.5, near / #expected
end

-- Writes the small network with these ranges; returns what it gives in int8 on noise, that noise, and what it gives in f32.
local function written(ranges, write)
  local net <close> = small.network()
  net:calibrate(core.json.encode(ranges), "test")
  local plain <close> = net:plan { mode = "infer", batch = 1 }
  core.noise(plain, 5)
  local input, shape = plain:output(0)
  plain:forward()
  local f32 = turned(plain:output "conv4")
  local plan <close> = net:plan { mode = "infer", batch = 1, precision = "int8" }
  plan:input(input)
  plan:forward()
  write(net, plan)
  return turned(plan:output "conv4"), turned(input, shape), f32
end

local onnx_cases = {}

function onnx_cases.testIsWhatTheNetworkComputes()
  local path = top .. "/int8.onnx"
  for _, f32 in ipairs { {}, { "conv2" }, { "conv1", "conv4" } } do
    local ranges = { input = small.ranges.input, layers = small.ranges.layers, f32 = f32 }
    local expected, input, exact = written(ranges, function(net, plan) core.export.onnx(net, path, {}, {}, plan) end)
    local model, count = onnx.read(path), 0
    for _, n in ipairs(model.nodes) do count = count + (n.op == "QuantizeLinear" and 1 or 0) end
    t.assertTrue(count >= 4, count)
    local got = onnx.run(model, input).conv4.values
    local off, near = compared(expected, got)
    t.assertTrue(off < 0.02 and near > 0.85, ("%g, %g"):format(off, near))
    t.assertTrue(compared(exact, got) > 3 * off)
  end
end

-- A filter of zeros keeps its bias, however its bytes count.
function onnx_cases.testDeadFilter()
  local net <close> = small.network()
  local w, b = net:get "conv4.weight", net:get "conv4.bias"
  for i = 1, 11 do w[i] = 0 end
  b[1] = 0.123
  net:set("conv4.weight", w)
  net:set("conv4.bias", b)
  net:calibrate(core.json.encode(small.ranges), "test")
  local plan <close> = net:plan { mode = "infer", batch = 1, precision = "int8" }
  core.export.onnx(net, top .. "/dead.onnx", {}, {}, plan)
  local input = {}
  for i = 1, 3 * 8 * 8 do input[i] = i % 7 / 7 end
  local got = onnx.run(onnx.read(top .. "/dead.onnx"), input).conv4.values
  for i = 1, 16 do t.assertAlmostEquals(got[i], 0.123, 1e-6) end
end

TestNcnn = {}

-- Its bytes are signed, and what lies between layers is f32: near the network in f32, but not it.
function TestNcnn.testNearTheNetwork()
  local path = top .. "/int8.param"
  local expected, input, exact = written(small.ranges, function(net, plan) core.export.ncnn(net, path, plan) end)
  local model = ncnn.read(path)
  local got = onnx.run(model, input).conv4.values
  t.assertTrue(compared(expected, got) < 0.15)
  local off = compared(exact, got)
  t.assertTrue(off < 0.15 and off > 1e-4, off)
  local bytes = 0
  for _, n in ipairs(model.nodes) do bytes = bytes + (n.op == "SignedBytes" and 1 or 0) end
  t.assertEquals(bytes, 4)
end

local verb_cases = {}

function verb_cases.testExport()
  local model, path = training.model(), top .. "/model.safetensors"
  local from = "model=" .. path
  training.quietly(yl.calibrate, model, training.data({}).train, { frames = 4, out = path })
  local whole = program.json { "export", from, "out=" .. top .. "/f32.onnx" }
  local bytes = program.json { "export", from, "precision=int8", "out=" .. top .. "/bytes.onnx" }
  t.assertTrue(bytes.bytes < 0.5 * whole.bytes)
  program.ok { "export", from, "precision=int8", "imgsz=96x96", "out=" .. top .. "/other.onnx" } -- another size is another network
  t.assertEquals(onnx.read(top .. "/other.onnx").inputs[1].dims, { 1, 3, 96, 96 })
  local function refused(sentence, words)
    local status, _, err = program.run(words)
    t.assertTrue(status ~= 0)
    t.assertStrContains(err, sentence)
  end
  refused("precision=int8: format=darknet has no use for it", { "export", from, "precision=int8", "format=darknet",
    "out=" .. top .. "/d/" })
  refused("expected one of f32|int8, got 'bf16'", { "export", from, "precision=bf16", "out=" .. top .. "/x.onnx" })
  refused("expected fold=true", { "export", from, "precision=int8", "fold=false", "out=" .. top .. "/x.onnx" })
  refused("needs a calibrated network", { "export", "cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", "precision=int8",
    "out=" .. top .. "/x.onnx" })
end

if core.export.available "onnx" then
  TestOnnx, TestVerb = onnx_cases, verb_cases
else print "SKIP ONNX: this build cannot write it" end

training.run(t)
