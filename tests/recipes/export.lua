-- recipes/export.lua in smoke size: every file is there, and those that this program reads are the best network.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local yl = require "yolua"

local top = program.tiny()
local out = top .. "/run"

TestExportRecipe = {}

function TestExportRecipe.testFiles()
  local said = program.ok { "recipes/export.lua", "config=" .. top .. "/config.yaml", "epochs=1", "data.limit=4", "protocol=voc",
    "threads=2", "out=" .. out, "python=/bin/false" }
  local files = { "model.param", "model.bin", "darknet/model.cfg", "state.safetensors", "model.h" }
  if core.export.available "onnx" then table.move({ "model.onnx", "boxes.onnx" }, 1, 2, #files + 1, files) end
  for _, name in ipairs(files) do t.assertEquals(core.files.kind(out .. "/" .. name), "file", name) end
  local words = "the same as the network: largest difference of an output 0 of its largest number %(a score: of 1%) %(yolua%)"
  local _, compared = said:gsub(words, "")
  t.assertEquals(compared, 3)
  local best = yl.load { model = out .. "/best.safetensors" }
  local darknet = yl.load { cfg = out .. "/darknet/model.cfg", weights = out .. "/darknet/model.weights" }
  local state = yl.load { cfg = out .. "/darknet/model.cfg", weights = out .. "/state.safetensors" }
  t.assertEquals({ darknet:checksum(), state:checksum() }, { best:checksum(), best:checksum() })
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
