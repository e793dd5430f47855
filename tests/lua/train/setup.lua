-- What a training settles before its first step: the heads' anchors and losses, and whether regions forgive.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local training = require "support.training"
local top, data, model = training.top, training.data, training.model

local function options(o) return training.options({ epochs = 2, optim = { name = "sgd", lr = 0.01 } }, o) end

local function train(o, net, ...) return yl.train { net = net or model(), data = data(), options = options(o), ... } end

-- The tiny cfg with a [yolo] head, whose first anchor no mask names.
local function yolo()
  local path, text = top .. "/yolo.cfg", core.system.read(top .. "/tiny.cfg")
  core.system.write(path, (text:gsub("%[region%].*", "[yolo]\nmask=1,2,3\nanchors=34,18, 20,13, 11,30, 21,26\nclasses=3\nnum=4\n")))
  return yl.load { cfg = path, names = top .. "/tiny.names", seed = 3 }
end

local function last_head(m) return m.structure.layers[#m.structure.layers].options end

TestHeads = {}

function TestHeads.testAnchors()
  local cfg, predicted, auto = yolo(), yolo(), yolo()
  local before = last_head(cfg)
  train({ epochs = 1 }, cfg)
  t.assertEquals(last_head(cfg).anchors, before.anchors)
  train({ epochs = 1, anchors = "predicted" }, predicted)
  t.assertEquals({ last_head(predicted).anchors, last_head(predicted).mask }, { "20,13,11,30,21,26", "0,1,2" })
  train({ epochs = 1, anchors = "auto" }, auto)
  t.assertEquals({ last_head(auto).mask, last_head(auto).num }, { "2,0,1", "3" }) -- by shape
  t.assertNotEquals(last_head(auto).anchors, last_head(predicted).anchors)
  t.assertNotEquals(predicted:checksum(), cfg:checksum())
end

-- A checkpoint keeps the anchors, and a training that continues does not fit them a second time.
function TestHeads.testFittedAnchorsAreKept()
  local function run(o, kill)
    return training.quietly(function()
      local made <close> = yl.run(options(o))
      local net = yolo()
      yl.train { net = net, data = data(), run = made, options = options { anchors = "auto" }, kill or { name = "bomb" } }
      return net
    end)
  end
  local want, said = run { out = top .. "/whole" }
  t.assertStrContains(said, "anchors: mean best IoU of 72 boxes at 160x96: ")
  t.assertErrorMsgContains("killed", run, { out = top .. "/killed" }, { name = "bomb", on = { step = function(_, tr)
    if tr.step == 8 then error("killed", 0) end
  end } })
  t.assertEquals(run({ resume = top .. "/killed" }):checksum(), want:checksum())
  local saved = yl.load { model = top .. "/whole/last.safetensors" }
  t.assertEquals(last_head(saved).anchors, last_head(want).anchors)
  t.assertEquals(core.files.hash(top .. "/killed/last.safetensors"), core.files.hash(top .. "/whole/last.safetensors"))
end

function TestHeads.testLosses()
  local plain, ciou = yolo(), yolo()
  train({ epochs = 1 }, plain)
  train({ epochs = 1, loss = { iou_loss = "ciou" } }, ciou)
  t.assertEquals({ last_head(plain).iou_loss, last_head(ciou).iou_loss }, { "mse", "ciou" })
  t.assertNotEquals(plain:checksum(), ciou:checksum())
  t.assertErrorMsgMatches(".*:%d+: loss: %[region%] of .*tiny.cfg has no option 'iou_loss'", train, { loss = { iou_loss = "ciou" } })
  local _, said = training.quietly(function() -- a recipe's default is told and left out
    local run <close> = yl.run(yl.options { out = top .. "/told" })
    return yl.train { net = model(), data = data(), run = run, options = yl.options { loss = { iou_loss = "ciou" }, epochs = 0 } }
  end)
  t.assertStrContains(said, "loss.iou_loss=ciou is left out: [region] has no such option")
  t.assertErrorMsgContains("'loss.iou_loss': expected one of mse", train, { loss = { iou_loss = "smooth" } })
end

-- Attributes are trained where the head has them and the data their labels; anything else is one sentence.
function TestHeads.testAttributes()
  local net = yl.transplant(model(), model().names, { attributes = { "occlusion", "orientation" }, seed = 3 })
  local parts
  local listen = { name = "listen", on = { step = function(_, tr) parts = tr.parts.region1 end } }
  train({ epochs = 1, attributes = "orientation,occlusion", loss = { occlusion_weight = 3 } }, net, listen)
  t.assertTrue(parts.orientation > 0 and parts.occlusion > 0)
  t.assertNil(parts.truncation)
  t.assertEquals(last_head(net).occlusion_weight, "3")

  t.assertErrorMsgMatches(".*:%d+: attributes=truncation: .*tiny.cfg predicts orientation,occlusion; a new head gets them "
    .. "%(yl.transplant%)", train, { attributes = "truncation" }, net)
  t.assertErrorMsgContains("attributes=truncation: " .. model().path .. " predicts none;", train, { attributes = { "truncation" } })
  t.assertErrorMsgContains("loss: region1 of " .. net.path .. " does not predict what 'truncation_weight' weighs", train,
    { loss = { truncation_weight = 2 } }, net)
  t.assertErrorMsgContains("option 'attributes': expected none, or some of orientation|occlusion|truncation (a,b), got 'orientations', "
    .. "did you mean 'orientation'?", train, { attributes = "orientations" })

  local bare = data()
  for _, frame in ipairs(bare.train.frames) do
    for _, row in ipairs(frame.objects) do row.alpha = -10 end
  end
  t.assertErrorMsgContains("the network predicts orientation, and no object of the training list 'train' of data=kitti has that label "
    .. "(alpha)", yl.train, { net = net, data = bare, options = options { epochs = 1 } })
end

-- A region over the whole picture forgives every false alarm in it; regions=false lets it be background.
function TestHeads.testRegions()
  local function noobject(regions)
    local d, sum = data(), 0
    for _, frame in ipairs(d.train.frames) do
      table.insert(frame.objects, { class = "DontCare", box = { 0, 0, 160, 96 } })
    end
    local listen = { name = "listen", on = { step = function(_, tr) sum = sum + tr.parts.region1.noobject end } }
    yl.train { net = model(), data = d, options = options { epochs = 1, regions = regions }, listen }
    return sum
  end
  t.assertTrue(noobject(nil) < 0.5 * noobject(false)) -- what lies more than half outside is not forgiven
end

training.run(t)
