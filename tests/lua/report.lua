-- What a finished run leaves for readers: results.json by its schema, tables, plots and pictures, out of a run made by hand.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local evaluations = require "support.evaluations"
local report = require "yolua.report"
local files = core.files

local top
local real_print = print

TestReport = {}

function TestReport.setUp()
  top = os.tmpname()
  os.remove(top)
  rawset(_G, "print", function() end)
end

function TestReport.tearDown()
  rawset(_G, "print", real_print)
  os.execute("rm -rf '" .. top .. "'")
end

local function keys(value)
  local list = {}
  for key in pairs(value) do list[#list + 1] = key end
  table.sort(list)
  return table.concat(list, " ")
end

local function row(protocol, stage, map)
  local class = protocol == "voc" and { n_gt = 3, n_det = 2, tp = 1, fp = 1, ap07 = 0.25, ap = map }
    or { tp = 1, fp = 2, fn = 3, precision = map, recall = 0.25, f1 = 0.2 }
  return { protocol = protocol, stage = stage, split = "dev", map = map, variant = "clean", iou = 0.5, classes = { Car = class } }
end

local function run_of(options)
  local run = yl.run({ out = top .. "/r", seed = 3, cfg = "nets/tiny.v2.cfg", table.unpack(options or {}) }, "mine")
  run:use { name = "kitti", hash = "0123456789abcdef", train = { frames = { 1, 2, 3 } }, dev = { frames = { 1 } } }
  for e, rate in ipairs { 10, 30, 20, 50 } do
    run:log_epoch { epoch = e, lr = 0.1 / e, train_loss = 4 / e, dev_loss = 5 / e, images_per_s = rate, seconds = 2 }
  end
  local function counts() return { params = 10, nonzero = 9, bytes = 40 } end
  run.model = { path = "other.cfg", counts = counts, flops = function(_, h, w) return h and 1000 * h + w or 77 end }
  run.seen = { infer_ms = 1.5, frames = {}, input = { w = 640, h = 192, resize = "letterbox" } }
  for _, r in ipairs { row("voc", "Original", 0.5), row("poster", "Original", 0.125), row("voc", "After", 0.75) } do
    table.insert(run.rows, r)
  end
  return run
end

local function results(run)
  report.results(run)
  run:report()
  return core.json.decode(core.system.read(run:path "results.json"))
end

function TestReport.testSchema()
  local r = results(run_of())
  t.assertEquals(keys(r), "bytes data epochs eval flops imgsz model nonzero params recipe resize seconds seed speed")
  t.assertEquals({ r.recipe, r.model, r.params, r.nonzero, r.bytes, r.epochs, r.seed }, { "mine", "tiny.v2", 10, 9, 40, 4, 3 })
  t.assertEquals({ r.flops, r.imgsz, r.resize }, { 192640, { 640, 192 }, "letterbox" }) -- those of the size that ran
  t.assertEquals(r.data, { name = "kitti", train = 3, dev = 1, split_hash = "0123456789abcdef" })
  t.assertEquals(keys(r.speed), "device infer_ms threads train_images_per_s")
  t.assertEquals({ r.speed.train_images_per_s, r.speed.infer_ms, r.speed.device }, { 25, 1.5, "cpu" }) -- the median of four
  t.assertTrue(r.seconds >= 0)
  t.assertEquals({ r.eval[1].map, r.eval[2].protocol, r.eval[3].stage }, { 0.5, "poster", "After" })
end

-- What is not known is null, not left out.
function TestReport.testNothingToSay()
  local run = yl.run({ out = top .. "/r" }, "bare")
  local r = results(run)
  t.assertEquals(keys(r), "bytes data epochs eval flops imgsz model nonzero params recipe resize seconds seed speed")
  for _, key in ipairs { "bytes", "data", "flops", "model", "nonzero", "params", "seed" } do t.assertIs(r[key], core.null, key) end
  t.assertIs(r.speed.infer_ms, core.null)
  t.assertIs(r.speed.train_images_per_s, core.null)
  t.assertEquals({ r.epochs, r.eval }, { 0, {} })
  t.assertNil(files.kind(run:path "plots"))
  t.assertNil(files.kind(run:path "detections"))
end

function TestReport.testMarkdown()
  local run = run_of()
  run:report()
  local text = core.system.read(run:path "results.md")
  t.assertStrContains(text, "# mine\n")
  t.assertStrContains(text, "| tiny.v2 | 10 | 9 | 640x192, letterbox | 192640 | kitti | 3 | 1 | 3 | cpu |")
  t.assertStrContains(text, "| epoch | learning rate | train loss | dev loss | images/s | seconds |")
  t.assertStrContains(text, "| 2 | 0.05 | 2.0000 | 2.5000 | 30.0 | 2.0 |")
  local voc, poster = text:find "## voc", text:find "## poster"
  t.assertTrue(voc < poster)
  t.assertStrContains(text:sub(voc, poster), "After")
  for line in text:gmatch "[^\n]+" do t.assertNil(line:find "nil", line) end
end

-- A loss that is missing or NaN is said so, and drawn as a gap.
function TestReport.testMissingNumbers()
  local run = yl.run({ out = top .. "/r" }, "bare")
  run:log_epoch { epoch = 1, lr = 0.1, train_loss = 0 / 0, images_per_s = 4, seconds = 1 }
  run:log_epoch { epoch = 2, lr = 0.1, train_loss = 3, images_per_s = 4, seconds = 1 }
  run:report()
  t.assertStrContains(core.system.read(run:path "results.md"), "| 1 | 0.1 | n/a | n/a | 4.0 | 1.0 |")
  t.assertStrContains(core.system.read(run:path "plots/loss.svg"), "<svg")
end

-- A scored epoch names its protocol, in the table and as a curve; where none was, there is no such plot.
function TestReport.testApOverEpochs()
  local run = yl.run({ out = top .. "/r" }, "bare")
  for e = 1, 4 do
    run:log_epoch { epoch = e, lr = 0.1, train_loss = 4, images_per_s = 4, seconds = 1, dev_ap = e % 2 == 0 and e / 10 or core.null,
      dev_protocol = e % 2 == 0 and "voc" or nil }
  end
  run:report()
  local text, svg = core.system.read(run:path "results.md"), core.system.read(run:path "plots/ap.svg")
  t.assertStrContains(text, "| dev mean (voc) |")
  t.assertStrContains(text, "| 2 | 0.1 | 4.0000 | n/a | 0.2000 |")
  t.assertStrContains(text, "| 3 | 0.1 | 4.0000 | n/a | n/a |")
  t.assertStrContains(svg, ">voc</text>")
  t.assertEquals(select(2, svg:gsub("<circle", "")), 2)
  t.assertEquals(select(2, svg:gsub("<polyline[^>]*points", "")), 2) -- the legend's and the curve, without a gap
  local other = yl.run({ out = top .. "/s" }, "bare")
  other:log_epoch { epoch = 1, lr = 0.1, train_loss = 4, images_per_s = 4, seconds = 1 }
  other:report()
  t.assertEquals(files.list(other:path "plots"), { "loss.svg" })
end

-- Each stage stands against the first one of the same frames and class map, in the tables, on the page and in the log.
function TestReport.testComparisons()
  local run = run_of()
  run.stored = { evaluations.make { frames = 12, stage = "Original" }, evaluations.make { frames = 12, stage = "mapped", map = "mine",
    classes = { "Car" } }, evaluations.make { frames = 12, net = 2, stage = "After" } }
  run:report()
  local text, log, page = core.system.read(run:path "results.md"), core.system.read(run:path "log.txt"),
    core.system.read(run:path "report.html")
  t.assertStrContains(text, "## Difference by kitti: AP at 40 recall points, moderate; After against Original, 12 frames, "
    .. "2000 resamples\n\n| class | Original | After | difference | 95 % interval | p |  |\n")
  t.assertStrMatches(text, ".*\n| mean | 0%.%d+ | 0%.%d+ | [+-]0%.%d+ | [+-]0%.%d+ to [+-]0%.%d+ | [01]%.%d+ | [%l ]+ |\n.*")
  t.assertNil(text:find("mapped against", 1, true))
  t.assertStrMatches(log, ".*\nAfter against Original, coco mean: [+-]0%.%d+ %(95 %% interval .*")
  t.assertStrMatches(page, ".*<section id=\"differences\".*After against Original.*")
end

-- A stage that names another one stands against that, too, but not twice against the first.
function TestReport.testAgainst()
  local run = run_of()
  run.stored = { evaluations.make { frames = 12, stage = "Start" }, evaluations.make { frames = 12, net = 2, stage = "control" },
    evaluations.make { frames = 12, net = 3, stage = "tuned" }, evaluations.make { frames = 12, net = 4, stage = "last" } }
  run.stored[3].against, run.stored[4].against = "control", "Start"
  run:report()
  local text, seen = core.system.read(run:path "results.md"), {}
  for pair in text:gmatch "## Difference by kitti[^\n]-; ([%l]+ against %a+)," do seen[#seen + 1] = pair end
  t.assertEquals(seen, { "control against Start", "tuned against Start", "tuned against control", "last against Start" })
  t.assertStrContains(core.system.read(run:path "log.txt"), "tuned against control, kitti mean: ")
end

function TestReport.testCurves()
  local run = run_of()
  run.curves = { { stage = "After", classes = {
    ["traffic light/x"] = { recall = { 0.5, 1 }, precision = { 1, 0.5 }, scores = { 0.9, 0.4 }, score = { 0.9, 0.4 }, n_gt = 2 },
    Tram = { recall = {}, precision = {}, scores = {}, score = {}, n_gt = 0 } } } }
  require("yolua.report.plots").curves(run)
  t.assertEquals(files.list(run:path "plots"), { "pr-traffic_light_x.svg" })
end

function TestReport.testPictures()
  local run = run_of()
  local image = top .. "/a.png"
  core.image.new(20, 10, ("\100\110\120"):rep(200)):save(image)
  run.seen.frames = { { id = "000007", image = image, truths = { { class = "Car", box = { 2, 2, 8, 8 }, ignore = false } },
    dets = { { class = "Car", score = 0.9, box = { 2, 2, 8, 8 } } } } }
  report.draw(run)
  t.assertEquals(files.list(run:path "detections"), { "000007.png", "frames.json" })
  t.assertEquals(core.json.decode(core.system.read(run:path "detections/frames.json")),
    { { id = "000007", file = "000007.png", hits = 1, misses = 0, false_alarms = 0 } })
  t.assertEquals({ core.image.probe(run:path "detections/000007.png") }, { 20, 10 })
  t.assertNotEquals(files.hash(run:path "detections/000007.png"), files.hash(image))
end

function TestReport.testByProtocol()
  local list = report.by_protocol { row("voc", "a", 1), row("coco", "a", 1), row("voc", "b", 1) }
  t.assertEquals({ #list, list[1][1], #list[1][2], list[1][2][2].stage, list[2][1] }, { 2, "voc", 2, "b", "coco" })
end

TestTrainings = {}

-- The plots of a run with several trainings continue along the axis; they do not start again at epoch 1.
function TestTrainings.testPlots()
  local dir, epochs = os.tmpname(), {}
  os.remove(dir)
  files.make_folder(dir)
  for i, of in ipairs { { 1 }, { 2 }, { 1, 2 }, { 2, 2 } } do
    epochs[i] = { epoch = of[1], training = of[2], train_loss = 5 - i, dev_loss = 6 - i, dev_ap = i / 10, dev_protocol = "voc" }
  end
  require("yolua.report.plots").epochs(dir, epochs)
  for _, name in ipairs { "loss", "ap" } do
    local last, count = -1, 0
    for x in core.system.read(("%s/plots/%s.svg"):format(dir, name)):match '<polyline [^>]*points="([^"]*)"':gmatch "([%d.]+),[%d.]+" do
      t.assertTrue(tonumber(x) > last, name)
      last, count = tonumber(x), count + 1
    end
    t.assertEquals(count, 4)
  end
  os.execute(("rm -r '%s'"):format(dir))
end

os.exit(t.LuaUnit.run())
