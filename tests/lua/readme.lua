-- lua/README.md: every block of Lua is written to a folder under the name in its first line, and run as a user would run it.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local tree = require "support.tree"

TestReadme = {}

local top, order = nil, {}

-- The tiny data set once more as boxes.csv: the images lie beside it.
local function write_csv()
  local lines = {}
  for _, file in ipairs(core.files.list(top .. "/data/training/label_2")) do
    local id = file:match "^(.+)%.txt$"
    core.system.write(("%s/csv/%s.png"):format(top, id), core.system.read(("%s/data/training/image_2/%s.png"):format(top, id)))
    for line in core.system.read(top .. "/data/training/label_2/" .. file):gmatch "[^\n]+" do
      local class, x1, y1, x2, y2 = line:match "^(%a+) %S+ %S+ %S+ (%S+) (%S+) (%S+) (%S+)"
      lines[#lines + 1] = ("%s.png,%s,%s,%s,%s,%s\n"):format(id, class, x1, y1, x2, y2)
    end
  end
  core.system.write(top .. "/csv/boxes.csv", table.concat(lines))
end

function TestReadme.setUp()
  if top then return end
  top = program.tiny()
  for block in tree.read("lua/README.md"):gmatch "\n```lua\n(.-)```" do
    local name = block:match "^%-%- ([%w_]+%.lua)\n"
    t.assertNotNil(name, "a block of lua/README.md begins with its file's name, not with: " .. block:sub(1, 40))
    core.system.write(top .. "/" .. name, block)
    order[#order + 1] = name
  end
  core.files.make_folder(top .. "/csv")
  write_csv()
  local cfg = core.system.read(top .. "/tiny.cfg")
  core.system.write(top .. "/scale.cfg", (cfg:gsub("(.*)%[convolutional%]", "%1[scale]\nstart=0.5\n\n[convolutional]")))
end

local function tiny(...)
  return { cwd = top, ..., }
end

local function with(words, more)
  for _, word in ipairs(more) do words[#words + 1] = word end
  return words
end

local trained = { "config=config.yaml", "data=kitti", "optim.lr=0.01" }

function TestReadme.testEveryBlockIsKnownHere()
  table.sort(order)
  t.assertEquals(order, { "boxes.lua", "careful.lua", "check.lua", "chosen.lua", "count.lua", "cutout.lua", "gradients.lua", "layers.lua",
    "lion.lua", "mine.lua", "own.lua", "pooled.lua", "rates.lua", "scale.lua", "search.lua", "swish.lua", "tensors.lua" })
end

function TestReadme.testASchedule()
  local r = program.json(with(tiny("prune", "schedule=careful.lua", "rounds=2", "epochs=1", "data.limit=8", "protocol=voc"), trained))
  t.assertAlmostEquals(r.rounds[1].sparsity, 0.02, 1e-3)
end

function TestReadme.testASweep()
  local r = program.json(tiny("sweep", "rates.lua"))
  t.assertEquals(#r.trials, 3)
  for _, trial in ipairs(r.trials) do t.assertEquals(trial.status, "done", trial.reason) end
  t.assertEquals({ r.trials[3].name, r.trials[3].options.optim.lr }, { "2 times the rate", 0.002 })
end

function TestReadme.testASearch()
  local r = program.json(tiny("sweep", "search.lua"))
  t.assertEquals(#r.trials, 6)
  for _, trial in ipairs(r.trials) do t.assertEquals(trial.status, "done", trial.reason) end
end

function TestReadme.testSmallOnes()
  program.ok(tiny "tensors.lua")
  program.ok(tiny "gradients.lua")
  program.ok(tiny "layers.lua")
  program.ok(tiny "swish.lua")
  program.ok(tiny "count.lua")
  t.assertStrContains(program.ok(tiny "chosen.lua"), "rank 0 of 1 trains")
  local out = program.ok(tiny "check.lua")
  t.assertTrue(tonumber(out:match "^(%d+) slopes") > 50)
  t.assertTrue(tonumber(out:match "off by (%S+)") < 1e-3)
  t.assertStrContains(program.ok(tiny("help", "scale", "require=scale.lua")), "one learned factor per channel")
end

-- What an epoch left in metrics.jsonl.
local function records(run)
  local list = {}
  for line in core.system.read(top .. "/" .. run .. "/metrics.jsonl"):gmatch "[^\n]+" do list[#list + 1] = core.json.decode(line) end
  return list
end

-- The schedule gives each epoch its rate, the freeze schedule thaws, the policy counts; a run of 2 epochs that is resumed for 2 more
-- ends with the bytes of one of 4, policy state included.
function TestReadme.testScheduleFreezeAndPolicy()
  program.ok(with(tiny("mine.lua", "epochs=4", "out=whole"), trained))
  program.ok(with(tiny("mine.lua", "epochs=2", "out=parted"), trained))
  program.ok(tiny("mine.lua", "resume=parted", "epochs=4"))
  t.assertEquals(core.files.hash(top .. "/parted/last.safetensors"), core.files.hash(top .. "/whole/last.safetensors"))
  local whole = records "whole"
  t.assertEquals(#whole, 4)
  for epoch, record in ipairs(whole) do -- 24 frames in batches of 4: 6 steps an epoch
    t.assertAlmostEquals(record.lr, 0.01 / (1 + 0.05 * (6 * epoch - 1)), 1e-12)
    t.assertEquals(record.cached_body, epoch <= 3)
  end
  t.assertTrue(whole[4].halved >= 1)
  local notes = core.safetensors.info(top .. "/whole/last.safetensors").metadata
  t.assertEquals(core.json.decode(notes.policies, "policies").halved.times, whole[4].halved)
  t.assertEquals(notes.frozen, "none")
end

function TestReadme.testLayerInATraining()
  local common = { "cfg=scale.cfg", "require=scale.lua" }
  program.ok(with(with(tiny("train", "epochs=2", "out=scaled"), trained), common))
  program.ok(tiny("train", "resume=scaled", "epochs=3"))
  local result = program.json(tiny("val", "model=scaled/best.safetensors", "require=scale.lua", "data=kitti", "data.root=data"))
  t.assertEquals(result.images, 8)
end

-- An optimizer, an augmentation, a data set and a layer, all the user's own, in one recipe and from the command line.
function TestReadme.testOwn()
  local out = program.ok(tiny("own.lua", "cfg=scale.cfg", "names=tiny.names", "data=boxes", "data.root=csv", "out=own", "epochs=3"))
  t.assertStrContains(out, "mine: ")
  local list = records "own"
  t.assertEquals(#list, 3)
  t.assertTrue(list[3].train_loss < list[1].train_loss)
  core.system.write(top .. "/pool.lua", [[io.write(require("yolua").core.json.encode(require "pooled"({ "own" }, "mine")), "\n")]])
  local results = core.json.decode(core.system.read(top .. "/own/results.json"))
  t.assertEquals(core.json.decode(program.ok(tiny "pool.lua")), results.eval)
  program.ok(tiny("train", "require=lion.lua,boxes.lua", "cfg=tiny.cfg", "names=tiny.names", "data=boxes", "data.root=csv",
    "optim=lion", "optim.lr=0.0003", "epochs=1", "batch=4", "out=lion"))
  program.ok(tiny("train", "resume=lion", "epochs=2"))
  t.assertStrContains(program.ok(tiny("doctor", "require=boxes.lua", "data=boxes", "data.root=csv")), "Pedestrian")
end

-- A handler of `batch` sees every batch, and the frozen body's output is computed from what it left there.
function TestReadme.testBatchSwitchesTheCacheOff()
  core.system.write(top .. "/cut.lua", [[
    local yl = require "yolua"
    local o = yl.options { epochs = 1, batch = 4, freeze = "body" }
    local run <close> = yl.run(o)
    local data, net = yl.data(o.data), yl.load { cfg = o.cfg, names = o.names }
    net:freeze(o.freeze)
    local cutout, count = require "cutout", 0
    local counter = { name = "counter", on = { batch = function(_, t) count = count + #t.pixels end,
      epoch_end = function(_, t) t.record.pixels, t.record.left = count, t.pixels == nil end } }
    yl.train { net = net, data = data, run = run, options = o, cutout, counter }
  ]])
  program.ok(with(tiny("cut.lua", "epochs=2", "freeze=body", "out=cut"), trained))
  local list = records "cut"
  t.assertEquals({ list[1].cached_body, list[1].pixels, list[2].pixels, list[2].left }, { false, 24, 48, true })
end

-- Globals, as the gotchas say.
function TestReadme.testGlobals()
  core.system.write(top .. "/slip.lua", "local yl = require 'yolua'\nnetw = yl.zeros { 2 }\n")
  local status, _, err = program.run(tiny "slip.lua")
  t.assertEquals(status, 1)
  t.assertStrContains(err, "slip.lua:2: assignment to undeclared global 'netw' (write: local netw = ...)")
  core.system.write(top .. "/slip.lua", "local yl = require 'yolua'\nprnt(yl.zeros { 2 })\n")
  status, _, err = program.run(tiny "slip.lua")
  t.assertEquals(status, 1)
  t.assertStrContains(err, "slip.lua:2: undeclared global 'prnt', did you mean 'print'?")
end

os.exit(t.LuaUnit.run())
