-- `yolua doctor`: the machine, splits and drives, calibration, the contact sheet, and what it says of each kind of data set.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local boxes = require "yolua.doctor.boxes"
local inspect = require "yolua.doctor.inspect"
local machine = require "yolua.doctor.machine"
local overlaps = require "yolua.doctor.splits"
local program = require "support.program"
local text = require "yolua.doctor.text"

local top

TestDoctor = {}

function TestDoctor.setUp()
  top = os.tmpname()
  os.remove(top)
  core.files.make_folder(top)
end

function TestDoctor.tearDown() os.execute("rm -rf '" .. top .. "'") end

local function write(path, content)
  core.files.make_folder((top .. "/" .. path):match "^(.*)/")
  core.system.write(top .. "/" .. path, content)
end

local function picture(path, w, h, shade)
  core.files.make_folder((top .. "/" .. path):match "^(.*)/")
  local image = core.image.new(w, h, string.char(shade, 20, 90):rep(w * h))
  if path:find "%.jpg$" then core.system.write(top .. "/" .. path, image:jpeg(90)) else image:save(top .. "/" .. path) end
end

-- ---- the machine -----------------------------------------------------------------------------------------------------------

function TestDoctor.testMachine()
  local m = machine.look()
  for _, key in ipairs { "version", "lua", "cpu", "system", "kernel", "processors", "threads", "isa", "bf16", "memory_bytes", "blas",
    "cuda", "places", "environment" } do
    t.assertNotNil(m[key], key)
  end
  t.assertTrue(m.places[1].writable and m.places[2].writable)
  t.assertNil(core.files.kind ".yolua-doctor")
  local bf16 = m.bf16 and ", precision=bf16 can be used" or ", no precision=bf16"
  t.assertStrContains(table.concat(machine.lines(m), "\n"), "instruction set " .. m.isa .. bf16)
end

local function machine_with(more)
  local m = { blas_parallel = "openmp", threads = 4, processors = 4, available_bytes = 2 ^ 34, environment = {}, cuda = core.null,
    places = { { name = "runs", path = "runs", writable = true } } }
  for key, value in pairs(more) do m[key] = value end
  return machine.advice(m)
end

