-- `yolua compact`: its document, its files, which load and answer as the pruned network does, and what it refuses.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local random_network = require "support.random_network"
local yl = require "yolua"

TestCompact = {}

local top, masked

-- The bundled detector without every second filter of its first layers.
function TestCompact.setUp()
  if top then return end
  top = os.tmpname()
  os.remove(top)
  core.files.make_folder(top)
  masked = top .. "/masked.safetensors"
  local model = yl.load { model = "street" }
  for _, r in ipairs(model.net:ranges()) do
    local number = tonumber(r.layer:match "^conv(%d+)")
    if number and number <= 6 and r.kind ~= "statistic" then
      local row, numbers = r.count // r.dims[1], {}
      for i = 1, r.count do numbers[i] = (i - 1) // row % 2 end
      model:set(r.name, numbers, "mask")
    end
  end
  model:save(masked)
end

local function output(model) return random_network.outputs(model.net, 3) end

local function region(outputs)
  local name, numbers = next(outputs)
  return { region1 = numbers }, name
end

function TestCompact.testDocumentAndFiles()
  local out = top .. "/small"
  local result = program.json { "compact", "model=" .. masked, "out=" .. out }
  t.assertEquals(result.channels.conv3, { 64, 32 })
  t.assertEquals(result.channels.conv11, { 50, 50 })
  t.assertTrue(result.max_error <= 1e-4)
  t.assertTrue(result.speed.before_ms > 0 and result.speed.after_ms > 0)
  local before = yl.load { model = masked }
  local after = yl.load { model = out .. "/model.safetensors" }
  t.assertEquals({ after:counts().params, after:flops() }, { result.params, result.flops })
  t.assertTrue(result.params < before:counts().params and result.flops < before:flops())
  local darknet = yl.load { cfg = out .. "/model.cfg", weights = out .. "/model.weights", names = out .. "/model.names" }
  for _, model in ipairs { after, darknet } do
    t.assertEquals(model.names, before.names)
    t.assertTrue(random_network.difference(region(output(before)), region(output(model))) <= 1e-4)
  end
end

function TestCompact.testShown()
  local out = program.ok { "compact", "model=" .. masked, "out=" .. top .. "/shown", "round_to=4" }
  t.assertStrContains(out, "conv3         64    32\n")
  t.assertStrContains(out, "written: " .. top .. "/shown/model.cfg, ")
end

-- A layer that Darknet lacks: the checkpoint alone, and one line that says so.
function TestCompact.testALayerOfYourOwn()
  local lua, path = top .. "/half.lua", top .. "/own.safetensors"
  core.system.write(lua, [[
local yl = require "yolua"
yl.layer { name = "half", channels = "each", forward = function(_, x, y) x:mul(0.5, y) end,
  backward = function(_, _, _, dy, dx) dy:mul(0.5, dx) end }
]])
  dofile(lua)
  core.system.write(top .. "/own.cfg", "[net]\nwidth=16\nheight=16\n[convolutional]\nfilters=6\nsize=1\nactivation=leaky\n[half]\n"
    .. "[convolutional]\nfilters=7\nsize=1\nactivation=linear\n[region]\nanchors=1,1\nclasses=2\nnum=1\n")
  local model = yl.load { cfg = top .. "/own.cfg" }
  model:set("conv1.weight", { 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0 }, "mask")
  model:save(path)
  local status, out, err = program.run { "compact", "model=" .. path, "require=" .. lua, "out=" .. top .. "/own", "json=true" }
  t.assertEquals(status, 0)
  t.assertStrContains(err, "only the checkpoint is written: half1: Darknet has no layer half")
  local result = core.json.decode(out)
  t.assertEquals(result.channels.conv1, { 6, 3 })
  t.assertEquals(result.files, { top .. "/own/model.safetensors" })
  local small = yl.load { model = top .. "/own/model.safetensors" }
  t.assertTrue(random_network.difference(output(model), output(small)) <= 1e-4)
end

-- A layer that says "each" and is not: nothing is written.
function TestCompact.testALayerThatIsWrong()
  local lua, path = top .. "/wrong.lua", top .. "/wrong.safetensors"
  core.system.write(lua, [[
local yl = require "yolua"
yl.layer { name = "wrong", channels = "each", backward = function(_, _, _, dy, dx) dx:copy_(dy) end,
  forward = function(_, x, y) y:copy_(x) y[{ {}, {}, {}, 1 }] = 1 + x:select(4, #x:shape() > 0 and x:shape()[4]) end }
]])
  dofile(lua)
  core.system.write(top .. "/wrong.cfg", "[net]\nwidth=16\nheight=16\n[convolutional]\nfilters=6\nsize=1\nactivation=leaky\n[wrong]\n"
    .. "[convolutional]\nfilters=7\nsize=1\nactivation=linear\n[region]\nanchors=1,1\nclasses=2\nnum=1\n")
  local model = yl.load { cfg = top .. "/wrong.cfg" }
  model:set("conv1.weight", { 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1 }, "mask")
  model:save(path)
  local status, _, err = program.run { "compact", "model=" .. path, "require=" .. lua, "out=" .. top .. "/wrong" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "compact: an output of the smaller network differs by ")
  t.assertNil(core.files.kind(top .. "/wrong"))
end

-- A file that cannot be written is a failure, whichever it is; only what Darknet has no words for is left out with a warning.
function TestCompact.testAFileThatCannotBeWritten()
  local out = top .. "/taken"
  core.files.make_folder(out .. "/model.weights")
  local status, _, err = program.run { "compact", "model=" .. masked, "out=" .. out }
  t.assertEquals(status, 1)
  t.assertEquals(err, ("yolua: cannot write %s/model.weights: it is a directory, a file was expected\n"):format(out))
end

function TestCompact.testBadCalls()
  for sentence, words in pairs {
    ["out is missing: expected the folder for the new network"] = { "compact", "model=" .. masked },
    ["no network given"] = { "compact", "out=" .. top .. "/x" },
    ["round_to=99 is more than the 16 channels of conv1; expected at most 16"] =
      { "compact", "model=" .. masked, "out=" .. top .. "/x", "round_to=99" },
    ["min_channels"] = { "compact", "model=" .. masked, "out=" .. top .. "/x", "min_channels=0" },
  } do
    local status, _, err = program.run(words)
    t.assertTrue(status == 1 or status == 2)
    t.assertStrContains(err, sentence)
    t.assertEquals(select(2, err:gsub("\n", "")), 1, err)
  end
  t.assertNil(core.files.kind(top .. "/x"))
end

os.exit(t.LuaUnit.run())
