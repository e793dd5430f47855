-- recipes/prune_lenet.lua on drawn digits, in a smoke size: both networks; the rows are top1 on the test split.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local top = os.tmpname()
os.remove(top)

TestPruneLenet = {}

function TestPruneLenet.testBothNetworks()
  for _, case in ipairs { { "lenet300", 266610, 266200 }, { "lenet5", 431080, 430500 } } do
    local name, params, weights = table.unpack(case)
    program.ok { "recipes/prune_lenet.lua", "data=mnist", "data.digits=300", "model=" .. name, "pretrain=1", "rounds=3", "epochs=1",
      "batch=50", "tune=1", "target=.92", "keep=.5,.92", "out=" .. top .. "/" .. name, "threads=2" }
    local r = core.json.decode(core.system.read(top .. "/" .. name .. "/results.json"))
    t.assertEquals({ r.params, #r.rounds, #r.eval }, { params, 3, 3 })
    for i, stage in ipairs { "Dense", "50 % zeros", "92 % zeros" } do
      local row = r.eval[i]
      t.assertEquals({ row.protocol, row.stage, row.split, row.n, row.images }, { "top1", stage, "test", 60, 60 })
      t.assertTrue(row.error >= 0 and row.error <= 1)
    end
    t.assertEquals(math.floor(r.sparsity * weights + 0.5), math.floor(0.92 * weights + 0.5)) -- all weights, the head's too
    t.assertStrContains(core.system.read(top .. "/" .. name .. "/results.md"), "## top1: share of pictures whose class is wrong")
    local log = core.system.read(top .. "/" .. name .. "/log.txt") -- rounds are judged by what it is: no AP
    t.assertEquals({ r.measure, (log:find "round 3: 92.00 %% zeros, dev loss %S+ %(dense %S+, accuracy 0%.%d+ %(dense 0%.%d+%)") ~= nil },
      { "accuracy", true })
    t.assertStrContains(core.system.read(top .. "/" .. name .. "/report.html"), "Accuracy over the sparsity")
  end
end

function TestPruneLenet.testDryRun()
  local out = program.ok { "recipes/prune_lenet.lua", "data=mnist", "data.digits=300", "keep=.5,.92", "out=" .. top .. "/dry", "threads=1",
    "dry_run=true" }
  t.assertStrContains(out, "in all: 4 trainings, 38 epochs")
  t.assertNil(core.files.kind(top .. "/dry"))
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
