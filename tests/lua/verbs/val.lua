-- `yolua val` of a network with attributes: its rows, the result files that it writes, and what `yolua eval` makes of them; and what
-- `yolua predict` shows of such a network.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local program = require "support.program"
local training = require "support.training"

local top = training.top
local model, data = "model=" .. top .. "/attributes.safetensors", { "data=kitti", "data.root=" .. top .. "/data" }

-- A small network that has learned a little of everything: its boxes must overlap KITTI's by 0.7.
local function trained()
  local plain = training.model()
  local net = yl.transplant(plain, plain.names, { attributes = { "orientation", "occlusion", "truncation" }, seed = 3 })
  yl.train { net = net, data = training.data(), options = { epochs = 60, batch = 4, seed = 7, optim = { name = "adam", lr = 0.01,
    schedule = "cosine" } } }
  net:save(top .. "/attributes.safetensors")
end

-- Labels of every kind, which the tiny data set's are not: an angle and an occlusion by class, a truncation by place.
local function label()
  local angles, occlusions = { Car = 1.5, Pedestrian = -1.5, Cyclist = 3 }, { Car = 0, Pedestrian = 1, Cyclist = 2 }
  local folder = top .. "/data/training/label_2/"
  for _, name in ipairs(core.files.list(folder)) do
    local rows = core.system.read(folder .. name):gsub("(%S+) %S+ %S+ %S+ (%S+)([^\n]*)", function(class, left, rest)
      return ("%s %.2f %d %.2f %s%s"):format(class, tonumber(left) < 40 and 0.5 or 0, occlusions[class] or -1, angles[class] or -10, left,
        rest)
    end)
    core.system.write(folder .. name, rows)
  end
end

TestVal = {}

function TestVal.setUp()
  if core.files.kind(top .. "/attributes.safetensors") then return end
  label()
  trained()
end

local function val(...) return program.json { "val", model, data[1], data[2], ... } end

local function row(result, protocol)
  for _, r in ipairs(result.eval) do
    if r.protocol == protocol then return r end
  end
end

-- The figures of the set in memory are those of the files, to the last digits.
function TestVal.testResultFilesGiveTheSameFigures()
  local dets = top .. "/dets"
  local seen = val("dets=" .. dets)
  t.assertEquals(#core.files.list(dets), 8)
  local again = program.json { "eval", "labels=" .. top .. "/data/training/label_2", "dets=" .. dets, "protocol=kitti,attributes",
    "split=" .. top .. "/data/ImageSets/dev.txt" }
  local some = 0
  for name, class in pairs(row(seen, "kitti").classes) do
    for level, l in pairs(class) do
      for key, value in pairs(l) do
        local other = row(again, "kitti").classes[name][level][key]
        if value == core.null then t.assertEquals(other, value) else t.assertAlmostEquals(other, value, 1e-9, name .. level .. key) end
        if key == "aos_r11" and value ~= core.null and value > 0.01 then some = some + 1 end
      end
      if l.aos_r40 ~= core.null then t.assertTrue(l.aos_r40 <= l.ap_r40 + 1e-12) end
    end
  end
  t.assertTrue(some > 0, "no AOS to compare")
  local a, b = row(seen, "attributes"), row(again, "attributes")
  t.assertTrue(a.matched > 4)
  for _, name in ipairs { "orientation", "occlusion", "truncation" } do t.assertEquals(b[name], a[name], name) end
  t.assertEquals(a.orientation.n, a.matched)
  t.assertTrue(a.orientation.similarity > a.orientation.baseline and a.occlusion.accuracy > a.occlusion.baseline)
  local first = core.system.read(dets .. "/" .. core.files.list(dets)[1])
  t.assertStrMatches(first:match "[^\n]+", "%a+ 0%.%d+ [0-3] %-?%d%.%d+ %S+ %S+ %S+ %S+ %-1 %-1 %-1 %-1000 %-1000 %-1000 %-10 0%.%d+.*")
end

-- Written by no network with attributes: all unknown, and no AOS.
function TestVal.testResultFilesWithoutAttributes()
  local dets = top .. "/plain"
  local words = { "val", "cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", data[1], data[2], "dets=" .. dets }
  t.assertNil(row(program.json(words), "attributes"))
  for _, name in ipairs(core.files.list(dets)) do
    for line in core.system.read(dets .. "/" .. name):gmatch "[^\n]+" do t.assertStrMatches(line, "%a+ %-1 %-1 %-10 .*") end
  end
end

function TestVal.testRefusals()
  local function refused(sentence, ...)
    local status, _, err = program.run { "val", ... }
    t.assertEquals(status, 1)
    t.assertStrContains(err, sentence)
  end
  core.files.make_folder(top .. "/other")
  core.system.write(top .. "/other/x.txt", "")
  refused("/other: the folder has x.txt, which is no frame of dev: expected a folder of its own", model, data[1], data[2],
    "dets=" .. top .. "/other")
  refused("protocol=attributes: " .. top .. "/tiny.cfg predicts none", "cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names",
    data[1], data[2], "protocol=attributes")
end

function TestVal.testTablesNameThem()
  local out = program.ok { "val", model, data[1], data[2], "protocol=kitti,attributes" }
  t.assertStrContains(out, "AOS R40")
  t.assertStrContains(out, "attributes of objects that a detection of score 0.25 matches (IoU > 0.5), beside the best constant answer")
  t.assertStrMatches(out, ".*class +n_gt +matched +orientation similarity +baseline +occlusion accuracy +baseline +truncation error "
    .. "+baseline.*")
end

function TestVal.testPredict()
  local image = "source=" .. top .. "/data/training/image_2/" .. core.files.list(top .. "/data/training/image_2")[1]
  local found = program.json { "predict", model, image, "conf=0.2" }[1].detections
  t.assertTrue(#found > 0)
  for _, d in ipairs(found) do
    t.assertTrue(math.abs(d.alpha) <= math.pi and d.truncated >= 0 and d.truncated <= 1)
    t.assertTrue(math.type(d.occluded) == "integer" and d.occluded >= 0 and d.occluded <= 3)
  end
  local out = program.ok { "predict", model, image, "conf=0.2", "out=" .. top .. "/drawn" }
  t.assertStrMatches(out, ".*class +score +x1 +y1 +x2 +y2 +alpha +occluded +truncated\n.*")
  t.assertEquals(#core.files.list(top .. "/drawn"), 1)
  local plain = program.json { "predict", "cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", image, "conf=0.01" }[1].detections
  t.assertNil(plain[1].alpha or plain[1].occluded or plain[1].truncated)
end

training.run(t)
