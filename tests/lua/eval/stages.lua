-- The evaluations that a run keeps on disk: what is read is what was written, and a damaged file is refused.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local evaluations = require "support.evaluations"
local stages = require "yolua.eval.stages"
local training = require "support.training"

local top = training.top

TestStages = {}

function TestStages.testWrittenAndRead()
  local made = evaluations.make { drives = 3, stage = "Coco-FT, COCO's/classes",
    classes = { { name = "Car", "Van", "Truck" }, "Pedestrian" } }
  made.frames[2].poster = { made.frames[2].dets[1] }
  stages.write(top .. "/a", made, 2)
  stages.write(top .. "/a", evaluations.make { stage = "Original" }, 1)
  t.assertEquals(stages.list(top .. "/a"), { "Original", "Coco-FT, COCO's/classes" })
  local read = stages.read(top .. "/a", "Coco-FT, COCO's/classes")
  for i, frame in ipairs(read.frames) do
    for _, key in ipairs { "id", "drive", "truths" } do t.assertEquals(frame[key], made.frames[i][key]) end
    for _, key in ipairs { "dets", "poster" } do t.assertEquals(read:detections(frame, key), made.frames[i][key]) end
  end
  t.assertEquals(#read.frames, 40)
  stages.write(top .. "/again", read, 2) -- out of packed detections: the same bytes
  local name = core.files.list(top .. "/again/stages")[1]
  t.assertEquals(core.files.hash(top .. "/again/stages/" .. name), core.files.hash(top .. "/a/stages/" .. name))
  t.assertEquals(read:rows(), made:rows())
  t.assertEquals({ read.split, read.map, read.classes, read.options, read.run }, { "dev", "identity", made.classes, made.options,
    top .. "/a" })
  t.assertEquals(stages.read(top .. "/a").stage, made.stage) -- the last one
end

-- Of a network with attributes each detection has its values; what a head does not predict stays unknown.
function TestStages.testAttributes()
  local made = evaluations.make { stage = "with", frames = 3 }
  made.labels = { "alpha", "truncated" }
  local dets = made.frames[1].dets
  for i, d in ipairs(dets) do d.alpha, d.truncated = i / 3, i > 1 and 0.25 or nil end
  for k = 2, 3 do
    for _, d in ipairs(made.frames[k].dets) do d.alpha, d.truncated = -1, 0 end
  end
  stages.write(top .. "/attributes", made, 1)
  local read = stages.read(top .. "/attributes")
  t.assertEquals(read.labels, made.labels)
  t.assertEquals(read:detections(read.frames[1], "dets"), dets)
  t.assertEquals(read:rows { "kitti", "attributes" }, made:rows { "kitti", "attributes" })
  local other = evaluations.make { stage = "with", frames = 3 }
  t.assertErrorMsgContains("stored.pool: evaluation 2 is of a network with other attributes than the first",
    require("yolua.eval.stored").pool, { made, other })
end

function TestStages.testRefusals()
  stages.write(top .. "/b", evaluations.make { frames = 3, stage = "Original" }, 1)
  t.assertErrorMsgContains("no such run directory " .. top .. "/absent", stages.read, top .. "/absent")
  t.assertErrorMsgContains("has no stage 'Orignal', did you mean 'Original'? (stages: Original)", stages.read, top .. "/b", "Orignal")
  core.files.make_folder(top .. "/empty")
  t.assertErrorMsgContains("keeps no detections", stages.read, top .. "/empty")
  local path = top .. "/b/stages/Original.stage"
  local text = core.system.read(path)
  local head = #text:match "^.-\n.-\n.-\n.-\n"
  local function refused(changed, sentence)
    core.system.write(path, changed)
    t.assertErrorMsgContains(sentence, stages.read, top .. "/b", "Original")
  end
  refused(text:sub(1, -20), "Original.stage: it does not have the length that its head says: the file is cut short")
  refused(text:sub(1, head - 2), "the file is cut short")
  refused(text .. "x", "the file is cut short")
  refused(text:gsub('"id":"000002"', '"id":7'), "Original.stage:3: expected a frame with an id")
  refused(text:sub(1, head) .. "\9" .. text:sub(head + 2), ("byte %d: expected a class from 1 to 3, got 9"):format(head + 1))
  refused(text:gsub('"dets":%d+', '"dets":-1', 1), "Original.stage:2: expected a number of detections")
  refused(text:gsub('%[%["%a+",', '[[7,', 1), "expected a class's name as the first value of truth 1")
  refused(text:gsub("yolua stage 1", "yolua stage 9"), "Original.stage:1: expected the head of a stored evaluation")
  refused(text:gsub('"names":', '"nams":'), "Original.stage:1: expected a list as its names")
  refused('{"a"\n', "Original.stage:1")
end

-- run:eval keeps each stage; the rows come out of the file as they went into results.json.
function TestStages.testARunKeepsItsStages()
  training.quietly(function()
    local run <close> = yl.run({ out = top .. "/run" }, "mine")
    local net, data = training.model(), training.data()
    run:eval("Original", net, data.dev)
    run:eval("after", net, data.dev, { protocol = { "voc", "kitti" } })
    local again = run:eval("Original", net, data.dev)
    t.assertEquals(stages.list(top .. "/run"), { "after", "Original" })
    t.assertEquals(stages.read(top .. "/run", "Original"):rows(), again)
    t.assertEquals(#stages.read(top .. "/run", "after"):rows(), 2)
    t.assertEquals(stages.read(top .. "/run").data, { name = "kitti", hash = data.hash })
    t.assertEquals(#stages.read(top .. "/run").frames, 8)
  end)
end

training.run(t)
