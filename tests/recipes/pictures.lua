-- recipes/pictures: make.lua makes the README's pictures of a run, and those that are kept are small, sound and shown.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local tree = require "support.tree"

TestPictures = {}

function TestPictures.testMake()
  local top = program.tiny()
  local config = "config=" .. top .. "/config.yaml"
  program.ok { "recipes/coco_ft.lua", config, "epochs=2", "protocol=voc", "out=" .. top .. "/coco_full" }
  program.ok { "doctor", "data.root=" .. top .. "/data", "sheet=" .. top .. "/sheet.png", "frames=4" }
  core.files.make_folder(top .. "/to")
  local class
  for _, file in ipairs(core.files.list(top .. "/coco_full/plots")) do class = file:match "^pr%-(.*)%.svg$" or class end
  program.ok { "recipes/pictures/make.lua", "from=" .. top, "to=" .. top .. "/to", "frame=000024", "class=" .. class }
  t.assertEquals(core.files.list(top .. "/to"), { "ap.svg", "detections.jpg", "precision.svg", "sheet.jpg" })
  t.assertEquals(core.system.read(top .. "/to/ap.svg"), core.system.read(top .. "/coco_full/plots/ap.svg"))
  t.assertEquals(core.image.load(top .. "/to/sheet.jpg"):w(), 760)
  os.execute("rm -rf '" .. top .. "'")
end

function TestPictures.testThoseThatAreKept()
  local bytes, readme = 0, tree.read "README.md"
  for _, name in ipairs { "detections.jpg", "sheet.jpg", "ap.svg", "precision.svg" } do
    local path = "recipes/pictures/" .. name
    bytes = bytes + #tree.read(path)
    t.assertStrContains(readme, "](" .. path .. ")")
    if name:find "jpg$" then t.assertTrue(core.image.load(tree.top .. "/" .. path):w() <= 760) end
  end
  t.assertTrue(bytes < 150000, bytes)
end

os.exit(t.LuaUnit.run())
