-- Prunings side by side, from what their runs left.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local top = os.tmpname()
os.remove(top)

local function run_of(name, rounds)
  core.files.make_folder(top .. "/" .. name)
  core.system.write(("%s/%s/rounds.json"):format(top, name), core.json.encode { dense = { ap = 0.5, sparsity = 0 }, rounds = rounds })
  return top .. "/" .. name
end

TestAblation = {}

-- The last round that stands, the sparsest of nine tenths, the first of half; rounds that were taken back were measured all the same.
function TestAblation.testRows()
  local dir = run_of("a", { { asked = 0.2, sparsity = 0.2, ap = 0.49 }, { asked = 0.4, sparsity = 0.3, ap = 0.46 },
    { asked = 0.6, sparsity = 0.6, ap = 0.2, rolled_back = true } })
  local made = yl.prune.ablation({}, { { "first", dir }, { "none", run_of("b", {}) } })
  local one = made.rows[1]
  t.assertEquals({ one.name, one.asked, one.sparsity, one.ap, one.ap_dense, one.share, one.nine_tenths, one.half },
    { "first", 0.4, 0.3, 0.46, 0.5, 0.92, 0.4, 0.6 })
  t.assertEquals({ made.rows[2].sparsity, made.rows[2].ap, made.rows[2].share, made.rows[2].half }, { 0, 0.5, 1 })
  t.assertStrContains(tostring(made), "first    40.0 %  30.0 %")
  t.assertEquals(yl.prune.ablation({ dry = true }, { 3 }).rows, {})
end

function TestAblation.testRefusals()
  local here = debug.getinfo(1, "S").short_src
  local function refused(sentence, list)
    local ok, message = pcall(yl.prune.ablation, {}, list)
    t.assertFalse(ok)
    t.assertStrContains(message, here)
    t.assertStrContains(message, sentence)
  end
  refused("yl.prune.ablation: expected a list of {name, run directory}, got nothing", nil)
  refused("yl.prune.ablation: expected a list of {name, run directory}, each two texts, got", { "runs/a" })
  refused("is not the run of a pruning (rounds.json is missing)", { { "a", top .. "/nowhere" } })
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
