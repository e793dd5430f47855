-- The verbs that other programs read: what predict, val, bench, doctor, anchors and train print, key by key, on a tiny data set.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

TestVerbs = {}

local top, cfg, names, image

function TestVerbs.setUp()
  if top then return end
  top = program.tiny()
  cfg, names, image = "cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", top .. "/data/training/image_2/000024.png"
end

local function keys(value)
  local list = {}
  for key in pairs(value) do list[#list + 1] = key end
  table.sort(list)
  return table.concat(list, " ")
end

function TestVerbs.testPredict()
  local results = program.json { "predict", cfg, names, "source=" .. image, "conf=0.05" }
  t.assertEquals({ #results, keys(results[1]) }, { 1, "detections height image width" })
  t.assertEquals({ results[1].image, results[1].width, results[1].height }, { image, 160, 96 })
  local list = results[1].detections
  t.assertTrue(#list > 0)
  for i, d in ipairs(list) do
    t.assertEquals(keys(d), "box class score")
    t.assertTrue(d.score >= 0.05 and d.score <= 1 and #d.box == 4 and d.box[1] < d.box[3] and d.box[2] < d.box[4])
    t.assertTrue(i == 1 or d.score <= list[i - 1].score)
  end
  t.assertEquals(#program.json({ "predict", cfg, names, "source=" .. image, "conf=1" })[1].detections, 0)
end

-- A training that is refused before its first epoch leaves nothing behind.
function TestVerbs.testARefusedTrainingLeavesNothing()
  local status = program.run { "train", cfg, names, "data=kitti", "data.root=" .. top .. "/nowhere", "out=" .. top .. "/new/p/run" }
  t.assertEquals({ status, core.files.kind(top .. "/new") }, { 1, nil })
end

-- doctor lists every fault, then how the network fits what can be read.
function TestVerbs.testDoctorOfANetworkAndFaultyData()
  local root = top .. "/faulty"
  os.execute(("cp -r '%s/data' '%s'"):format(top, root))
  core.system.write(root .. "/training/image_2/000003.png", "x")
  core.system.write(root .. "/training/image_2/000025.png", "x")
  core.system.write(root .. "/training/label_2/000026.txt", "Car 0\n")
  local status, out = program.run { "doctor", cfg, names, "data=kitti", "data.root=" .. root, "sheet=none" }
  t.assertEquals(status, 1)
  for _, name in ipairs { "000003.png", "000025.png", "000026.txt:1" } do t.assertStrContains(out, name) end
  t.assertStrMatches(out, ".*tiny%.cfg on 6 frames of dev: .*region1.*")
end

-- Boxes that reach outside stay so, and clip=true cuts them off.
function TestVerbs.testClip()
  local outside = 0
  for _, clip in ipairs { "false", "true" } do
    for _, d in ipairs(program.json({ "predict", cfg, names, "source=" .. image, "conf=0.01", "clip=" .. clip })[1].detections) do
      local b = d.box
      local out = b[1] < 0 or b[2] < 0 or b[3] > 160 or b[4] > 96
      if clip == "true" then t.assertFalse(out) elseif out then outside = outside + 1 end
    end
  end
  t.assertTrue(outside > 0)
end

function TestVerbs.testPredictSources()
  local folder = program.json { "predict", cfg, names, "source=" .. top .. "/data/training/image_2/" }
  t.assertEquals(#folder, 32)
  t.assertStrContains(folder[2].image, "image_2/000001.png")
  core.system.write(top .. "/list.txt", "data/training/image_2/000003.png\n" .. image .. "\n")
  local list = program.json { "predict", cfg, names, "source=" .. top .. "/list.txt", "batch=1" }
  t.assertEquals({ #list, list[2].image }, { 2, image })
  t.assertEquals(#list[2].detections, #folder[25].detections) -- whatever the batch, but for another algorithm's rounding
  for i, d in ipairs(list[2].detections) do t.assertAlmostEquals(d.score, folder[25].detections[i].score, 1e-4) end
  local text = program.ok { "predict", cfg, names, "source=" .. image, "out=" .. top .. "/drawn" }
  t.assertStrContains(text, image .. " 160x96: ")
  t.assertEquals({ core.image.probe(top .. "/drawn/000024.jpg") }, { 160, 96 })
end

function TestVerbs.testVal()
  local r = program.json { "val", cfg, names, "data=kitti", "data.root=" .. top .. "/data" }
  t.assertEquals({ r.images, #r.eval }, { 8, 4 })
  for i, protocol in ipairs { "kitti", "voc", "coco", "poster" } do
    t.assertEquals({ r.eval[i].protocol, r.eval[i].split, r.eval[i].stage }, { protocol, "dev", "val" })
  end
  t.assertEquals(keys(r.eval[2].classes), "Car Cyclist Pedestrian")
  t.assertEquals(keys(r.eval[2].classes.Car), "ap ap07 fp n_det n_gt tp")
  t.assertEquals(keys(r.eval[4].classes.Car), "f1 fn fp precision recall tp")
  t.assertEquals(keys(r.eval[3].classes.Car):match "^ap ap50 ap75", "ap ap50 ap75")
  local split = program.json { "val", cfg, names, "data=kitti", "data.root=" .. top .. "/data", "data.split=train", "protocol=coco,voc",
    "data.limit=5" }
  t.assertEquals({ split.images, split.eval[1].protocol, split.eval[1].split }, { 5, "coco", "train" })
  for _, words in ipairs { { "data.pick=train" }, { "data.train=train" }, { "data.split=train", "data.dev=train" } } do
    local status, _, err = program.run { "val", cfg, names, "data=kitti", "data.root=" .. top .. "/data", table.unpack(words) }
    t.assertEquals(status, 2)
    local key = words[#words]:match "^[^=]+"
    t.assertStrContains(err, ("val: %s has no effect: one list is scored, data.split (without it data.dev)"):format(key))
  end
end

function TestVerbs.testBench()
  local r = program.json { "bench", cfg, "imgsz=96x64", "batch=2", "runs=3", "threads=1", "layers=true" }
  t.assertEquals({ r.device, r.threads, r.precision, r.batch, r.imgsz }, { "cpu", 1, "f32", 2, { 96, 64 } })
  t.assertTrue(r.min_ms <= r.median_ms and r.median_ms <= r.max_ms and r.peak_bytes > 1e6)
  t.assertAlmostEquals(r.images_per_s, 2000 / r.median_ms, 1e-9)
  t.assertEquals(r.layers[1].name, "conv1")
  t.assertTrue(r.layers[1].ms >= 0 and type(r.layers[1].algorithm) == "string")
  t.assertTrue(program.json({ "bench", cfg, "mode=train", "batch=2", "runs=2", "threads=2" }).median_ms > 0)
end

function TestVerbs.testDoctorAndAnchors()
  local r = program.json { "doctor", "data=kitti", "data.root=" .. top .. "/data", "sheet=none" }
  t.assertEquals(r.machine.blas_parallel, "openmp")
  local dev, train = r.data.splits[1], r.data.splits[2]
  t.assertEquals({ dev.name, dev.frames, train.name, train.frames }, { "dev", 8, "train", 24 })
  t.assertEquals({ #r.data.duplicates, #r.data.shared, #r.data.splits[1].bad }, { 0, 0, 0 })
  t.assertStrContains(program.ok { "doctor" }, "threads by openmp")
  local a = program.json { "anchors", "data=kitti", "data.root=" .. top .. "/data", "k=3", "imgsz=160x96", "stride=16" }
  t.assertEquals({ a.k, #a.anchors, a.boxes, a.frames, a.unit }, { 3, 3, 72, 24, "pixels of the input" })
  t.assertTrue(a.mean_best_iou > 0.75 and a.mean_best_iou <= 1)
  t.assertAlmostEquals(a.anchors_in_cells[3][1], a.anchors[3][1] / 16, 0.01)
  local text = program.ok { "anchors", "data=kitti", "data.root=" .. top .. "/data", "k=3", "imgsz=160x96", "stride=16" }
  t.assertStrContains(text, "72 boxes of 24 frames, input 160x96 (stretch), k = 3\nanchors in pixels of the input ([yolo]):   ")
  t.assertStrContains(text, ("anchors in cells of 16 pixels ([region]): %.2f,%.2f,  "):format(table.unpack(a.anchors_in_cells[1])))
  local wide = { "anchors", "data=kitti", "data.root=" .. top .. "/data", "k=1", "imgsz=320x96", "resize=letterbox" }
  t.assertEquals(program.json(wide).anchors, program.json({ "anchors", "data=kitti", "data.root=" .. top .. "/data", "k=1",
    "imgsz=160x96" }).anchors) -- letterboxed, the height decides
  local stretched = program.json { "anchors", "data=kitti", "data.root=" .. top .. "/data", "k=1", "imgsz=320x96" }
  t.assertAlmostEquals(stretched.anchors[1][1], 2 * program.json(wide).anchors[1][1], 0.02)
end

-- A trained network finds what it was shown.
function TestVerbs.testTrain()
  local r = program.json { "train", "config=" .. top .. "/config.yaml", "epochs=12", "protocol=voc", "out=" .. top .. "/run" }
  t.assertEquals({ r.recipe, r.epochs, r.eval[1].stage }, { "train", 12, "trained" })
  local root = "data.root=" .. top .. "/data"
  local before = program.json { "val", cfg, names, "data=kitti", root, "protocol=voc" }
  local after = program.json { "val", "model=" .. top .. "/run/best.safetensors", "data=kitti", root, "protocol=voc" }
  t.assertEquals(after.eval[1].map, r.eval[1].map)
  t.assertTrue(after.eval[1].map > before.eval[1].map)
end

-- Size, way of resizing and class map of a training are those of its checkpoints, whoever uses them; what overrides them is said.
function TestVerbs.testCheckpointsKnowHowTheyWereTrained()
  core.system.write(top .. "/map.yaml", "Car: Cyclist\nPedestrian: Pedestrian\nCyclist: Car\nVan: none\n")
  local data = { "data=kitti", "data.root=" .. top .. "/data" }
  local run, again = top .. "/knows", top .. "/knows-more"
  local out = program.ok { "train", "config=" .. top .. "/config.yaml", "epochs=2", "imgsz=320x128", "resize=letterbox", "multiscale=true",
    "data.map=" .. top .. "/map.yaml", "protocol=voc,kitti", "freeze=none", "out=" .. run }
  t.assertStrContains(out, "input 320x128, letterbox (tiny.cfg says 160x96, stretch)")
  t.assertStrContains(core.system.read(run .. "/log.txt"), "input 320x128, letterbox (as best.safetensors says)")
  os.remove(top .. "/map.yaml")
  local results, model = core.json.decode(core.system.read(run .. "/results.json")), "model=" .. run .. "/best.safetensors"
  local r = program.json { "val", model, "protocol=voc,kitti", table.unpack(data) }
  for i, row in ipairs(r.eval) do
    t.assertEquals(row.classes, results.eval[i].classes)
    t.assertEquals(row.map, results.eval[i].map)
  end
  t.assertEquals({ r.imgsz, r.resize, r.map }, { { 320, 128 }, "letterbox", "map.yaml" })
  t.assertNotEquals(program.json({ "val", model, "imgsz=160x96", "resize=stretch", "protocol=voc", table.unpack(data) }).eval[1].classes,
    r.eval[1].classes)
  -- FLOPs are those of the size that ran: 8/3 of the cfg's pixels
  local own = program.json { "bench", cfg, "runs=1", "layers=true" }
  local flops, mine = 0, program.json { "bench", model, "runs=1", "layers=true" }
  t.assertEquals({ own.imgsz, mine.imgsz, results.imgsz, results.resize }, { { 160, 96 }, { 320, 128 }, { 320, 128 }, "letterbox" })
  for _, layer in ipairs(mine.layers) do flops = flops + layer.flops end
  t.assertEquals(results.flops, flops)
  t.assertStrContains(core.system.read(run .. "/results.md"), "320x128, letterbox")
  t.assertStrContains(core.system.read(run .. "/report.html"), "320 x 128")
  t.assertStrContains(program.ok { "bench", model, "runs=1", "imgsz=64" },
    "input 64x64, letterbox (best.safetensors says 320x128, letterbox)")
  t.assertStrContains(program.ok { "predict", model, "source=" .. image }, "input 320x128, letterbox (as best.safetensors says)")
  t.assertStrContains(program.ok { "predict", cfg, names, "source=" .. image, "resize=letterbox" },
    "input 160x96, letterbox (tiny.cfg says 160x96, stretch)")
  -- the next training continues from there, and so does a resume of it
  out = program.ok { "train", model, "epochs=1", "protocol=voc", "out=" .. again, table.unpack(data) }
  t.assertStrContains(out, "input 320x128, letterbox (as best.safetensors says)")
  program.ok { "train", "resume=" .. again, "epochs=2" }
  local yl = require "yolua"
  local last = yl.load { model = again .. "/last.safetensors" }
  t.assertEquals({ last.w, last.h, last.resize, last.map.rules.Car.class }, { 320, 128, "letterbox", "Cyclist" })
  local other = yl.transplant(last, { "bus" }) -- other classes: the size stays, the class map does not
  t.assertEquals({ other.w, other.h, other.resize, other.map }, { 320, 128, "letterbox", nil })
  last:save(top .. "/kept/")
  t.assertStrContains(core.system.read(top .. "/kept/model.cfg"), "[net]\nwidth=320\nheight=128\n")
end

-- Images with YOLO's labels in one folder, and nothing else named: the carried network gets a head for their classes, and an input size
-- that the checkpoint keeps; the run can be continued.
function TestVerbs.testTrainOnOnesOwnFolder()
  local own = top .. "/own"
  core.files.make_folder(own)
  local picture = core.image.load(image)
  for i = 1, 12 do
    picture:save(("%s/%02d.png"):format(own, i))
    core.system.write(("%s/%02d.txt"):format(own, i), "0 0.25 0.5 0.25 0.25\n1 0.75 0.5 0.25 0.5\n")
  end
  local words = { "train", "data=yolo", "data.root=" .. own, "epochs=1", "threads=2", "out=" .. top .. "/own-run" }
  local out, err = program.ok(words)
  t.assertStrContains(err, "no network given: using model=street")
  t.assertStrContains(out, "head: 5 classes become 2")
  local model = require "yolua".load { model = top .. "/own-run/best.safetensors" }
  t.assertEquals({ model.names, model.w, model.h }, { { "class0", "class1" }, 416, 256 })
  out = program.ok { "train", "resume=" .. top .. "/own-run", "epochs=2" }
  t.assertStrContains(out, "epoch 2:")
  t.assertEquals(#program.json { "predict", "model=" .. top .. "/own-run/best.safetensors", "source=" .. own .. "/01.png" }, 1)
end

local function refused(word, ...)
  local status, out, err = program.run { ... }
  t.assertTrue(status == 1 or status == 2, err)
  t.assertEquals(out, "")
  t.assertStrContains(err, word)
  t.assertEquals(select(2, err:gsub("\n", "")), 1)
  return status
end

-- The same, as a fault of the call.
local function wrong(word, ...) t.assertEquals(refused(word, ...), 2) end

function TestVerbs.testRefusals()
  refused("source", "predict", cfg, names)
  refused("/nothing.jpg", "predict", cfg, names, "source=/nothing.jpg")
  refused("contains no images", "predict", cfg, names, "source=" .. top)
  core.system.write(top .. "/bad.txt", "nowhere.png\n")
  refused("bad.txt", "predict", cfg, names, "source=" .. top .. "/bad.txt")
  wrong("cfg=", "predict", "source=" .. image)
  wrong("cfg=", "bench")
  wrong("data=kitti", "val", cfg, names)
  wrong("data=kitti", "train", cfg, names)
  wrong("data.root is missing", "train", cfg, names, "data=kitti")
  wrong("'cfg=", "predict", cfg, names, "model=x", "source=" .. image)
  core.system.write(top .. "/deep.yaml", "cfg: {a: 1}\n")
  wrong("deep.yaml:1: option 'cfg': expected a value or a list, got keys of its own (a)", "train", "config=" .. top .. "/deep.yaml")
  core.system.write(top .. "/wide.cfg", (core.system.read(top .. "/tiny.cfg"):gsub("channels=3", "channels=65536")))
  refused("wide.cfg: the network takes 65536 channels, pictures have 3", "predict", "cfg=" .. top .. "/wide.cfg", names, "source=" .. image)
  refused("is not a regular file", "val", cfg, names, "data=kitti", "data.root=" .. top .. "/data", "data.split=/dev/null")
  refused("f16", "bench", cfg, "precision=f16")
  local status, _, err = program.run { "train", "config=" .. top .. "/config.yaml", "precision=f16", "out=" .. top .. "/f16" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "plan: precision f16 is not available on cpu")
  t.assertNil(core.files.kind(top .. "/f16"))
  refused("data=NAME", "doctor", "data.root=" .. top)
  refused("different sizes", "anchors", "data=kitti", "data.root=" .. top .. "/data", "k=900")
end

local status = t.LuaUnit.run()
if top then os.execute("rm -rf '" .. top .. "'") end
os.exit(status)
