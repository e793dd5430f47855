-- yl.data: splits, the seeded tenth, class maps, labels as protocols and as training see them, refusals that name the place.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local files = core.files
local batches = require "yolua.data.batches"

TestData = {}

local coco = { "person", "bicycle", "car", "motorbike", "bus", "train", "truck" }
local good = "Car 0.00 0 -1.58 10.00 20.00 50.00 60.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"

local function row(class, x1, y1, x2, y2)
  return ("%s 0 0 0 %g %g %g %g 1 1 1 1 1 1 0\n"):format(class, x1, y1, x2, y2)
end

function TestData:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  self.image = core.image.new(100, 80)
end

function TestData:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

-- labels: id -> text; splits: name -> text
function TestData:kitti(labels, splits)
  for _, folder in ipairs { "image_2", "label_2" } do files.make_folder(self.top .. "/training/" .. folder) end
  for id, text in pairs(labels) do
    self.image:save(("%s/training/image_2/%s.png"):format(self.top, id))
    core.system.write(("%s/training/label_2/%s.txt"):format(self.top, id), text)
  end
  for name, text in pairs(splits or {}) do
    files.make_folder(self.top .. "/ImageSets")
    core.system.write(("%s/ImageSets/%s.txt"):format(self.top, name), text)
  end
end

local function ids(list)
  local out = {}
  for i, frame in ipairs(list.frames) do out[i] = frame.id end
  return table.concat(out, " ")
end

function TestData:testSplits()
  self:kitti({ a = good, b = good, c = good }, { train = "c\na\n", dev = "b\n" })
  local data = yl.data { name = "kitti", root = self.top .. "/", map = "auto" }
  t.assertEquals({ ids(data.train), ids(data.dev), ids(data:list()), ids(data:list "all") }, { "c a", "b", "b", "a b c" })
  t.assertEquals({ data.train.name, data.train.frames[1].width, data.train.frames[1].height }, { "train", 100, 80 })
  core.system.write(self.top .. "/mine.txt", "a\n")
  t.assertEquals(ids(data:list(self.top .. "/mine.txt")), "a")
  local limited = yl.data { name = "kitti", root = self.top, map = "auto", limit = 1 }
  t.assertEquals(ids(limited.train), "c")
  t.assertErrorMsgContains("no such split 'tset'", data.list, data, "tset")
  t.assertErrorMsgContains("nolist.txt", data.list, data, self.top .. "/nolist.txt")
end

