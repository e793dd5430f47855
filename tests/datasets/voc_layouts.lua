-- data=voc and data=kitti as people have them: where annotations and pictures lie, endings of any kind and case, the user's own classes.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local files = core.files

TestVocLayouts, TestKittiLayouts = {}, {}

local function set_up(self)
  self.top = os.tmpname()
  os.remove(self.top)
  files.make_folder(self.top)
  self.picture = core.image.new(60, 40):jpeg(80)
end

local function tear_down(self) os.execute("rm -rf '" .. self.top .. "'") end

local function put(self, name, text)
  files.make_folder((self.top .. "/" .. name):match "^(.*)/")
  core.system.write(self.top .. "/" .. name, text or self.picture)
end

for _, class in ipairs { TestVocLayouts, TestKittiLayouts } do class.setUp, class.tearDown, class.put = set_up, tear_down, put end

local function ids(list)
  local out = {}
  for i, frame in ipairs(list.frames) do out[i] = ("%s:%d"):format(frame.id, #frame.objects) end
  return table.concat(out, " ")
end

-- ---- VOC -------------------------------------------------------------------------------------------------------------------

local function xml(file, ...)
  local parts = { ("<annotation><filename>%s</filename>\r\n<size><width>60</width><height>40</height></size>\r\n"):format(file) }
  for _, box in ipairs { ... } do
    local corners = "<xmin>%s</xmin><ymin>%s</ymin><xmax>%s</xmax><ymax>%s</ymax>"
    parts[#parts + 1] = ("<object><name>%s</name><bndbox>" .. corners .. "</bndbox></object>\r\n"):format(
      table.unpack(box))
  end
  return table.concat(parts) .. "</annotation>\r\n"
end

local dog = { "dog", 11, 6, 30, 36 }

function TestVocLayouts:testRoboflow()
  for split, count in pairs { train = 1, valid = 2, test = 3 } do
    local boxes = {}
    for i = 1, count do boxes[i] = { "dog", i, 6, 30, 36 } end
    self:put(split .. "/a b.v2.jpg")
    self:put(split .. "/a b.v2.xml", xml("a b.v2.jpg", table.unpack(boxes)))
  end
  local data = yl.data { root = self.top }
  t.assertEquals({ data.name, ids(data.train), ids(data.dev), ids(data:list "test"), data.source:split_names() },
    { "voc", "train/a b.v2:1", "valid/a b.v2:2", "test/a b.v2:3", { "test", "train", "valid" } })
end

-- Any kind and case of ending; a picture that the annotation alone names; entries of a list that are paths.
function TestVocLayouts:testPicturesAndEndings()
  for name, text in pairs { ["a.xml"] = xml("a.png", dog), ["b.XML"] = xml("folder\\other.PNG", dog), ["c.d.xml"] = xml("c.d.jpg", dog) } do
    self:put("annotations/" .. name, text)
  end
  for _, name in ipairs { "a.JPG", "other.PNG", "c.d.jpeg" } do self:put("images/" .. name) end
  self:put("ImageSets/Main/train.txt", "\239\187\191a\r\nimages/c.d.jpeg\r\n\r\n")
  self:put("ImageSets/Main/val.txt", "b.xml\n")
  local data = yl.data { root = self.top }
  t.assertEquals({ ids(data.train), ids(data.dev) }, { "a:1 c.d:1", "b:1" })
  t.assertEquals({ data.train.frames[1].image, data.dev.frames[1].image }, { self.top .. "/images/a.JPG", self.top .. "/images/other.PNG" })
  self:put "images/a.png"
  t.assertErrorMsgContains("expected one picture of that name, got a.JPG and a.png",
    function() return yl.data({ root = self.top }).train end)
end

function TestVocLayouts:testLabelsAlone()
  self:put("Annotations/a.xml", xml("a.jpg", dog))
  t.assertErrorMsgContains("no such folder " .. self.top .. "/JPEGImages", yl.data, { name = "voc", root = self.top })
  local frame = yl.data({ name = "voc", root = self.top, images = false }):list().frames[1]
  t.assertEquals({ frame.width, frame.height, frame.objects[1].box }, { 60, 40, { 10, 5, 29, 35 } })
  self:put("Annotations/a.xml", (xml("a.jpg", dog):gsub("<width>60", "<width>60.5")))
  t.assertErrorMsgContains("a.xml: expected a whole number from 1 to 65535 as <width>, got 60.5",
    function() return yl.data({ name = "voc", root = self.top, images = false }):list() end)
end

-- Beside each other, too, annotations are enough where there is no picture at all; one that is missing among others is a fault.
function TestVocLayouts:testLabelsAloneInOneFolder()
  for _, name in ipairs { "a", "b" } do self:put(name .. ".xml", xml(name .. ".jpg", dog)) end
  local function list() return yl.data({ name = "voc", root = self.top, images = false }):list "all" end
  t.assertEquals(ids(list()), "a:1 b:1")
  self:put "a.jpg"
  t.assertErrorMsgContains("no such image " .. self.top .. "/b.jpg", list)
end

function TestVocLayouts:testRows()
  self:put "JPEGImages/a.jpg"
  self:put("Annotations/a.xml", xml("a.jpg", { "dog", 5, 6, 5, 9 }, dog, { "dog", 5, 6, 8, 6 }))
  t.assertEquals(ids(yl.data({ root = self.top }):list()), "a:1")
  self:put("Annotations/a.xml", xml("a.jpg", { "dog", "1e300", 6, 5, 9 }))
  t.assertErrorMsgContains("a.xml:3: expected a number from -1000000000 to 1000000000 as <xmin>, got 1e+300",
    function() return yl.data({ root = self.top }):list() end)
  self:put("Annotations/a.xml", xml("a.jpg", { "tractor", 1, 6, 5, 9 }))
  t.assertErrorMsgContains("a.xml:3: expected one of VOC's 20 classes, got 'tractor' (data.names= names others)",
    function() return yl.data({ root = self.top }):list() end)
  self:put("labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ntractor:1,2,3::\n")
  t.assertEquals({ ids(yl.data({ root = self.top }):list()), yl.data({ root = self.top }).classes }, { "a:1", { "tractor" } })
end

-- ---- KITTI -----------------------------------------------------------------------------------------------------------------

local function row(class, x1, y1, x2, y2) return ("%s 0 0 0 %g %g %g %g 1 1 1 1 1 1 0\n"):format(class, x1, y1, x2, y2) end

function TestKittiLayouts:testEndings()
  for _, name in ipairs { "1.JPG", "2.jpeg", "3.a.PNG" } do self:put("image_2/" .. name) end
  for _, name in ipairs { "1.TXT", "2.txt", "3.a.txt", "9.txt" } do
    self:put("label_2/" .. name, "\239\187\191" .. row("Car", 1, 1, 20, 20):gsub("\n", "\r\n") .. row("Car", 5, 5, 5, 9))
  end
  self:put("ImageSets/train.txt", "1\r\n2.png\r\n")
  self:put("ImageSets/dev.txt", "image_2\\3.a.PNG\n")
  local data = yl.data { root = self.top }
  t.assertEquals({ data.name, ids(data:list "all"), ids(data.train), ids(data.dev) }, { "kitti", "1:1 2:1 3.a:1", "1:1 2:1", "3.a:1" })
  t.assertEquals(data.source:orphans(), { self.top .. "/label_2/9.txt" })
  self:put "image_2/1.png"
  t.assertErrorMsgContains("expected one picture of that name, got 1.JPG and 1.png",
    function() return yl.data({ root = self.top }).train end)
end

function TestKittiLayouts:testOwnClasses()
  self:put "image_2/1.jpg"
  self:put("label_2/1.txt", row("tractor", 1, 1, 20, 20) .. row("Van", 1, 1, 9, 9) .. row("DontCare", 2, 2, 9, 9))
  t.assertErrorMsgContains("1.txt:1: unknown class 'tractor'", function() return yl.data({ root = self.top }):list() end)
  local data = yl.data { name = "kitti", root = self.top, names = { "Tractor", "Van" } }
  t.assertEquals({ data.classes, ids(data:list()), data:map({ "Van", "Tractor" }).name }, { { "Tractor", "Van" }, "1:3", "identity" })
  t.assertEquals(data:truth(data:list().frames[1], { "Van", "Tractor" }), { { 1.0, 1.0, 20.0, 20.0, 1, 0 }, { 1.0, 1.0, 9.0, 9.0, 0, 0 },
    { 2.0, 2.0, 9.0, 9.0, 0, 1 } })
  t.assertEquals(data:map({ "Tractor" }).neighbour, {}) -- a Van is beside a Car, where there are cars
  t.assertEquals(yl.data({ name = "kitti", root = self.top, names = { "Tractor", "Van", "Car" } }):map({ "Tractor", "Car" }).neighbour,
    { Van = "Car" })
  t.assertErrorMsgContains("1.txt:2: unknown class 'Van'", function() return yl.data({ name = "kitti", root = self.top,
    names = { "Tractor" } }):list() end)
end

function TestKittiLayouts:testSizes()
  self:put("label_2/1.txt", row("Car", 1, 1, 20, 20))
  for line, words in pairs { ["1 60 99999999999999999999"] = "image_sizes.txt:2: expected a whole number from 1 to 65535 as a height",
    ["1 60.5 40"] = "as a width, got 60.5", ["1 60"] = "image_sizes.txt:2: expected id width height, got '1 60'" } do
    self:put("image_sizes.txt", "0 60 40\r\n" .. line .. "\r\n")
    t.assertErrorMsgContains(words, yl.data, { name = "kitti", root = self.top, images = false })
  end
end

os.exit(t.LuaUnit.run())
