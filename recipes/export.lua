-- From a training to other programs: a detector is fine-tuned, and its best network is written in every format that yolua has. What each
-- file computes is compared with the network: Darknet's files, the state dict and the C header by reading them back, ONNX and ncnn in
-- their own runtimes, where Python has them (python=).
--
--   yolua recipes/export.lua cfg=FILE.cfg weights=FILE.weights names=FILE.names data=kitti data.root=DIR [key=value ...]
--   yolua recipes/export.lua                     on synthetic streets, with the bundled network
--
-- The run directory holds model.onnx, boxes.onnx (with decoded boxes), model.param and .bin, darknet/, state.safetensors and model.h.
local yl = require "yolua"

local o = yl.embedded(yl.options({
  batch = 8, epochs = 2, freeze = "body", optim = { name = "adam", lr = 1e-3 },
}, {
  { "check", "bool", true, "", "compare what the files compute with the network" },
  { "python", "string", "python3", "", "the interpreter that may have onnxruntime, openvino or ncnn" },
}))
local run <close> = yl.run(o)
local data = yl.data(o.data)
local net = yl.load(o):freeze(o.freeze)
yl.fit_input(o, net, data)

run:eval("Original", net, data.dev)
yl.train { net = net, data = data, run = run, options = o, yl.keep.best "dev_loss" }
net = run:best()
run:eval("Fine-tuned", net, data.dev)

-- One sentence where this build, or a format, cannot hold the network.
local function write(name, how)
  how.out, how.check = run:path(name), o.check
  local ok, result = pcall(yl.export, net, how)
  run:say("%s", ok and result or "not written: " .. result)
end

local python = o.check and o.python or nil -- of the formats that their own runtimes check
write("model.onnx", { opset = 13, python = python })      -- the numbers that enter the heads
write("boxes.onnx", { heads = "boxes", python = python }) -- boxes {batch, n, 4} in pixels of the input, scores {batch, n, classes}
write("model.param", { python = python })                 -- ncnn, with model.bin
write("darknet/", {})                                     -- model.cfg, model.weights, model.names
write("state.safetensors", {})                            -- PyTorch's names and orders
write("model.h", {})                                      -- a C program that includes it needs no files
run:report()
