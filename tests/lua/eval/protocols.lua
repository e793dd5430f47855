-- The eval verb and its rows.
local t = require "luaunit"
local core = require "yolua.core"
local boxes = require "support.boxes"
local eval = require "yolua.eval.protocols"

local program = os.getenv "YOLUA_PROGRAM"
local folder = os.tmpname()
os.remove(folder)
os.execute("mkdir -p " .. folder .. "/labels " .. folder .. "/dets")

local function put(name, text)
  core.system.write(folder .. "/" .. name, text)
  return folder .. "/" .. name
end

local function slurp(path)
  local f <close> = assert(io.open(path))
  return f:read "a"
end

-- Returns the exit status, standard output, standard error.
local function yolua(...)
  local out, err = folder .. "/out", folder .. "/err"
  local words = table.concat({ program, "eval", ... }, " ")
  local _, _, status = os.execute(("%s >%s 2>%s"):format(words, out, err))
  return status, slurp(out), slurp(err)
end

local truth = "Car 0.00 0 0.50 100.0 100.0 200.0 200.0 -1 -1 -1 -1000 -1000 -1000 -10\n"
local det = "Car -1 -1 0.50 100.0 100.0 200.0 200.0 -1 -1 -1 -1000 -1000 -1000 -10 0.9\n"
put("labels/000000.txt", truth)
put("dets/000000.txt", det)
put("labels/000001.txt", truth)
put("dets/000001.txt", "")

local function l(name) return "labels=" .. folder .. "/" .. name end
local function d(name) return "dets=" .. folder .. "/" .. name end

TestVerb = {}

