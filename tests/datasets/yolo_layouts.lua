-- data=yolo as exporters leave it: Roboflow, Ultralytics' data.yaml, Darknet's obj.data, CVAT; what is odd in it is read, told, or refused.
local t = require "luaunit"
local yl = require "yolua"
local program = require "support.program"
local core = yl.core
local files = core.files

TestLayouts = {}

local box = "0 0.5 0.5 0.5 0.5\n"

function TestLayouts:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  files.make_folder(self.top)
  self.picture = core.image.new(200, 100):jpeg(80)
end

function TestLayouts:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

function TestLayouts:put(name, text)
  files.make_folder((self.top .. "/" .. name):match "^(.*)/")
  core.system.write(self.top .. "/" .. name, text or self.picture)
end

function TestLayouts:data(o)
  o = o or {}
  o.root = o.root or not o.name and self.top or nil
  return yl.data(o)
end

local function ids(list)
  local out = {}
  for i, frame in ipairs(list.frames) do out[i] = ("%s:%d"):format(frame.id, #frame.objects) end
  return table.concat(out, " ")
end

-- Runs `code`, with the data set as `data`, in a program of its own: what it says on either stream.
function TestLayouts:said(code, name)
  core.system.write(self.top .. "-run.lua", ("local data = require 'yolua'.data(%s)\n%s"):format(
    name and ("{ name = %q }"):format(name) or ("{ root = %q }"):format(self.top), code))
  local status, out, err = program.run { self.top .. "-run.lua" }
  os.remove(self.top .. "-run.lua")
  return out .. err, status
end

local function count(text, words) return select(2, text:gsub(words:gsub("%p", "%%%0"), "")) end

-- ---- layouts ---------------------------------------------------------------------------------------------------------------

function TestLayouts:roboflow(yaml)
  for _, name in ipairs { "train/%s/a_jpg.rf.12", "train/%s/b.c d", "valid/%s/e", "test/%s/f" } do
    self:put(name:format "images" .. ".jpg")
    self:put(name:format "labels" .. ".txt", box)
  end
  self:put("data.yaml", yaml or "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 1\nnames: ['cat']\n")
end

-- `path:` names a folder of the machine that the file was written on.
function TestLayouts:testPathOfAnotherMachine()
  self:put "images/a.jpg"
  self:put("labels/a.txt", box)
  for _, path in ipairs { "../datasets/cats", "/content/datasets/cats" } do
    self:put("data.yaml", ("path: %s\ntrain: images\nval: images\nnames: [cat]\n"):format(path))
    t.assertEquals({ ids(self:data().train), ids(self:data().dev) }, { "a:1", "a:1" })
  end
  self:put("data.yaml", "path: gone\ntrain: images\nval: other\nnames: [cat]\n")
  t.assertErrorMsgContains("data.yaml: val: no such folder or file 'other'", function() return self:data().dev end)
  self:put("data.yaml", ("train: images\nval: %s\nnames: [cat]\n"):format(("a/"):rep(5000)))
  t.assertErrorMsgContains("data.yaml: val: expected a path of at most 4096 bytes, got 10000", function() return self:data().dev end)
end

function TestLayouts:testRoboflow()
  self:roboflow()
  for _, o in ipairs { {}, { name = self.top .. "/data.yaml" }, { name = "yolo", root = self.top } } do
    local data = self:data(o)
    t.assertEquals({ data.name, ids(data.train), ids(data.dev), ids(data:list "test"), data.classes },
      { "yolo", "train/a_jpg.rf.12:1 train/b.c d:1", "valid/e:1", "test/f:1", { "cat" } })
    t.assertEquals(data.train.frames[1].image, self.top .. "/train/images/a_jpg.rf.12.jpg")
  end
  os.remove(self.top .. "/data.yaml") -- the folders alone say as much
  t.assertEquals(ids(self:data().dev), "valid/e:1")
  t.assertNil(self:said("local _ = data.train", self.top .. "/data.yaml"):find "drawn")
end

function TestLayouts:testListsInYaml()
  for _, id in ipairs { "a/1", "b/2", "c/3" } do
    self:put("images/" .. id .. ".jpg")
    self:put("labels/" .. id .. ".txt", box)
  end
  self:put("lists/c.txt", "../images/c/3.jpg\n")
  self:put("data.yaml", "train: [images/a, images/b]\nval: [./lists/c.txt]\ntest:\n")
  local data = self:data()
  t.assertEquals({ ids(data.train), ids(data.dev) }, { "a/1:1 b/2:1", "c/3:1" })
  self:put("data.yaml", "train: images/a\nval: images/bb\n")
  t.assertErrorMsgContains("data.yaml: val: no such folder or file 'images/bb'", function() return self:data().dev end)
  t.assertErrorMsgContains("data.yaml: val: no such folder or file 'images/bb'", function() return self:data().train end)
  for value, words in pairs { ["{a: images/a}"] = "val: expected a path or a list of paths, got a table", ["7"] = "val: expected a path",
    ["[images/a, 7]"] = "val: expected a path as number 2, got 7", ["lists"] = "val: no pictures in " } do
    self:put("data.yaml", ("train: images/a\nval: %s\n"):format(value))
    t.assertErrorMsgContains("data.yaml: " .. words, function() return self:data().dev end)
  end
end

-- One folder for train and val: read, and told that dev was learnt.
function TestLayouts:testOneFolderForBoth()
  for i = 1, 4 do
    self:put(("images/%d.jpg"):format(i))
    self:put(("labels/%d.txt"):format(i), box)
  end
  self:put("data.yaml", "train: images\nval: images\nnames: [cat]\n")
  local data = self:data()
  t.assertEquals({ ids(data.train), ids(data.dev) }, { "1:1 2:1 3:1 4:1", "1:1 2:1 3:1 4:1" })
  t.assertStrContains(self:said "local _ = data.train, data.dev", "train and dev share 4 of dev's 4 frames (1, ...)")
end

function TestLayouts:darknet(folder)
  for i = 1, 3 do
    self:put(("%sobj/%d.jpg"):format(folder, i))
    self:put(("%sobj/%d.txt"):format(folder, i), box)
  end
  self:put(folder .. "obj.names", "cat\r\ndog\r\n\r\n")
  self:put(folder .. "train.txt", "data/obj/1.jpg\r\ndata\\obj\\2.jpg\r\n\r\n")
  self:put(folder .. "test.txt", "\239\187\191/content/drive/darknet/data/obj/3.jpg\n")
  self:put(folder .. "obj.data", "classes= 2\ntrain  = data/train.txt\nvalid  = data/test.txt\nnames = data/obj.names\nbackup = backup/\n")
end

function TestLayouts:testDarknet()
  self:darknet "data/"
  for _, o in ipairs { { name = self.top .. "/data/obj.data" }, { root = self.top }, { root = self.top .. "/data" } } do
    local data = self:data(o)
    t.assertEquals({ data.name, #data.train, #data.dev, data.classes }, { "yolo", 2, 1, { "cat", "dog" } })
    t.assertEquals(data.train.frames[2].label, self.top .. "/data/obj/2.txt")
  end
  local said = self:said("local _ = data.train, data.dev", self.top .. "/data/obj.data")
  t.assertEquals({ count(said, "warning"), count(said, "entries that name folders which are not here: 1") }, { 1, 1 }) -- /content/...
  self:put("data/obj.data", "classes=3\ntrain=data/train.txt\nvalid=data/test.txt\nnames=data/obj.names\n")
  t.assertErrorMsgContains("obj.data: 'classes' says 3 classes, names has 2", self.data, self, { root = self.top })
  self:put("data/obj.data", "trian=data/train.txt\n")
  t.assertErrorMsgContains("obj.data:1: unknown key 'trian', did you mean 'train'", self.data, self, { root = self.top })
  self:put("data/obj.data", "train=data/lost.txt\n")
  t.assertErrorMsgContains("obj.data: train: no such folder or file 'data/lost.txt'", function() return self:data().train end)
end

-- CVAT writes no list for dev, and a folder `data` before its paths that is not in the archive.
function TestLayouts:testDarknetWithoutDev()
  self:darknet ""
  self:put("obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n")
  local data = self:data()
  t.assertEquals({ #data.train + #data.dev, #data.dev, #data:list "train" }, { 2, 1, 2 })
  t.assertStrContains(self:said "local _ = data.train", "has no dev split: 1 of the training split's 2 frames")
end

-- Labels beside their pictures in images/, in labels/ beside a folder of another name, and in any case.
function TestLayouts:testWhereALabelLies()
  for picture, label in pairs { ["images/a.JPG"] = "images/a.TXT", ["images/deep/b.PNG"] = "images/deep/b.txt" } do
    self:put(picture)
    self:put(label, box)
  end
  t.assertEquals(ids(self:data { name = "yolo", root = self.top }:list "all"), "a:1 deep/b:1")
  os.execute("rm -rf '" .. self.top .. "/images'")
  for picture, label in pairs { ["one.jpeg"] = "labels/one.txt", ["set/two.jpg"] = "labels/set/two.txt",
    ["set/3.jpg"] = "set/labels/3.txt" } do
    self:put(picture)
    self:put(label, box)
  end
  t.assertEquals(ids(self:data { name = "yolo", root = self.top }:list "all"), "one:1 set/3:1 set/two:1")
end

-- The same stem in two folders is two frames, twice in one folder an error; dots, blanks and other letters belong to a name.
function TestLayouts:testStems()
  for _, id in ipairs { "a/x", "b/x", "b/straße 1.5 m" } do
    self:put("images/" .. id .. ".jpg")
    self:put("labels/" .. id .. ".txt", id == "b/x" and box .. box or box)
  end
  self:put("mine.txt", "images/b/straße 1.5 m.jpg\n  b/x \n\n\n")
  local data = self:data()
  t.assertEquals({ ids(data:list "all"), ids(data:list "mine.txt") }, { "a/x:1 b/straße 1.5 m:1 b/x:2", "b/straße 1.5 m:1 b/x:2" })
  self:put "images/a/x.png"
  t.assertErrorMsgContains(self.top .. ": frame 'a/x.png' occurs twice, first as 'a/x.jpg'",
    function() return self:data():list "all" end)
  self:put("mine.txt", "a/x\n")
  t.assertErrorMsgContains("expected one picture of that name, got x.jpg and x.png", function() return self:data():list "mine.txt" end)
end

-- Windows' line ends and byte-order marks, an empty file, no file.
function TestLayouts:testWindows()
  for i, text in ipairs { "\239\187\191" .. box:gsub("\n", "\r\n") .. "\r\n\r\n", "", " \r\n" } do
    self:put(("images/%d.jpg"):format(i))
    self:put(("labels/%d.txt"):format(i), text)
  end
  self:put "images/4.jpg"
  self:put("data.yaml", "\239\187\191names:\r\n  - cat\r\n  - dog\r\n")
  local data = self:data()
  t.assertEquals({ ids(data:list()), data.classes }, { "1:1 2:0 3:0 4:0", { "cat", "dog" } })
end

-- ---- rows and names --------------------------------------------------------------------------------------------------------

function TestLayouts:frame(labels)
  self:put "images/a.jpg"
  self:put("labels/a.txt", labels)
end

function TestLayouts:testRowsAreReadAndTold()
  self:frame("3.0 0.5 0.5 0.5 0.5\n0 0.1 0.1 0.3 0.1 0.3 0.4\n0 0.5 0.5 0 0.5\n0 0.5 0.5 0.5 0\n1 0.2 0.2 0.1 0.1\n")
  local objects = self:data():list().frames[1].objects
  t.assertEquals({ #objects, objects[1].index, objects[2].line, objects[3].line }, { 3, 4, 2, 5 })
  t.assertAlmostEquals(objects[2].box[4], 40, 1e-9)
  local said = self:said "local _ = data:list(), data:list 'all', data.dev"
  t.assertEquals({ count(said, "boxes without area, which are left out: 2, the first at " .. self.top .. "/labels/a.txt:3"),
    count(said, "labels that are polygons, whose bounding boxes count: 1, the first at " .. self.top .. "/labels/a.txt:2") }, { 1, 1 })
  for labels, words in pairs { ["3.5 0.5 0.5 0.5 0.5"] = "a.txt:1: expected a class from 0 to 65535, got '3.5'",
    ["0 0.5 0.5 -0.1 0.5"] = "a.txt:1: expected a box with left < right", ["0 0.5 0.5 1e12 0.5"] = "a.txt:1: field 4 (width)",
    ["0 0.1 0.1 0.3 0.1 0.3"] = "a.txt:1: expected the 5 fields of a YOLO label row, got 6" } do
    self:frame(labels)
    t.assertErrorMsgContains(words, function() return self:data():list() end)
  end
end

function TestLayouts:testNames()
  self:frame(box)
  local function names(yaml)
    self:put("data.yaml", yaml)
    return self:data().classes
  end
  t.assertEquals({ names "names: [0, 1, 2]\n", names "names: {0: 7, 1: cat}\n" }, { { "0", "1", "2" }, { "7", "cat" } })
  t.assertNil(names "nc: 3\n")
  for yaml, words in pairs { ["names: [cat, true]"] = "names: class 1: expected a name, got true",
    ["names: [1.5]"] = "names: class 0: expected a name, got 1.5",
    ["names: [cat, ~]"] = "names: class 1: expected a name, got null", ["names: [[cat]]"] = "names: class 0: expected a name, got a list",
    ["names: [cat, dog, cat]"] = "names: classes 0 and 2 have the same name 'cat'",
      ["- names"] = "expected keys and values, got a list", ["names: 7"] = "names: expected a list of class names, got 7",
    ["names: lost.names"] = "names: no such file 'lost.names'", ["nc: 3\nnames: [a]"] = "'nc' says 3 classes, names has 1",
    ["nc: 2.5"] = "expected a whole number from 1 to 65536 as nc, got 2.5" } do
    t.assertErrorMsgContains("data.yaml: " .. words, names, yaml .. "\n")
  end
  os.remove(self.top .. "/data.yaml")
  self:put("classes.txt", "cat\n\ndog\n")
  t.assertErrorMsgContains("classes.txt:2: expected a class name, got an empty line", self.data, self)
end

function TestLayouts:testNoObjects()
  for i = 1, 3 do self:put(("images/%d.jpg"):format(i)) end
  self:put("labels/1_x.txt", box)
  for _, role in ipairs { "train", "dev" } do
    t.assertErrorMsgMatches(".*the %d pictures of " .. role
      .. " contain no objects: .*/images/%d.jpg has no label file %(looked for .*/labels/%d.txt%)",
      function() return self:data()[role] end)
  end
  self:put("labels/1.txt", box)
  t.assertEquals(count(self:said "local _ = data:list 'all'", "pictures without a label file, which count as background: 2, the first "
    .. self.top .. "/images/2.jpg, for which " .. self.top .. "/labels/2.txt was looked for"), 1)
  self:put("labels/2.txt", "")
  t.assertEquals(self:said "local _ = data:list 'all'", "")
end

os.exit(t.LuaUnit.run())
