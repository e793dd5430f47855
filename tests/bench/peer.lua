-- Torch-Pruning's network beside ours: AP on the same frames by the same evaluation, with the difference and its interval, and milliseconds
-- of the dense and both pruned networks in turn, in this program.
--
--   yolua tests/bench/peer.lua cfg=OUT/model.cfg weights=OUT/model.weights names=OUT/model.names \
--     dense=RUNS/DENSE/best.safetensors ours=RUNS/CHANNELS/compact.safetensors \
--     data=kitti data.root=DIR data.dev=fold1_test data.map=poster imgsz=416x128 threads=2
--
-- OUT: of tests/bench/torch_pruning.py; RUNS: the folder of the sweep tests/bench/prune.lua.
local yl = require "yolua"
local timing = require "yolua.prune.timing"

local o = yl.options({ imgsz = { 416, 128 }, protocol = { "voc", "kitti" }, data = { map = "poster" } }, {
  { "dense", "string", nil, "", "the dense network, a checkpoint", required = true },
  { "ours", "string", nil, "", "the network that prune_channels.lua has left, a checkpoint", required = true },
})
local run <close> = yl.run(o)
local data = yl.data(o.data)
local models = { dense = yl.load { model = o.dense }, ours = yl.load { model = o.ours }, theirs = yl.load(o) }

run:eval("Dense", models.dense, data.dev)
run:eval("Ours", models.ours, data.dev)
run:eval("Torch-Pruning", models.theirs, data.dev)

local ms, rows, body = timing.in_turn(models, o.imgsz[2], o.imgsz[1]), {}, {}
for i, name in ipairs { "dense", "ours", "theirs" } do
  local counts, flops = models[name]:counts(), models[name]:flops(o.imgsz[2], o.imgsz[1])
  rows[i] = { name = name, ms = ms[name], flops = flops, params = counts.params }
  body[i] = { name, ("%.2f"):format(ms[name]), ("%.2f"):format(ms.dense / ms[name]), ("%.4g"):format(flops), tostring(counts.params) }
end
local function text(t)
  local lines = {}
  for i, cells in ipairs(t.body) do
    lines[i] = ("%s: %s ms (%s times as fast as dense), %s FLOPs, %s parameters"):format(table.unpack(cells))
  end
  return table.concat(lines, "\n")
end
run:table(setmetatable({ title = "Speed of one image", head = { "network", "ms", "times as fast", "FLOPs", "parameters" }, body = body,
  rows = rows }, { __tostring = text }))
run:report()