-- data.pick names the list that choices are made on; it is a part of what the data are. Without it there is none.
function TestData:testPick()
  self:kitti({ a = good, b = good, c = good, d = good }, { train = "a\nb\n", pick = "b\nc\n", dev = "c\nd\n" })
  core.system.write(self.top .. "/try.lua", ([[
    local data = require "yolua".data { name = "kitti", root = %q, pick = "pick" }
    print(#data.dev.frames, data.pick.name, data.pick.frames[1].id, #data.train.frames)]]):format(self.top))
  local pipe <close> = io.popen(("%s %s/try.lua 2>&1"):format(os.getenv "YOLUA_PROGRAM", self.top))
  local said = pipe:read "a"
  t.assertStrContains(said, "2\tpick\tb\t2\n")
  t.assertStrContains(said, "train and pick share 1 of pick's 2 frames (b): numbers on pick will look too good")
  t.assertStrContains(said, "pick and dev share 1 of dev's 2 frames (c): numbers on dev will look too good")
  local plain = yl.data { name = "kitti", root = self.top }
  t.assertNil(plain.pick)
  t.assertNotEquals(yl.data({ name = "kitti", root = self.top, pick = "pick" }).hash, plain.hash)
  t.assertErrorMsgContains("no such split 'pikc'", function() return yl.data({ name = "kitti", root = self.top, pick = "pikc" }).pick end)
end

function TestData:testSeededTenth()
  local labels = {}
  for i = 1, 30 do labels[("%06d"):format(i)] = good end
  self:kitti(labels)
  local data = yl.data { name = "kitti", root = self.top, map = "auto" }
  t.assertEquals({ #data.dev.frames, #data.train.frames, #data:list().frames }, { 3, 27, 30 })
  local again = yl.data { name = "kitti", root = self.top, map = "auto" }
  t.assertEquals(ids(again.dev), ids(data.dev))
  t.assertEquals(again.hash, data.hash)
  local other = yl.data { name = "kitti", root = self.top, map = "auto", seed = 2 }
  t.assertNotEquals(ids(other.dev), ids(data.dev))
  t.assertNotEquals(other.hash, data.hash)
end

function TestData:testPosterMap()
  local labels = row("Van", 1, 2, 30, 40) .. row("Cyclist", 5, 5, 20, 40)
  self:kitti({ a = labels .. row("Misc", 40, 1, 60, 20) .. row("DontCare", 60, 1, 80, 20) }, { dev = "a\n" })
  local data = yl.data { name = "kitti", root = self.top, map = "auto" }
  local frame = data.dev.frames[1]
  t.assertEquals(data:map(coco).name, "poster")
  t.assertEquals(data:truth(frame, coco), { { 1.0, 2.0, 30.0, 40.0, 2, 0 }, { 5.0, 5.0, 20.0, 40.0, 1, 0 },
    { 40.0, 1.0, 60.0, 20.0, 0, 1 }, { 60.0, 1.0, 80.0, 20.0, 0, 1 } })
  local rows = data:rows(frame, coco)
  t.assertEquals({ rows[1].class, rows[1].ignore, rows[3].class, rows[3].ignore }, { "Van", false, "Misc", true })
  t.assertEquals(data:eval_classes(coco), { { name = "person", "Pedestrian", "Person_sitting" }, { name = "bicycle", "Cyclist" },
    { name = "car", "Van" }, { name = "train", "Tram" }, "truck" })
end

function TestData:testIdentityMap()
  local labels = row("Van", 1, 2, 30, 40) .. row("car", 5, 5, 20, 40)
  self:kitti({ a = labels .. row("Tram", 1, 1, 9, 9) .. row("Misc", 40, 1, 60, 20) }, { dev = "a\n" })
  local data, names = yl.data { name = "kitti", root = self.top, map = "auto" }, { "Cyclist", "Car", "Pedestrian" }
  t.assertEquals(data:map(names).name, "identity")
  t.assertEquals(data:truth(data.dev.frames[1], names), { { 1.0, 2.0, 30.0, 40.0, 1, 2 }, { 5.0, 5.0, 20.0, 40.0, 1, 0 },
    { 40.0, 1.0, 60.0, 20.0, 0, 1 } })
  t.assertEquals(data:eval_classes(names), names)
  t.assertErrorMsgContains("none in common", data.map, data, { "cat", "dog" })
  local wrong = yl.data { name = "kitti", root = self.top, map = "postr" }
  t.assertErrorMsgContains("did you mean 'poster'", wrong.map, wrong, coco)
end

local function refused(word, root, o)
  local spec = { name = "kitti", root = root, map = "auto" }
  for key, value in pairs(o or {}) do spec[key] = value end
  local ok, sentence = pcall(function() return yl.data(spec).dev end)
  t.assertFalse(ok)
  t.assertStrContains(sentence, word)
  t.assertNil(sentence:find "\n")
end

-- COCO's classes under KITTI's names: the first data class of each counts, and what the map says nothing of keeps its name.
function TestData:testOwnNames()
  self:kitti { a = good }
  local data = yl.data { name = "kitti", root = self.top }
  t.assertEquals(data:own_names { "person", "Bicycle", "car", "motorbike", "train", "truck" },
    { "Pedestrian", "Cyclist", "Car", "motorbike", "Tram", "Truck" })
end

function TestData:testRefusals()
  t.assertErrorMsgContains("no data set given", yl.data, {})
  t.assertErrorMsgContains("data.root is missing", yl.data, { name = "kitti" })
  refused("/absent", self.top .. "/absent")
  files.make_folder(self.top)
  refused("label_2", self.top)
  local labels = { a = good, b = good .. row("Dragon", 1, 1, 5, 5), c = row("Car", 1, 1, 500, 9) }
  self:kitti(labels, { dev = "a\nb\n", far = "c\n", none = "z\n" })
  refused("b.txt:2: unknown class 'Dragon'", self.top)
  refused("c.txt:1", self.top, { dev = "far" })
  refused("none.txt: frame 'z': no such label file", self.top, { dev = "none" })
  core.system.write(self.top .. "/training/image_2/a.png", "no picture")
  refused("a.png", self.top)
  local lenient = yl.data { name = "kitti", root = self.top, map = "auto", strict = false, dev = "all" }
  lenient.source.all = function() return { "b", "c", "a" } end
  t.assertErrorMsgContains("has no frames", function() return lenient.dev end)
end

function TestData:testSplitNames()
  self:kitti({ a = good, b = good, c = good }, { train = "c\n", val = "b\n", poster_train = "a\nc\n", twice = "a\na\n", empty = "\n" })
  local data = yl.data { name = "kitti", root = self.top, train = "poster_train", split = "all" }
  t.assertEquals({ ids(data.train), ids(data.dev), ids(data:list()), ids(data:list "val") }, { "a c", "b", "a b c", "b" })
  t.assertEquals({ data.train.name, data.dev.name, #data.train, tostring(data.dev) },
    { "poster_train", "dev", 2, "1 frames of kitti (dev)" })
  t.assertErrorMsgContains("did you mean 'poster_train'", data.list, data, "poster_trian")
  t.assertErrorMsgContains("twice.txt: frame 'a' occurs twice", data.list, data, "twice")
  t.assertErrorMsgContains("empty.txt", data.list, data, "empty")
end

-- Frames that cannot be read are left out, with one warning.
function TestData:testNotStrict()
  local labels = { a = good, b = "Car 1 2\n", c = row("Car", 1, 1, 500, 9), d = "" }
  self:kitti(labels, { dev = "a\nb\nc\nlost\nd\n" })
  core.system.write(self.top .. "/try.lua", ([[
    local data = require "yolua".data { name = "kitti", root = %q, strict = false }
    for _, frame in ipairs(data.dev.frames) do io.write(frame.id, " ") end]]):format(self.top))
  local pipe <close> = io.popen(("%s %s/try.lua 2>&1"):format(os.getenv "YOLUA_PROGRAM", self.top))
  local said = pipe:read "a"
  t.assertStrContains(said, "a d")
  t.assertStrContains(said, "left out 3 of the 5 frames of dev: " .. self.top .. "/training/label_2/b.txt:1: ")
  local _, warnings = said:gsub("warning", "")
  t.assertEquals(warnings, 1)
end

function TestData:testObjectsAndHash()
  self:kitti({ a = good, b = good, c = good .. "\n" }, { train = "a\n", dev = "b\n", other = "c\n" })
  local data = yl.data { name = "kitti", root = self.top }
  local object = data.train.frames[1].objects[1]
  t.assertEquals({ object.class, object.box, object.alpha, object.line }, { "Car", { 10.0, 20.0, 50.0, 60.0 }, -1.58, 1 })
  t.assertEquals({ data.split_hash, #data.hash }, { data.hash, 16 })
  t.assertNotEquals(yl.data({ name = "kitti", root = self.top, dev = "other" }).hash, data.hash)
  t.assertEquals(yl.data({ name = "kitti", root = self.top, map = "identity", limit = 1 }).hash, data.hash)
  core.system.write(self.top .. "/training/label_2/b.txt", good .. good)
  t.assertNotEquals(yl.data({ name = "kitti", root = self.top }).hash, data.hash)
end

-- A list whose objects are all of classes that the network lacks teaches nothing.
function TestData:testNothingToLearn()
  self:kitti({ a = row("Tram", 1, 1, 20, 20), b = good }, { train = "a\n", dev = "b\n" })
  local data = yl.data { name = "kitti", root = self.top, map = "identity" }
  local spec = { data = data, list = data.train, names = { "Car", "Pedestrian" }, train = true, batch = 1, w = 32, h = 32,
    resize = "stretch",
    seed = 1, workers = 0 }
  t.assertErrorMsgContains("data: no object of train has a class that the network knows (Car, Pedestrian)", batches.images, spec)
  spec.names = { "Car", "Tram" }
  batches.images(spec):close()
end

function TestData:testOptions()
  t.assertErrorMsgContains("did you mean 'data.limit'", yl.data, { name = "kitti", root = "/", limits = 3 })
  t.assertErrorMsgContains("did you mean 'kitti'", yl.data, { name = "kity", root = "/" })
end

-- What takes a frame says so, with the user's place.
function TestData:testWrongFrames()
  self:kitti({ a = good, b = good }, { train = "a\n", dev = "b\n" })
  local data = yl.data { name = "kitti", root = self.top }
  for _, name in ipairs { "calib", "rows", "mapped", "truth" } do
    local ok, message = pcall(function() local _ = data[name](data, 1, { "Car" }) end)
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*tests/lua/data%.lua:%d+: data:" .. name .. ": expected a frame %(of data%.dev%.frames, say%), got 1")
  end
  local ok, message = pcall(function() local _ = data:truth(data.dev.frames[1]) end)
  t.assertFalse(ok)
  t.assertStrMatches(message, ".*tests/lua/data%.lua:%d+: data:truth: expected a list of class names, got nothing")
end

function TestData:testLabelsWithoutImages()
  files.make_folder(self.top .. "/label_2")
  core.system.write(self.top .. "/label_2/x.txt", good)
  core.system.write(self.top .. "/image_sizes.txt", "x 100 80\n")
  local frame = yl.data({ name = "kitti", root = self.top, images = false }):list().frames[1]
  t.assertEquals({ frame.id, frame.width, frame.height, frame.image }, { "x", 100, 80 })
  refused("training/image_2 or image_2", self.top)
end

function TestData:testYolo()
  for _, name in ipairs { "train/a", "train/b", "val/c" } do
    files.make_folder(self.top .. "/images/" .. name:match "^%a+")
    files.make_folder(self.top .. "/labels/" .. name:match "^%a+")
    self.image:save(("%s/images/%s.png"):format(self.top, name))
  end
  core.system.write(self.top .. "/labels/train/a.txt", "1 0.5 0.5 0.2 0.5\n")
  core.system.write(self.top .. "/labels/val/c.txt", "0 0.5 0.5 0.2 0.5\n")
  local data = yl.data { name = "yolo", root = self.top, map = "auto", dev = "val" }
  t.assertEquals({ ids(data.train), ids(data.dev), ids(data:list "all") }, { "train/a train/b", "val/c", "train/a train/b val/c" })
  local frame = data.train.frames[1]
  t.assertEquals(data:truth(frame, { "x", "y" }), { { 40.0, 20.0, 60.0, 60.0, 1, 0 } })
  t.assertEquals(data:rows(frame, { "x", "y" })[1].class, "y")
  t.assertEquals(data:rows(data.train.frames[2], { "x", "y" }), {})
  t.assertErrorMsgContains("a.txt:1: expected a class from 0 to 0, got '1'", data.rows, data, frame, { "x" })
  core.system.write(self.top .. "/classes.txt", "cat\ndog\n")
  local known = yl.data { name = "yolo", root = self.top, map = "auto" }
  t.assertEquals(known:truth(known.train.frames[1], { "dog", "bird", "cat" })[1][5], 0)
end

os.exit(t.LuaUnit.run())
