-- Class names of files and lists, and those of classes that nobody named: one way of numbering everywhere.
local t = require "luaunit"
local core = require "yolua.core"
local names = require "yolua.data.class_names"
local yl = require "yolua"

TestNames = {}

function TestNames.testRead()
  t.assertEquals(names.read("x.names", "car \r\n\tbus\n\n"), { "car", "bus" })
  t.assertErrorMsgContains("x.names:2: the class 'a' is already on line 1", names.read, "x.names", "a\na\n")
  t.assertEquals(#names.named "coco", 80)
end

-- A network without names, label files without names, and their rows: class0 is the class that label files call 0.
function TestNames.testNumbersAreAlikeEverywhere()
  t.assertEquals(names.numbered(3), { "class0", "class1", "class2" })
  local top = os.tmpname()
  os.remove(top)
  core.files.make_folder(top)
  core.system.write(top .. "/a.cfg", "[net]\nwidth=16\nheight=8\nchannels=3\n[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
    .. "[region]\nanchors=1,1, 2,2\nclasses=2\nnum=2\n")
  core.image.new(20, 10):save(top .. "/x.png")
  core.image.new(20, 10):save(top .. "/y.png")
  for _, name in ipairs { "x", "y" } do core.system.write(("%s/%s.txt"):format(top, name), "1 0.5 0.5 0.5 0.5\n") end
  local net = yl.load { cfg = top .. "/a.cfg" }
  local data = yl.data { name = "yolo", root = top }
  local frame = data:list("all").frames[1]
  t.assertEquals(net.names, { "class0", "class1" })
  t.assertEquals({ data:rows(frame, net.names)[1].class, data:rows(frame)[1].class }, { "class1", "class1" })
  t.assertEquals({ frame.objects[1].class, data:mapped(frame, net.names)[1].class }, { "class1", "class1" })
  data:number_classes()
  t.assertEquals(data.classes, net.names)
  os.execute("rm -rf '" .. top .. "'")
end

os.exit(t.LuaUnit.run())
