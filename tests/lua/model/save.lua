-- net:save: the path's ending decides the format; Darknet's bytes come back as they were read.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local CFG = "[net]\nwidth=16\nheight=8\nchannels=3\nmomentum=0.9\n[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
  .. "[region]\nanchors=1,1, 2,2\nclasses=2\nnum=2\nsoftmax=1\n"

local top

local function put(name, text)
  core.system.write(top .. "/" .. name, text)
  return top .. "/" .. name
end

-- Weights of 14 biases and 14*3 weights; one of them is the smallest number above zero, one a minus zero.
local function weights(header)
  local parts = { header }
  for i = 1, 54 do parts[#parts + 1] = string.pack("<f", i / 2) end
  return table.concat(parts) .. string.pack("<I4f", 1, -0.0)
end

TestSave = {}

function TestSave.setUp()
  top = os.tmpname()
  os.remove(top)
  core.files.make_folder(top)
end

function TestSave.tearDown() os.execute("rm -rf '" .. top .. "'") end

local function load(header)
  local cfg, names = put("a.cfg", CFG), put("a.names", "car\nbus\n")
  return yl.load { cfg = cfg, weights = put("a.weights", weights(header)), names = names }
end

-- Both kinds of headers, a count of images beyond what a double can hold, straight and by way of a checkpoint.
function TestSave.testWeightsAreTheBytesThatWereRead()
  for _, header in ipairs { string.pack("<i4i4i4i8", 0, 2, 5, (1 << 53) + 1), string.pack("<i4i4i4i8", 1, 0, 7, -3),
    string.pack("<i4i4i4i4", 0, 1, 0, 32013312) } do
    local net = load(header)
    net:save(top .. "/b.weights")
    t.assertTrue(core.system.read(top .. "/b.weights") == weights(header))
    net:save(top .. "/c.safetensors")
    yl.load({ model = top .. "/c.safetensors" }):save(top .. "/D.Weights")
    t.assertTrue(core.system.read(top .. "/D.Weights") == weights(header))
  end
end

-- A folder gets all that another program needs, and it loads to an equal network.
function TestSave.testFolder()
  local net = load(string.pack("<i4i4i4i8", 0, 2, 5, 12800))
  net:adopt { w = 32, h = 24, resize = "letterbox" }
  local last
  for _, folder in ipairs { top, top .. "/new/" } do
    net:save(folder)
    last = folder:gsub("/$", "")
    local again = yl.load { cfg = last .. "/model.cfg", weights = last .. "/model.weights", names = last .. "/model.names" }
    t.assertEquals({ again.w, again.h, again.resize, again.names }, { 32, 24, "letterbox", { "car", "bus" } })
    t.assertEquals(again:checksum(), net:checksum())
    t.assertEquals(again.darknet, net.darknet)
  end
  t.assertEquals(core.files.list(last), { "model.cfg", "model.names", "model.weights" })
  t.assertStrContains(core.system.read(last .. "/model.cfg"), "momentum=0.9\nletter_box=1\n")
end

-- Where one of the folder's files cannot be written the others are as they were.
function TestSave.testFolderAllOrNone()
  local net, old = load(string.pack("<i4i4i4i8", 0, 2, 5, 0)), top .. "/old/"
  core.files.make_folder(old .. "model.weights")
  core.system.write(old .. "model.cfg", "old")
  t.assertErrorMsgContains("model.weights: it is a directory", net.save, net, old)
  t.assertEquals(core.files.list(old), { "model.cfg", "model.weights" })
  t.assertEquals(core.system.read(old .. "model.cfg"), "old")
  os.remove(old .. "model.weights")
  core.files.make_folder(old .. "model.names")
  t.assertErrorMsgContains("model.names: it is a directory", net.save, net, old)
  t.assertEquals({ core.files.list(old), core.system.read(old .. "model.cfg") }, { { "model.cfg", "model.names" }, "old" })
end

-- The ending says what is written: a folder in the checkpoint's place, or the weights', is refused.
function TestSave.testAFolderInTheFilesPlace()
  local net = load(string.pack("<i4i4i4i8", 0, 2, 5, 0))
  for _, name in ipairs { "/x.safetensors", "/x.weights" } do
    core.files.make_folder(top .. name)
    t.assertErrorMsgContains(name .. ": it is a directory, a file was expected", net.save, net, top .. name)
    t.assertEquals(core.files.list(top .. name), {})
  end
end

-- A network whose numbers are not finite finds nothing, so it is not taken for one, by whichever file it comes.
function TestSave.testNotFinite()
  local net, cfg = load(string.pack("<i4i4i4i8", 0, 2, 5, 0)), top .. "/a.cfg"
  local weight = net.net:tensor "conv1.weight":clone():reshape(-1)
  for _, x in ipairs { 0 / 0, math.huge } do
    weight[5] = x
    net.net:set("conv1.weight", weight:totable())
    net:save(top .. "/bad.weights")
    t.assertErrorMsgContains("bad.weights: conv1.weight: number 5 is not finite", yl.load, { cfg = cfg, weights = top .. "/bad.weights" })
    net:save(top .. "/bad.safetensors")
    t.assertErrorMsgContains("bad.safetensors: conv1.weight: number 5 is not finite", yl.load, { model = top .. "/bad.safetensors" })
    t.assertEquals(yl.load({ model = top .. "/bad.safetensors", full = true }):checksum(), net:checksum()) -- as a training left it
  end
  rawset(net, "averaged", true)
  net.net:set("conv1.weight", weight:totable(), "ema")
  net.net:set("conv1.weight", weight:fill_(1):totable())
  net:save(top .. "/average.safetensors", { averaged = "true" }, true)
  t.assertErrorMsgContains("average.safetensors: conv1.weight: number 5 is not finite", yl.load, { model = top .. "/average.safetensors" })
end

function TestSave.testOtherEndingsAreRefused()
  local net = load(string.pack("<i4i4i4i8", 0, 2, 5, 0))
  for _, name in ipairs { "m.pt", "m", "m.weights.bak", "m.cfg" } do
    local path = top .. "/" .. name
    local ok, sentence = pcall(net.save, net, path)
    t.assertFalse(ok, name)
    t.assertStrContains(sentence, name)
    t.assertStrContains(sentence, ".safetensors")
    t.assertStrContains(sentence, ".weights")
    t.assertNil(core.files.kind(path))
  end
  t.assertErrorMsgContains("a cfg alone holds no weights", net.save, net, top .. "/m.cfg")
  t.assertErrorMsgContains("net:save: expected the path of a file or folder", net.save, net)
  t.assertErrorMsgContains("need a checkpoint", net.save, net, top .. "/m.weights", { remark = "x" })
  t.assertErrorMsgContains("x.weights: expected a name that ends in .safetensors", core.save, net.net, top .. "/x.weights", {})
  t.assertErrorMsgContains("x.cfg: expected a name that ends in .weights", core.darknet.save_weights, net.net, top .. "/x.cfg")
  t.assertErrorMsgContains("expected the name of a .safetensors file", yl.keep.best, "dev_loss", "best.weights")
end

-- While training averages the weights, what is saved is what detects.
function TestSave.testAveragedWeights()
  local net = load(string.pack("<i4i4i4i8", 0, 2, 5, 0))
  local averages = {}
  for i = 1, 14 do averages[i] = 100 + i end
  rawset(net, "averaged", true) -- as a training with ema does
  net.net:set("conv1.bias", averages, "ema")
  net:save(top .. "/e.weights")
  net:save(top .. "/e.safetensors")
  t.assertEquals(yl.load({ cfg = top .. "/a.cfg", weights = top .. "/e.weights" }).net:get "conv1.bias", averages)
  t.assertEquals(yl.load({ model = top .. "/e.safetensors" }).net:get "conv1.bias", averages)
  t.assertEquals(net.net:get("conv1.bias")[1], 0.5)
end

os.exit(t.LuaUnit.run())
