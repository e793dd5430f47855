-- recipes/compress.lua on drawn digits, in a smoke size: what the file holds is what was trained, and it is small.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local top = os.tmpname()
os.remove(top)

TestCompressRecipe = {}

function TestCompressRecipe.testOnDigits()
  program.ok { "recipes/compress.lua", "data=mnist", "data.digits=300", "dense=1", "rounds=2", "hold=1", "epochs=1", "tune=1", "batch=50",
    "out=" .. top, "threads=2" }
  local r = core.json.decode(core.system.read(top .. "/results.json"))
  local errors = {}
  for _, row in ipairs(r.eval) do errors[row.stage] = row.error end
  t.assertEquals(errors.Compressed, errors.Shared)
  t.assertNotNil(errors.Dense and errors.Pruned)
  t.assertTrue(#core.system.read(top .. "/compressed.safetensors") < 4 * 266610 / 20)
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
