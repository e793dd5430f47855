-- Weights and a cfg whose anchors are not theirs: what is measured, what explains it, what stays unsaid; through the program too.
local t = require "luaunit"
local anchors = require "yolua.eval.anchors"
local core = require "yolua.core"
local program = require "support.program"

-- A model with one head, as far as the measurement looks at it.
local function model(kind, list, mask)
  local _, numbers = (mask or list):gsub("[^,%s]+", "")
  return { path = "a.cfg", heads = { { name = kind .. "1", kind = kind, anchors = mask and numbers or numbers // 2 } },
    structure = { layers = { { name = kind .. "1", kind = kind, options = { anchors = list, mask = mask or "" } } } } }
end

local function box(x, y, w, h) return { x - w / 2, y - h / 2, x + w / 2, y + h / 2 } end

-- One image with an object of 100 x 50 in it, and what was found of it.
local function image(fit, ...)
  local found = {}
  for i, d in ipairs { ... } do
    found[i] = { class = d.class or "car", score = 0.9, head = 1, anchor = d[1],
      box = box(200 + (d.dx or 0), 200 + (d.dy or 0), 100 * d[2], 50 * d[3]) }
  end
  fit:add({ { class = "car", box = box(200, 200, 100, 50), ignore = false } }, found)
end

-- Factors {w, h} of the slots, 25 boxes each (`few`: 19), scattered about them; nil: no box.
local function fault(m, factors)
  local fit = anchors.new(m)
  for slot = 1, m.heads[1].anchors do
    local f = factors[slot]
    for k = 1, f and (f.few and 19 or 25) or 0 do
      local scatter = 1 + 0.01 * (k - 13)
      image(fit, { slot, f[1] * scatter, f[2] / scatter })
    end
  end
  local head = fit:result()[1]
  return head.fault, anchors.sentence("a.cfg", head), head
end

local TINY = "10,14,  23,27,  37,58,  81,82,  135,169,  344,319"
local STREET = "0.56,0.90, 0.94,2.50, 1.95,1.40, 3.90,2.90, 7.90,4.95"

TestExplained = {}

-- The published cfg of YOLOv3-tiny, as it measures on real frames.
function TestExplained.testMask()
  local found, sentence = fault(model("yolo", TINY, "0,1,2"), { { 0.42, 0.51 }, { 0.58, 0.47 }, { 0.46, 0.71 } })
  t.assertEquals(found.mask, { 1, 2, 3 })
  t.assertTrue(found.left < 1.15)
  t.assertEquals(sentence, "a.cfg: the anchors of yolo1 are not those of its weights: boxes of anchor 0 (10x14), anchor 1 (23x27), "
    .. "anchor 2 (37x58) are 0.42/0.51, 0.58/0.47, 0.46/0.71 times as wide and high as the objects; with mask = 1,2,3 they fit")
  -- the two heads' masks exchanged
  found = fault(model("yolo", TINY, "0,1,2"), { { 10 / 81, 14 / 82 }, { 23 / 135, 27 / 169 }, { 37 / 344, 58 / 319 } })
  t.assertEquals(found.mask, { 3, 4, 5 })
end

-- An anchor of which too few boxes are seen moves as the others do.
function TestExplained.testAnchorsThatAreHardlySeen()
  local found = fault(model("yolo", TINY, "0,1,2"), { { 0.42, 0.51 }, { 0.58, 0.47 }, { 1, 1, few = true } })
  t.assertEquals(found.mask, { 1, 2, 3 })
  found = fault(model("yolo", TINY, "3,4,5"), { nil, { 135 / 344, 169 / 319 }, { 344 / 135, 319 / 169 } })
  t.assertEquals(found.mask, { 3, 5, 4 })
end

function TestExplained.testOrder()
  local found, sentence = fault(model("region", STREET),
    { { 1, 1 }, { 0.85, 0.95 }, { 1.95 / 3.9, 1.4 / 2.9 }, { 3.9 / 1.95, 2.9 / 1.4 } })
  t.assertEquals(found.mask, { 0, 1, 3, 2, 4 })
  t.assertStrContains(sentence, "in the order 0,1,3,2,4 they fit (anchors = 0.56,0.9, 0.94,2.5, 3.9,2.9, 1.95,1.4, 7.9,4.95)")
end

-- Made for another input size; in cells where pixels are due, and the other way round.
function TestExplained.testScale()
  for _, s in ipairs { 416 / 608, 608 / 416, 1 / 32, 32, 1.4 } do
    local factors = { { s, 1.1 * s }, { 0.95 * s, s }, { s, s } }
    for m, unit in pairs { [model("yolo", TINY, "3,4,5")] = "pixels", [model("region", "1,1, 2,3, 7,6")] = "cells" } do
      local found, sentence = fault(m, factors)
      t.assertAlmostEquals(found.scale * s, 1, 0.03)
      t.assertStrContains(sentence, ("multiplied by %.3g they fit"):format(found.scale))
      t.assertStrContains(sentence, unit)
    end
  end
end

function TestExplained.testWidthAndHeightExchanged()
  local found, sentence = fault(model("region", STREET), { nil, { 0.94 / 2.5, 2.5 / 0.94 }, nil, nil, { 7.9 / 4.95, 4.95 / 7.9 } })
  t.assertTrue(found.turned)
  t.assertStrContains(sentence, "with width and height of each the other way round they fit")
end

TestUnsaid = {}

function TestUnsaid.testFactorsWithoutExplanation()
  local none = { "a bicycle is smaller than a cyclist", { { 1, 1 }, { 0.95, 0.6 }, { 1, 1 } } }
  t.assertNil(fault(model("yolo", TINY, "0,1,2"), none[2]), none[1])
  t.assertNil(fault(model("region", STREET), { { 0.65, 0.66 }, { 1.05, 1 }, { 1.1, 0.95 } })) -- as a real network measures
  t.assertNil(fault(model("region", STREET), { { 0.65, 0.66 } }))                            -- some scale fits one anchor
  t.assertNil(fault(model("yolo", TINY, "0,1,2"), { { 0.5, 0.5 }, { 0.5, 0.5 }, { 1, 1 } })) -- a scale would spoil the third
  t.assertNil(fault(model("yolo", TINY, "0,1,2"), { { 0.5, 0.5 }, { 0.7, 0.7 }, { 0.7, 0.9 } }))
  t.assertNil(fault(model("yolo", TINY, "3,4,5"), { { 1, 1 }, { 1.24, 1.24 }, { 1 / 1.24, 1 } }))
  -- one anchor that meets another of the list, but is not far off
  t.assertNil(fault(model("yolo", "10,10, 14,14, 50,50", "0,1,2"), { { 1, 1 }, { 1, 1 }, { 1.4, 1.4 } }))
  t.assertNil(fault(model("yolo", "10,10, 14,14, 50,50", "0,2"), { { 10 / 14, 10 / 14 }, { 1, 1 } }))
  t.assertEquals(fault(model("yolo", "10,10, 16,16, 50,50", "0,2"), { { 10 / 16, 10 / 16 }, { 1, 1 } }).mask, { 1, 2 })
end

-- Masks that leave an anchor unused, or use one twice over, are no fault.
function TestUnsaid.testRightMasks()
  for _, mask in ipairs { "1,2,3", "0,1,2", "0,2,5" } do
    t.assertNil(fault(model("yolo", TINY, mask), { { 1.02, 0.97 }, { 0.94, 1.1 }, { 1.1, 1 } }))
  end
end

TestMeasured = {}

function TestMeasured.testWhatCounts()
  local fit = anchors.new(model("region", STREET))
  local function boxes(slot) return fit:result()[1].anchors[slot].boxes end
  image(fit, { 1, 1, 1 }, { 1, 2, 2 }, { 2, 0.5, 0.5 }) -- the best of each anchor
  t.assertEquals({ boxes(1), boxes(2), boxes(3) }, { 1, 1, 0 })
  image(fit, { 1, 1, 1, dx = 26 }, { 2, 1, 1, dy = 13 }, { 3, 1, 1, class = "bus" }, { 4, 1, 1, dx = 24, dy = 12 })
  t.assertEquals({ boxes(1), boxes(2), boxes(3), boxes(4) }, { 1, 1, 0, 1 })
  fit:add({ { class = "car", box = box(200, 200, 100, 50), ignore = true } }, { { class = "car", score = 1, head = 1, anchor = 1,
    box = box(200, 200, 100, 50) } })
  t.assertEquals(boxes(1), 1)
  local _, _, head = fault(model("region", STREET), { { 0.5, 2 }, { 1, 1, few = true } })
  t.assertAlmostEquals(head.anchors[1].factor_w, 0.5, 1e-9)
  t.assertAlmostEquals(head.anchors[1].factor_h, 2, 1e-9)
  t.assertEquals({ head.anchors[1].boxes, head.anchors[2].boxes, head.anchors[2].factor_w }, { 25, 19 })
  local _, lines = anchors.table { head }
  t.assertEquals(lines[1], { "region1", "0: 0.56x0.9", "25", "0.50", "2.00" })
  t.assertEquals(lines[2], { "region1", "1: 0.94x2.5", "19", "-", "-" })
end

-- ---- the program ------------------------------------------------------------------------------------------------------------

local top

local function street(name, list)
  local cfg, count = core.embedded("recipes/models/street.cfg"):gsub("anchors=[^\n]*", "anchors=" .. list)
  t.assertEquals(count, 1)
  core.system.write(("%s/%s.cfg"):format(top, name), cfg)
  return ("cfg=%s/%s.cfg"):format(top, name)
end

TestProgram = {}

function TestProgram.setUp()
  if top then return end
  top = os.tmpname()
  os.remove(top)
  core.files.make_folder(top)
  for _, kind in ipairs { "weights", "names" } do
    core.system.write(("%s/street.%s"):format(top, kind), core.embedded("recipes/models/street." .. kind))
  end
end

-- verb(words) -> status, standard output, standard error, of 48 drawn frames
local function call(verb, cfg, ...)
  return program.run { verb, cfg, "weights=" .. top .. "/street.weights", "names=" .. top .. "/street.names", "data=synthetic",
    "data.root=" .. top .. "/frames", "data.frames=48", "data.picture=416x128", "data.style=source", "resize=stretch", ... }
end

local function val(cfg)
  local status, out, err = call("val", cfg, "data.split=all", "protocol=voc", "json=true")
  t.assertEquals(status, 0, err)
  local keys = {}
  for key in pairs(core.json.decode(out)) do keys[#keys + 1] = key end
  table.sort(keys)
  t.assertEquals(keys, { "eval", "images", "imgsz", "infer_ms", "map", "resize" }) -- what is warned of is no part of the document
  local _, count = err:gsub("are not those of its weights", "")
  return count, err
end

function TestProgram.testVal()
  t.assertEquals(val(street("right", STREET)), 0)
  local count, err = val(street("order", "0.56,0.90, 0.94,2.50, 3.90,2.90, 1.95,1.40, 7.90,4.95"))
  t.assertEquals(count, 1)
  t.assertStrContains(err, "order.cfg: the anchors of region1 are not those of its weights")
  t.assertStrContains(err, "in the order 0,1,3,2,4 they fit")
  count, err = val(street("pixels", "8.96,14.4, 15.04,40, 31.2,22.4, 62.4,46.4, 126.4,79.2"))
  t.assertEquals(count, 1)
  t.assertAlmostEquals(tonumber(err:match "multiplied by ([%d.]+) they fit"), 1 / 16, 0.006)
end

-- A training's first evaluation says it, once.
function TestProgram.testTraining()
  local wrong = street("order", "0.56,0.90, 0.94,2.50, 3.90,2.90, 1.95,1.40, 7.90,4.95")
  local status, _, err = call("train", wrong, "data.train=all", "data.dev=all", "data.limit=30", "epochs=2", "optim.lr=1e-6", "freeze=body",
    "conf=0.3", "out=" .. top .. "/run")
  local _, count = err:gsub("are not those of its weights", "")
  t.assertEquals({ status, count }, { 0, 1 }, err)
end

function TestProgram.testDoctor()
  local status, out = call("doctor", street("half", STREET:gsub("[%d.]+", function(x) return ("%g"):format(x / 2) end)), "sheet=none")
  t.assertEquals(status, 0)
  t.assertStrMatches(out, ".*half.cfg on %d+ frames of dev: sides of its boxes.*")
  t.assertStrMatches(out, ".*\n +head +anchor +boxes +width +height\n +region1 +0: 0.28x0.45 +%d+ .*")
  status, out = call("doctor", street("right", STREET), "sheet=none", "json=true", "data.dev=all")
  t.assertEquals(status, 0)
  local network = core.json.decode(out).network
  t.assertEquals({ network.images, network.split, #network.heads, #network.heads[1].anchors, network.heads[1].sentence },
    { 48, "all", 1, 5 })
  local row = network.heads[1].anchors[4]
  t.assertTrue(row.boxes >= 20 and row.factor_w > 0.8 and row.factor_w < 1.25)
  t.assertStrContains(program.ok { "doctor", "model=street" }, "region1  0: 0.56x0.9")
end

local status = t.LuaUnit.run()
if top then os.execute("rm -rf '" .. top .. "'") end
os.exit(status)
