-- One epoch of a real detector on this machine's GPU against the same on its CPU: the loss of each step. Prints one line.
--
--   YOLUA_DATA=DIR yolua tests/gpu/run/curve.lua [frames=64 batch=8]
local yl = require "yolua"
local core = yl.core

local o = yl.options({}, {
  { "frames", "int", 64, "frames", "how many", min = 1 }, { "size", "int", 8, "images", "a step's batch", min = 1 },
})
local top = os.getenv "YOLUA_DATA" or error("curve.lua: YOLUA_DATA is not set: expected the folder of the data", 0)
local stem = top .. "/weights/yolo-fastest/yolo-fastest-1.1"

local function losses(device)
  local list, started = {}, core.system.clock()
  local ears = { name = "ears", on = { step = function(_, trainer) list[#list + 1] = trainer.loss end } }
  local net = yl.load { cfg = stem .. ".cfg", weights = stem .. ".weights", names = top .. "/weights/coco.names", device = device }
  yl.train { net = net:freeze "none", data = yl.data { name = "kitti", root = top .. "/small", limit = o.frames }, ears,
    options = { epochs = 1, batch = o.size, tf32 = false, resize = "stretch", seed = 1, optim = { name = "sgd", lr = 1e-4 } } }
  return list, core.system.clock() - started
end

local want, cpu = losses "cpu"
local got, gpu = losses "cuda"
if #got ~= #want or #want == 0 then error(("curve.lua: %d steps on the CPU, %d on the GPU"):format(#want, #got), 0) end
local worst = 0
for i, loss in ipairs(want) do
  local difference = math.abs(got[i] - loss) / math.abs(loss)
  if difference > worst or difference ~= difference then worst = difference end -- a NaN stays
  if worst ~= worst then break end
end
print(("Yolo-Fastest, %d steps of %d: losses differ by at most %.1e of the CPU's; %.1f s, on the CPU %.1f s"):format(#want, o.size, worst,
  gpu, cpu))
if worst > 1e-3 or worst ~= worst then error("curve.lua: expected at most 1e-3", 0) end
