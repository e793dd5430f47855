-- One training by several processes: the same network whatever their number, one voice, one writer, and one clear sentence for bad use.
local t = require "luaunit"
local mpi = require "support.mpi"
local program = require "support.program"
local core = require "yolua.core"

local missing = mpi.missing()
if missing then
  print(missing)
  os.exit(0)
end

local top = program.tiny()

-- Twenty steps of the tiny network, and nothing else: the options of the command line, and policies.
local function recipe(name, policies)
  local path = ("%s/%s.lua"):format(top, name)
  core.system.write(path, ([[
local yl = require "yolua"
local o = yl.options { cfg = "TOP/tiny.cfg", names = "TOP/tiny.names", batch = 8, epochs = 7, seed = 7,
  optim = { name = "sgd", lr = 1e-3 }, data = { name = "kitti", root = "TOP/data", map = "identity" } }
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load(o)
net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o, POLICIES }
]]):gsub("%u%u%u+", { TOP = top, POLICIES = policies or "" }))
  return path
end

local function train(n, name, words)
  local out = ("%s/%s-%d"):format(top, name, n)
  table.insert(words, 2, "out=" .. out)
  local status, said, complaint = mpi.run(n, words)
  t.assertEquals(status, 0, complaint)
  return out, said, complaint
end

-- The largest difference of two checkpoints' values, relative to each parameter's largest.
local function difference(a, b)
  local yl, worst = require "yolua", 0
  local one, other = yl.load { model = a .. "/last.safetensors" }, yl.load { model = b .. "/last.safetensors" }
  for _, r in ipairs(one.net:ranges()) do
    local x, y = one.net:tensor(r.name), other.net:tensor(r.name)
    worst = math.max(worst, (x - y):abs():max() / math.max(1e-6, x:abs():max()))
  end
  return worst
end

TestRanks = {}

function TestRanks.testTheSameNetworkByOneTwoAndFour()
  local path = recipe "plain"
  local runs = {}
  for _, n in ipairs { 1, 2, 4 } do runs[n] = train(n, "plain", { path, "statistics=running" }) end
  for _, n in ipairs { 2, 4 } do
    local off = difference(runs[1], runs[n])
    t.assertTrue(off > 0 and off < 1e-4, ("%d ranks: off by %g"):format(n, off)) -- other sums, the same network
  end
end

function TestRanks.testDeterministicTheSameBits()
  local path, hashes = recipe "bits", {}
  for i, n in ipairs { 1, 2, 4 } do
    hashes[i] = core.files.hash(train(n, "bits", { path, "deterministic=true", "subdivisions=4", "optim.lr=3e-3" }) .. "/last.safetensors")
  end
  t.assertEquals(hashes, { hashes[1], hashes[1], hashes[1] })
end

function TestRanks.testOneVoiceAndOneWriter()
  local out, said, complaint = train(3, "voice", { recipe "voice", "batch=6", "epochs=1" })
  t.assertStrContains(said, "3 ranks, 1 thread each\n")
  t.assertEquals(select(2, said:gsub("run directory ", "")), 1)
  t.assertEquals(select(2, said:gsub("epoch 1: train loss", "")), 1)
  t.assertEquals(select(2, complaint:gsub("warning:", "")), 1) -- classes without a place in the network
  t.assertEquals(core.files.kind(out .. "-2"), nil) -- no second rank's folder
end

function TestRanks.testBadUseIsOneSentence()
  local path = recipe "bad"
  local status, _, complaint = mpi.run(3, { path, "out=" .. top .. "/bad" })
  t.assertNotEquals(status, 0) -- which number, mpirun decides
  t.assertStrContains(complaint, "a batch of 8 cannot be divided into 3 equal parts (3 ranks, subdivisions=1)")
  t.assertEquals(select(2, complaint:gsub("cannot be divided", "")), 1)
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
