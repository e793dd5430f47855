-- data=voc: annotations in XML, corners that count from 1, difficult objects, refusals with file and line.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local files = core.files

TestVoc = {}

local function object(class, x1, y1, x2, y2, more)
  return ([[
  <object>
    <name>%s</name>
    %s
    <bndbox><xmin>%s</xmin><ymin>%s</ymin><xmax>%s</xmax><ymax>%s</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
  </object>
]]):format(class, more or "<difficult>0</difficult>", x1, y1, x2, y2)
end

function TestVoc:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  for _, folder in ipairs { "/JPEGImages", "/Annotations", "/ImageSets/Main" } do files.make_folder(self.top .. folder) end
end

function TestVoc:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

function TestVoc:add(id, ...)
  core.image.new(60, 40):save(self.top .. "/x.png")
  os.rename(self.top .. "/x.png", ("%s/JPEGImages/%s.jpg"):format(self.top, id)) -- read by content, not by name
  core.system.write(("%s/Annotations/%s.xml"):format(self.top, id), "<annotation>\n" .. table.concat { ... } .. "</annotation>\n")
end

function TestVoc:data(...)
  core.system.write(self.top .. "/ImageSets/Main/val.txt", table.concat({ ... }, "\n") .. "\n")
  return yl.data { name = "voc", root = self.top }
end

function TestVoc:testRows()
  self:add("a", object("dog", 11, 6, 30, 40), object("cat", 1, 1, 20, 20, "<truncated>1</truncated><difficult>1</difficult>"))
  local data = self:data "a"
  local frame = data.dev.frames[1]
  t.assertEquals({ frame.id, frame.width, frame.height }, { "a", 60, 40 })
  local names = { "cat", "dog", "bird" }
  local rows = data:rows(frame, names)
  t.assertEquals({ rows[1].class, rows[1].box, rows[1].occluded, rows[1].ignore }, { "dog", { 10, 5, 29, 39 }, 0, false })
  t.assertEquals({ rows[2].class, rows[2].truncated, rows[2].occluded, rows[2].ignore }, { "cat", 1, 3, false })
  t.assertEquals(data:truth(frame, names), { { 10, 5, 29, 39, 1, 0 }, { 0, 0, 19, 19, 0, 1 } }) -- training leaves difficult ones alone
  t.assertEquals(data:map({ "airplane", "couch", "zebra", "dog" }).to, { aeroplane = "airplane", sofa = "couch", dog = "dog" })
end

local function refused(self, word, ...)
  self:add("bad", ...)
  local ok, sentence = pcall(function() return self:data("bad").dev end)
  t.assertFalse(ok)
  t.assertStrContains(sentence, "bad.xml")
  t.assertStrContains(sentence, word)
  t.assertNil(sentence:find "\n")
end

function TestVoc:testRefusals()
  refused(self, "bad.xml:2: expected one of VOC's 20 classes, got 'dgo', did you mean 'dog'", object("dgo", 1, 1, 9, 9))
  refused(self, "bad.xml:8: expected a number in <xmax>, got '9x'", object("dog", 1, 1, 9, 9), object("dog", 1, 1, "9x", 9))
  refused(self, "x1 < x2", object("dog", 9, 1, 2, 9))
  refused(self, "inside the image of 60x40", object("dog", 1, 1, 100, 9))
  refused(self, "<bndbox>", "<object><name>dog</name></object>")
  core.system.write(self.top .. "/Annotations/bad.xml", "<annotation>\n<object>")
  t.assertErrorMsgContains("from its start to its end", function() return self:data("bad").dev end)
  t.assertErrorMsgContains("no such label file " .. self.top .. "/Annotations/gone.xml", function() return self:data("gone").dev end)
  core.system.write(self.top .. "/Annotations/bad.xml", "<annotation></annotation>")
  os.rename(self.top .. "/JPEGImages/bad.jpg", self.top .. "/JPEGImages/other.jpg")
  t.assertErrorMsgContains("no such image " .. self.top .. "/JPEGImages/bad.jpg", function() return self:data("bad").dev end)
  files.make_folder(self.top .. "/empty")
  t.assertErrorMsgContains("expected JPEGImages", yl.data, { name = "voc", root = self.top .. "/empty" })
end

-- Comments hide what they hold and keep the count of lines; entities are read; class names may be the user's own.
function TestVoc:testXml()
  self:add("a", "<!-- <object>\n</object> -->\n", object("salt &amp; p&#101;pper", 1, 1, 9, 9), object("cat", 1, 1, 20, 20))
  core.system.write(self.top .. "/ImageSets/Main/val.txt", "a\n")
  local rows = yl.data { name = "voc", root = self.top, names = { "cat", "salt & pepper" } }.dev.frames[1].objects
  t.assertEquals({ #rows, rows[1].class, rows[1].line, rows[2].class, rows[2].line }, { 2, "salt & pepper", 4, "cat", 10 })
  refused(self, "end of the comment that begins at byte 14", "<!-- no end")
  refused(self, "end of the <part> that begins at byte 22", "<object><part>")
  refused(self, "expected one of VOC's 20 classes, got 'do\\ng'", object("do\ng", 1, 1, 9, 9))
  refused(self, "bad.xml:8: expected an end of the <object>", object("dog", 1, 1, 9, 9), "<object>")
  refused(self, "at most 65536 bytes", "<object>" .. (" "):rep(70000) .. "</object>")
  refused(self, "bad.xml:2: expected a <bndbox>", "<object><name>dog</name>" .. ("<bndbox>"):rep(8000) .. "</object>")
end

-- No file takes long to read.
function TestVoc:testLongRuns()
  local started, run = os.clock(), (" "):rep(60000)
  for _, inner in ipairs { "<name>d" .. run .. "g</name>", "<bndbox>a" .. run .. "b</bndbox>", ("<part>"):rep(10000) } do
    refused(self, "bad.xml", "<object>" .. inner .. "</object>")
  end
  self:add("long", "<filename>l" .. run .. "g.jpg</filename>", object("dog", 1, 1, 9, 9))
  os.remove(self.top .. "/JPEGImages/long.jpg")
  core.system.write(self.top .. "/ImageSets/Main/val.txt", "long\n")
  t.assertErrorMsgContains("long.xml: <filename>: expected a path of at most 4096 bytes, got 60006", function()
    return yl.data({ name = "voc", root = self.top }).dev
  end)
  t.assertTrue(os.clock() - started < 5)
end

-- The development kit's own layout: the newest year counts.
function TestVoc:testDevkit()
  self:add("a", object("dog", 1, 1, 9, 9))
  core.system.write(self.top .. "/ImageSets/Main/val.txt", "a\n")
  local kit = os.tmpname()
  os.remove(kit)
  files.make_folder(kit .. "/VOCdevkit/VOC2007")
  os.rename(self.top, kit .. "/VOCdevkit/VOC2012")
  for _, root in ipairs { kit, kit .. "/VOCdevkit", kit .. "/VOCdevkit/VOC2012" } do
    t.assertEquals(#yl.data({ name = "voc", root = root }).dev.frames, 1)
  end
  os.execute("rm -rf '" .. kit .. "'")
end

function TestVoc:testSmallExcessIsClipped()
  self:add("a", object("dog", 1, 1, 62, 40))
  t.assertEquals(self:data("a").dev.frames[1].objects[1].box[3], 60)
end

os.exit(t.LuaUnit.run())
