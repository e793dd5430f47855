-- yl.inspect, behind `yolua doctor`: each kind of fault is found and named, and none stops the look.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local inspect = require "yolua.doctor.inspect"

TestInspect = {}

local function row(class, x1, y1, x2, y2) return ("%s 0 0 0 %g %g %g %g 1 1 1 1 1 1 0\n"):format(class, x1, y1, x2, y2) end

function TestInspect:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  for _, folder in ipairs { "/training/image_2", "/training/label_2", "/ImageSets" } do core.files.make_folder(self.top .. folder) end
end

function TestInspect:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

function TestInspect:frame(id, labels, shade)
  core.image.new(40, 30, (string.char(shade, 10, 20)):rep(1200)):save(("%s/training/image_2/%s.png"):format(self.top, id))
  core.system.write(("%s/training/label_2/%s.txt"):format(self.top, id), labels)
end

function TestInspect:split(name, text) core.system.write(("%s/ImageSets/%s.txt"):format(self.top, name), text) end

function TestInspect:testFindsEverything()
  self:frame("good", row("Car", 1, 1, 20, 20) .. row("Van", 2, 2, 9, 9), 1)
  self:frame("again", row("Car", 1, 1, 20, 20), 1) -- the same picture
  self:frame("thin", row("Car", 5, 5, 5.5, 25) .. row("Car", 3, 3, 9, 9) .. row("Car", 3, 3, 9, 9) .. row("DontCare", 5, 5, 5.5, 25), 2)
  self:frame("empty", "", 3)
  self:frame("broken", "Car 1 2\n", 4)
  self:frame("cut", row("Car", 1, 1, 20, 20), 5)
  local path = self.top .. "/training/image_2/cut.png"
  core.system.write(path, core.system.read(path):sub(1, -30))
  self:split("train", "good\nthin\nempty\nbroken\ncut\n")
  self:split("dev", "good\nagain\nlost\n")
  self:split("drives", "good drive_1\n")
  local found = inspect.run(yl.data { name = "kitti", root = self.top, map = "auto" })
  local dev, train = found.splits[1], found.splits[2]
  t.assertEquals({ #found.splits, dev.name, train.name }, { 2, "dev", "train" })
  -- A truncated picture is reported when its size is read, and its frame does not count.
  t.assertEquals({ train.frames, train.objects, train.classes }, { 3, 6, { Car = 4, Van = 1, DontCare = 1 } })
  t.assertEquals(train.empty, { "empty" })
  t.assertEquals(#train.bad, 2)
  t.assertStrContains(train.bad[1], "broken.txt:1")
  t.assertStrContains(train.bad[2], "cut.png")
  t.assertEquals(#train.odd, 2)
  t.assertStrContains(train.odd[1], "thin.txt:1: Car 0.5 x 20.0 pixels")
  t.assertStrContains(train.odd[2], "thin.txt:3: Car the same as line 2")
  t.assertStrContains(dev.bad[1], "lost")
  t.assertEquals(#found.duplicates, 1)
  t.assertStrContains(table.concat(found.duplicates[1], " "), "again.png")
  t.assertEquals({ found.shared[1].splits, found.shared[1].count }, { { "dev", "train" }, 1 })
end

function TestInspect:testCleanData()
  self:frame("a", row("Car", 1, 1, 20, 20), 1)
  self:frame("b", row("Car", 1, 1, 20, 20), 2)
  self:split("train", "a\n")
  self:split("dev", "b\n")
  local found = inspect.run(yl.data { name = "kitti", root = self.top, map = "auto" })
  t.assertEquals({ found.duplicates, found.shared, found.splits[1].bad, found.splits[1].odd }, { {}, {}, {}, {} })
end

os.exit(t.LuaUnit.run())
