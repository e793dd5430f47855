-- yl.image and net:detect: a picture as a tensor, the same objects whether it comes as a tensor or as a path, tables that print.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local folder = os.tmpname()
os.remove(folder)
core.files.make_folder(folder)
local path = folder .. "/street.png"
core.scene.write({ style = "target", seed = 1, index = 3 }, path)

local stem = (os.getenv "YOLUA_SOURCE" or ".") .. "/recipes/models/street"
local function street() return yl.load { cfg = stem .. ".cfg", weights = stem .. ".weights", names = stem .. ".names" } end

TestImage = {}

function TestImage.testTensor()
  local x, picture = yl.image(path), core.image.load(path)
  t.assertEquals({ x:dtype(), x:shape() }, { "u8", { 1, 250, 828, 3 } })
  for _, place in ipairs { { 1, 1 }, { 828, 1 }, { 17, 250 } } do
    local pixel = x[{ 1, place[2], place[1] }]
    t.assertEquals({ pixel[1], pixel[2], pixel[3] }, { picture:pixel(place[1], place[2]) })
  end
  t.assertErrorMsgContains("none.png", yl.image, folder .. "/none.png")
end

TestDetect = {}

-- The loader's way (yolua predict, val) finds the same.
function TestDetect.testSameAsTheLoader()
  local net = street()
  for _, resize in ipairs { "letterbox", "stretch" } do
    local expected
    yl.detect(net, { path }, { conf = 0.1, resize = resize, batch = 1 }, function(_, list) expected = list end)
    local found = net:detect(yl.image(path), { conf = 0.1, resize = resize })
    t.assertTrue(#found > 1)
    t.assertEquals(#found, #expected)
    for i, d in ipairs(found) do
      t.assertEquals(d.class, expected[i].class)
      t.assertAlmostEquals(d.score, expected[i].score, 1e-5)
      for k = 1, 4 do t.assertAlmostEquals(d.box[k], expected[i].box[k], 1e-2) end
    end
    t.assertEquals(#net:detect(path, { conf = 0.1, resize = resize }), #found)
    t.assertEquals(#net:detect(yl.image(path)[1], { conf = 0.1, resize = resize }), #found)
  end
end

function TestDetect.testPrints()
  local net = street()
  local lines = {}
  for line in tostring(net:detect(path)):gmatch "[^\n]+" do lines[#lines + 1] = line end
  t.assertStrMatches(lines[1], "class +score +x1 +y1 +x2 +y2")
  t.assertStrMatches(lines[2], "car +0%.%d%d%d +[%d.]+ +[%d.]+ +[%d.]+ +[%d.]+")
  t.assertEquals(tostring(net:detect(path, { conf = 1 })), "no objects")
end

function TestDetect.testFaults()
  local net = street()
  t.assertErrorMsgContains("'cnf', did you mean 'conf'?", net.detect, net, path, { cnf = 0.1 })
  for _, x in ipairs { yl.zeros { 2, 4, 4, 3, dtype = "u8" }, yl.zeros { 4, 4, 3 }, yl.zeros { 4, 4, dtype = "u8" },
    yl.zeros { 4, 4, 4, dtype = "u8" }, yl.zeros { 8, 8, 3, dtype = "u8" }:transpose(1, 2) } do
    t.assertErrorMsgContains("expected a picture, u8 {h, w, 3}", net.detect, net, x)
  end
  t.assertErrorMsgContains("picture is empty", net.detect, net, yl.zeros { 0, 4, 3, dtype = "u8" })
  t.assertErrorMsgContains("expected a plan of the whole network for inference", function()
    net:plan { mode = "train", batch = 1 }:predict(yl.image(path), {})
  end)
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(folder))
os.exit(status)
