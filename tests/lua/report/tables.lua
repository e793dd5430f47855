-- Tables of evaluation rows: the protocol is named, columns line up, what does not exist says so.
local t = require "luaunit"
local tables = require "yolua.report.tables"
local null = require("yolua.core").null

TestTables = {}

local voc = {
  { protocol = "voc", split = "dev", stage = "Original", images = 98, map = 0.25,
    classes = { car = { ap = 0.5 }, truck = { ap = null }, bus = { ap = 0 } } },
  { protocol = "voc", split = "dev", stage = "Coco-FT", map = 0.75, classes = { car = { ap = 1.0 }, bus = { ap = 0.5 } } },
}

function TestTables.testText()
  t.assertEquals(tables.text("voc", voc), table.concat({
    "voc: AP, area under the curve, IoU 0.5; split dev, 98 images",
    "  stage      mean    bus    car  truck",
    "  Original  0.250  0.000  0.500    n/a",
    "  Coco-FT   0.750  0.500  1.000    n/a" }, "\n"))
end

-- Numbers come as they are beside their texts, so that nobody subtracts what was rounded.
function TestTables.testExact()
  local rows = {}
  for i, map in ipairs { 0.1434, 0.0926 } do
    rows[i] = { protocol = "voc", stage = "s" .. i, map = map, classes = { car = { ap = map }, bus = { ap = null } } }
  end
  local _, lines, exact = tables.turned("voc", rows)
  t.assertEquals(lines, { { "mean", "0.143", "0.093" }, { "car", "0.143", "0.093" } })
  t.assertEquals(exact, { { "mean", 0.1434, 0.0926 }, { "car", 0.1434, 0.0926 } })
  local _, top1, errors = tables.layout("top1", { { stage = "a", error = 0.12345, n = 10, classes = {} } })
  t.assertEquals({ top1[1], errors[1] }, { { "a", "0.1235", "10" }, { "a", 0.12345, "10" } })
end

-- The records of a run with several trainings name theirs; those of one do not.
function TestTables.testTrainings()
  local function record(epoch, training) return { epoch = epoch, training = training, lr = 0.5, train_loss = 1 } end
  local head, body = tables.epochs { record(1), record(2), record(1, 2) }
  t.assertEquals({ head[1], head[2], head[3] }, { "training", "epoch", "learning rate" })
  local first = {}
  for i, line in ipairs(body) do first[i] = line[1] .. " " .. line[2] end
  t.assertEquals(first, { "1 1", "1 2", "2 1" })
  t.assertEquals(tables.epochs { record(1) }[1], "epoch")
end

function TestTables.testMarkdown()
  local text = tables.markdown("voc", voc)
  t.assertStrContains(text, "## voc: AP")
  t.assertStrContains(text, "| stage | mean | bus | car | truck |\n| --- | --- | --- | --- | --- |\n| Original | 0.250 |")
end

function TestTables.testOtherProtocols()
  local level = { ap_r40 = 0.5 }
  local car = { easy = level, moderate = level, hard = { ap_r40 = null } }
  local kitti = tables.text("kitti", { { stage = "a", map = 0.5, classes = { Car = car, Cyclist = null } } })
  t.assertStrContains(kitti, "Car easy")
  t.assertStrContains(kitti, "n/a")
  local counted = { car = { precision = 1.0, recall = 0.5, f1 = null } }
  local poster = tables.text("poster", { { stage = "a", variant = "clean", map = 1, classes = counted } })
  t.assertStrContains(poster, "poster (clean)")
  t.assertStrContains(poster, "1.000/0.500/n/a")
  local coco = tables.text("coco", { { stage = "a", ap = 0.1, ap50 = 0.2, ap75 = -1, classes = {} } })
  t.assertStrContains(coco, "0.200")
  t.assertStrContains(coco, "n/a")
  t.assertErrorMsgContains("'kity' has no table", tables.text, "kity", {})
end

-- A class name may be as long as a file is; a table shows its beginning and its end, and nothing of a number is lost.
function TestTables.testLongNames()
  local name, cut = ("a"):rep(5000), ("a"):rep(59) .. ".." .. ("a"):rep(59)
  local level, none = { ap_r40 = 0.5 }, { n = 0 }
  local classes = { [name] = { ap = 0.5, precision = 1.0, recall = 0.5, f1 = 0.25, easy = level, moderate = level, hard = level,
    orientation = { similarity = 0.5 } } }
  local row = { stage = "a", map = 0.5, variant = "clean", classes = classes, matched = 1, n_gt = 2,
    orientation = { n = 1, similarity = 0.5, baseline = 0.25 }, occlusion = none, truncation = none }
  for protocol, wanted in pairs { voc = cut .. "\n", poster = cut .. "\n", kitti = cut .. " easy  ", attributes = ": " .. cut .. "  " } do
    local text = tables.text(protocol, { row })
    t.assertStrContains(text, wanted)
    t.assertNotStrContains(text, ("a"):rep(60))
    t.assertStrContains(text, "0.500")
  end
  t.assertEquals(tables.align({ "class", "AP" }, { { name, "1" }, { "b", "2" } }), { "class" .. (" "):rep(117) .. "AP", cut .. "   1",
    "b" .. (" "):rep(122) .. "2" })
end

function TestTables.testManyClassesAreLines()
  local first, second = {}, {}
  for i = 1, 20 do first["class" .. i], second["class" .. i] = { ap = i <= 12 and i / 100 or null }, { ap = i == 20 and 1.0 or null } end
  local lines = tables.text("voc", { { protocol = "voc", stage = "a", map = 0.5, classes = first },
    { protocol = "voc", stage = "b", map = 1, classes = second } })
  t.assertStrContains(lines, "  class (7 without truth left out)      a      b\n")
  t.assertStrMatches(lines, ".*mean +0%.500  1%.000\n.*class2 +0%.020    n/a\n.*class10 +0%.100    n/a\n.*class20 +n/a  1%.000")
end

os.exit(t.LuaUnit.run())
