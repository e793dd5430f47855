-- data=yolo: where class names and splits come from, labels in pixels, refusals with their file and line; and the real coco128.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local files = core.files

TestYolo = {}

function TestYolo:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  self.image = core.image.new(200, 100)
end

function TestYolo:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

function TestYolo:put(name, text)
  files.make_folder(self.top .. "/" .. (name:match "^(.*)/" or ""))
  core.system.write(self.top .. "/" .. name, text)
end

-- id: below images/; labels: the text of its label file, or nil for none
function TestYolo:frame(id, labels)
  files.make_folder(self.top .. "/images/" .. (id:match "^(.*)/" or ""))
  files.make_folder(self.top .. "/labels")
  self.image:save(("%s/images/%s.png"):format(self.top, id))
  if labels then self:put("labels/" .. id .. ".txt", labels) end
end

function TestYolo:data(o)
  o = o or {}
  o.name, o.root = "yolo", self.top
  return yl.data(o)
end

local function ids(list)
  local out = {}
  for i, frame in ipairs(list.frames) do out[i] = frame.id end
  return table.concat(out, " ")
end

function TestYolo:testNamesOfTheNetwork()
  self:frame("a", "1 0.5 0.5 0.5 0.5\n0 0.25 0.5 0.1 1\n")
  self:frame "b"
  local data, names = self:data(), { "cat", "dog" }
  local frame = data:list().frames[1]
  t.assertEquals({ data.classes, frame.width, frame.height, ids(data:list()) }, { nil, 200, 100, "a b" })
  t.assertEquals((data:truth(frame, names)), { { 50.0, 25.0, 150.0, 75.0, 1, 0 }, { 40.0, 0.0, 60.0, 100.0, 0, 0 } })
  t.assertEquals({ data:eval_classes(names), data:mapped(frame)[1].class }, { names, "class1" })
  t.assertEquals(data:truth(data:list().frames[2], names), {})
  t.assertErrorMsgContains("labels/a.txt:1: expected a class from 0 to 0, got '1'", data.truth, data, frame, { "cat" })
end

function TestYolo:testNamesOfTheData()
  self:frame("a", "1 0.5 0.5 0.5 0.5\n")
  local function known(o) return self:data(o).classes end
  self:put("classes.txt", "x\ny\n")
  t.assertEquals(known(), { "x", "y" })
  self:put("data.yaml", "nc: 2\nnames:\n  0: cat\n  1: dog\n")
  t.assertEquals(known(), { "cat", "dog" })
  t.assertEquals(known { names = "p,q" }, { "p", "q" })
  t.assertEquals(known { names = self.top .. "/classes.txt" }, { "x", "y" })
  local data = self:data()
  t.assertEquals((data:truth(data:list().frames[1], { "dog", "bird", "cat" }))[1][5], 0)
  self:put("data.yaml", "names: [cat]\n")
  t.assertErrorMsgContains("labels/a.txt:1: expected a class from 0 to 0, got '1'", function() self:data():list() end)
  self:put("data.yaml", "names: {0: cat, 2: dog}\n")
  t.assertErrorMsgContains("data.yaml: names: class 1 is missing", known)
end

function TestYolo:testSplits()
  for _, id in ipairs { "train/a", "train/b", "val/c" } do self:frame(id, "0 0.5 0.5 0.5 0.5\n") end
  local data = self:data()
  t.assertEquals({ ids(data.train), ids(data.dev), ids(data:list()), data.dev.name }, { "train/a train/b", "val/c", "val/c", "dev" })
  self:put("train.txt", "./images/train/b.png\n/elsewhere/images/val/c.png\n")
  t.assertEquals(ids(self:data().train), "train/b val/c")
  self:put("mine.txt", "train/a\n")
  t.assertEquals(ids(self:data { dev = "mine.txt" }.dev), "train/a")
  self:put("lost.txt", "images/train/z.jpg\n")
  t.assertErrorMsgContains("lost.txt: frame 'images/train/z.jpg': no such image", data.list, data, "lost.txt")
  files.make_folder(self.top .. "/images/none")
  t.assertErrorMsgContains("split none", data.list, data, "none")
end

function TestYolo:testSplitsOfYaml()
  for _, id in ipairs { "day/a", "night/b" } do self:frame(id, "0 0.5 0.5 0.5 0.5\n") end
  self:put("data.yaml", "names: [cat]\ntrain: images/day\nval: ./images/night/\n")
  local data = self:data()
  t.assertEquals({ ids(data.train), ids(data.dev), ids(data:list "all") }, { "day/a", "night/b", "day/a night/b" })
end

function TestYolo:testLabelsAlone()
  self:put("labels/a.txt", "0 0.5 0.5 0.5 0.5\n")
  t.assertErrorMsgContains("no such folder " .. self.top .. "/images", self.data, self)
  local frame = self:data({ images = false }):list().frames[1]
  t.assertEquals({ frame.id, frame.image, frame.objects[1].box }, { "a", nil, { 0.25, 0.25, 0.75, 0.75 } })
end

-- Images and labels side by side; the classes are numbers that nobody named.
function TestYolo:testOneFolderWithoutNames()
  files.make_folder(self.top)
  for i, id in ipairs { "a", "b" } do
    self.image:save(("%s/%s.png"):format(self.top, id))
    self:put(id .. ".txt", ("%d 0.5 0.5 0.5 0.5\n"):format(2 * i))
  end
  local data = self:data { train = "all", dev = "all" }
  t.assertEquals(ids(data.train), "a b")
  t.assertNil(data.classes)
  data:number_classes()
  t.assertEquals(data.classes, { "class0", "class1", "class2", "class3", "class4" })
  local row = data:rows(data.train.frames[2], data.classes)[1]
  t.assertEquals({ row.class, row.box }, { "class4", { 50, 25, 150, 75 } })
  t.assertEquals(data:truth(data.train.frames[1], data.classes)[1][5], 2)
  t.assertErrorMsgContains("contain no objects", function()
    self:put("a.txt", "")
    self:put("b.txt", "")
    self:data({ train = "all", dev = "all" }):number_classes()
  end)
end

function TestYolo:testRefusals()
  self:frame("a", "0 0.5 0.5 0.5 0.5\n0 0.5 nan 0.5 0.5\n")
  t.assertErrorMsgContains("labels/a.txt:2", function() self:data():list() end)
  self:put("labels/a.txt", "0 0.9 0.5 0.5 0.5\n")
  t.assertErrorMsgContains("labels/a.txt:1: expected a box inside", function() self:data():list() end)
  os.execute("rm -rf '" .. self.top .. "/labels'")
  t.assertErrorMsgContains("no such folder " .. self.top .. "/labels", self.data, self)
end

-- The figures of coco128 by its own files: 128 images, 898 objects of 73 classes.
function TestYolo:testCoco128()
  local root = (os.getenv "YOLUA_DATA" or os.getenv "YOLUA_SOURCE" .. "/../shared/data")
  if files.kind(root .. "/coco128") ~= "folder" then return print "SKIP coco128 is not here" end
  local names = core.labels.list(root .. "/weights/coco.names")
  local data = yl.data { name = "yolo", root = root .. "/coco128" }
  local list, objects, seen, classes = data:list(), 0, {}, 0
  for _, frame in ipairs(list.frames) do
    for _, row in ipairs(data:rows(frame, names)) do
      objects = objects + 1
      if not seen[row.class] then seen[row.class], classes = true, classes + 1 end
    end
  end
  t.assertEquals({ list.name, #list, objects, classes }, { "all", 128, 898, 73 })
end

os.exit(t.LuaUnit.run())
