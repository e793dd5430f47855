-- One training by two ranks with a GPU each, whose gradients are added in the GPUs' memory by NCCL: the same bits as by way of the host's
-- memory, and as by one rank. The double of NCCL checks what it is asked.
local t = require "luaunit"
local core = require "yolua.core"
local mpi = require "support.mpi"
local program = require "support.program"

local plugin = os.getenv "YOLUA_CUDA_PLUGIN" or ""
local missing = mpi.missing() or not plugin:find "double" and "SKIP: YOLUA_CUDA_PLUGIN is not the double"
if missing then
  print(missing)
  os.exit(0)
end

local top = program.tiny()
local path = top .. "/steps.lua"
core.system.write(path, ([[
local yl = require "yolua"
local o = yl.options { cfg = "TOP/tiny.cfg", names = "TOP/tiny.names", batch = 6, epochs = 1, seed = 7, statistics = "running",
  optim = { name = "sgd", lr = 1e-3 }, data = { name = "kitti", root = "TOP/data", map = "identity" } }
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load(o)
net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o }
]]):gsub("TOP", top))

local NCCL = "YOLUA_NCCL='" .. plugin .. "'"

local function train(n, name, environment, ...)
  local out = ("%s/%s-%d"):format(top, name, n)
  local status, _, complaint = mpi.run(n, { path, "out=" .. out, "device=cuda", "deterministic=true",
    "subdivisions=2", ... }, environment)
  t.assertEquals(status, 0, complaint)
  return core.files.hash(out .. "/last.safetensors"), complaint
end

TestRanks = {}

-- Whole, then with batch-norm's running statistics, which become the mean over the ranks.
function TestRanks:testTheSameBits()
  for _, statistics in ipairs { "statistics=running", "statistics=batch" } do
    local one = train(1, statistics, "", statistics)
    local host, said = train(2, "host-" .. statistics, "YOLUA_NCCL=/nowhere/libnccl.so", statistics)
    t.assertStrContains(said, "NCCL's library /nowhere/libnccl.so is missing; gradients are added in the host's memory")
    local joined, quiet = train(2, "nccl-" .. statistics, NCCL, statistics)
    t.assertNotStrContains(quiet, "NCCL")
    t.assertEquals({ host, joined }, { one, one }, statistics)
  end
end

local function refused(n, words, what)
  local status, _, complaint = mpi.run(n, { path, "out=" .. top .. "/refused", table.unpack(words) }, NCCL)
  t.assertNotEquals(status, 0)
  t.assertStrContains(complaint, what)
end

function TestRanks.testAGPUForEachRank()
  refused(3, { "device=cuda" }, "for rank 2 of this machine: this machine has 2 GPUs")
  refused(2, { "device=cuda:1" },
    "device 'cuda:1': 2 ranks of this machine would share it; expected cuda, which gives each rank a GPU of its own")
end

function TestRanks.testAutoTakesCPUsWhereGPUsAreTooFew()
  local status, _, complaint = mpi.run(3, { path, "out=" .. top .. "/auto", "device=auto" }, NCCL)
  t.assertEquals(status, 0, complaint)
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
