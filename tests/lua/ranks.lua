-- One training by several processes: the same network whatever their number, one voice, one writer, and one clear sentence for bad use.
local t = require "luaunit"
local mpi = require "support.mpi"
local program = require "support.program"
local sanitizer = require "support.sanitizer"
local core = require "yolua.core"

local missing = mpi.missing()
if missing then
  print(missing)
  os.exit(0)
end

local top = program.tiny()
-- Activations without a kink: a value next to it may be on one side here and on the other there, which is worth 1e-3 after 20 steps.
local cfg = core.system.read(top .. "/tiny.cfg"):gsub("=leaky", "=swish")
core.system.write(top .. "/tiny.cfg", cfg)

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

-- Other sums, the same network: `words` by one rank and by some.
local function compare(name, path, words, counts)
  local runs = {}
  for _, n in ipairs { 1, table.unpack(counts) } do runs[n] = train(n, name, { path, table.unpack(words) }) end
  for _, n in ipairs(counts) do
    local off = difference(runs[1], runs[n])
    t.assertTrue(off > 0 and off < 1e-4, ("%s, %d ranks: off by %g"):format(name, n, off))
  end
end

-- Frozen statistics; a network with dropout whose batch-norms see all ranks' images; and one that is pruned meanwhile.
function TestRanks.testTheSameNetworkByOneTwoAndFour()
  compare("frozen", recipe "frozen", { "statistics=running" }, { 2, 4 })
end

function TestRanks.testSynchronisedBatchNormAndDropout()
  core.system.write(top .. "/drop.cfg", (cfg:gsub("%[region%]", "[dropout]\nprobability=.2\n[region]")))
  compare("sync", recipe "sync", { "statistics=sync", "cfg=" .. top .. "/drop.cfg" }, { 2 })
end

local PRUNING = [[yl.prune { score = "SCORE", target = .6, rounds = 3, every = 1, dense = 1, recalibrate = 8 }]]

-- Rounds cut the same weights; by a score that looks at gradients only the same bits do, since threshold scores are close together.
function TestRanks.testPruning()
  compare("pruned", recipe("prune", (PRUNING:gsub("SCORE", "magnitude"))), { "statistics=running" }, { 2 })
  local hashes, path = {}, recipe("prune-bits", (PRUNING:gsub("SCORE", "taylor")))
  for i, n in ipairs { 1, 2 } do
    hashes[i] = core.files.hash(train(n, "pruned-bits", { path, "deterministic=true", "subdivisions=2" }) .. "/best.safetensors")
  end
  t.assertEquals(hashes[1], hashes[2])
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

-- How often a text occurs in another.
local function count(text, what) return select(2, text:gsub(what:gsub("%p", "%%%0"), "")) end

-- A rank that is killed takes the others with it; the run continues with another number of ranks, to the same bits.
function TestRanks.testKilledRankAndResume()
  local path = recipe("killed", [[{ name = "dies", on = { step = function(_, t)
    if os.getenv "DIES" and t.step == 8 and yl.core.ranks.here() == 1 then os.execute "kill -KILL $PPID" end
  end } }]])
  local words = { "deterministic=true", "subdivisions=4" }
  local whole = train(1, "whole", { path, table.unpack(words) })
  local out, started = top .. "/killed", core.system.clock()
  local status, _, complaint = mpi.run(4, { path, "out=" .. out, table.unpack(words) }, "DIES=yes")
  t.assertNotEquals(status, 0)
  t.assertTrue(core.system.clock() - started < sanitizer.patience(20))
  t.assertEquals(count(complaint, "asked to stop while waiting for the other ranks"), 1)
  local continued, said, why = mpi.run(2, { path, "resume=" .. out })
  t.assertEquals(continued, 0, why)
  t.assertStrContains(said, "epoch 3: train loss")
  t.assertEquals(core.files.hash(out .. "/last.safetensors"), core.files.hash(whole .. "/last.safetensors"))
end

function TestRanks.testNotANumberOnOneRank()
  local path = recipe("nan", [[{ name = "breaks", on = { batch = function(_, t)
    if t.step == 3 and yl.core.ranks.here() == 1 then t.pixels:fill_(0 / 0) end
  end } }]])
  local status, _, complaint = mpi.run(2, { path, "out=" .. top .. "/nan" })
  t.assertNotEquals(status, 0)
  t.assertEquals(count(complaint, "training stopped in epoch 2, iteration 3 (learning rate 0.001): the loss is"), 1)
end

function TestRanks.testBadUseIsOneSentence()
  local path = recipe "bad"
  local status, _, complaint = mpi.run(3, { path, "out=" .. top .. "/bad" })
  t.assertNotEquals(status, 0) -- which number, mpirun decides
  t.assertStrContains(complaint, "a batch of 8 cannot be divided into 3 equal parts (3 ranks, subdivisions=1)")
  t.assertEquals(count(complaint, "cannot be divided"), 1)
  for words, sentence in pairs {
    [{ "val", "data=synthetic" }] = "only trainings (recipes, `yolua train`, `yolua prune`) are shared between processes: expected "
      .. "`yolua val` without mpirun",
    [{ path, "seeds=3", "out=" .. top .. "/bad" }] = "folds=, seeds= and dry_run=true are for one process: expected the call "
      .. "without mpirun",
  } do
    status, _, complaint = mpi.run(2, words)
    t.assertNotEquals(status, 0)
    t.assertEquals(count(complaint, sentence), 1, complaint)
  end
  status, _, complaint = mpi.run(2, { path, "out=" .. top .. "/bad" }, "YOLUA_MPI_PLUGIN=/nowhere")
  t.assertNotEquals(status, 0)
  t.assertEquals(count(complaint, "the MPI plug-in /nowhere cannot be opened"), 1, complaint)
  t.assertNil(core.files.kind(top .. "/bad"))
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
