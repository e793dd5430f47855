-- recipes/prune_gradual.lua in a smoke size: each sparsity is met exactly, kept, and trained on; the control is trained once, as long.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local ranges = require "yolua.prune.ranges"
local yl = require "yolua"

local top = program.tiny()

TestPruneGradual = {}

local function words(out, ...)
  return { "recipes/prune_gradual.lua", "config=" .. top .. "/config.yaml", "data.limit=8", "epochs=1", "rounds=4", "target=.8",
    "keep=.8,.5", "tune=1", "protocol=voc", "out=" .. top .. "/" .. out, "threads=1", ... }
end

local function result(out) return core.json.decode(core.system.read(("%s/%s/results.json"):format(top, out))) end

function TestPruneGradual.testSmoke()
  program.ok(words "a")
  local r, stages = result "a", {}
  for i, row in ipairs(r.eval) do stages[i] = row.stage end
  t.assertEquals(stages, { "Start", "80 %, control", "50 %, control", "80 %", "80 %, tuned", "50 %", "50 %, tuned" })
  local text = core.system.read(top .. "/a/results.md")
  for _, row in ipairs { "80 %", "50 %" } do t.assertStrContains(text, ("; %s, tuned against %s, control, "):format(row, row)) end
  t.assertEquals(#r.rounds, 4)
  t.assertAlmostEquals(r.sparsity, 0.8, 1e-4)
  for _, mark in ipairs { 50, 80 } do -- what was asked for is what it got, to the number
    local net = yl.load { model = ("%s/a/sparsity-%d.safetensors"):format(top, mark), full = true }
    t.assertEquals(core.files.kind(("%s/a/sparsity-%d-tuned.safetensors"):format(top, mark)), "file")
    local _, zeros, count = ranges.sparsity(net, ranges.of(net, {}))
    t.assertEquals(zeros, math.floor(mark / 100 * count + 0.5))
    t.assertTrue(core.has_slab(net.net, "ema") and core.has_slab(net.net, "adam_m"))
  end
  local tuned = yl.load { model = top .. "/a/last.safetensors" }
  t.assertAlmostEquals(ranges.sparsity(tuned, ranges.of(tuned, {})), 0.5, 1e-4) -- zeros stay while it is trained on
  local _, made = require("yolua.report.rundir").config(top .. "/dense")
  t.assertEquals(made.name, "dense")
  t.assertEquals(#require("yolua.report.rundir").metrics(top .. "/dense"), 4 + 1)
  t.assertTrue(core.files.kind(top .. "/dense/epoch-3.safetensors") == "file") -- 50 % is met in round 2
  t.assertStrContains(program.ok(words "b"), "reusing the finished run " .. top .. "/dense")
end

-- The dense network teaches; no control.
function TestPruneGradual.testDistilled()
  local out = program.ok(words("taught", "distill.weight=1", "control=false"))
  t.assertStrContains(out, "distill: ")
  local stages = {}
  for i, row in ipairs(result("taught").eval) do stages[i] = row.stage end
  t.assertEquals(stages, { "Start", "80 %", "80 %, tuned", "50 %", "50 %, tuned" })
end

function TestPruneGradual.testDryRun()
  local out = program.ok(words("dry", "dry_run=true"))
  t.assertStrContains(out, "in all: 4 trainings, 11 epochs")
  t.assertNil(core.files.kind(top .. "/dry"))
end

-- A goal in FLOPs names no sparsity to keep: said before anything is trained; and where it is reached before keep= is.
function TestPruneGradual.testGoalsInFlops()
  local function refused(out, ...)
    local given = words(out, "target.flops=.6", ...)
    table.remove(given, 7) -- keep=.8,.5
    table.remove(given, 6) -- target=.8
    return select(3, program.run(given))
  end
  local out = refused("none", "rounds=1")
  t.assertStrContains(out, "keep is missing: expected the sparsities to keep (keep=.5,.7) beside a target in FLOPs or ms")
  t.assertNil(core.files.kind(top .. "/none"))
  t.assertStrContains(refused("high", "keep=.95"), "yl.prune.kept: none of the sparsities in keep= was reached: the last round had ")
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
