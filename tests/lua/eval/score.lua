-- yl.detect and the scores behind run:eval: detections in list order whatever the batch, both views of one pass, rows that equal the
-- protocols' own on the same detections, and the report's files.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local options = require "yolua.options.table"
local fields = require "yolua.options.fields"
local program = require "support.program"

TestScore = {}

local top, model, data

function TestScore.setUp()
  if top then return end
  top = program.tiny()
  model = yl.load { cfg = top .. "/tiny.cfg", names = top .. "/tiny.names", seed = 5 }
  data = yl.data { name = "kitti", root = top .. "/data", map = "identity" }
end

local function collect(images, o)
  local found, order = {}, {}
  local stats = yl.detect(model, images, o, function(i, ...) found[i], order[#order + 1] = { ... }, i end)
  return found, order, stats
end

function TestScore.testOrderWhateverTheBatch()
  local paths = {}
  for i, frame in ipairs(data.dev.frames) do paths[i] = frame.image end
  local eight, order, stats = collect(data.dev.frames, { conf = 0.02, batch = 8 })
  t.assertEquals(order, { 1, 2, 3, 4, 5, 6, 7, 8 })
  t.assertEquals({ stats.images, stats.infer_ms > 0 }, { 8, true })
  t.assertTrue(#eight[1][1] > 3)
  t.assertEquals(collect(paths, { conf = 0.02, batch = 8, workers = 0 }), eight)
  local three = collect(paths, { conf = 0.02, batch = 3 }) -- other plans, maybe other algorithms: equal but for rounding
  for i = 1, 8 do
    t.assertEquals(#three[i][1], #eight[i][1])
    for k, d in ipairs(three[i][1]) do t.assertAlmostEquals(d.score, eight[i][1][k].score, 1e-4) end
  end
  t.assertEquals(collect({}, {}), {})
end

-- What comes back is what the plan's heads say, by name.
function TestScore.testSameAsThePlan()
  local loader <close> = core.loader { samples = { { image = data.dev.frames[1].image } }, batch = 1, width = 160, height = 96,
    train = false, resize = "letterbox" }
  loader:epoch(0, 1)
  local batch, plan = loader:next(), model:plan { mode = "infer", batch = 1, h = 96, w = 160 }
  plan:load(batch)
  plan:forward()
  local want = plan:detect(batch, { conf = 0.02, iou = 0.45 })[1]
  local got = collect({ data.dev.frames[1] }, { conf = 0.02, iou = 0.45 })[1][1]
  t.assertEquals(#got, #want)
  for i, d in ipairs(want) do t.assertEquals(got[i], { class = model.names[d.class], score = d.score, box = d.box }) end
end

function TestScore.testViews()
  local views = { { conf = 0.02, iou = 0.45 }, { conf = 0.02, iou = 0.5, one_class = true, agnostic = true } }
  local found = collect(data.dev.frames, { views = views })
  for i = 1, 8 do
    local every, best = found[i][1], found[i][2]
    t.assertTrue(#best > 0 and #best < #every)
    for a = 1, #best do
      for b = a + 1, #best do t.assertNotEquals(best[a].box, best[b].box) end -- one class a box
    end
  end
end

local function run_options(values)
  local list = fields.get { "data", "eval", "protocols", "run" }
  return options.merge(options.new(list, "test"), values, { where = "test" })
end

function TestScore.testRowsAreTheProtocols()
  local score = require "yolua.eval.score"
  local o = run_options { conf = 0.02, protocol = "voc,coco", voc = { iou = 0.3 } }
  local rows, seen = score(model, data.dev, o, { stage = "now" })
  local set = core.eval_set()
  yl.detect(model, data.dev.frames, { conf = 0.02, iou = 0.45, resize = "letterbox" }, function(i, found)
    set:add(data.dev.frames[i].id, data:rows(data.dev.frames[i], model.names), found)
  end)
  local classes = data:eval_classes(model.names)
  t.assertEquals(rows[1].classes, set:voc({ iou = 0.3, classes = classes }).classes)
  t.assertEquals(rows[2].ap50, set:coco({ classes = classes }).ap50)
  t.assertEquals({ rows[1].stage, rows[1].split, rows[1].images, #seen.frames }, { "now", "dev", 8, 8 })
  t.assertEquals(seen.frames[1].truths[1].class, data:mapped(data.dev.frames[1], model.names)[1].class)
end

-- `clip` of a training is its gradient's largest norm, that of `val` cuts boxes off at the picture's border.
function TestScore.testClipIsTheBoxes()
  local score = require "yolua.eval.score"
  local function outside(clip)
    local _, seen = score(model, data.dev, { conf = 0.01, protocol = { "voc" }, clip = clip }, {})
    local n = 0
    for _, frame in ipairs(seen.frames) do
      for _, d in ipairs(frame.dets) do
        if d.box[1] < 0 or d.box[2] < 0 or d.box[3] > 160 or d.box[4] > 96 then n = n + 1 end
      end
    end
    return n
  end
  t.assertTrue(outside(nil) > 0)
  t.assertEquals({ outside(0), outside(10), outside(true) }, { outside(nil), outside(nil), 0 })
  local plan = model:plan { mode = "infer" }
  core.noise(plan, 1)
  plan:forward()
  t.assertErrorMsgContains("detect: option 'clip': expected true or false, got 10", plan.detect, plan, { {} }, { clip = 10 })
end

-- A data set that marks difficult objects has them forgiven, unless the call says otherwise.
function TestScore.testDifficultByDefault()
  local score = require "yolua.eval.score"
  local set = data.set
  data.set = setmetatable({ difficult = "hard" }, { __index = set })
  local hard = score(model, data.dev, run_options { protocol = "voc" }, {})[1]
  local none = score(model, data.dev, run_options { protocol = "voc", voc = { difficult = "none" } }, {})[1]
  data.set = set
  t.assertEquals({ hard.difficult, none.difficult }, { "hard", "none" })
  t.assertTrue(hard.classes.Car.n_gt < none.classes.Car.n_gt) -- cars under 25 pixels are difficult by that rule
end

function TestScore.testEvalReplacesItsStage()
  local print_was = print
  rawset(_G, "print", function() end)
  local run = yl.run { out = top .. "/run", protocol = { "voc" }, conf = 0.02 }
  run:eval("Original", model, data.dev)
  run:eval("Later", model, data.dev)
  t.assertErrorMsgContains("run:eval: against: no earlier stage is named 'Latr', did you mean 'Later'? (stages: Original; Later)", run.eval,
    run, "x", model, data.dev, { against = "Latr" })
  run:eval("Original", model, data.dev)
  run:report()
  rawset(_G, "print", print_was)
  t.assertEquals({ #run.rows, run.rows[1].stage, run.rows[2].stage }, { 2, "Later", "Original" })
  local results = core.json.decode(core.system.read(top .. "/run/results.json"))
  t.assertEquals({ results.epochs, results.model, results.speed.train_images_per_s, #results.eval }, { 0, "tiny", core.null, 2 })
  t.assertStrContains(core.system.read(top .. "/run/plots/pr-Car.svg"), "<svg")
  t.assertEquals(#core.files.list(top .. "/run/detections"), 9) -- eight pictures, and frames.json
  t.assertEquals({ core.image.probe(top .. "/run/detections/000024.png") }, { 160, 96 })
end

-- A wrong call is one sentence with the user's place.
function TestScore.testWrongCalls()
  local print_was = print
  rawset(_G, "print", function() end)
  local run <close> = yl.run { out = top .. "/wrong" }
  rawset(_G, "print", print_was)
  for sentence, f in pairs {
    ["eval.score: expected a model (of yl.load), got a table"] = function()
      local _ = require "yolua.eval.score" { net = model, data = data }
    end,
    ["run:eval: expected a split (data.dev, data:list \"dev\"), got a table"] = function() run:eval("Original", model, data) end,
    ["run:eval: expected a model (of yl.load), got a table"] = function() run:eval("Original", data.dev, data.dev) end,
    ["run:eval: against: no earlier stage is named 'Start'"] = function() run:eval("x", model, data.dev, { against = "Start" }) end,
    ["run:eval: expected a stage's name, got a table"] = function() run:eval(model, data.dev) end,
    ["yl.detect: expected a model (of yl.load), got a table"] = function() local _ = yl.detect { net = model } end,
    ["yl.detect: expected a list of images as its second argument, got 'a.jpg'"] = function() local _ = yl.detect(model, "a.jpg") end,
    ["yl.detect: expected a table of options as its third argument, got nothing"] = function() local _ = yl.detect(model, { "a.jpg" }) end,
    ["yl.detect: expected a function as its fourth argument, got nothing"] = function() local _ = yl.detect(model, {}, {}) end,
  } do
    local ok, message = pcall(f)
    t.assertEquals({ ok, (message:gsub("^.*score%.lua:%d+: ", "")) }, { false, sentence })
    t.assertStrMatches(message, "[^:]*tests/lua/eval/score%.lua:%d+: .*")
  end
end

local status = t.LuaUnit.run()
if top then os.execute("rm -rf '" .. top .. "'") end
os.exit(status)
