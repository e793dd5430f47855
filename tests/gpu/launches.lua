-- bench plan=true: what a network would launch, without a GPU and without computing anything.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local STREET = "cfg=" .. (os.getenv "YOLUA_SOURCE" or ".") .. "/recipes/models/street.cfg"

-- x {2, 6, 5, 3}, convolved to {2, 6, 5, 4} by weights {4, 3, 3, 3}
local function network(device)
  local layers = { { "conv2d", name = "one", filters = 4, size = 3, pad = true, inputs = { 0 } },
    { "activation", name = "two", activation = "leaky", inputs = { "one" } }, { "shortcut", name = "three", inputs = { "one", "two" } } }
  return core.net { h = 6, w = 5, c = 3, seed = 1, device = device, layers = layers }
end
local X, Y, W = 2 * 6 * 5 * 3, 2 * 6 * 5 * 4, 4 * 3 * 3 * 3

local function found(list)
  local calls = {}
  for _, call in ipairs(list) do calls[#calls + 1] = { call.kernel, call.bytes, call.flops } end
  return calls
end

TestLaunches = {}

function TestLaunches.testBytesAndOperations()
  local net = network "cuda:none"
  local plan <close> = net:plan { mode = "train", batch = 2, keep = true }
  core.noise(plan, 1)
  local forward = core.launches(90, function() plan:forward {} end)
  t.assertEquals(found(forward), { { "conv2d forward gemm", 4.0 * (X + Y + W), 2.0 * Y * 27 }, { "activation_forward", 8.0 * Y, 2.0 * Y },
    { "shortcut_forward", 12.0 * Y, 3.0 * Y } })
  t.assertEquals({ #forward[1], forward[1][1].blocks, forward[1][1].threads }, { 1, 1, 256 })
  local dy = {}
  for i = 1, Y do dy[i] = 1 end
  local added = {}
  for _, call in ipairs(core.launches(90, function() plan:backward(dy) end)) do added[call.kernel] = call.bytes end
  t.assertEquals(added["conv2d weights gemm"], 4.0 * (X + Y) + 8 * W) -- gradients of parameters are added to
  t.assertEquals(added.activation_backward, 4.0 * Y * 5) -- reads x, y and dy; dx, which the shortcut has written, is added to
end

-- Nothing is computed: who asks for results is told so.
function TestLaunches.testNoResults()
  local net = network "cuda:none"
  local plan <close> = net:plan { mode = "infer", batch = 2, keep = true }
  core.noise(plan, 1)
  plan:forward {}
  t.assertErrorMsgContains("cuda:none is a GPU that is not there and computes nothing; expected device=cuda", plan.output, plan, "one")
  t.assertErrorMsgContains("broken", core.launches, 90, function() error "broken" end)
  t.assertErrorMsgContains("cuda:none is a GPU", plan.output, plan, "one") -- nobody listens after an error
end

function TestLaunches.testVerb()
  local r = program.json { "bench", "device=cuda", "plan=true", "mode=train", STREET, "batch=2", "gpu=a100", "tf32=false" }
  local launches, bytes, kernels = 0, 0, {}
  for _, k in ipairs(r.kernels) do launches, bytes, kernels[k.kernel] = launches + k.launches, bytes + k.bytes, k end
  t.assertEquals({ r.gpu, r.launches, r.bytes }, { "a100", launches, bytes })
  t.assertEquals(kernels["conv2d forward gemm"].bound, "arithmetic")
  t.assertEquals(kernels.batchnorm_forward.bound, "memory")
  t.assertAlmostEquals(kernels.batchnorm_forward.least_ms, 1e3 * kernels.batchnorm_forward.bytes / 2.039e12, 1e-9)
  t.assertEquals({ kernels.step_sgd.launches, kernels.sum_squares.launches }, { 1, 2 }) -- the whole slab at once
  local on_tensor_cores = {}
  for _, k in ipairs(program.json { "bench", "device=cuda", "plan=true", STREET, "gpu=a100" }.kernels) do on_tensor_cores[k.kernel] = k end
  local mma = on_tensor_cores["conv2d forward mma"]
  t.assertTrue(mma.least_ms <= 1e3 * (mma.flops / 156e12 + mma.bytes / 2.039e12)) -- the rate of TF32, not that of f32
  t.assertStrContains(program.ok { "bench", "device=cuda", "plan=true", STREET }, "forward pass on h200, f32, 416x128, batch 1\n")
end

function TestLaunches.testRefusals()
  for sentence, words in pairs {
    ["plan=true is of a GPU's launches: expected device=cuda, got device=cpu"] = { "bench", "plan=true", STREET },
    ["gpu= says which GPU plan=true is about: expected plan=true"] = { "bench", "gpu=h100", STREET },
    ["plan=true measures nothing: expected no layers=true"] = { "bench", "device=cuda", "plan=true", "layers=true", STREET },
  } do
    local status, _, said = program.run(words)
    t.assertEquals(status, 2)
    t.assertStrContains(said, sentence)
  end
end

-- The real plug-in, which needs no driver for this, also knows what the compiler says.
function TestLaunches.testCompilersReport()
  local file = program.path:match "^(.*)/" .. "/libyolua_cuda.so"
  if core.files.kind(file) ~= "file" then return print "the CUDA plug-in was not built: its compiler's report is not looked at" end
  local words = { "-c", 'YOLUA_CUDA_PLUGIN=$0 exec "$@"', file, program.path, "bench", "device=cuda", "plan=true", "mode=train", STREET,
    "json=true" }
  local path = program.path
  program.path = "sh"
  local _, out, err = program.run(words)
  program.path = path
  t.assertEquals(err, "")
  local gemm
  for _, e in ipairs(core.json.decode(out).entries) do
    t.assertTrue(e.registers > 0 and e.registers <= 255 and e.shared >= 0, e.entry)
    t.assertTrue(e.occupancy > 0 and e.occupancy <= 1, e.entry)
    if e.entry == "yl__gemm_kernel<yl__conv_forward<float>>" then gemm = e end
  end
  t.assertEquals(gemm.shared, 2 * 16 * 68 * 4) -- two tiles
end

-- Of all the kernels of the plug-in at most three keep registers in memory.
function TestLaunches.testSpills()
  local path, spilling, seen = program.path:match "^(.*)/" .. "/cuda/usage.inc", {}, 0
  if core.files.kind(path) ~= "file" then return print "the CUDA plug-in was not built: its compiler's report is not looked at" end
  for arch, entry, stores, loads in core.system.read(path):gmatch 'USAGE%((%d+), "([^"]+)", %d+, %d+, %d+, (%d+), (%d+)%)' do
    seen = seen + 1
    if tonumber(stores) + tonumber(loads) > 0 then spilling[entry] = ("%s bytes stored, %s loaded (sm_%s)"):format(stores, loads, arch) end
  end
  t.assertTrue(seen > 100)
  local count = 0
  for entry, what in pairs(spilling) do
    print(entry .. ": " .. what)
    count = count + 1
  end
  t.assertTrue(count <= 3)
end

os.exit(t.LuaUnit.run())
