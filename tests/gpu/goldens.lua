-- Two real detectors on a GPU find on one picture what Darknet and the CPU find: tests/golden/detectors.lua has all pictures. Without a
-- GPU that is a GFLOP through the double. Skipped where the data are not at hand.
local t = require "luaunit"
local yl = require "yolua"
local boxes = require "support.boxes"

local DATA = boxes.data("weights/yolo-lite/coco.weights", "golden detections on a GPU")
if not DATA then os.exit(0) end
local PICTURE = "dog.jpg"

local function found(folder, stem, device)
  local path, list = ("%s/weights/%s/%s"):format(DATA, folder, stem), nil
  local net = yl.load { cfg = path .. ".cfg", weights = path .. ".weights", names = DATA .. "/weights/coco.names", device = device }
  net.tf32 = false
  yl.detect(net, { DATA .. "/images/" .. PICTURE }, { conf = 0.05, iou = 0.45, resize = "stretch", batch = 1 }, function(_, detections)
    list = detections
  end)
  return list
end

local function darknets(folder)
  local path = ("%s/weights/%s/reference_detections.json"):format(DATA, folder)
  for _, picture in ipairs(yl.core.json.decode(yl.core.system.read(path))) do
    if picture.image == PICTURE then return picture.detections end
  end
end

-- Whether one of them has its class, its score within `score`, and its corners within `pixels`.
local function among(list, d, score, pixels)
  for _, e in ipairs(list) do
    local near = e.class == d.class and math.abs(e.score - d.score) <= score
    for i = 1, 4 do near = near and math.abs(e.box[i] - d.box[i]) <= pixels end
    if near then return true end
  end
  return false
end

local function check(folder, stem, least)
  local gpu, cpu, seen = found(folder, stem, "cuda"), found(folder, stem, "cpu"), 0
  t.assertEquals(#gpu, #cpu)
  for _, d in ipairs(cpu) do t.assertTrue(among(gpu, d, 1e-4, 0.05), ("%s %.4f, which the CPU finds"):format(d.class, d.score)) end
  for _, d in ipairs(darknets(folder)) do
    if d.score >= 0.10 then
      t.assertTrue(among(gpu, d, 0.02, 4), ("%s %.4f, which Darknet finds"):format(d.class, d.score))
      seen = seen + 1
    end
  end
  t.assertTrue(seen >= least, ("%d of Darknet's"):format(seen))
end

TestGoldens = {}

function TestGoldens.testYoloLite() check("yolo-lite", "coco", 5) end
function TestGoldens.testYoloFastest() check("yolo-fastest", "yolo-fastest-1.1", 3) end

os.exit(t.LuaUnit.run())
