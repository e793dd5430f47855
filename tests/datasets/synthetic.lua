-- data=synthetic: drawn once in KITTI's layout, read back as KITTI's, the same bytes for the same options.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local top = (os.getenv "XDG_CACHE_HOME" or ".") .. "/synthetic-test"
os.execute(("rm -rf '%s' '%s/yolua'"):format(top, os.getenv "XDG_CACHE_HOME" or "./none"))

TestSynthetic = {}

local function open(more)
  local o = { name = "synthetic", frames = 10, picture = { 208, 64 } }
  for key, value in pairs(more or {}) do o[key] = value end
  return yl.data(o)
end

function TestSynthetic.testKittiLayoutUnderTheRoot()
  local data = open { root = top .. "/a" }
  t.assertEquals({ #data.train, #data.dev, data.root }, { 8, 2, top .. "/a" })
  t.assertEquals({ data.train.frames[1].id, data.dev.frames[1].id }, { "000000", "000008" })
  local frame, objects = data.train.frames[1], 0
  t.assertEquals({ frame.width, frame.height }, { 208, 64 })
  for _, list in ipairs { data.train, data.dev } do
    for _, f in ipairs(list.frames) do objects = objects + #f.objects end
  end
  t.assertTrue(objects > 30)
  local again = yl.data { name = "kitti", root = top .. "/a" } -- plain KITTI
  t.assertEquals(again.hash, data.hash)
end

function TestSynthetic.testCacheFolderIsNamedByTheOptions()
  local one, same, other, style = open(), open(), open { seed = 2 }, open { style = "source" }
  t.assertStrContains(one.root, "/yolua/synthetic-target-")
  t.assertStrContains(style.root, "/yolua/synthetic-source-")
  t.assertEquals(one.root, same.root)
  t.assertNotEquals(one.root, other.root)
  t.assertNotEquals(one.root, style.root)
  t.assertNotEquals(one.hash, other.hash)
end

function TestSynthetic.testSameOptionsSameBytes()
  local a, b = open { root = top .. "/b" }, open { root = top .. "/c" }
  for i = 1, #a.train do
    t.assertEquals(core.files.hash(a.train.frames[i].image), core.files.hash(b.train.frames[i].image))
  end
  t.assertEquals(a.hash, b.hash)
end

function TestSynthetic.testAnUnfinishedFolderIsDrawnAgain()
  local data = open { root = top .. "/d" }
  local hash = data.hash
  os.remove(top .. "/d/ImageSets/dev.txt")
  os.remove(top .. "/d/training/label_2/000003.txt")
  t.assertEquals(open({ root = top .. "/d" }).hash, hash)
end

-- Ctrl-C, which is played here, ends the drawing; what is unfinished is drawn again by the next call.
function TestSynthetic.testCtrlCEndsTheDrawing()
  local folder, real = os.tmpname(), core.system.interrupted
  os.remove(folder)
  core.system.interrupted = function() return true end
  local ok, message = pcall(require("yolua.datasets.synthetic").open, { frames = 3, picture = { 64, 32 }, root = folder })
  core.system.interrupted = real
  t.assertFalse(ok)
  t.assertStrContains(message, "stopped by the user after 1 of 3 frames were drawn in " .. folder)
  t.assertNil(core.files.kind(folder .. "/ImageSets/dev.txt"))
  os.execute(("rm -r '%s'"):format(folder))
end

function TestSynthetic.testPostersMap()
  local map = open():map { "person", "bicycle", "car", "train", "truck" }
  t.assertEquals(map.name, "poster")
  t.assertEquals({ map.to.Car, map.to.Cyclist, map.to.Tram, map.to.Pedestrian }, { "car", "bicycle", "train", "person" })
end

function TestSynthetic.testFaults()
  t.assertErrorMsgContains("style", open, { style = "sunny" })
  t.assertErrorMsgContains("expected an integer in 32..4096 (px), got 20",
    core.scene.write, { width = 20, height = 20 }, top .. "/x.png")
end

os.exit(t.LuaUnit.run())
