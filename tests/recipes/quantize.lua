-- recipes/quantize.lua in smoke size: what it leaves runs in int8, trained for it or not.
local t = require "luaunit"
local program = require "support.program"
local yl = require "yolua"

local top = program.tiny()

TestQuantizeRecipe = {}

local function recipe(name, ...)
  local said = program.ok { "recipes/quantize.lua", "config=" .. top .. "/config.yaml", "epochs=1", "data.limit=8", "frames=4",
    "protocol=voc", "threads=2", "out=" .. top .. "/" .. name, ... }
  local net = yl.load { model = top .. "/" .. name .. "/int8.safetensors" }
  local plan = net:plan { mode = "infer", batch = 1, precision = "int8" }
  t.assertStrContains(plan:algorithm("conv2", "forward"), "int8")
  return said, net:checksum()
end

function TestQuantizeRecipe.test_trained_where_it_loses_too_much()
  local kept, before = recipe("kept", "max_loss=100")
  t.assertNotStrContains(kept, "int8, trained")
  local trained, after = recipe("trained", "max_loss=-100", "optim.lr=1e-3")
  t.assertStrContains(trained, "int8, calibrated: voc")
  t.assertStrContains(trained, "int8, trained: voc")
  t.assertNotEquals(after, before)
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
