-- Evaluations as they are kept: the rows that come out of them, and several pooled into one.
local t = require "luaunit"
local evaluations = require "support.evaluations"
local stored = require "yolua.eval.stored"

TestStored = {}

-- Packed detections are the same ones.
function TestStored.testPacked()
  local plain, packed = evaluations.make {}, evaluations.make {}
  local numbers = stored.numbers(packed.names)
  for i, frame in ipairs(packed.frames) do
    frame.dets, frame.poster = stored.pack(frame.dets, numbers), stored.pack({ frame.dets[1] }, numbers)
    plain.frames[i].poster = { plain.frames[i].dets[1] }
    t.assertEquals(packed:detections(frame, "dets"), plain.frames[i].dets)
  end
  t.assertEquals(packed:rows(), plain:rows())
  t.assertEquals(stored.numbers { "a", "b", "a" }, { a = 1, b = 2 })
end

-- Frames 1..60 in one evaluation or in three parts: the same rows, but for the split's name.
function TestStored.testPooledRowsAreThoseOfAllFrames()
  local whole, parts = evaluations.make { frames = 60, split = "a+b+c" }, {}
  for i, name in ipairs { "a", "b", "c" } do
    local part = evaluations.make { frames = 60, split = name }
    part.frames = table.move(part.frames, 20 * i - 19, 20 * i, 1, {})
    parts[i] = part
  end
  local pooled = stored.pool(parts, "made")
  t.assertEquals(#pooled, 60)
  t.assertEquals(pooled:rows(), whole:rows())
  t.assertEquals(#pooled:rows(), 4)
  t.assertTrue(whole:rows({ "kitti" })[1].map > 0.2)
  t.assertNotEquals(parts[1]:rows({ "voc" })[1].map, whole:rows({ "voc" })[1].map)
end

function TestStored.testWhatCannotBePooled()
  local a, b = evaluations.make { frames = 5 }, evaluations.make { frames = 5, first = 6 }
  t.assertErrorMsgContains("expected a list of stored evaluations, got none", stored.pool, {})
  t.assertErrorMsgContains("frame 000001 is in evaluations 1 and 2: expected each frame once", stored.pool, { a, a })
  b.classes, b.map = { "Car" }, "mine"
  t.assertErrorMsgContains("evaluation 2 was made with another class map: map mine, classes Car, and the first with map identity, "
    .. "classes Car, Pedestrian, Cyclist", stored.pool, { a, b })
  b = evaluations.make { frames = 5, first = 6, options = { voc = { iou = 0.7 }, coco = {}, poster = {} } }
  t.assertErrorMsgContains("other options of voc", stored.pool, { a, b })
  b = evaluations.make { frames = 5, first = 6 }
  b.names = { "Pedestrian", "Car", "Cyclist" }
  t.assertErrorMsgContains("evaluation 2 is of a network with other classes than the first", stored.pool, { a, b })
  b = evaluations.make { frames = 5, first = 6, data = "coco" }
  t.assertErrorMsgContains("other data: data=coco, and the first with data=kitti", stored.pool, { a, b })
end

os.exit(t.LuaUnit.run())
