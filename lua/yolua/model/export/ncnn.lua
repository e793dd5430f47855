-- format=ncnn: FILE.param and FILE.bin for ncnn, which runs on phones and small boards. runtime/formats/ncnn.h says what they hold.
local core = require "yolua.core"

return {
  help = "ncnn, for phones and small boards: FILE.param and FILE.bin", ending = ".param",
  options = {},
  runtimes = { "ncnn" },
  write = function(model, out)
    core.export.ncnn(model.net, out)
    return { out, (out:gsub("%.%w+$", ".bin")) }
  end,
}
