-- recipes/kitti.lua in smoke size: five classes out of COCO's eighty, an IoU loss, and without arguments the embedded network.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local stages = require "yolua.eval.stages"

TestKitti = {}

local top = program.tiny()

-- The tiny network with a head for COCO's classes.
local function coco_head()
  local cfg = core.system.read(top .. "/tiny.cfg"):gsub("filters=24", "filters=255")
  core.system.write(top .. "/coco.cfg", (cfg:gsub("%[region%].*", "[yolo]\nmask=0,1,2\nanchors=35,18, 11,30, 21,26\nclasses=80\nnum=3\n")))
end

function TestKitti.testOnFramesInKittisLayout()
  coco_head()
  local out = program.ok { "recipes/kitti.lua", "cfg=" .. top .. "/coco.cfg", "names=coco", "data=kitti", "data.root=" .. top .. "/data",
    "imgsz=160x96", "anchors=auto", "epochs=2", "batch=4", "threads=2", "out=" .. top .. "/run" }
  t.assertStrContains(out, "head: 80 classes become 5; boxes and objectness are kept")
  t.assertStrContains(out, "  car: moved from car")
  t.assertStrContains(out, "anchors: mean best IoU of 72 boxes at 160x96: ")
  local result = core.json.decode(core.system.read(top .. "/run/results.json"))
  local rows = {}
  for i, row in ipairs(result.eval) do rows[i] = row.protocol .. " " .. row.stage end
  t.assertEquals(rows, { "kitti Original", "voc Original", "coco Original", "poster Original", "kitti KITTI", "voc KITTI", "coco KITTI",
    "poster KITTI" })
  local notes = core.safetensors.info(top .. "/run/best.safetensors").metadata
  t.assertEquals(core.json.decode(notes.names), { "person", "bicycle", "car", "train", "truck" })
  local head = core.json.decode(notes.structure).layers
  t.assertEquals({ head[#head].options.iou_loss, head[#head].options.classes }, { "ciou", "5" })
end

-- eval_imgsz=: every stage once more at that size, which a stored evaluation keeps; a size that does not fit ends the run before it trains.
function TestKitti.testEvaluatedAtALargerSize()
  coco_head()
  local words = { "recipes/kitti.lua", "cfg=" .. top .. "/coco.cfg", "names=coco", "data=kitti", "data.root=" .. top .. "/data",
    "imgsz=160x96", "epochs=1", "batch=4", "threads=2", "protocol=voc", "eval_imgsz=224x128", "out=" .. top .. "/larger" }
  local out = program.ok(words)
  t.assertStrContains(out, "input 224x128, stretch (coco.cfg says 160x96, stretch)")
  local names = {}
  for i, row in ipairs(core.json.decode(core.system.read(top .. "/larger/results.json")).eval) do names[i] = row.stage end
  t.assertEquals(names, { "Original", "Original, 224x128", "KITTI", "KITTI, 224x128", "KITTI, mixed", "KITTI, mixed, 224x128" })
  local how = stages.read(top .. "/larger", "KITTI, 224x128").options
  t.assertEquals({ how.w, how.h }, { 224, 128 })
  words[#words - 1], words[#words] = "eval_imgsz=225x128", "out=" .. top .. "/refused"
  local status, said, err = program.run(words)
  t.assertEquals(status, 1)
  t.assertStrContains(err, "imgsz=225x128: expected width and height in multiples of 16, the network's stride")
  t.assertNotStrContains(said, "epoch 1")
end

-- With labels beside the class as outputs: a stage of its own in the protocol, and one sentence for a run that continues with others.
function TestKitti.testAttributes()
  coco_head()
  local words = { "recipes/kitti.lua", "cfg=" .. top .. "/coco.cfg", "names=coco", "data=kitti", "data.root=" .. top .. "/data",
    "imgsz=160x96", "epochs=1", "batch=4", "threads=2", "protocol=kitti,attributes", "attributes=truncation,orientation",
    "loss.orientation_weight=2", "out=" .. top .. "/attributes" }
  local out = program.ok(words)
  t.assertStrContains(out, "  attribute orientation: initialized")
  local rows = {}
  for i, row in ipairs(core.json.decode(core.system.read(top .. "/attributes/results.json")).eval) do
    rows[i] = row.protocol .. " " .. row.stage
  end
  t.assertEquals(rows, { "kitti Original", "kitti KITTI", "attributes KITTI", "kitti KITTI, mixed", "attributes KITTI, mixed" })
  t.assertStrContains(core.system.read(top .. "/attributes/results.md"), "## attributes: mean similarity of orientation")
  local layers = core.json.decode(core.safetensors.info(top .. "/attributes/best.safetensors").metadata.structure).layers
  local head = layers[#layers].options
  t.assertEquals({ head.attributes, head.orientation_weight, layers[#layers - 1].options.filters }, { "orientation,truncation", "2", "39" })

  local status, _, err = program.run { "recipes/kitti.lua", "resume=" .. top .. "/attributes", "attributes=orientation", "epochs=2" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "last.safetensors: its head predicts orientation,truncation, and the network now orientation: a run continues "
    .. "with the attributes that it began with")
  program.ok { "recipes/kitti.lua", "resume=" .. top .. "/attributes", "epochs=2" }
end

-- `yolua train` gives a network another head where attributes are asked for, and continues a checkpoint as it is.
function TestKitti.testTrainVerb()
  local data = { "data=kitti", "data.root=" .. top .. "/data", "epochs=1", "batch=4", "threads=2", "protocol=voc" }
  local function train(...) return program.run { "train", data[1], data[2], data[3], data[4], data[5], data[6], ... } end
  local status, out = train("cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", "attributes=occlusion", "out=" .. top .. "/t1")
  t.assertEquals(status, 0)
  t.assertStrContains(out, "  Car: moved from Car")
  t.assertStrContains(out, "  attribute occlusion: initialized")
  status, out = train("model=" .. top .. "/t1/last.safetensors", "attributes=occlusion", "out=" .. top .. "/t2")
  t.assertEquals(status, 0)
  t.assertNotStrContains(out, "attribute occlusion")
end

-- A recipe that keeps the head refuses the key instead of leaving it out.
function TestKitti.testWhereTheHeadStays()
  local status, _, err = program.run { "recipes/coco_ft.lua", "config=" .. top .. "/config.yaml", "attributes=orientation", "epochs=1",
    "out=" .. top .. "/kept" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "command line: attributes=orientation: ")
  t.assertStrContains(err, "tiny.cfg predicts none; a new head gets them (yl.transplant)")
end

-- Without arguments: synthetic streets and the bundled network, whose head has no IoU loss.
function TestKitti.testEmbeddedDefault()
  local out, err = program.ok { "recipes/kitti.lua", "epochs=1", "protocol=voc", "out=" .. top .. "/s", "threads=2",
    "data=synthetic", "data.frames=10", "data.picture=416x128", "data.root=" .. top .. "/streets" }
  t.assertStrContains(err, "no network given: using model=street")
  t.assertStrContains(out, "loss.iou_loss=ciou is left out: [region] has no such option")
  t.assertStrContains(out, "KITTI: voc")
  program.ok { "recipes/kitti.lua", "resume=" .. top .. "/s", "epochs=2" } -- its config.yaml names the loss
  local status, _, said = program.run { "recipes/kitti.lua", "epochs=1", "loss.iou_loss=giou", "out=" .. top .. "/refused",
    "data=synthetic", "data.frames=10", "data.picture=416x128", "data.root=" .. top .. "/streets" }
  t.assertTrue(status ~= 0)
  t.assertStrContains(said, "command line: loss: [region] of recipes/models/street.cfg has no option 'iou_loss'")
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
