-- data=coco: instances of a split, crowds, categories with gaps, refusals that name the annotation.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local files = core.files

TestCoco = {}

local function document()
  return {
    categories = { { id = 18, name = "dog" }, { id = 3, name = "car" } },
    images = { { id = 7, file_name = "a.jpg", width = 60, height = 40 }, { id = 9, file_name = "b.jpg", width = 60, height = 40 } },
    annotations = {
      { image_id = 9, category_id = 18, bbox = { 10, 5, 20, 30 }, iscrowd = 0 },
      { image_id = 9, category_id = 3, bbox = { 0, 0, 60, 40 }, iscrowd = 1 },
    },
  }
end

function TestCoco:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  for _, folder in ipairs { "/annotations", "/val2017", "/images/train2017" } do files.make_folder(self.top .. folder) end
  for _, path in ipairs { "/val2017/a", "/val2017/b", "/images/train2017/c" } do
    core.image.new(60, 40):save(self.top .. path .. ".png")
    os.rename(self.top .. path .. ".png", self.top .. path .. ".jpg")
  end
end

function TestCoco:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

function TestCoco:data(doc, split)
  core.system.write(("%s/annotations/instances_%s.json"):format(self.top, split or "val2017"), core.json.encode(doc))
  return yl.data { name = "coco", root = self.top }
end

function TestCoco:testRows()
  local only = { { id = 1, file_name = "c.jpg", width = 60, height = 40 } }
  local train = { categories = document().categories, images = only,
    annotations = { { image_id = 1, category_id = 3, bbox = { 1, 1, 9, 9 } } } }
  self:data(train, "train2017")
  local data = self:data(document())
  t.assertEquals(data.classes, { "car", "dog" })
  t.assertEquals({ #data.dev.frames, #data.train.frames, #data:list("all").frames, #data:list("val2017").frames }, { 2, 1, 3, 2 })
  t.assertEquals(data.train.frames[1].image, self.top .. "/images/train2017/c.jpg")
  local frame, names = data.dev.frames[2], { "dog", "car" }
  t.assertEquals(data:rows(data.dev.frames[1], names), {})
  local rows = data:rows(frame, names)
  t.assertEquals({ rows[1].class, rows[1].box, rows[1].ignore }, { "dog", { 10, 5, 30, 35 }, false })
  t.assertEquals({ rows[2].class, rows[2].ignore }, { "car", true })
  t.assertEquals(data:truth(frame, names), { { 10, 5, 30, 35, 0, 0 }, { 0, 0, 60, 40, 1, 1 } })
  t.assertEquals(#data.hash, 16)
end

-- A list names pictures with or without their split and ending.
function TestCoco:testListFiles()
  self:data(document())
  local list = self.top .. "/some.txt"
  core.system.write(list, "b\nval2017/a.jpg\n")
  local data = yl.data { name = "coco", root = self.top, dev = list }
  t.assertEquals({ #data.dev.frames, data.dev.frames[1].id, data.dev.frames[2].id }, { 2, "b", "a" })
  core.system.write(list, "z\n")
  local function dev() return yl.data { name = "coco", root = self.top, dev = list }.dev end
  t.assertErrorMsgContains("no annotation file knows this image", dev)
end

-- Every annotation file has the same categories.
function TestCoco:testOtherCategories()
  self:data({ categories = { { id = 3, name = "car" } }, images = { { id = 1, file_name = "c.jpg", width = 60, height = 40 } },
    annotations = {} }, "train2017")
  local function all() return self:data(document()):list "all" end
  t.assertErrorMsgContains("expected the categories of the other annotation files (", all)
end

local function refused(self, word, change)
  local doc = document()
  change(doc)
  local ok, sentence = pcall(function() return self:data(doc).dev end)
  t.assertFalse(ok)
  t.assertStrContains(sentence, word)
  t.assertNil(sentence:find "\n")
end

function TestCoco:testRefusals()
  refused(self, "instances_val2017.json: expected a list 'images'", function(d) d.images = nil end)
  refused(self, "annotation 1: unknown image 11", function(d) d.annotations[1].image_id = 11 end)
  refused(self, "annotation 2: unknown category 4", function(d) d.annotations[2].category_id = 4 end)
  refused(self, "annotation 1: expected a bbox of 4 numbers", function(d) d.annotations[1].bbox = { 1, 2 } end)
  refused(self, "annotation 1: expected a box with x1 < x2", function(d) d.annotations[1].bbox[3] = -1 end)
  refused(self, "annotation 1: expected a box inside", function(d) d.annotations[1].bbox[3] = 99 end)
  refused(self, "image 1: expected a string 'file_name'", function(d) d.images[1].file_name = 3 end)
  refused(self, "category 1: expected a number 'id', got nil", function(d) d.categories[1].id = nil end)
  refused(self, "two categories have the id 3", function(d) d.categories[1].id = 3 end)
  refused(self, "image 1: expected a number 'id', got string", function(d) d.images[1].id = "one" end)
  refused(self, "image 2: another image has the id", function(d) d.images[2] = d.images[1] end)
  refused(self, "annotation 1: expected keys and values, got 7", function(d) d.annotations[1] = 7 end)
  refused(self, "annotation 1: expected numbers in its bbox, got '5'", function(d) d.annotations[1].bbox[2] = "5" end)
  refused(self, "no such image", function(d) d.images[1].file_name = "z.jpg" end)
  core.system.write(self.top .. "/annotations/instances_val2017.json", "{")
  t.assertErrorMsgContains("instances_val2017.json", yl.data, { name = "coco", root = self.top })
end

os.exit(t.LuaUnit.run())
