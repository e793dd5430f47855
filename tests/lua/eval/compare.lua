-- Two evaluations side by side: what is said of them, and which cannot be compared.
local t = require "luaunit"
local core = require "yolua.core"
local compare = require "yolua.eval.compare"
local evaluations = require "support.evaluations"

local function made(title, o)
  local self = evaluations.make(o)
  self.title = title
  return self
end

local function row(result, protocol, class)
  for _, r in ipairs(result.rows) do
    if r.protocol == protocol and r.class == class then return r end
  end
end

TestCompare = {}

-- The figures are those of the evaluations; a much better detector is seen to be better, one that differs by its noise is not.
function TestCompare.testVerdicts()
  local a, b = made("a", { frames = 60 }), made("b", { frames = 60, net = 4 })
  local good = made("good", { frames = 60, missed = 0.02, shake = 0.03 })
  local same, noise, better = compare.run(a, a, { replicates = 200 }), compare.run(a, b, {}), compare.run(a, good, { replicates = 500 })
  t.assertEquals(#same.rows, 16)
  for _, r in ipairs(same.rows) do
    t.assertEquals({ r.difference, r.low, r.high, r.p, r.verdict }, { 0.0, 0.0, 0.0, 1.0, "no difference seen" })
  end
  for _, protocol in ipairs { "kitti", "voc", "coco" } do
    t.assertEquals(row(noise, protocol, "mean").verdict, "no difference seen")
    t.assertTrue(row(noise, protocol, "mean").difference ~= 0)
    t.assertEquals(row(better, protocol, "mean").verdict, "better")
  end
  t.assertEquals(row(compare.run(good, a, { replicates = 500 }), "coco", "mean").verdict, "worse")
  local kitti, voc = a:rows({ "kitti" })[1], good:rows({ "voc" })[1]
  t.assertEquals(row(better, "kitti", "Car").a, kitti.classes.Car.moderate.ap_r40)
  t.assertEquals(row(better, "kitti", "mean").a, kitti.map)
  t.assertEquals({ row(better, "voc", "Cyclist").b, row(better, "voc", "mean").b }, { voc.classes.Cyclist.ap, voc.map })
  t.assertEquals({ better.a, better.b, better.frames, better.replicates, better.drives }, { "a", "good", 60, 500, nil })
end

-- Frames in another order are the same frames.
function TestCompare.testOrderOfFrames()
  local a, b = made("a", { frames = 30 }), made("b", { frames = 30, net = 2 })
  local straight = compare.run(a, b, { replicates = 50 })
  local turned = made("b", { frames = 30, net = 2 })
  for i = 1, 15 do turned.frames[i], turned.frames[31 - i] = turned.frames[31 - i], turned.frames[i] end
  t.assertEquals(compare.run(a, turned, { replicates = 50 }).rows, straight.rows)
end

-- Drives are drawn as wholes where there are at least ten of them and every frame's is known.
function TestCompare.testDrives()
  local function of(drives)
    return compare.run(made("a", { drives = drives }), made("b", { net = 2, drives = drives }), { replicates = 100 })
  end
  local nine, ten = of(9), of(10)
  t.assertNil(nine.drives)
  t.assertNil(nine.rows[1].drives)
  t.assertEquals(ten.drives, 10)
  local mean = row(ten, "voc", "mean")
  t.assertTrue(mean.drives.low < mean.drives.high)
  t.assertNotEquals(mean.drives.low, mean.low)
  local head, lines = compare.table(ten, "kitti")
  t.assertEquals(head, { "class", "a", "b", "difference", "95 % interval", "p", "over 10 drives", "" })
  t.assertEquals(#lines, 4)
  t.assertStrMatches(lines[4][7], "[+-]%d%.%d%d%d to [+-]%d%.%d%d%d")
end

-- A class that only one of them has figures for is shown and not judged; one without truth is left out.
function TestCompare.testWhatDoesNotExist()
  local a, b = made("a", { frames = 10 }), made("b", { frames = 10 })
  for _, frame in ipairs(b.frames) do
    local dets = {}
    for _, d in ipairs(frame.dets) do dets[#dets + 1] = d.class ~= "Cyclist" and d or nil end
    frame.dets = dets
  end
  local cyclist = row(compare.run(a, b, { replicates = 20, protocols = { "kitti" } }), "kitti", "Cyclist")
  t.assertEquals({ cyclist.b, cyclist.difference, cyclist.verdict }, { core.null, core.null, "cannot be compared" })
  a.classes, b.classes = { "Car", "Tram" }, { "Car", "Tram" }
  t.assertNil(row(compare.run(a, b, { replicates = 20, protocols = { "voc" } }), "voc", "Tram"))
end

function TestCompare.testRefusals()
  local a = made("runs/a:x", { frames = 5 })
  local function refused(o, sentence, change)
    local b = made("runs/b:y", o)
    if change then change(b) end
    local ok, message = pcall(compare.run, a, b, { replicates = 2 })
    t.assertFalse(ok)
    t.assertStrContains(message, sentence)
    t.assertNil(message:find "\n")
  end
  refused({ frames = 5, data = "coco" }, "compare: runs/b:y was evaluated with other data than runs/a:x: data=coco and data=kitti")
  refused({ frames = 5, map = "mine", classes = { "Car" } }, "another class map than runs/a:x: map mine, classes Car and map identity")
  refused({ frames = 4 }, "runs/a:x has 5 frames (dev) and runs/b:y has 4 (dev): expected the same ones, but frame 000005 is only in "
    .. "runs/a:x")
  refused({ frames = 6 }, "but frame 000006 is only in runs/b:y")
  refused({ frames = 5, seed = 2 }, "frame 000001 has other truth in runs/b:y than in runs/a:x")
  refused({ frames = 5, options = { voc = { iou = 0.7 }, coco = {}, poster = {} } }, "other options of voc")
  a.protocols = { "voc" }
  refused({ frames = 5, protocols = { "kitti", "coco" } },
    "runs/a:x was evaluated by voc and runs/b:y by kitti, coco: expected a protocol in common (protocol= chooses one)")
end

os.exit(t.LuaUnit.run())
