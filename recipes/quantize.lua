-- A network for int8: activations are calibrated on training frames, and if int8 then loses more than max_loss of AP on the frames for
-- choices (data.pick, else dev), the network is trained for a few epochs with the numbers that its bytes will stand for
-- (quantisation-aware training).
-- It shows what eight bits cost a detector, and what training wins back.
--
--   yolua recipes/quantize.lua cfg=FILE.cfg weights=FILE.weights names=coco data=kitti data.root=DIR [key=value ...]
--   yolua recipes/quantize.lua                   on synthetic streets, with the bundled network
--
-- The run directory holds int8.safetensors: a checkpoint that runs with precision=int8.
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, epochs = 4, statistics = "running", protocol = { "voc" }, optim = { name = "adam", lr = 2e-5, schedule = "cosine" },
}, {
  { "frames", "int", 64, "frames", "how many training frames the calibration looks at", min = 1 },
  { "max_loss", "number", 0.5, "points", "how much AP of 100 int8 may lose before the network is trained for it; -100: always",
    min = -100, max = 100 },
}))
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o):freeze(o.freeze)
yl.fit_input(o, net, data)

-- The list's AP of 100 with that precision; nil in a dry run.
local function evaluate(stage, precision, list)
  net.precision = precision
  local rows = run:eval(stage, net, list)
  net.precision = "f32"
  return rows and 100 * rows[1].map
end

local function loss_on(list, where)
  local f32, int8 = evaluate("f32" .. where, "f32", list), evaluate("int8, calibrated" .. where, "int8", list)
  return f32 and int8 and f32 - int8 or o.max_loss + 1
end

run:say("%s", yl.calibrate(net, data.train, { frames = o.frames }))
local on_dev = loss_on(data.dev, "")
local loss = data.pick and loss_on(data.pick, ", on pick") or on_dev
run:say("int8 loses %.2f AP, and may lose %g", loss, o.max_loss)

local function train_for_bytes()
  if loss <= o.max_loss then return end
  yl.train { net = net, data = data, run = run, options = o, yl.quantize(), yl.keep.best "dev_loss" }
  net = run:best()
  evaluate("int8, trained", "int8", data.dev)
end

train_for_bytes()
net:save(run:path "int8.safetensors")
run:report()
