-- format=onnx: a model for ONNX Runtime, OpenVINO, TensorRT and others. runtime/formats/onnx.h says what it holds.
local core = require "yolua.core"

return {
  help = "ONNX, for ONNX Runtime, OpenVINO, TensorRT and others", ending = ".onnx",
  options = { "imgsz", "opset", "batch", "fold", "heads", "conf", "iou" },
  runtimes = { "onnxruntime", "openvino" },
  int8 = 0.05, -- most that a runtime may differ then: roundings to other bytes add up
  write = function(model, out, o, notes, plan) core.export.onnx(model.net, out, o, notes, plan) end,
}
