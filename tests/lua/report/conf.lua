-- Which score threshold to deploy: chosen on the frames for choices, kept in results.json and in the checkpoint, used by predict.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local conf = require "yolua.report.conf"
local evaluations = require "support.evaluations"
local program = require "support.program"
local training = require "support.training"
local top = training.top

core.system.write(top .. "/data/ImageSets/few.txt", "000024\n000025\n000026\n")
core.system.write(top .. "/data/ImageSets/rest.txt", "000027\n000028\n000029\n")

TestConf = {}

-- Against a count by hand over every threshold.
function TestConf.testBestPoint()
  local stored = evaluations.make { frames = 30, shake = 0.3 }
  local found, best, scores = conf.of(stored), -1, {}
  for _, frame in ipairs(stored.frames) do
    for _, d in ipairs(frame.dets) do scores[d.score] = true end
  end
  local function f1_at(score, classes)
    local set, tp, fp, n_gt = core.eval_set(), 0, 0, 0
    for _, frame in ipairs(stored.frames) do
      local kept = {}
      for _, d in ipairs(frame.dets) do kept[#kept + 1] = d.score >= score and d or nil end
      set:add(frame.id, frame.truths, kept)
    end
    for _, c in pairs(set:voc({ classes = classes }).classes) do tp, fp, n_gt = tp + c.tp, fp + c.fp, n_gt + c.n_gt end
    return 2 * tp / (tp + fp + n_gt)
  end
  for score in pairs(scores) do best = math.max(best, f1_at(score, stored.classes)) end
  t.assertEquals({ found.f1, f1_at(found.best, stored.classes) }, { best, best })
  t.assertEquals(f1_at(found.classes.Car.best, { "Car" }), found.classes.Car.f1)
  t.assertTrue(found.best > 0.1 and found.f1 > 0.5 and found.f1 < 1)
  t.assertEquals(found.split, "dev")
  local lost = evaluations.make { frames = 10 }
  for _, frame in ipairs(lost.frames) do
    for _, d in ipairs(frame.dets) do d.class = d.class == "Car" and "Cyclist" or "Pedestrian" end
  end
  lost.classes = { "Cyclist", "Pedestrian" }
  local cyclist = conf.of(lost).classes.Cyclist
  t.assertEquals({ cyclist.best, cyclist.f1 }, { core.null, 0.0 })
  local nothing = evaluations.make { frames = 3 }
  for _, frame in ipairs(nothing.frames) do frame.dets = {} end
  t.assertNil(conf.of(nothing))
end

-- A training with these options of the data; its results and what it said. more: options of the run.
local function train(name, o, more)
  local data = training.data(o)
  local _, said = training.quietly(function()
    local own = { out = ("%s/%s"):format(top, name), seed = 7 }
    for key, value in pairs(more or {}) do own[key] = value end
    local run <close> = yl.run(own, name)
    local net = training.model()
    yl.train { net = net, data = data, run = run, options = training.options { epochs = 6, optim = { name = "adam", lr = 0.01 } },
      yl.keep.best "dev_loss" }
    run:eval("trained", run:best(), data.dev)
    run:report()
  end)
  return core.json.decode(core.system.read(("%s/%s/results.json"):format(top, name))), said
end

-- The threshold comes from the pick frames where there are some, whatever dev holds, and it says so.
function TestConf.testChosenOnPick()
  local picked, said = train("picked", { dev = "rest", pick = "few" })
  local dev, dev_said = train("dev", { dev = "few" })
  t.assertEquals(picked.conf.best, dev.conf.best) -- the same frames chose
  t.assertEquals({ picked.conf.split, dev.conf.split, picked.eval[1].split }, { "few", "few", "rest" })
  t.assertEquals(picked.conf.classes, dev.conf.classes)
  t.assertTrue(next(picked.conf.classes) ~= nil and picked.conf.best > 0)
  t.assertStrMatches(said, ".*best score threshold 0%.%d+ %(F1 0%.%d+%), chosen on few\n.*")
  t.assertStrContains(dev_said, ", chosen on few, which is also reported (data.pick= names other frames)")
  t.assertStrContains(said, "best.safetensors is epoch ")
end

-- The checkpoint keeps it, and predict uses it and says so; a given conf counts more. Copies have it, further training drops it.
function TestConf.testCheckpointAndPredict()
  local best = train("deploy", { dev = "few" }).conf.best
  local path = top .. "/deploy/best.safetensors"
  local net = yl.load { model = path }
  t.assertEquals(net.conf.best, best)
  net:save(top .. "/copy.safetensors")
  t.assertEquals(yl.load({ model = top .. "/copy.safetensors" }).conf, net.conf)
  local picture = "source=" .. top .. "/data/training/image_2/000024.png"
  local function lowest(...)
    local list = program.json { "predict", "model=" .. path, picture, ... }[1].detections
    return #list > 0 and list[#list].score or math.huge
  end
  t.assertTrue(lowest() >= best)
  t.assertTrue(lowest "conf=0.001" < best)
  local said = program.ok { "predict", "model=" .. path, picture }
  t.assertStrContains(said, ("conf=%.3f (the best by F1 on few, as best.safetensors says; conf= overrides)"):format(best))
  t.assertNil(program.ok({ "predict", "model=" .. path, picture, "conf=0.5" }):find "best by F1")
  training.quietly(function()
    yl.train { net = net, data = training.data(), options = training.options { epochs = 1, optim = { name = "sgd", lr = 0.001 } } }
  end)
  t.assertNil(net.conf)
  core.safetensors.note(top .. "/copy.safetensors", "conf", '{"best":7}')
  t.assertErrorMsgContains("copy.safetensors: its 'conf': expected a score threshold as its 'best'", yl.load,
    { model = top .. "/copy.safetensors" })
end

-- The suppression that the threshold was chosen with goes along: predict and val take it over, and say so; what is given counts more.
function TestConf.testSuppressionGoesAlong()
  train("soft", { dev = "few" }, { iou = 0.3, nms = "soft", vote = 0.6 })
  local path = top .. "/soft/best.safetensors"
  local picture, model = "source=" .. top .. "/data/training/image_2/000024.png", "model=" .. path
  local c = yl.load({ model = path }).conf
  t.assertEquals({ c.iou, c.nms, c.vote }, { 0.3, "soft", 0.6 })
  local line = "iou=0.3 nms=soft vote=0.6 (as best.safetensors was evaluated; they can be overridden)"
  t.assertStrContains(program.ok { "predict", model, picture }, line)
  t.assertStrContains(program.ok { "predict", model, picture, "vote=0", "iou=0.2" }, "\nnms=soft (as best.safetensors was evaluated")
  local data = { "data=kitti", "data.root=" .. top .. "/data", "data.split=few", "protocol=voc" }
  t.assertStrContains(program.ok { "val", model, table.unpack(data) }, line)
  local function found(...) return program.json { "predict", model, picture, "conf=0.001", ... }[1].detections end
  t.assertEquals(found(), found("iou=0.3", "nms=soft", "vote=0.6"))
  t.assertNotEquals(found(), found("iou=0.3", "nms=hard", "vote=0"))
  core.safetensors.note(path, "conf", '{"best":0.5,"nms":"gentle"}')
  t.assertErrorMsgContains("best.safetensors: option 'conf.nms': expected one of hard|soft, got 'gentle'", yl.load, { model = path })
end

-- The run is still known as finished: the hash that config.yaml keeps is that of the file as it is now.
function TestConf.testHashOfTheResult()
  train("known", { dev = "few" })
  local config = core.yaml.decode(core.system.read(top .. "/known/config.yaml"))
  t.assertEquals(config.provenance.result, core.files.hash(top .. "/known/best.safetensors"))
  t.assertNotNil(core.safetensors.info(top .. "/known/best.safetensors").metadata.conf)
end

training.run(t)
