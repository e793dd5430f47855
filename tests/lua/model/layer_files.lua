-- require=FILE.lua from end to end, as a user calls the program: training, resume, evaluation, a recipe, help, and what is said where the
-- file is missing or wrong.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

TestLayerFiles = {}

local top, cfg, own

function TestLayerFiles.setUp()
  if top then return end
  top, own = program.tiny(), program.source .. "/tests/support/own_layers.lua"
  local text = core.system.read(top .. "/tiny.cfg")
  local head = text:find "%[convolutional%][^%[]*%[region%]"
  cfg = top .. "/own.cfg"
  core.system.write(cfg, text:sub(1, head - 1) .. "[gelu]\n\n[squeeze]\nratio=4\n\n" .. text:sub(head))
end

local function words(verb, ...) return { verb, "data=kitti", "data.root=" .. top .. "/data", ... } end

local function last(run) return core.files.hash(run .. "/last.safetensors") end

function TestLayerFiles.testTrainResumeVal()
  local whole, parted = top .. "/whole", top .. "/parted"
  local common = { "cfg=" .. cfg, "names=" .. top .. "/tiny.names", "require=" .. own, "batch=4", "optim.lr=0.003", "ema=0.9" }
  local out = program.ok(words("train", "epochs=3", "out=" .. whole, table.unpack(common)))
  t.assertStrContains(out, "require=" .. own .. " source=IMAGE")
  program.ok(words("train", "epochs=2", "out=" .. parted, table.unpack(common)))
  local config = core.yaml.decode(core.system.read(parted .. "/config.yaml"), "config.yaml")
  t.assertEquals(config.require, { own })
  program.ok { "train", "resume=" .. parted, "epochs=3" } -- the file is known from config.yaml
  t.assertEquals(last(parted), last(whole))
  t.assertNotStrContains(core.system.read(whole .. "/last.safetensors"), "sigmoid_")

  program.ok { "report", whole } -- made again by a program that has to look the file up
  t.assertStrContains(core.system.read(whole .. "/report.html"), "gelu1")
  local model = "model=" .. whole .. "/best.safetensors"
  local result = program.json(words("val", model, "require=" .. own))
  t.assertEquals(result.images, 8)
  local status, _, err = program.run(words("val", model))
  t.assertEquals(status, 1)
  t.assertStrContains(err,
    "best.safetensors: its structure cannot be built: it uses the layer 'gelu', which is not known; ")
end

-- A frozen body ends below the user's own layers; they are trained from its cached output.
function TestLayerFiles.testFrozenBody()
  local out = program.ok(words("train", "epochs=1", "freeze=conv*", "out=" .. top .. "/frozen", "cfg=" .. cfg,
    "names=" .. top .. "/tiny.names", "require=" .. own))
  t.assertStrContains(out, "not a byte changed")
end

function TestLayerFiles.testComplaints()
  local status, _, err = program.run(words("train", "cfg=" .. cfg, "names=" .. top .. "/tiny.names"))
  t.assertEquals(status, 1)
  t.assertStrContains(err, "unknown section [gelu]; a layer of your own needs its Lua file (require=FILE.lua)")
  status, _, err = program.run(words("train", "require=" .. top .. "/absent.lua"))
  t.assertNotEquals(status, 0)
  t.assertStrContains(err, "absent.lua")
  local bad = top .. "/bad.lua"
  core.system.write(bad, "local yl = require 'yolua'\nyl.layer { name = 'x', forwrad = 1 }\n")
  status, _, err = program.run(words("train", "require=" .. bad))
  t.assertEquals(status, 1)
  t.assertStrContains(err, bad .. ":2: yl.layer has no option 'forwrad', did you mean 'forward'?")
  core.system.write(bad, "local yl = require 'yolua'\nforward = 1\n")
  _, _, err = program.run(words("train", "require=" .. bad))
  t.assertStrContains(err, bad .. ":2: assignment to undeclared global 'forward'")
end

function TestLayerFiles.testHelp()
  local page = program.ok { "help", "squeeze", "require=" .. own }
  t.assertStrContains(page, "layer squeeze\nsqueeze and excitation")
  t.assertStrContains(page, "ratio")
  t.assertStrContains(program.ok { "help", "require" }, "Lua files to run first")
end

-- The user's own loss beside a detector's: both count in training, detection does not know it.
function TestLayerFiles.testLossBesideAHead()
  local text = core.system.read(cfg) .. "\n[route]\nlayers=-2\n\n[convolutional]\nfilters=1\nactivation=linear\n\n[count]\nweight=0.01\n"
  core.system.write(top .. "/two.cfg", text)
  local words_of = { "cfg=" .. top .. "/two.cfg", "names=" .. top .. "/tiny.names", "require=" .. own, "batch=4", "optim.lr=0.003" }
  program.ok(words("train", "epochs=3", "out=" .. top .. "/two", table.unpack(words_of)))
  local losses = {}
  for line in core.system.read(top .. "/two/metrics.jsonl"):gmatch "[^\n]+" do losses[#losses + 1] = core.json.decode(line).train_loss end
  t.assertTrue(losses[3] < losses[1])
  local one = program.json(words("val", "model=" .. top .. "/two/best.safetensors", "require=" .. own))
  t.assertEquals(one.images, 8)
end

-- The second Ctrl-C raises in a layer's function, wherever it hangs.
function TestLayerFiles.testInterrupt()
  core.system.write(top .. "/hang.lua", [[
    local yl = require "yolua"
    yl.layer { name = "hang", backward = function() end, forward = function()
      io.stdout:write "up\n"
      io.stdout:flush()
      ]] .. program.endless .. [[

    end }
    local plan = yl.core.net { h = 1, w = 1, c = 1, layers = { { "hang", inputs = { 0 } } } }:plan {}
    plan:input { 0 }
    plan:forward()
  ]])
  local script = ([[cd %s; %s hang.lua >out 2>err & p=$!
    for i in $(seq 100); do [ -s %s/out ] && break; sleep 0.02; done
    kill -INT $p; sleep 0.1; kill -0 $p || exit 9; kill -INT $p; wait $p]]):format(top, program.path, top)
  local _, kind, status = os.execute("bash -c '" .. script .. "'")
  t.assertEquals({ kind, status }, { "exit", 1 })
  t.assertStrContains(core.system.read(top .. "/err"), "hang1 forward: interrupted")
end

-- A recipe may make its layer itself.
function TestLayerFiles.testInARecipe()
  local recipe = top .. "/mine.lua"
  core.system.write(recipe, [[
    local yl = require "yolua"
    yl.layer { name = "double", reads = "none",
      forward = function(_, x, y) y:copy_(x):mul_(2) end,
      backward = function(_, _, _, dy, dx) dx:copy_(dy):mul_(2) end }
    print(yl.gradcheck { "double" }.places)
    local o = yl.options {}
    local net = yl.load { cfg = o.cfg, names = o.names }
    print(net)
  ]])
  core.system.write(top .. "/double.cfg", (core.system.read(cfg):gsub("%[gelu%]", "[double]"):gsub("%[squeeze%]\nratio=4\n", "")))
  local out = program.ok { recipe, "cfg=" .. top .. "/double.cfg", "names=" .. top .. "/tiny.names" }
  t.assertStrContains(out, "double1")
end

os.exit(t.LuaUnit.run())
