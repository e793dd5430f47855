-- format=ncnn: FILE.param and FILE.bin for ncnn, which runs on phones and small boards. runtime/formats/ncnn.h says what they hold.
local core = require "yolua.core"

return {
  help = "ncnn, for phones and small boards: FILE.param and FILE.bin", ending = ".param",
  options = { "imgsz" },
  runtimes = { "ncnn" },
  int8 = 0.2, -- most that ncnn may differ then: its bytes are signed, and the numbers between layers f32
  files = function(_, out) return { out, (out:gsub("%.%w+$", ".bin")) } end,
  write = function(model, out, _, _, plan) core.export.ncnn(model.net, out, plan) end,
}
