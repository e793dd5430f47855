-- recipes/prune_channels.lua in a smoke size: the FLOPs are what was asked for, the compacted network scores as the pruned one does, and
-- its files load.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local yl = require "yolua"

local top = program.tiny()

TestPruneChannels = {}

function TestPruneChannels.testSmoke()
  program.ok { "recipes/prune_channels.lua", "config=" .. top .. "/config.yaml", "data.limit=8", "epochs=1", "rounds=2", "tune=1",
    "target.flops=.5", "round_to=1", "protocol=voc", "out=" .. top .. "/a", "threads=2" }
  local r = core.json.decode(core.system.read(top .. "/a/results.json"))
  t.assertEquals({ #r.rounds, r.eval[2].stage, r.eval[3].stage, r.eval[4].stage }, { 2, "Control", "Pruned", "Compact" })
  t.assertTrue(r.rounds[2].flops <= 0.5 * r.dense.flops)
  t.assertAlmostEquals(r.eval[4].map, r.eval[3].map, 1e-6)
  local small = yl.load { model = top .. "/a/compact.safetensors" }
  local dir = top .. "/a/compact/model."
  local darknet = yl.load { cfg = dir .. "cfg", weights = dir .. "weights", names = dir .. "names" }
  t.assertEquals({ small:flops(), darknet:flops() }, { r.rounds[2].flops, r.rounds[2].flops })
  t.assertEquals(darknet:counts().params, small:counts().params)
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
