-- Convolutions through cuDNN: on its double, whose engines compute, and, where the library itself is installed, plans by that one, which
-- checks graphs for a GPU that is not there.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"
local convolutions = require "support.convolutions"
local program = require "support.program"
local sanitizer = require "support.sanitizer"

local TOP = os.getenv "YOLUA_SOURCE" or "."
local double = os.getenv "YOLUA_CUDNN" or ""
if not double:find "double" then
  print "SKIP cuDNN's double: YOLUA_CUDNN is not it"
  os.exit(0)
end

TestCudnn = {}

-- Every case in every direction; odd channels too.
table.insert(convolutions.CASES, { 7, 5, 5, { filters = 7, size = 3, stride_x = 2, stride_y = 1, pad = true } })
for precision in pairs(convolutions.UNIT) do
  TestCudnn["test_" .. precision] = function()
    t.assertEquals(convolutions.check("cudnn", precision), 3 * #convolutions.CASES)
    t.assertEquals(convolutions.check("cudnn_2", precision), 3 * #convolutions.CASES)
  end
end

-- 1x1 pixels by weights of 1; the double's first suitable engine is one of tensor cores, which round to TF32, the second is exact.
local function product(value, algorithm, tf32)
  local layers = { { "conv2d", name = "c", bias = false, inputs = { 0 } } }
  local net = core.net { h = 1, w = 1, c = 1, device = "cuda", layers = layers }
  net:set("c.weight", { 1 })
  local plan <close> = net:plan { mode = "infer", batch = 1, algorithm = algorithm, tf32 = tf32 }
  plan:input { value }
  plan:forward {}
  return plan:output(1)[1]
end

function TestCudnn.test_products()
  local value = 1 + 2 ^ -11
  t.assertEquals(product(value, "cudnn", true), 1 + 2 ^ -10)
  t.assertEquals(product(value, "cudnn_2", true), value)
  t.assertEquals(product(value, "cudnn", false), value)
end

-- Batch-norm, bias and activation in inference, with a graph that holds them and without.
local function outputs(device, activation, precision)
  local layers = { { "conv2d", name = "a", filters = 6, size = 3, pad = true, bias = false, inputs = { 0 } },
    { "batchnorm", name = "a.bn" },
    { "activation", name = "a.act", activation = activation }, { "conv2d", name = "b", filters = 4, size = 1 },
    { "activation", name = "b.act", activation = activation }, { "conv2d", name = "c", filters = 3, size = 1, bias = false },
    { "activation", name = "c.act", activation = activation } }
  local net, random = core.net { h = 5, w = 6, c = 4, seed = 3, device = device, layers = layers }, check.random(8)
  for _, range in ipairs(net:ranges()) do
    local values = {}
    for i = 1, range.count do values[i] = (range.name:match "var$" and 1.5 or 0) + random() end
    net:set(range.name, values)
  end
  local plan <close> = net:plan { mode = "infer", batch = 2, algorithm = device == "cuda" and "cudnn" or nil, precision = precision,
    tf32 = false }
  local x = {}
  for i = 1, 2 * 5 * 6 * 4 do x[i] = random() end
  plan:input(x)
  plan:forward {}
  if device == "cuda" then t.assertEquals(plan:algorithm(1, "forward"), "cudnn") end
  return plan:output "c.act"
end

function TestCudnn.test_fused()
  for _, activation in ipairs { "linear", "relu", "leaky", "swish", "mish", "logistic" } do
    local want = outputs("cpu", activation)
    check.compare(outputs("cuda", activation), want, 1e-5, activation)
    check.compare(outputs("cuda", activation, "bf16"), want, 8 * 2 ^ -8, activation .. " in bf16")
    check.compare(outputs("cuda", activation, "f16"), want, 8 * 2 ^ -11, activation .. " in f16")
  end
end

-- What a graph has captured computes with what lies at its tensors' addresses when it is launched.
function TestCudnn.test_captured()
  local layers = { { "conv2d", name = "c", filters = 2, inputs = { 0 } } }
  local net = core.net { h = 1, w = 2, c = 1, device = "cuda", layers = layers }
  net:set("c.weight", { 1, 2 })
  net:set("c.bias", { 10, 20 })
  local plan <close> = net:plan { mode = "infer", batch = 1, algorithm = "cudnn" }
  for i = 1, 4 do
    plan:input { i, -i }
    plan:forward {}
    t.assertEquals(plan:output(1), { 10.0 + i, 20.0 + 2 * i, 10.0 - i, 20.0 - 2 * i })
  end
  t.assertEquals({ plan:captured(), plan:algorithm(1, "forward") }, { 1, "cudnn" })
end

-- Who is large enough is measured; what is chosen is an algorithm of the device.
function TestCudnn.test_measured()
  local net = core.net { h = 24, w = 24, c = 32, device = "cuda", layers = { { "conv2d", name = "c", filters = 32, size = 3, pad = true,
    inputs = { 0 } } } }
  local plan <close> = net:plan { mode = "infer", batch = 1 }
  local chosen = plan:algorithm(1, "forward")
  t.assertTrue(chosen == "mma" or chosen == "gemm" or chosen:find "^cudnn" ~= nil, chosen)
end

-- What `words` print with YOLUA_CUDNN and YOLUA_CUDNN_ABSENT so.
local function with(cudnn, absent, words)
  words.environment = ("%s YOLUA_CUDNN='%s' YOLUA_CUDNN_ABSENT='%s'"):format(sanitizer.no_leaks, cudnn, absent)
  local status, out, err = program.run(words)
  t.assertEquals(status, 0, err)
  return out
end

local PLANS = [[local core = require "yolua.core"
for _, spec in ipairs { { "f32", false }, { "f32", true }, { "bf16" }, { "f16" } } do
  for _, c in ipairs { { 4, { filters = 8, size = 3, pad = true } }, { 3, { filters = 7, size = 3, stride = 2, pad = true } },
    { 8, { filters = 8, size = 3, dilation = 2, groups = 2 } } } do
    local o = { "conv2d", name = "c", inputs = { 0 } }
    for key, value in pairs(c[2]) do o[key] = value end
    local net = core.net { h = 16, w = 12, c = c[1], device = "cuda", layers = { o, { "activation", activation = "relu" } } }
    for _, mode in ipairs { "train", "infer" } do
      local ok, plan = pcall(net.plan, net, { mode = mode, batch = 2, precision = spec[1], tf32 = spec[2], algorithm = "cudnn",
        whole_gradient = mode == "train" })
      if not ok then print(plan) os.exit(0) end
      for _, d in ipairs(mode == "train" and { "forward", "data", "weights" } or { "forward" }) do io.write(plan:algorithm(1, d), " ") end
      plan:close()
    end
  end
end]]

-- The library itself takes the graphs for an H100 and finds engines, which needs no driver.
function TestCudnn.test_library()
  local real
  for _, folder in ipairs { "/usr/local/cuda/lib64", "/usr/local/cuda/lib", "/usr/lib/x86_64-linux-gnu", os.getenv "YOLUA_CUDNN_FOLDER" } do
    local path = folder .. "/libcudnn.so.9"
    if core.files.kind(path) == "file" then real = real or path end
  end
  if not real then return print "SKIP cuDNN itself: libcudnn.so.9 is not installed" end
  t.assertEquals((with(real, TOP .. "/tests/gpu/h100.json", { "-e", PLANS })), ("cudnn "):rep(4 * 3 * 4))
end

function TestCudnn.test_without()
  local DOCTOR = { "doctor" }
  t.assertStrContains(with(double, "", DOCTOR), "cuDNN 9.19.0: convolutions are measured with it and without")
  t.assertStrContains(with("none", "", DOCTOR), "cuDNN is not used: YOLUA_CUDNN is none; convolutions run with yolua's own kernels")
  t.assertStrContains(with("/nowhere/libcudnn.so.9", "", DOCTOR), "cuDNN cannot be opened: /nowhere/libcudnn.so.9: cannot")
  t.assertStrContains(with(program.path, "", DOCTOR), "convolutions run with yolua's own kernels")
  local say = [[local core = require "yolua.core"
    local net = core.net { h = 4, w = 4, c = 4, device = "cuda", layers = { { "conv2d", filters = 4, size = 3 } } }
    print(select(2, pcall(net.plan, net, { mode = "infer", algorithm = "cudnn" })))
    local plan = net:plan { mode = "infer" }
    print(plan:algorithm(1, "forward"))]]
  t.assertStrContains(with("none", "", { "-e", say }), "algorithm 'cudnn' is unknown on cuda:0")
  t.assertStrContains(with("none", "", { "-e", say }), "mma\n")
end

os.exit(t.LuaUnit.run())
