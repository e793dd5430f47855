-- The dense network trained on, taught by its own start: the control of rows of tests/bench/prune.lua that have a teacher.
local yl = require "yolua"

local o = yl.options({
  batch = 8, augment = "standard", statistics = "running", ema = 0.99, optim = { name = "adamw", lr = 1e-4 }, epochs = 28,
  distill = { weight = 1 },
}, { "distill" })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local dense, net = yl.load(o), yl.load(o)
yl.fit_input(o, net, data)

yl.train { net = net, data = data, run = run, options = o, table.unpack(yl.distill.wanted(o, dense)) }
run:eval("Taught", net, data.dev)
net:save(run:path "best.safetensors")
run:report()
