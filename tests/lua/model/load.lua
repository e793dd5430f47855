-- Loading models: Darknet's three files and checkpoints, and one sentence for each that cannot be taken.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local folder

local function put(name, text)
  core.system.write(folder .. "/" .. name, text)
  return folder .. "/" .. name
end

local CFG = "[net]\nwidth=16\nheight=8\nchannels=3\n[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
  .. "[region]\nanchors=1,1, 2,2\nclasses=2\nnum=2\nsoftmax=1\n"

-- 14*3 weights and 14 biases behind a header of version 0.2 whose `seen` has 64 bits; floats 0.5, 1.0, 1.5, ...
local function weights(count, seen)
  local parts = { string.pack("<i4i4i4i8", 0, 2, 0, seen or 12800) }
  for i = 1, count do parts[#parts + 1] = string.pack("<f", i / 2) end
  return table.concat(parts)
end

TestLoad = {}

function TestLoad.setUp()
  folder = os.tmpname()
  os.remove(folder)
  core.files.make_folder(folder)
end

function TestLoad.tearDown() os.execute("rm -rf '" .. folder .. "'") end

function TestLoad.testDarknet()
  local names = put("a.names", "car\r\ntraffic light\n\n\n")
  local m = yl.load { cfg = put("a.cfg", CFG), weights = put("a.weights", weights(56, 4711)), names = names }
  t.assertEquals({ m.names, m.w, m.h, m.darknet.seen, m.pretrained }, { { "car", "traffic light" }, 16, 8, 4711, true })
  local bias = m.net:get "conv1.bias" -- biases come first
  t.assertEquals({ bias[1], bias[14], m.net:get("conv1.weight")[1] }, { 0.5, 7, 7.5 })
end

function TestLoad.testWithoutWeightsTheyAreDrawn()
  local path = put("a.cfg", CFG)
  local a, b, c = yl.load { cfg = path }, yl.load { cfg = path, seed = 1 }, yl.load { cfg = path, seed = 2 }
  t.assertEquals(a:checksum(), b:checksum())
  t.assertNotEquals(a:checksum(), c:checksum())
  t.assertEquals({ a.names, a.pretrained, a.darknet }, { { "class0", "class1" }, false, nil })
end

-- weights= of the first sections: the rest is as a network without weights has it, and one line says what is what.
function TestLoad.testPartial()
  local cfg = put("p.cfg", (CFG:gsub("%[convolutional%]", "[convolutional]\nfilters=3\nsize=1\nactivation=leaky\n%0")))
  local first = put("p.conv.1", weights(12, 4711))
  local program = os.getenv "YOLUA_PROGRAM"
  local call = ([['%s' -e 'local m = require("yolua").load { cfg = "%s", weights = "%s", partial = true, seed = 3 }
    print(m.net:get("conv1.bias")[3], m:checksum(function(r) return r.layer == "conv2" end), m.darknet.seen)' 2>&1]])
    :format(program, cfg, first)
  local pipe = assert(io.popen(call))
  local said = pipe:read "a"
  pipe:close()
  local drawn = yl.load({ cfg = cfg, seed = 3 }):checksum(function(r) return r.layer == "conv2" end)
  t.assertEquals(said, ("yolua: warning: %s: kept: conv1, 12 numbers; initialized: conv2, 56 numbers\n1.5\t%s\t"
    .. "4711\n"):format(first, drawn))
end

-- A recipe's options are taken whole: what says how a network is loaded needs no word in the recipe.
function TestLoad.testOptionsOfARecipe()
  local cfg = put("p.cfg", (CFG:gsub("%[convolutional%]", "[convolutional]\nfilters=3\nsize=1\nactivation=leaky\n%0")))
  local o = yl.options { cfg = cfg, weights = put("p.conv.1", weights(12)), partial = true, seed = 3, batch = 2 }
  local a = yl.load(o)
  local b = yl.load { cfg = cfg, weights = o.weights, partial = true, seed = 3 }
  local c = yl.load { cfg = cfg, weights = o.weights, partial = true }
  t.assertEquals(a:checksum(), b:checksum())
  t.assertNotEquals(a:checksum(), c:checksum())
end

local function fails(words, o)
  local ok, sentence = pcall(yl.load, o)
  t.assertFalse(ok)
  for _, word in ipairs(words) do t.assertStrContains(tostring(sentence), word) end
  t.assertNil(tostring(sentence):find "\n")
end

function TestLoad.testPartialNeedsWeights()
  fails({ "partial=true needs weights=FILE" }, { cfg = put("a.cfg", CFG), partial = true })
  fails({ "'partial=true' together with 'model=street'" }, { model = "street", partial = true })
  fails({ "too short", "partial=true" }, { cfg = put("a.cfg", CFG), weights = put("a.weights", weights(14)) })
end

function TestLoad.testNames()
  local cfg = put("a.cfg", CFG)
  fails({ "b.names:2: expected a class name, got an empty line" }, { cfg = cfg, names = put("b.names", "car\n\nperson\n") })
  fails({ "e.names", "got an empty file" }, { cfg = cfg, names = put("e.names", "\n \n") })
  fails({ "a.cfg: region1 has 2 classes, but " .. folder .. "/t.names names 3" }, { cfg = cfg, names = put("t.names", "a\nb\nc\n") })
  fails({ "none.names" }, { cfg = cfg, names = folder .. "/none.names" })
  fails({ "names: no such file 'kiti', and no list of that name, did you mean 'kitti'?" }, { cfg = cfg, names = "kiti" })
end

-- A list that the program knows by name; a file of that name goes first.
function TestLoad.testNamedLists()
  local function net(classes)
    return put("n.cfg", (CFG:gsub("filters=14", "filters=" .. 2 * (5 + classes)):gsub("classes=2", "classes=" .. classes)))
  end
  local function got(names, classes) return yl.load({ cfg = net(classes), names = names }).names end
  local coco, voc, kitti = got("coco", 80), got("voc", 20), got("kitti", 7)
  t.assertEquals({ coco[1], coco[58], coco[80], voc[20], kitti[6] }, { "person", "sofa", "toothbrush", "tvmonitor", "Cyclist" })
  t.assertEquals(got(put("coco", "a\nb\n"), 2), { "a", "b" })
  fails({ "cocco" }, { cfg = net(80), names = "cocco" })
end

-- The network that the program carries is the one beside the recipes, number by number.
function TestLoad.testCarried()
  local stem = (os.getenv "YOLUA_SOURCE" or ".") .. "/recipes/models/street."
  local carried = yl.load { model = "street" }
  local filed = yl.load { cfg = stem .. "cfg", weights = stem .. "weights", names = stem .. "names" }
  t.assertEquals({ carried:checksum(), carried.names, carried.pretrained }, { filed:checksum(), filed.names, true })
  core.files.make_folder "street" -- a run's folder, say, which is no checkpoint
  local ok, beside = pcall(yl.load, { model = "street" })
  os.remove "street"
  t.assertTrue(ok, beside)
  t.assertEquals(beside:checksum(), filed:checksum())
  fails({ "streets" }, { model = "streets" })
  fails({ "../models/street" }, { model = "../models/street" })
end

function TestLoad.testFilesThatDoNotFit()
  local cfg = put("a.cfg", CFG)
  fails({ "no model given", "cfg=", "model=" }, {})
  fails({ "'cfg=a.cfg' together with 'model=m.safetensors'" }, { cfg = "a.cfg", model = "m.safetensors" })
  fails({ "none.cfg" }, { cfg = folder .. "/none.cfg" })
  fails({ "s.weights" }, { cfg = cfg, weights = put("s.weights", weights(55)) })
  fails({ "z.weights" }, { cfg = cfg, weights = put("z.weights", "") })
  fails({ "k.cfg:5", "convolutinal" }, { cfg = put("k.cfg", (CFG:gsub("convolutional", "convolutinal"))) })
end

function TestLoad.testNamesTwice()
  fails({ "t.names:3: the class 'a' is already on line 1" }, { cfg = put("a.cfg", CFG), names = put("t.names", "a\nb\na\n") })
end

function TestLoad.testCheckpoints()
  local m = yl.load { cfg = put("a.cfg", CFG), seed = 5 }
  m:save(folder .. "/m.safetensors")
  local again = yl.load { model = folder .. "/m.safetensors" }
  t.assertEquals({ again:checksum() }, { m:checksum() })
  t.assertEquals(again.names, m.names)
  t.assertEquals({ yl.load(folder .. "/m.safetensors"):checksum() }, { m:checksum() }) -- the path alone
  t.assertErrorMsgContains("nowhere.safetensors", yl.load, folder .. "/nowhere.safetensors")
end

function TestLoad.testCheckpointsOfOthers()
  local path = folder .. "/m.safetensors"
  fails({ "m.safetensors" }, { model = path })
  put("m.safetensors", "nonsense")
  fails({ "m.safetensors" }, { model = path })
  local header = '{"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
  put("m.safetensors", string.pack("<I8", #header) .. header .. "\0\0\0\0")
  fails({ "m.safetensors: not a checkpoint of yolua: its metadata has no 'structure'" }, { model = path })
end

-- Checkpoints from before they knew a class map or Darknet's head load as they are; broken ones of these are refused.
function TestLoad.testWhatACheckpointLearned()
  local m = yl.load { cfg = put("a.cfg", (CFG:gsub("channels", "letter_box=1\nchannels"))) }
  local path, s = folder .. "/m.safetensors", core.json.encode(m.structure)
  local function saved(notes)
    notes.structure, notes.names = s, '["a","b"]'
    core.save(m.net, path, notes, false)
    return { model = path }
  end
  local old = yl.load(saved {})
  t.assertEquals({ old.w, old.h, old.resize, old.map, old.darknet }, { 16, 8, "letterbox", nil, nil })
  local whole = '{"name":"x","classes":["a"],"rules":{"a":%s}}'
  t.assertEquals(yl.load(saved { map = whole:format '{"kind":"object","class":"b"}' }).map.rules, { a = { kind = "object", class = "b" } })
  for _, map in ipairs { "3", "{}", "null", '{"name":"x","classes":["a"]}', '{"name":"x","classes":7,"rules":{}}', whole:format "3",
    whole:format '{"kind":"object"}', whole:format '{"kind":"none","class":"a"}', whole:format '{"kind":"nome"}' } do
    fails({ path .. ": its 'map': expected a class map's name, classes and rules" }, saved { map = map })
  end
  fails({ path .. ": its 'map': line 1" }, saved { map = "{" })
  for _, head in ipairs { "", "0.2.5", "0.2.5 x", "0.2.5 99999999999999999999", "99999999999.2.5 1" } do
    fails({ path .. ": its 'darknet': expected a version and a count of images, got '" .. head }, saved { darknet = head })
  end
end

-- A structure that no network has is refused with the file's name, and so are values that do not belong to it.
function TestLoad.testBrokenStructures()
  local m = yl.load { cfg = put("a.cfg", CFG) }
  local path = folder .. "/m.safetensors"
  local s = core.json.encode(m.structure)
  core.save(m.net, path, { structure = (s:gsub("conv2d", "conv9d")), names = '["a","b"]' }, false)
  fails({ path .. ": its structure cannot be built", "conv9d" }, { model = path })
  core.save(m.net, path, { structure = (s:gsub('"filters":"14"', '"filters":"15"')), names = '["a","b"]' }, false)
  fails({ "m.safetensors" }, { model = path })
  core.save(m.net, path, { structure = s, names = '["a"]' }, false)
  fails({ "2 classes, but 1 names" }, { model = path })
  core.save(m.net, path, { structure = s, names = '["a","b"]', format = "yolua 2" }, false)
  fails({ path .. ": expected a checkpoint of the format 'yolua 1', got 'yolua 2'" }, { model = path })
  local lenet = yl.load { model = "lenet300" }
  core.save(lenet.net, path, { structure = core.json.encode(lenet.structure), names = '["0","1"]' }, false)
  fails({ path .. ": softmax1 has 10 classes, but 2 names were given" }, { model = path })
  local function refused(sentence, structure, names)
    core.save(m.net, path, { structure = structure, names = names }, false)
    fails({ path .. ": " .. sentence }, { model = path })
  end
  refused("its 'structure': line 1", "{", '["a","b"]')
  for _, names in ipairs { "7", "null", '{"a":1}', "[[]]", "[null,null]" } do
    refused("its 'names': expected a list of class names", s, names)
  end
  for _, text in ipairs { "3", "null", "[]", '"x"', '{"layers":3}' } do
    refused("its structure cannot be built: expected width, height, channels and a list of layers", text, '["a","b"]')
  end
  refused("its structure cannot be built: expected layer 1 to have a kind and a name", '{"layers":[5]}', '["a","b"]')
  refused("its structure cannot be built: expected layer 'a' to have options", '{"layers":[{"kind":"conv2d","name":"a"}]}', '["a","b"]')
  local seventh = s:gsub('"inputs":%[0%]', '"inputs":[7]', 1)
  refused("its structure cannot be built: expected layer 'conv1' to name the layers", seventh, '["a","b"]')
end

os.exit(t.LuaUnit.run())
