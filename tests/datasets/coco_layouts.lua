-- data=coco as exporters leave it: where the files lie, tables that are objects, boxes without area, outlines instead of boxes,
-- invalid numbers.
local t = require "luaunit"
local yl = require "yolua"
local program = require "support.program"
local core = yl.core
local inspect = require "yolua.doctor.inspect"
local files = core.files

TestLayouts = {}

function TestLayouts:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  files.make_folder(self.top)
  self.picture = core.image.new(60, 40):jpeg(80)
end

function TestLayouts:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

function TestLayouts:put(name, text)
  files.make_folder((self.top .. "/" .. name):match "^(.*)/")
  core.system.write(self.top .. "/" .. name, type(text) == "table" and core.json.encode(text) or text or self.picture)
end

local function document(...)
  local doc = { categories = { { id = 18, name = "dog" }, { id = 3, name = "car" } }, images = {}, annotations = {} }
  for i, name in ipairs { ... } do
    doc.images[i] = { id = 10 * i, file_name = name, width = 60, height = 40 }
    doc.annotations[i] = { image_id = 10 * i, category_id = 18, bbox = { 10, 5, 20, 30 } }
  end
  return doc
end

local function ids(list)
  local out = {}
  for i, frame in ipairs(list.frames) do out[i] = ("%s:%d"):format(frame.id, #frame.objects) end
  return table.concat(out, " ")
end

-- ---- layouts ---------------------------------------------------------------------------------------------------------------

-- Every split's pictures may have the same names.
function TestLayouts:testRoboflow()
  for i, split in ipairs { "train", "valid", "test" } do
    local doc = document "a.jpg"
    for k = 2, i do doc.annotations[k] = doc.annotations[1] end
    self:put(split .. "/_annotations.coco.json", doc)
    self:put(split .. "/a.jpg")
  end
  local data = yl.data { root = self.top }
  t.assertEquals({ data.name, ids(data.train), ids(data.dev), ids(data:list "test") }, { "coco", "a:1", "a:2", "a:3" })
  t.assertEquals({ data.dev.frames[1].image, data.classes }, { self.top .. "/valid/a.jpg", { "car", "dog" } })
end

function TestLayouts:testOtherLayouts()
  local cvat, label_studio, official = self.top .. "/cvat", self.top .. "/studio", self.top .. "/official"
  self:put("cvat/annotations/instances_default.json", document "one/a.jpg")
  self:put "cvat/images/default/one/a.jpg"
  self:put("studio/result.json", document("images\\b c.jpg", "../../media/upload/1/d.PNG"))
  self:put "studio/images/b c.jpg"
  self:put "studio/images/d.PNG"
  self:put("official/annotations/instances_train2017.json", document "000000000009.jpg")
  self:put("official/annotations/instances_val2017.json", document "000000000139.jpg")
  self:put("official/annotations/captions_val2017.json", "{}")
  self:put "official/train2017/000000000009.jpg"
  self:put "official/images/val2017/000000000139.png" -- a picture of another kind than it says
  t.assertEquals({ ids(yl.data({ root = cvat }):list()), ids(yl.data({ root = label_studio }):list()) },
    { "one/a:1", "images/b c:1 ../../media/upload/1/d:1" })
  local data = yl.data { root = official }
  t.assertEquals({ ids(data.train), ids(data.dev) }, { "000000000009:1", "000000000139:1" })
  local one = yl.data { name = official .. "/annotations/instances_train2017.json" }
  t.assertEquals({ one.name, one.root, ids(one:list "all"), one.source:split_names() }, { "coco", official, "000000000009:1",
    { "train2017" } })
  self:put("plain/annotations/train.json", document "a.jpg")
  self:put "plain/images/a.jpg"
  t.assertEquals(ids(yl.data({ root = self.top .. "/plain" }):list "train"), "a:1")
  files.make_folder(self.top .. "/empty")
  t.assertErrorMsgContains("contains no annotations: expected annotations/instances_SPLIT.json", yl.data, { name = "coco", root = self.top
    .. "/empty" })
end

-- ---- what is in a file -----------------------------------------------------------------------------------------------------

function TestLayouts:data(change, text)
  local doc = document("a.jpg", "b.jpg")
  if change then change(doc) end
  self:put("val/a.jpg")
  self:put("val/b.jpg")
  self:put("annotations/instances_val.json", text and text(core.json.encode(doc)) or doc)
  return yl.data { name = "coco", root = self.top }
end

function TestLayouts:refused(words, change)
  local ok, sentence = pcall(function() return self:data(change).dev end)
  t.assertFalse(ok, words)
  t.assertStrContains(sentence, words)
  t.assertNil(sentence:find "\n")
end

-- Without any picture the labels are enough for `doctor`; one that is missing among others is a fault.
function TestLayouts:testMissingPicture()
  self:put("annotations/instances_val.json", document("a.jpg", "b.jpg"))
  local function faults()
    local found = inspect.run(yl.data { name = "coco", root = self.top, images = false })
    return table.concat(found.splits[1].bad, "\n")
  end
  t.assertEquals(faults(), "")
  self:put "val/b.jpg"
  t.assertEquals(faults(), ("%s: frame 'val/a.jpg': no such image %s/val/a.jpg"):format(self.top, self.top))
end

-- What a file says is shown on one line.
function TestLayouts:testOneLine()
  self:refused("category 1: expected a name, got 'a\\nb\\27'", function(d) d.categories[1].name = "a\nb\27" end)
  self:refused("no such image " .. self.top .. "/val/a\\nb.jpg", function(d) d.images[1].file_name = "a\nb.jpg" end)
  self:refused("image 1: expected a path of at most 4096 bytes, got 5000", function(d) d.images[1].file_name = ("x"):rep(5000) end)
end

local function object(list)
  local out = {}
  for i, item in ipairs(list) do out[tostring(11 - i)] = item end
  return out
end

-- Tables that must be lists may be objects: their values count, by their keys' numbers.
function TestLayouts:testObjectsForLists()
  local data = self:data(function(d)
    d.annotations[3] = { image_id = 20, category_id = 3, bbox = { 1, 1, 5, 5 } }
    d.annotations, d.images, d.categories = object(d.annotations), object(d.images), object(d.categories)
  end)
  t.assertEquals({ ids(data.dev), data.classes, data.dev.frames[1].objects[1].class }, { "b:2 a:1", { "car", "dog" }, "car" })
  self:refused("annotation '9': unknown image 11", function(d)
    d.annotations[2].image_id = 11
    d.annotations = object(d.annotations)
  end)
  self:refused("expected a list 'annotations', got 'none'", function(d) d.annotations = "none" end)
  self:refused("annotation 1: expected a list 'bbox', got an object", function(d) d.annotations[1].bbox = { x = 1, y = 2, width = 3,
    height = 4 } end)
  self:refused("split dev of", function(d) d.images, d.annotations = {}, {} end)
  self:refused("contain no objects", function(d) d.annotations = {} end)
end

function TestLayouts:testBoxesWithoutArea()
  local function change(d)
    d.annotations[3] = { image_id = 10, category_id = 3, bbox = { 1, 1, 5, 0 } }
    d.annotations[4] = { image_id = 20, category_id = 3, bbox = { 1, 1, 0, 5 } }
  end
  t.assertEquals(ids(self:data(change).dev), "a:1 b:1")
  local _, _, err = program.run { "doctor", "data=coco", "data.root=" .. self.top, "sheet=none", cwd = self.top }
  t.assertEquals(err, "")
  core.system.write(self.top .. "/run.lua", ("local _ = require('yolua').data { name = 'coco', root = %q }.dev"):format(self.top))
  _, _, err = program.run { self.top .. "/run.lua" }
  t.assertEquals(err,
    ("yolua: warning: dev: boxes without area, which are left out: 2, the first at %s/annotations/instances_val.json: annotation 3\n")
    :format(self.top))
  self:refused("annotation 1: expected a box with x1 < x2 and y1 < y2, got 10 5 9 35", function(d) d.annotations[1].bbox[3] = -1 end)
end

-- Outlines: polygons, run lengths, run lengths as text; of the masks pycocotools' toBbox gives the same boxes.
function TestLayouts:testOutlines()
  local frames = self:data(function(d)
    d.annotations[1].bbox = nil
    d.annotations[1].segmentation = { { 10, 5, 30, 5, 20, 25 }, { 12, 1, 14, 3, 12, 3 } }
    d.annotations[2].bbox, d.annotations[2].iscrowd = {}, 1
    d.annotations[2].segmentation = { size = { 40, 60 }, counts = { 83, 5, 35, 6, 2271 } } -- columns 2, rows 3 to 7; columns 3, rows 3 to 8
    d.annotations[3] = { image_id = 20, category_id = 3, segmentation = { size = { 40, 60 }, counts = "c25S11lU2" } }
  end).dev.frames
  t.assertEquals(frames[1].objects[1].box, { 10, 1, 30, 25 })
  t.assertEquals({ frames[2].objects[1].box, frames[2].objects[1].crowd }, { { 2, 3, 4, 9 }, true })
  t.assertEquals({ frames[2].objects[2].box, frames[2].objects[2].crowd }, { { 2, 3, 4, 9 }, false })
  self:refused("annotation 1: expected a bbox or a segmentation, got neither", function(d) d.annotations[1].bbox = nil end)
  self:refused("annotation 1: expected x, y of three points or more", function(d) d.annotations[1].bbox,
    d.annotations[1].segmentation = nil, { { 1, 2, 3 } } end)
  self:refused("annotation 1: expected a whole number from 0 to 2400 as a run length, got 1000000", function(d)
    d.annotations[1].bbox, d.annotations[1].segmentation = nil, { size = { 40, 60 }, counts = { 1000000 } }
  end)
  self:refused("annotation 1: expected run lengths in its segmentation, byte 2 is invalid", function(d)
    d.annotations[1].bbox, d.annotations[1].segmentation = nil, { size = { 40, 60 }, counts = "1 " }
  end)
  self:refused("annotation 1: expected 0 or 1 as its iscrowd, got 2", function(d) d.annotations[1].iscrowd = 2 end)
end

-- Numbers are checked where they are read; a size that the file does not give is the picture's.
function TestLayouts:testNumbers()
  for value, shown in pairs { ["60.5"] = "60.5", ["1e300"] = "1e+300", ["0"] = "0", ["-60"] = "-60", ["\"60\""] = "'60'",
    ["[60]"] = "a list" } do
    local ok, sentence = pcall(function() return self:data(nil, function(s) return (s:gsub('"width":60', '"width":' .. value, 1)) end) end)
    t.assertFalse(ok, value)
    t.assertStrContains(sentence, "image 1: expected a whole number from 1 to 65535 as its width, got " .. shown)
    local status, out, err = program.run { "doctor", "data=coco", "data.root=" .. self.top, "sheet=none" }
    t.assertEquals({ status, out }, { 1, "" })
    t.assertStrContains(err, "as its width, got " .. shown)
    t.assertNil(err:find "traceback" or err:find "bad argument")
  end
  local frame = self:data(function(d) d.images[1].width = core.null end).dev.frames[1]
  t.assertEquals({ frame.width, frame.height }, { 60, 40 })
  frame = self:data(nil, function(s) return (s:gsub('"width":60', '"width":60.0', 1)) end).dev.frames[1]
  t.assertEquals(math.type(frame.width), "integer")
  self:refused("image 1: expected a whole number from", function(d) d.images[1].id = 1.5 end)
  self:refused("category 1: expected a whole number from", function(d) d.categories[1].id = 1e300 end)
  self:refused("annotation 1: expected a number from -1000000000 to 1000000000 as a number of its bbox, got 1e+300",
    function(d) d.annotations[1].bbox[1] = 1e300 end)
  self:refused("image 2: another image has the file_name 'a.jpg'", function(d) d.images[2].file_name = "a.jpg" end)
  t.assertEquals(ids(self:data(nil, function(s) return "\239\187\191" .. s:gsub(",", ",\r\n") end).dev), "a:1 b:1")
end

-- Two categories of one name (an exporter's super-category) are one class.
function TestLayouts:testCategories()
  local data = self:data(function(d) d.categories = { { id = 0, name = "dog" }, { id = 18, name = "dog" }, { id = 90, name = "car" } } end)
  t.assertEquals({ data.classes, data.dev.frames[1].objects[1].class }, { { "dog", "car" }, "dog" })
  self:refused("category 2: expected a name, got ' '", function(d) d.categories[2].name = " " end)
end

os.exit(t.LuaUnit.run())
