-- recipes/coco_ft.lua in smoke size: the run directory is whole, the numbers name their protocols, a run that was cut off ends with
-- the same bytes, and a call that lacks something is told what.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

TestCocoFt = {}

local top

local function exists(path) return core.files.kind(path) ~= nil end

local function recipe(...) return { "recipes/coco_ft.lua", "config=" .. top .. "/config.yaml", "threads=2", ... } end

function TestCocoFt.setUp() top = top or program.tiny() end

local function read_lines(path)
  local lines = {}
  for line in core.system.read(path):gmatch "[^\n]+" do lines[#lines + 1] = core.json.decode(line) end
  return lines
end

function TestCocoFt.testRunDirectory()
  local out = program.ok(recipe("epochs=3", "optim.schedule=constant", "out=" .. top .. "/a"))
  local run = top .. "/a"
  for _, name in ipairs { "config.yaml", "metrics.jsonl", "results.json", "results.md", "best.safetensors", "last.safetensors", "log.txt",
    "plots/loss.svg", "detections/000024.png" } do
    t.assertTrue(exists(run .. "/" .. name), name)
  end
  local epochs = read_lines(run .. "/metrics.jsonl")
  t.assertEquals(#epochs, 3)
  local rates = { epochs[1].images_per_s, epochs[2].images_per_s, epochs[3].images_per_s }
  table.sort(rates)
  t.assertEquals(core.json.decode(core.system.read(run .. "/results.json")).speed.train_images_per_s, rates[2])
  for i, e in ipairs(epochs) do
    t.assertEquals(e.epoch, i)
    t.assertTrue(e.train_loss > 0 and e.dev_loss > 0 and e.lr == 0.003 and e.images_per_s > 0)
  end
  for _, protocol in ipairs { "kitti", "voc", "coco", "poster" } do
    t.assertStrContains(out, "Original: " .. protocol)
    t.assertStrContains(out, "Coco-FT: " .. protocol)
    t.assertStrContains(core.system.read(run .. "/results.md"), "## " .. protocol)
  end
end

function TestCocoFt.testResults()
  program.ok(recipe("epochs=1", "protocol=voc,poster", "out=" .. top .. "/b"))
  local r = core.json.decode(core.system.read(top .. "/b/results.json"))
  t.assertEquals({ r.recipe, r.model, r.epochs, r.seed }, { "coco_ft", "tiny", 1, 1 })
  t.assertEquals({ r.data.name, r.data.train, r.data.dev }, { "kitti", 24, 8 })
  t.assertEquals({ #r.data.split_hash, r.speed.device, r.speed.threads, r.bytes }, { 16, "cpu", core.system.threads(2), 4 * r.params })
  t.assertTrue(r.params >= r.nonzero and r.flops > 0 and r.seconds > 0 and r.speed.train_images_per_s > 0 and r.speed.infer_ms > 0)
  local stages = {}
  for i, row in ipairs(r.eval) do stages[i] = row.protocol .. " " .. row.stage .. " " .. row.split end
  t.assertEquals(stages, { "voc Original dev", "poster Original dev", "voc Coco-FT dev", "poster Coco-FT dev" })
  t.assertEquals(r.eval[2].variant, "clean")
  local config = core.yaml.decode(core.system.read(top .. "/b/config.yaml"))
  t.assertEquals({ config.epochs, config.data.name, config.provenance.data_hash }, { 1, "kitti", r.data.split_hash })
end

-- config.yaml of a run repeats it, byte for byte; the folder that it names is taken, so a number is added.
function TestCocoFt.testRepeatAndNumber()
  program.ok(recipe("epochs=1", "out=" .. top .. "/c"))
  program.ok { "recipes/coco_ft.lua", "config=" .. top .. "/c/config.yaml" }
  t.assertEquals(core.files.hash(top .. "/c-2/last.safetensors"), core.files.hash(top .. "/c/last.safetensors"))
end

-- A run of two epochs that is asked for three continues as if it had never ended.
function TestCocoFt.testResume()
  program.ok(recipe("epochs=3", "optim.schedule=constant", "out=" .. top .. "/d"))
  program.ok(recipe("epochs=2", "optim.schedule=constant", "out=" .. top .. "/e"))
  core.files.append(top .. "/e/metrics.jsonl", '{"epoch":3,"train_loss":9}\n') -- a line whose checkpoint was lost
  program.ok { "recipes/coco_ft.lua", "resume=" .. top .. "/e", "epochs=3" }
  t.assertEquals(core.files.hash(top .. "/e/last.safetensors"), core.files.hash(top .. "/d/last.safetensors"))
  local epochs = read_lines(top .. "/e/metrics.jsonl")
  t.assertEquals({ #epochs, epochs[3].train_loss }, { 3, read_lines(top .. "/d/metrics.jsonl")[3].train_loss })
end

-- Runs a recipe that stops itself where `when` (an event and a condition on the trainer `t`) says, resumes it, and runs it once more
-- undisturbed; returns the two run directories and what the stopped run complained.
local function stopped_and_whole(name, when)
  local path, run = top .. "/" .. name .. ".lua", top .. "/" .. name
  local text = [[
local yl = require "yolua"
local o = yl.options {}
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load { cfg = o.cfg, names = o.names }
net:freeze(o.freeze)
local stop = { name = "stop", on = { EVENT = function(_, t)
  if CONDITION and not run.resumed then io.popen("kill -INT $PPID"):close() end
end } }
yl.train { net = net, data = data, run = run, options = o, stop }
]]
  local words = { path, "config=" .. top .. "/config.yaml", "threads=2", "data.workers=0", "epochs=4", "optim.schedule=cosine",
    "out=" .. run .. "-a", table.unpack(when, 3) }
  core.system.write(path, (text:gsub("EVENT", when[1]):gsub("CONDITION", when[2])))
  local status, _, err = program.run(words)
  t.assertEquals(status, 1)
  program.ok { path, "resume=" .. run .. "-a" }
  core.system.write(path, (text:gsub("EVENT", "start"):gsub("CONDITION", "false")))
  words[7] = "out=" .. run .. "-b"
  program.ok(words)
  return run .. "-a", run .. "-b", err
end

-- What a run's record says but for the clock.
local function timeless(run)
  local list = read_lines(run .. "/metrics.jsonl")
  for _, record in ipairs(list) do record.seconds, record.images_per_s, record.wait_share = nil, nil, nil end
  return list
end

-- Ctrl-C at the first step, and in the middle of an epoch.
function TestCocoFt.testInterrupt()
  for name, step in pairs { first = 1, middle = 9 } do
    local a, b, err = stopped_and_whole(name, { "step", "t.step == " .. step })
    t.assertStrContains(err, ("stopped by the user in epoch %d after step %d"):format(step // 6 + 1, step))
    t.assertEquals(#timeless(a), 4)
    t.assertEquals(timeless(a), timeless(b))
    t.assertEquals(core.files.hash(a .. "/last.safetensors"), core.files.hash(b .. "/last.safetensors"))
  end
end

-- A stop between two epochs, before the first image of the next.
function TestCocoFt.testInterruptBetweenEpochs()
  local a, b, err = stopped_and_whole("between", { "epoch_start", "t.epoch == 3" })
  t.assertStrContains(err, "stopped by the user in epoch 2")
  t.assertEquals(timeless(a), timeless(b))
  t.assertEquals(core.files.hash(a .. "/last.safetensors"), core.files.hash(b .. "/last.safetensors"))
end

-- A stop when nothing is left of the last epoch but its dev loss: the run that continues makes no plan for training, and knows of the
-- algorithms chosen for it all the same.
function TestCocoFt.testInterruptAfterTheLastStep()
  local a, b, err = stopped_and_whole("after", { "step", "t.step == 24" })
  t.assertStrContains(err, "stopped by the user in epoch 4 after step 24")
  t.assertEquals(timeless(a), timeless(b))
  t.assertEquals(core.files.hash(a .. "/last.safetensors"), core.files.hash(b .. "/last.safetensors"))
end

-- A stop while the frozen body's output is computed for the dev list: the epoch's steps are not lost.
function TestCocoFt.testInterruptWhileTheBodyIsCached()
  local a, b, err = stopped_and_whole("cached", { "step", "t.step == 6", "freeze=body" })
  t.assertStrContains(err, "stopped by the user in epoch 1 after step 6")
  t.assertEquals(timeless(a), timeless(b))
  t.assertEquals(core.files.hash(a .. "/last.safetensors"), core.files.hash(b .. "/last.safetensors"))
end

local function refused(words, what)
  local status, _, err = program.run(words)
  t.assertTrue(status == 1 or status == 2, err)
  t.assertStrContains(err, what)
  t.assertEquals(select(2, err:gsub("\n", "")), 1)
end

-- Without arguments: synthetic streets and the bundled network.
function TestCocoFt.testEmbeddedDefault()
  local words = { "recipes/coco_ft.lua", "epochs=1", "protocol=voc", "out=" .. top .. "/s", "threads=2",
    "data=synthetic", "data.frames=10", "data.picture=416x128", "data.root=" .. top .. "/streets" }
  local out, err = program.ok(words)
  t.assertStrContains(err, "no network given: using model=street")
  t.assertStrContains(err, "using synthetic data (10 frames of the target style, drawn now in")
  t.assertStrContains(out, "Coco-FT: voc")
  local config = core.yaml.decode(core.system.read(top .. "/s/config.yaml"))
  t.assertEquals({ config.model, config.data.name }, { "street", "synthetic" })
end

function TestCocoFt.testRefusals()
  refused({ "recipes/coco_ft.lua", "data=kitti", "data.root=" .. top .. "/data", "out=" .. top .. "/f" }, "cfg=")
  t.assertFalse(exists(top .. "/f"))
  refused(recipe "epocs=3", "epochs")
  refused(recipe "out=/proc/yolua", "/proc/yolua")
  refused({ "recipes/coco_ft.lua", "resume=" .. top .. "/norun" }, "norun")
end

local status = t.LuaUnit.run()
if top then os.execute("rm -rf '" .. top .. "'") end
os.exit(status)
