-- Layers as products of smaller ones (Tucker, SVD, CP, tensor train): a detector's widest layers are decomposed, and what comes out is
-- trained on for `epochs`.
-- It shows what low rank costs, and what training wins back: compare "Decomposed, trained" with Control, the network as it was, trained
-- for as long. Smaller is not always faster: the log says both.
--
--   yolua recipes/decompose.lua cfg=FILE.cfg weights=FILE.weights names=coco data=kitti data.root=DIR decompose.layers=conv6,conv7
--   yolua recipes/decompose.lua decompose.method=tt            on synthetic streets, with the bundled network
--
-- The run directory holds decomposed/model.cfg, .weights and .names: ordinary layers, which Darknet reads too.
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, epochs = 4, augment = "standard", statistics = "running", ema = 0.99, optim = { name = "sgd", lr = 5e-4 },
}, {
  { "decompose", "table", help = "how: the options of yl.decompose (ratio=.5 unless one of error, flops, ranks and vbmf is given)",
    fields = yl.decompose.fields },
  { "control", "bool", true, "", "also train the network as it was" },
}), { epochs = 20, ["optim.lr"] = 2e-3, ["decompose.layers"] = { "conv8", "conv10" } })
local run <close> = yl.run(o)
local data = yl.data(o.data)
local dense = yl.load(o)
yl.fit_input(o, dense, data)
run:eval("Start", dense, data.dev)

local function wanted(how)
  if not (how.error or how.flops or how.ranks or how.vbmf) then how.ratio = how.ratio or 0.5 end
  return how
end

local result = yl.decompose(dense, wanted(o.decompose))
local net = result.net
run:say("%s", result)
run:eval("Decomposed", net, data.dev)

-- The network as it was, after as many epochs.
local function control()
  if not o.control then return end
  local _, _, dir = yl.reuse { name = "dense", run = run, net = dense, options = o, yl.keep.epochs { o.epochs } }
  run:eval("Control", yl.load { model = ("%s/epoch-%d.safetensors"):format(dir, o.epochs), device = o.device }, data.dev)
end

control()
net:freeze(o.freeze)
yl.train { net = net, data = data, run = run, options = o }
run:eval("Decomposed, trained", net, data.dev)
net:save(run:path "best.safetensors")
net:save(run:path "decomposed/")
run:report()
