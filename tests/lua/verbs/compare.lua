-- `yolua compare`: runs, their stages, folders of detections; what it prints, and what it refuses.
local t = require "luaunit"
local core = require "yolua.core"
local evaluations = require "support.evaluations"
local program = require "support.program"
local stages = require "yolua.eval.stages"

local top = os.tmpname()
os.remove(top)

local function write_folder(name, frames, dets)
  for _, frame in ipairs(frames) do
    local rows = {}
    for i, r in ipairs(dets and frame.dets or frame.truths) do
      rows[i] = ("%s %g %d -10 %.6f %.6f %.6f %.6f -1 -1 -1 -1000 -1000 -1000 -10%s\n"):format(r.class, r.truncated or 0,
        r.occluded or 0, r.box[1], r.box[2], r.box[3], r.box[4], dets and (" %.2f"):format(r.score) or "")
    end
    core.system.write(("%s/%s/%s.txt"):format(top, name, frame.id), table.concat(rows))
  end
end

local a, b = evaluations.make { drives = 12, stage = "Original" }, evaluations.make { drives = 12, net = 2, stage = "Coco-FT" }
for _, folder in ipairs { "runs/x", "label_2", "a", "b", "ImageSets" } do core.files.make_folder(top .. "/" .. folder) end
stages.write(top .. "/runs/x", a, 1)
stages.write(top .. "/runs/x", b, 2)
write_folder("label_2", a.frames, false)
write_folder("a", a.frames, true)
write_folder("b", b.frames, true)

local function json(...) return program.json { cwd = top, "compare", "replicates=100", ... } end

TestVerb = {}

function TestVerb.testStages()
  local result = json("runs/x:Original", "runs/x:Coco-FT")
  t.assertEquals({ result.a, result.b, result.frames, result.drives, #result.rows }, { "runs/x:Original", "runs/x:Coco-FT", 40, 12, 16 })
  for _, key in ipairs { "class", "a", "b", "difference", "low", "high", "p", "protocol", "verdict" } do
    t.assertNotNil(result.rows[1][key], key)
  end
  t.assertEquals(json("x", "x:Coco-FT", "protocol=voc").rows[1].difference, 0) -- a run's last stage; a name below runs/
  local out = program.ok { cwd = top, "compare", "runs/x:Original", "runs/x:Coco-FT", "protocol=kitti", "replicates=100" }
  t.assertStrContains(out, "kitti: AP at 40 recall points, moderate; runs/x:Coco-FT against runs/x:Original, 40 frames, 100 resamples")
  t.assertStrMatches(out, ".*mean +0%.%d+ +0%.%d+ +[+-]%S+ .*no difference seen\n")
end

-- Detections that a run keeps are scored by the options of the call.
function TestVerb.testOptions()
  local loose, strict = json("x:Original", "x", "protocol=voc"), json("x:Original", "x", "protocol=voc", "voc.iou=0.95")
  t.assertTrue(strict.rows[1].a < loose.rows[1].a)
  t.assertNotEquals(json("x:Original", "x", "protocol=voc", "seed=2").rows[1].low, loose.rows[1].low)
end

-- Means over some of the classes.
function TestVerb.testClasses()
  local all, some = json("x:Original", "x", "protocol=voc"), json("x:Original", "x", "protocol=voc", "classes=Car,Cyclist")
  local by, names = {}, {}
  for _, row in ipairs(all.rows) do by[row.class] = row end
  for i, row in ipairs(some.rows) do names[i] = row.class end
  t.assertEquals(names, { "Car", "Cyclist", "mean" })
  t.assertEquals(some.rows[1], by.Car)
  t.assertAlmostEquals(some.rows[3].a, (by.Car.a + by.Cyclist.a) / 2, 1e-12)
end

-- Several runs on frames of their own are one evaluation.
function TestVerb.testPooled()
  for i, part in ipairs { { 1, 15 }, { 16, 40 } } do
    for number, whole in ipairs { a, b } do
      local frames = table.move(whole.frames, part[1], part[2], 1, {})
      core.files.make_folder(("%s/runs/p%d"):format(top, i))
      stages.write(("%s/runs/p%d"):format(top, i), require("yolua.eval.stored").with_frames(whole, frames), number)
    end
  end
  local result = json("p1,runs/p2:Original", "p1,p2:Coco-FT")
  t.assertEquals(result.rows, json("x:Original", "x:Coco-FT").rows)
  t.assertEquals({ result.a, result.frames }, { "runs/p1,runs/p2:Original", 40 })
end

-- The same frames out of KITTI's files: the same figures. Drives are found beside the labels.
function TestVerb.testFolders()
  local result, stored = json("a", "b", "labels=label_2"), json("x:Original", "x")
  for i, row in ipairs(result.rows) do
    local same = stored.rows[i]
    if row.protocol == "kitti" then t.assertAlmostEquals({ row.a, row.low }, { same.a, same.low }, 1e-9) end
  end
  t.assertNil(result.drives)
  local lines = {}
  for i, frame in ipairs(a.frames) do lines[i] = ("%s %s\n"):format(frame.id, frame.drive) end
  core.system.write(top .. "/ImageSets/drives.txt", table.concat(lines))
  t.assertEquals(json("a", "b", "labels=label_2", "protocol=kitti").rows[1].drives, stored.rows[1].drives)
end

local function refused(status, sentence, ...)
  local code, _, err = program.run { cwd = top, "compare", ... }
  t.assertEquals(code, status, err)
  t.assertStrContains(err, sentence)
end

function TestVerb.testRefusals()
  refused(2, "expected two of runs, stages (RUN:STAGE), or folders of detections: yolua compare A B", "x")
  refused(1, "compare: y is no run (expected runs/NAME or runs/NAME:STAGE; folders of detections need labels=DIR)", "x", "y")
  refused(1, "has no stage 'Orignal', did you mean 'Original'?", "x:Orignal", "x")
  refused(1, "compare: no such folder c", "a", "c", "labels=label_2")
  refused(2, "compare: classes: runs/x:Coco-FT was not evaluated with 'Cra', did you mean 'Car'?", "x", "x", "classes=Cra")
  refused(2, "option 'poster.classes' needs labels=", "x", "x", "poster.classes=coco")
  refused(1, "frame 000001 is in evaluations 1 and 2", "x,x", "x")
  refused(2, "did you mean 'replicates'", "x", "x", "replicate=3")
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
