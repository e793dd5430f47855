-- `yolua doctor overfit=true`: a batch that can be learned is; what cannot be is named, with the reason.
local t = require "luaunit"
local core = require "yolua.core"
local overfit = require "yolua.doctor.overfit"
local program = require "support.program"
local shapes = require "yolua.doctor.shapes"
local training = require "support.training"

local top = training.top

local function run(o)
  local all = { batch = 4, steps = 300, lr = 3e-3, freeze = "none" }
  for key, value in pairs(o) do all[key] = value end
  return overfit.run(training.model(), training.data(), all, function() end)
end

local function text(result) return table.concat(overfit.lines(result), "\n") end

TestOverfit = {}

function TestOverfit.testABatchIsLearned()
  local result = run {}
  t.assertEquals({ result.found, result.objects, result.images, result.split }, { 12, 12, 4, "train" })
  t.assertTrue(result.steps < 300 and result.steps % 25 == 0) -- it stops when all is found
  t.assertFalse(overfit.faulty(result))
  t.assertEquals(result.missing, {})
  t.assertEquals(#result.losses, 4)
  for _, l in ipairs(result.losses) do t.assertTrue(l.last < l.first, l.part) end
  t.assertStrContains(text(result), ("overfit: 12 of 12 objects in 4 frames of train are found after %d steps"):format(result.steps))
end

-- A frozen last convolution cannot learn; the head, its losses, classes and boxes are named.
function TestOverfit.testFrozen()
  local result = run { steps = 25, freeze = "*" }
  t.assertTrue(overfit.faulty(result))
  t.assertEquals({ result.found, #result.missing, result.frozen, result.steps }, { 0, 12, { "region1" }, 25 })
  local words = text(result)
  t.assertStrContains(words, "region1: its last convolution is frozen (freeze=): it cannot learn")
  t.assertStrMatches(words, ".*\n +region1 +class +%d+%.%d+ +%d+%.%d+ +not learned\n.*")
  t.assertStrMatches(words, ".*\n  class Car: 0 of %d+ found\n.*")
  t.assertStrMatches(words, ".*\n  not found: %a+ in frame 000000, box %d+ %d+ %d+ %d+: .*")
end

function TestOverfit.testNothingToLearn()
  local data = training.data()
  for _, frame in ipairs(data.train.frames) do frame.objects = {} end
  t.assertErrorMsgContains("doctor: no frame of train has an object of the network's classes: there is nothing to learn", overfit.run,
    training.model(), data, { batch = 4, steps = 1, lr = 0, freeze = "none" }, function() end)
end

-- The tiny network: 160x96, cells of 16 pixels, anchors of 35x18, 11x30 and 21x26 pixels.
function TestOverfit.testReasons()
  local model, frame = training.model(), { id = "x", width = 160, height = 96 }
  local size = { w = 160, h = 96, resize = "stretch" }
  local function object(number, class, ...) return { frame = frame, number = number, class = class, box = { ... } } end
  local function reasons(o, ...) return table.concat(shapes.reasons(model, size, { o, ... }, o), "; ") end
  local car = object(1, "Car", 20, 20, 55, 38)
  t.assertEquals(reasons(car), "")
  t.assertEquals(reasons(car, object(2, "Car", 100, 20, 135, 38)), "")
  t.assertEquals(reasons(car, object(2, "Cyclist", 22, 21, 54, 39)), "Cyclist 2 has the same cell (2, 1) and anchor (0 of region1)")
  t.assertEquals(reasons(car, object(2, "Car", 22, 21, 57, 39)), "Car 2 has the same cell (2, 1) and anchor (0 of region1); it overlaps "
    .. "Car 2 by 0.80, so that suppression takes one of them")
  t.assertEquals(reasons(object(1, "Car", 0, 0, 150, 90)),
    "its shape (150x90 at the input) overlaps that of its best anchor (35x18, anchor 0 of region1) by 0.05 only")
  t.assertStrContains(reasons(object(1, "Car", 10, 10, 13, 40)), "at the input it is 3.0x30.0 pixels")
  t.assertStrContains(reasons(object(1, "Car", 150, 20, 185, 38)), "its centre lies outside the input")
  car.best = 0.4
  t.assertEquals(reasons(car), "a box of its class overlaps it by 0.40: nearly there")
  size.resize, frame.width, frame.height = "letterbox", 320, 96 -- half as large, with bars above and below
  t.assertStrContains(reasons(object(1, "Car", 40, 40, 46, 80)), "at the input it is 3.0x20.0 pixels")
end

function TestOverfit.testCommandLine()
  local words = { "doctor", "cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", "data=kitti", "data.root=" .. top .. "/data",
    "data.map=identity", "sheet=none" }
  local function with(...)
    local all = table.move(words, 1, #words, 1, {})
    for _, word in ipairs { ... } do all[#all + 1] = word end
    return all
  end
  local status, out = program.run(with("overfit=true", "steps=25", "batch=2", "freeze=*"))
  t.assertEquals(status, 1)
  t.assertStrContains(out, "overfit: 0 of 6 objects in 2 frames of train are found after 25 steps")
  local code, _, err = program.run(with "steps=3")
  t.assertEquals(code, 2)
  t.assertStrContains(err, "doctor: option 'steps' needs overfit=true")
  code, _, err = program.run { "doctor", "overfit=true" }
  t.assertEquals(code, 2)
  t.assertStrContains(err, "overfit=true needs a network")
  t.assertEquals(core.files.kind(top .. "/runs"), nil)
end

training.run(t)