function TestDoctor.testAdvice()
  t.assertEquals(machine_with {}, {})
  for words, more in pairs {
    ["libopenblas0-openmp"] = { blas_parallel = "pthread" }, ["8 threads are requested"] = { threads = 8 },
    ["OMP_NUM_THREADS=1 leaves 3 of 4"] = { threads = 1, environment = { OMP_NUM_THREADS = "1" } },
    ["batch=4"] = { available_bytes = 2 ^ 30 },
    ["a GPU (a chip), but it cannot be used: no plug-in"] =
      { cuda = { driver = "1", devices = { { chip = "a chip" } }, usable = false }, cuda_sentence = "no plug-in" },
    ["out=DIR"] = { places = { { name = "runs", path = "runs", writable = false, sentence = "read-only" } } } } do
    local list = machine_with(more)
    t.assertEquals(#list, 1, words)
    t.assertStrContains(list[1], words)
  end
end

-- ---- splits and drives -----------------------------------------------------------------------------------------------------

function TestDoctor.testWhichSplitsLeak()
  for _, pair in ipairs { { "train", "dev" }, { "train2017", "val2017" }, { "poster_train", "poster_dev" }, { "trainval", "test" },
    { "train", "test" }, { "dev", "test" }, { "fold1_train", "fold1_pick" }, { "fold1_pick", "fold1_test" }, { "pick", "dev" } } do
    t.assertTrue(overlaps.leaks(pair[1], pair[2]), table.concat(pair, " "))
    t.assertTrue(overlaps.leaks(pair[2], pair[1]), table.concat(pair, " "))
  end
  for _, pair in ipairs { { "train", "poster_train" }, { "dev", "poster_train" }, { "train", "trainval" }, { "trainval", "val" },
    { "a", "b" }, { "train2014", "train2017" }, { "dev", "val2" }, { "restrain", "dev" },
    { "fold1_pick", "fold2_test" } } do
    t.assertFalse(overlaps.leaks(pair[1], pair[2]), table.concat(pair, " "))
  end
end

function TestDoctor.testDrives()
  local ids = { dev = { "1", "2" }, train = { "3", "4", "5" } }
  local found = overlaps.drives({ "dev", "train" }, ids, { ["1"] = "a", ["2"] = "b", ["3"] = "b", ["4"] = "b", ["5"] = "c" })
  t.assertEquals(found, { counts = { dev = 2, train = 2 },
    shared = { { splits = { "train", "dev" }, count = 1, frames = 1, drives = { "b" } } } })
  t.assertEquals(overlaps.drives({ "train", "poster_dev" }, { train = { "1" }, poster_dev = { "1" } }, { ["1"] = "a" }).shared, {})
end

local function kitti_row(class, box, more)
  return ("%s 0 0 0 %g %g %g %g %s\n"):format(class, box[1], box[2], box[3], box[4], more or "-1 -1 -1 -1000 -1000 -1000 -10")
end

-- KITTI: drives in a table beside the splits, a frame that no split names, PNG files that hold JPEG data.
function TestDoctor.testKitti()
  for i = 1, 4 do
    write(("training/label_2/%06d.txt"):format(i), kitti_row("Car", { 1, 1, 40 * i, 20 }) .. kitti_row("DontCare", { 1, 1, 9, 9 }))
    picture(("training/image_2/%06d.png"):format(i), 200, 60, i)
  end
  core.system.write(top .. "/training/image_2/000001.png", core.image.load(top .. "/training/image_2/000001.png"):jpeg())
  write("training/label_2/000009.txt", "")
  write("ImageSets/train.txt", "000001\n000002\n")
  write("ImageSets/dev.txt", "000003\n")
  write("ImageSets/drives.txt", "000001 a\n000002 b\n000003 b\n")
  local found = inspect.run(yl.data { name = "kitti", root = top })
  t.assertEquals(found.unlisted, { "000004" })
  t.assertEquals(found.orphans, { top .. "/training/label_2/000009.txt" })
  t.assertEquals(found.pictures, { count = 3, types = { JPEG = 1, PNG = 2 }, sizes = { ["200x60"] = 3 }, misnamed = 1, oriented = 0,
    stray = 0, upright = false, unreadable = {} })
  t.assertEquals(found.drives.shared, { { splits = { "train", "dev" }, count = 1, frames = 1, drives = { "b" } } })
  t.assertEquals(found.splits[1].sizes, { Car = { small = 0, medium = 1, large = 0 }, DontCare = { small = 1, medium = 0, large = 0 } })
  t.assertEquals(found.splits[2].sizes.Car, { small = 1, medium = 1, large = 0 })
  found.name, found.root = "kitti", top
  local lines = table.concat(text.lines(found), "\n")
  for _, words in ipairs { "1 have a name for another type", "train and dev: 1 drives, 1 frames of dev",
    "frames in no split: 1", "class     objects  small  medium  large" } do
    t.assertStrContains(lines, words)
  end
end

-- The development kit's mapping: frame i stands on line train_rand[i] of train_mapping.txt.
function TestDoctor.testDrivesOfTheDevelopmentKit()
  write("label_2/000000.txt", kitti_row("Car", { 1, 1, 40, 20 }))
  write("mapping/train_mapping.txt", "2011_09_26 drive_a 0000000001\n2011_09_26 drive_b 0000000002\n2011_09_26 drive_c 0000000003\n")
  write("mapping/train_rand.txt", "3,1,2")
  local data = yl.data { name = "kitti", root = top, images = false }
  t.assertEquals(data.source:drives(), { ["000000"] = "drive_c", ["000001"] = "drive_a", ["000002"] = "drive_b" })
end

-- Without split files dev is drawn by whole drives, where these are known.
function TestDoctor.testDevIsDrawnByDrive()
  local drives, of = {}, {}
  for i = 0, 39 do
    local id = ("%06d"):format(i)
    write("label_2/" .. id .. ".txt", kitti_row("Car", { 1, 1, 40, 20 }))
    of[id] = "drive_" .. i // 7
    drives[i + 1] = ("%s %s\n"):format(id, of[id])
  end
  write("ImageSets/drives.txt", table.concat(drives))
  for seed = 1, 5 do
    local data = yl.data { name = "kitti", root = top, images = false, seed = seed }
    local in_train, frames = {}, 0
    for _, frame in ipairs(data.train.frames) do in_train[of[frame.id]], frames = true, frames + 1 end
    for _, frame in ipairs(data.dev.frames) do t.assertNil(in_train[of[frame.id]], "a drive is in both") end
    t.assertEquals(frames + #data.dev.frames, 40)
    t.assertTrue(#data.dev.frames >= 4 and #data.dev.frames <= 7)
  end
end

-- ---- the official archive --------------------------------------------------------------------------------------------------

function TestDoctor.testArchive()
  write("label_2/000000.txt", kitti_row("Car", { 1, 1, 40, 20 }) .. kitti_row("DontCare", { 1, 1, 9, 9 }))
  local source = yl.data({ name = "kitti", root = top, images = false }).source
  local found = source:archive()
  t.assertEquals(found.faults, {})
  t.assertEquals(found.lines[1], "of the official 7481 training frames: 1 label files, 0 pictures; of 7518 test frames: 0 pictures")
  t.assertStrContains(found.lines[2], "Car 1/28742, Van 0/2914")
  t.assertEquals(found.lines[3],
    "missing: calib (data_object_calib.zip; doctor checks 3D boxes by it), mapping (devkit_object.zip; says which drive a frame is from)")
  write("label_2/000001.txt", kitti_row("Person_sitting", { 1, 1, 40, 20 }):rep(223))
  source = yl.data({ name = "kitti", root = top, images = false }).source
  t.assertEquals(source:archive().faults, { "223 labels of Person_sitting, the official archive has 222" })
  t.assertNil(yl.data({ name = "kitti", root = top, images = false, names = { "Car", "DontCare", "Person_sitting" } }).source:archive())
end

-- ---- calibration -----------------------------------------------------------------------------------------------------------

local P2 = "P2: 700 0 600 0 0 700 180 0 0 0 1 0\n"

-- A box of 2 x 2 x 2 m, ten metres ahead: seen from 524 to 677 and 103 to 258 (and one that is said to stand elsewhere).
function TestDoctor.testCalibration()
  for i, box in ipairs { { 522, 102, 678, 258 }, { 20, 100, 90, 300 } } do
    local id = ("%06d"):format(i)
    write("label_2/" .. id .. ".txt", kitti_row("Car", box, "2 2 2 0 1 10 0") .. kitti_row("DontCare", { 1, 1, 9, 9 }))
    write("calib/" .. id .. ".txt", P2)
  end
  write("label_2/000003.txt", kitti_row("Car", { 1, 1, 9, 9 }))
  write("label_2/000004.txt", kitti_row("Car", { 1, 1, 9, 9 }))
  write("calib/000004.txt", "P2: 1 2\n")
  local data = yl.data { name = "kitti", root = top, images = false }
  local frames = data:list().frames
  t.assertEquals(data:calib(frames[1]).P2[3], 600)
  t.assertNil(data:calib(frames[3]))
  t.assertErrorMsgContains("000004.txt:1: P2: expected 12 numbers, got 2", data.calib, data, frames[4])
  local box = core.labels.project(data:calib(frames[1]), frames[1].objects[1])
  t.assertAlmostEquals(box[1], 600 - 700 / 9, 1e-9)
  t.assertNil(core.labels.project(data:calib(frames[1]), frames[1].objects[2]))
  local c = inspect.run(data).splits[1].calib
  t.assertEquals({ c.frames, c.checked, #c.bad, #c.outliers }, { 2, 2, 1, 1 })
  t.assertStrContains(c.outliers[1], "000002.txt:1: Car: the 3D box is seen at 522 102 678 258, IoU 0.00")
end

-- The scenes that the program draws: calibration of its own camera, and no 3D box off its place.
function TestDoctor.testSyntheticCalibration()
  local data = yl.data { name = "synthetic", frames = 10, picture = { 416, 128 }, root = top .. "/streets" }
  for _, split in ipairs(inspect.run(data).splits) do
    t.assertEquals({ split.calib.frames, split.calib.bad, split.calib.outliers }, { split.frames, {}, {} })
    t.assertTrue(split.calib.checked >= split.frames)
  end
  local c = core.scene.camera(1242, 375)
  t.assertEquals({ c.f, c.cx, c.cy }, { 721.5377, 609.5593, 172.854 })
end

local root = os.getenv "YOLUA_DATA" or os.getenv "YOLUA_SOURCE" .. "/../shared/data"

-- Real frames: what is known of them is found, and nothing else.
function TestDoctor.testRealFrames()
  if core.files.kind(root .. "/kitti_png") ~= "folder" then return print "SKIP real frames are not here" end
  local found = inspect.run(yl.data { name = "kitti", root = root .. "/kitti_png" })
  local s = found.splits[1]
  t.assertEquals({ s.frames, s.objects, s.bad, s.odd, found.pictures.types }, { 17, 123, {}, {}, { PNG = 17 } })
  t.assertEquals({ s.calib.frames, s.calib.checked, s.calib.outliers }, { 13, 54, {} })
  local all = inspect.run(yl.data { name = "kitti", root = root .. "/kitti" })
  t.assertEquals(all.pictures, { count = 1001, types = { JPEG = 1001 }, sizes = { ["1242x375"] = 764, ["1224x370"] = 184,
    ["1238x374"] = 53 }, misnamed = 1001, oriented = 0, stray = 0, upright = false, unreadable = {} })
  t.assertEquals({ all.duplicates, all.unlisted, all.orphans, all.drives.counts.train, all.drives.counts.dev }, { {}, {}, {}, 25, 6 })
  t.assertEquals({ #all.drives.shared, all.drives.shared[1].splits }, { 1, { "poster_train", "poster_dev" } })
  for _, split in ipairs(all.splits) do t.assertEquals(split.bad, {}) end
  for _, pair in ipairs(all.shared) do t.assertFalse(pair.leak) end
  local mapped = yl.data({ name = "kitti", root = root .. "/kitti_labels", images = false }).source:drives()
  local listed = yl.data({ name = "kitti", root = root .. "/kitti", images = false }).source:drives()
  for id, drive in pairs(listed) do t.assertEquals(mapped[id], drive, id) end
end

-- ---- other kinds of data sets ----------------------------------------------------------------------------------------------

local function coco(images, annotations)
  return core.json.encode { images = images, annotations = annotations, categories = { { id = 7, name = "cup" } } }
end

-- COCO keeps a split in a file of annotations; a picture whose size is not the one that is noted is told.
function TestDoctor.testCoco()
  picture("train/a.jpg", 60, 50, 1)
  picture("train/b.jpg", 60, 50, 2)
  picture("tiny/c.jpg", 60, 50, 3)
  local function image(id, name, w) return { id = id, file_name = name, width = w or 60, height = 50 } end
  local function object(id, image_id, box) return { id = id, image_id = image_id, category_id = 7, bbox = box, iscrowd = 0 } end
  write("annotations/instances_train.json", coco({ image(1, "a.jpg"), image(2, "b.jpg", 61) }, { object(1, 1, { 5, 5, 20, 20 }),
    object(2, 1, { 50, 5, 40, 20 }), object(3, 2, { 5, 5, 40, 40 }) }))
  write("annotations/instances_tiny.json", coco({ image(3, "c.jpg"), image(4, "lost.jpg") }, { object(1, 3, { 5, 5, 5, 5 }) }))
  write("annotations/captions_train.json", "{}")
  local data = yl.data { name = "coco", root = top }
  t.assertEquals(inspect.splits(data), { "tiny", "train" })
  local found = inspect.run(data)
  t.assertEquals({ found.splits[1].frames, found.splits[1].classes }, { 1, { cup = 1 } })
  t.assertStrContains(found.splits[1].bad[1], "lost.jpg")
  t.assertStrContains(found.splits[2].bad[1], "annotation 2: expected a box inside the image")
  t.assertStrContains(found.splits[2].bad[2], "its labels are for 61x50, but the picture")
  t.assertEquals(found.pictures.count, 1)
end

-- YOLO: folders of images are splits; a class without a name goes by its number.
function TestDoctor.testYolo()
  for i, name in ipairs { "train/a", "train/b", "val/c" } do
    picture("images/" .. name .. ".jpg", 60, 50, i)
    write("labels/" .. name .. ".txt", "3 0.5 0.5 0.2 0.2\n")
  end
  picture("images/val/again.jpg", 60, 50, 1)
  write("labels/val/d.txt", "3 0.5 0.5 0.2 0.2\n")
  local found = inspect.run(yl.data { name = "yolo", root = top })
  t.assertEquals({ found.splits[1].name, found.splits[2].name }, { "train", "val" })
  t.assertEquals({ found.splits[1].classes, found.splits[2].empty }, { { class3 = 2 }, { "val/again" } })
  t.assertEquals(found.shared, { { splits = { "train", "val" }, count = 1, frames = { "train/a" }, leak = true } })
  t.assertEquals({ #found.duplicates, found.orphans }, { 1, { top .. "/labels/val/d.txt" } })
end

function TestDoctor.testOddBoxes()
  local frame = { width = 100, height = 50 }
  t.assertStrContains(boxes.oddity(frame, { box = { 0, 0, 1.5, 30 } }), "1.5 x 30.0 pixels")
  t.assertStrContains(boxes.oddity(frame, { box = { 0, 0, 2, 45 } }), "over 20 times")
  t.assertEquals(boxes.oddity(frame, { box = { 0, 0, 100, 50 } }), "covers the whole image")
  t.assertNil(boxes.oddity(frame, { box = { 0, 0, 100, 48 } }))
  t.assertEquals({ boxes.size { box = { 0, 0, 31, 32 } }, boxes.size { box = { 0, 0, 32, 32 } }, boxes.size { box = { 0, 0, 96, 96 } } },
    { "small", "medium", "large" })
end

-- ---- the verb --------------------------------------------------------------------------------------------------------------

function TestDoctor.testVerbAndSheet()
  local data = program.tiny()
  local sheet = top .. "/deep/sheet.jpg"
  local r = program.json { "doctor", "data.root=" .. data .. "/data", "sheet=" .. sheet, "frames=5" }
  t.assertEquals({ r.data.name, r.data.sheet }, { "kitti", { path = sheet, frames = 5 } })
  t.assertEquals(#r.advice, #machine.advice(r.machine))
  t.assertEquals(core.system.read(sheet):sub(1, 2), "\xff\xd8")
  t.assertTrue(core.image.load(sheet):w() > 1000)
  local none = program.json { "doctor", "data.root=" .. data .. "/data", "sheet=none" }
  t.assertNil(none.data.sheet)
  local out = program.ok { "doctor", "data=kitti", "data.root=" .. data .. "/data", cwd = top }
  t.assertStrContains(out, "contact sheet of 24 frames: runs/doctor-kitti.jpg")
  t.assertEquals(core.files.kind(top .. "/runs/doctor-kitti.jpg"), "file")
  core.files.make_folder(top .. "/hollow")
  local status, _, err = program.run { "doctor", "data.root=" .. top .. "/hollow" }
  t.assertEquals(status, 2)
  t.assertStrContains(err, "does not have the layout of a known data set")
  os.execute("rm -rf '" .. data .. "'")
end

-- The status: 1 where a fault would stop training or spoil its numbers, 0 where something is only worth a look.
function TestDoctor.testStatus()
  picture("images/train/a.jpg", 60, 50, 1)
  picture("images/val/b.jpg", 60, 50, 2)
  write("labels/train/a.txt", "0 0.5 0.5 0.2 0.2\n")
  local function look(...)
    local status, out, err = program.run { "doctor", "data=yolo", "data.root=" .. top, "sheet=none", ... }
    t.assertEquals(err, "")
    return status, out
  end
  local status, out = look()
  t.assertEquals(status, 1)
  t.assertStrContains(out, "none of its frames holds an object")
  t.assertStrContains(out, "pictures without a label file, which count as background: 1, the first " .. top
    .. "/images/val/b.jpg, for which "
    .. top .. "/labels/val/b.txt was looked for")
  t.assertStrContains(out, "faults: 1; warnings: 1")
  write("labels/val/b.txt", "0 0.5 0.5 0.01 0.2\n0 0.5 0.5 0 0.2\n") -- a thin box, and one without area
  write("labels/val/lost.txt", "")
  status, out = look()
  t.assertEquals(status, 0)
  t.assertStrContains(out, "faults: 0; warnings: 3")
  status, out = look "json=true"
  local found = core.json.decode(out).data
  t.assertEquals({ status, found.faults, found.warnings, found.splits[2].objects, #found.splits[2].notes }, { 0, 0, 3, 1, 1 })
  write("labels/val/b.txt", "0 0.5 0.5 2 0.2\n")
  status, out = look()
  t.assertEquals(status, 1)
  t.assertStrContains(out, "b.txt:1: expected a box inside the image")
end

-- Boxes stand where they are on the sheet: the only frame's box, scaled to its cell, is drawn there in its class's colour.
function TestDoctor.testSheetsBoxes()
  picture("image_2/000001.png", 800, 400, 0)
  write("label_2/000001.txt", kitti_row("Car", { 200, 80, 600, 320 }))
  local data = yl.data { name = "kitti", root = top }
  local _, lists, facts = inspect.run(data)
  local path, count = require "yolua.doctor.sheet"(data, lists, facts, top .. "/s.png", 24)
  t.assertEquals(count, 1)
  local image, blue = core.image.load(path), {}
  for x = 1, image:w() do
    local r, g, b = image:pixel(x, 4 + 50)
    if b > 105 and g > 70 and r < 140 then blue[#blue + 1] = x end
  end
  local scale = (image:w() - 8) / 800 -- the frame fills its cell
  t.assertAlmostEquals(blue[1], 4 + 200 * scale, 3)
  t.assertAlmostEquals(blue[#blue], 4 + 600 * scale, 3)
end

function TestDoctor.testImageCheck()
  picture("a.png", 30, 20, 1)
  picture("b.jpg", 31, 20, 2)
  write("c.png", "no picture")
  local paths = { top .. "/a.png", top .. "/b.jpg", top .. "/c.png", top .. "/absent.png" }
  local one, four = core.image.check(paths, 1), core.image.check(paths, 4)
  t.assertEquals(four, one)
  t.assertEquals({ one[1].type, one[1].width, one[1].height, one[1].hash }, { "PNG", 30, 20, core.files.hash(paths[1]) })
  t.assertEquals({ one[2].type, one[2].width }, { "JPEG", 31 })
  t.assertStrContains(one[3].sentence, "c.png: not a picture")
  t.assertStrContains(one[4].sentence, "absent.png")
  t.assertEquals(core.image.check({}, 4), {})
  t.assertErrorMsgContains("path 1: expected a text, got table", core.image.check, { {} })
end

os.exit(t.LuaUnit.run())
