-- recipes/prune_poster.lua in a smoke size: every row is trained, and the table says what each kept.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local top = program.tiny()

TestPrunePoster = {}

function TestPrunePoster.testSmoke()
  local out = program.ok { "recipes/prune_poster.lua", "config=" .. top .. "/config.yaml", "data.limit=16", "epochs=0.5", "batch=1",
    "rounds=2", "tune=1", "step=.3", "protocol=voc", "out=" .. top .. "/a", "threads=2" }
  for _, name in ipairs { "literal", "masks held", "gradients masked, Adam", "gradients masked, SGD", "head and batch-norm spared",
    "batch of 8", "running statistics", "four times the retraining", "all mended" } do
    t.assertStrContains(out, name)
  end
  local function rounds(name) return core.json.decode(core.system.read(top .. "/poster-" .. name .. "/rounds.json")).rounds end
  t.assertAlmostEquals(rounds("masks-held")[2].sparsity, 0.51, 1e-3) -- 1 - .7^2
  t.assertTrue(rounds("literal")[2].sparsity < 0.1)                  -- trained back
  t.assertTrue(rounds("gradients-masked-Adam")[2].sparsity < 0.4)    -- the second cut's were moved by their moments
  t.assertAlmostEquals(rounds("gradients-masked-SGD")[2].sparsity, 0.51, 1e-3) -- nothing moves them
  t.assertEquals(rounds("all-mended")[2].epochs, 2)
  local made = core.json.decode(core.system.read(top .. "/a/results.json")).tables[1]
  t.assertEquals({ made.title, #made.rows, made.rows[1].name, made.body[9][1] }, { "Ablation", 9, "literal", "all mended" })
  t.assertAlmostEquals(made.rows[2].sparsity, 0.51, 1e-3)
  t.assertStrContains(core.system.read(top .. "/a/results.md"), "## Ablation")
  t.assertStrContains(core.system.read(top .. "/a/report.html"), "gradients masked, SGD</th>")
end

function TestPrunePoster.testDryRun()
  local out = program.ok { "recipes/prune_poster.lua", "config=" .. top .. "/config.yaml", "data.limit=8", "rounds=2", "tune=1",
    "protocol=voc", "out=" .. top .. "/dry", "threads=1", "dry_run=true" }
  t.assertStrContains(out, "in all: 10 trainings")
  t.assertNil(core.files.kind(top .. "/dry"))
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