function TestVerb:testJson()
  local status, out, err = yolua(l "labels", d "dets", "protocol=voc,kitti,coco,poster", "curves=true", "json=true")
  t.assertEquals({ status, err }, { 0, "" })
  local document = core.json.decode(out)
  t.assertEquals(document.frames, 2)
  t.assertEquals(#document.eval, 4)
  for i, name in ipairs { "voc", "kitti", "coco", "poster" } do
    t.assertEquals({ document.eval[i].protocol, document.eval[i].split, document.eval[i].stage }, { name, core.null, core.null })
  end
  local voc, kitti, coco, poster = table.unpack(document.eval)
  t.assertEquals(voc.classes.Car, { n_gt = 2, n_det = 1, tp = 1, fp = 0, ap = 0.5, ap07 = voc.classes.Car.ap07 })
  t.assertEquals(voc.classes.Van.ap, core.null)
  t.assertEquals({ kitti.classes.Cyclist, kitti.classes.Car.easy.n_gt }, { core.null, 2 })
  t.assertEquals({ kitti.classes.Car.easy.tp, kitti.classes.Car.easy.fp, #kitti.classes.Car.easy.precision }, { { 1 }, { 0 }, 41 })
  t.assertEquals({ coco.classes.Van.ap, coco.map == coco.ap }, { -1, true })
  t.assertEquals({ poster.variant, poster.classes.Car.tp, poster.classes.Car.fn }, { "clean", 1, 1 })
end

function TestVerb:testText()
  local status, out, err = yolua(l "labels", d "dets", "protocol=voc,kitti")
  t.assertEquals({ status, err }, { 0, "" })
  t.assertStrContains(out, "2 frames")
  t.assertStrMatches(out, ".*voc %(IoU >= 0.5, %+1%): mAP 50%.00.*")
  t.assertStrMatches(out, ".*Cyclist +not evaluated: no detection.*")
end

function TestVerb:testSplitAndClasses()
  local status, out = yolua(l "labels", d "dets", "split=" .. put("one.txt", "000000\n"), "protocol=voc", "json=true")
  t.assertEquals({ status, core.json.decode(out).frames, core.json.decode(out).eval[1].map }, { 0, 1, 1.0 })
  status, out = yolua(l "labels", d "dets", "classes=Car,Dog", "protocol=voc", "json=true")
  local classes = core.json.decode(out).eval[1].classes
  t.assertEquals({ status, classes.Dog.n_gt, classes.Van }, { 0, 0, nil })
end

local function refuses(status, words, ...)
  local code, out, err = yolua(...)
  for _, word in ipairs(words) do t.assertStrContains(err, word) end
  t.assertEquals({ code, out, select(2, err:gsub("\n", "")) }, { status, "", 1 })
end

function TestVerb:testRefusals()
  refuses(2, { "option 'dets' is missing" }, l "labels")
  refuses(1, { folder .. "/absent", "No such file" }, l "labels", d "absent")
  refuses(1, { folder .. "/absent", "No such file" }, l "absent", d "dets")
  refuses(2, { "kity", "did you mean 'kitti'" }, l "labels", d "dets", "protocol=kity")
  refuses(2, { "voc.iuo", "did you mean 'voc.iou'" }, l "labels", d "dets", "voc.iuo=0.5")
  refuses(1, { "empty/" }, l "empty/", d "dets")
  os.execute("mkdir " .. folder .. "/empty " .. folder .. "/dets2 " .. folder .. "/labels2")
  refuses(1, { "empty: expected label files (ID.txt), got none" }, l "empty", d "dets")
  put("dets2/000000.txt", det)
  refuses(1, { "dets2/000001.txt is missing" }, l "labels", d "dets2")
  put("labels2/000000.txt", truth)
  refuses(1, { "labels2/000001.txt is missing" }, l "labels2", d "dets")
  put("dets2/000001.txt", truth)
  refuses(1, { "dets2/000001.txt:1", "16 fields", "got 15" }, l "labels", d "dets2")
  put("dets2/000001.txt", "\n" .. det:gsub("Car", "Cra"))
  refuses(1, { "dets2/000001.txt:2", "unknown class 'Cra', did you mean 'Car'" }, l "labels", d "dets2")
  refuses(1, { "wrong.txt, item 2", "labels/000009.txt" }, l "labels", d "dets", "split=" .. put("wrong.txt", "000000\n000009\n"))
end

TestRows = {}

function TestRows:testNamesOfSplitAndStage()
  local set = boxes.set { { { boxes.truth("Car", 0, 0, 50, 50) }, {} } }
  local rows = eval.rows(set, { protocol = { "voc", "voc" } }, { split = "dev", stage = "Original" })
  t.assertEquals({ #rows, rows[2].split, rows[2].stage }, { 2, "dev", "Original" })
  t.assertErrorMsgContains("did you mean 'coco'", eval.rows, set, { protocol = { "cooc" } })
end

function TestRows:testBestPoints()
  local dets = { boxes.det("Car", 0.9, 0, 0, 50, 50), boxes.det("Car", 0.4, 90, 0, 99, 9) }
  local set = boxes.set { { { boxes.truth("Car", 0, 0, 50, 50) }, dets }, { { boxes.truth("Van", 0, 0, 50, 50) }, {} } }
  local head, lines = eval.best_points(set:curves())
  t.assertEquals(head, { "class", "truths", "score", "precision", "recall", "F1" })
  t.assertEquals(lines, { { "Car", "1", "0.900", "1.000", "1.000", "1.000" }, { "Van", "1", "n/a", "n/a", "n/a", "n/a" } })
end

function TestRows:testConfusionTable()
  local truths = { boxes.truth("Car", 0, 0, 50, 50), boxes.truth("Tram", 200, 0, 300, 50) }
  local set = boxes.set { { truths, { boxes.det("Van", 0.9, 0, 0, 50, 50) } } }
  local head, lines = eval.confusion_table(set:confusion())
  t.assertEquals(head, { "true \\ seen", "Car", "Van", "Tram", "background" })
  t.assertEquals(lines, { { "Car", "0", "1", "0", "0" }, { "Van", "0", "0", "0", "0" }, { "Tram", "0", "0", "0", "1" },
    { "background", "0", "0", "0", "0" } })
end

local status = t.LuaUnit.run()
os.execute("rm -rf " .. folder)
os.exit(status)
