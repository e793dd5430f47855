-- recipes/prune_gradual.lua in a smoke size: the control is trained once, the pruned network ends where the target says.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local top = program.tiny()

TestPruneGradual = {}

function TestPruneGradual.testSmoke()
  local words = { "recipes/prune_gradual.lua", "config=" .. top .. "/config.yaml", "data.limit=8", "epochs=1", "rounds=2", "hold=1",
    "target=.5", "protocol=voc", "out=" .. top .. "/a", "threads=2" }
  program.ok(words)
  local r = core.json.decode(core.system.read(top .. "/a/results.json"))
  t.assertEquals({ #r.rounds, r.eval[1].stage, r.eval[2].stage, r.eval[3].stage }, { 2, "Original", "Dense", "Pruned" })
  t.assertAlmostEquals(r.sparsity, 0.5, 1e-4)
  local _, made = require("yolua.report.rundir").config(top .. "/dense")
  t.assertEquals(made.name, "dense")
  words[9] = "out=" .. top .. "/b"
  t.assertStrContains(program.ok(words), "reusing the finished run " .. top .. "/dense")
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
