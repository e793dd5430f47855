-- A GPU works while its program continues: times are taken when it has finished.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local STREET = (os.getenv "YOLUA_SOURCE" or ".") .. "/recipes/models/street.cfg"
local W, H = 64, 32

-- Milliseconds of a forward pass whose result has been read.
local function read_pass(plan)
  local started = core.system.clock()
  plan:forward {}
  plan:output "conv1"
  return 1e3 * (core.system.clock() - started)
end

TestBench = {}

function TestBench.testLayers()
  local net = core.darknet.load_cfg(STREET, "cuda")
  net:init(1)
  local plan <close> = net:plan { mode = "infer", batch = 1, w = W, h = H, keep = true }
  core.noise(plan, 1)
  read_pass(plan)
  local whole, sum = read_pass(plan), 0
  plan:timing(true)
  plan:forward {}
  for i = 1, #net:layers() do sum = sum + 1e3 * plan:seconds(i) end
  t.assertTrue(sum > 0.3 * whole, ("layers take %.3f of %.3f ms"):format(sum, whole))
end

function TestBench.testForwardPass()
  local r = program.json { "bench", "device=cuda", "cfg=" .. STREET, "runs=3", "layers=true", "batch=1", ("imgsz=%dx%d"):format(W, H) }
  local sum = 0
  for _, layer in ipairs(r.layers) do sum = sum + layer.ms end
  t.assertTrue(sum > 0)
  t.assertTrue(r.median_ms > 0.3 * sum, ("a pass takes %.3f ms, its layers %.3f"):format(r.median_ms, sum))
end

os.exit(t.LuaUnit.run())
