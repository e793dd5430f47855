-- keep = {...}: sparsities that rounds meet exactly, whose networks are kept; and yl.prune.kept, which lists them.
local t = require "luaunit"
local core = require "yolua.core"
local finished = require "yolua.prune.finished"
local kept = require "yolua.prune.kept"
local marks = require "yolua.prune.marks"

TestMarks = {}

function TestMarks:testCheck()
  local function check(keep) return marks.check({ keep = keep }, 0.9) end
  check { 0.5, 0.9 }
  marks.check({ keep = { 0.95 } }, nil) -- where the rounds end is not known before
  check(nil)
  for _, bad in ipairs { 0, 1, 90, -0.5 } do
    t.assertErrorMsgContains("prune: keep: expected sparsities above 0 and below 1 (.9 is 90 %), got " .. ("%g"):format(bad), check,
      { bad })
  end
  t.assertErrorMsgContains("prune: keep: expected each sparsity once, got 0.5 twice", check, { 0.5, 0.7, 0.5 })
  t.assertErrorMsgContains("prune: keep: 0.95 is never reached: expected at most the target, 0.9", check, { 0.5, 0.95 })
end

function TestMarks:testReach()
  local s = { sparsity = 0.3, one = 1e-3, round = 1, rounds = 5 }
  t.assertEquals(marks.reach({ 0.5, 0.7 }, 0.6, s), 0.5) -- the first on the way
  t.assertEquals(marks.reach({ 0.7, 0.5 }, 0.9, s), 0.5) -- in whatever order
  t.assertEquals(marks.reach({ 0.7 }, 0.6, s), 0.6)
  t.assertEquals(marks.reach(nil, 0.6, s), 0.6)
  s.sparsity = 0.4995 -- within a number of it: reached
  t.assertEquals(marks.reach({ 0.5 }, 0.6, s), 0.6)
end

-- The last round stops at a mark on the way to its value, and says so.
function TestMarks:testLastRound()
  local said, warn = {}, core.system.warn
  core.system.warn = function(text) said[#said + 1] = text end
  local ok, reached = pcall(marks.reach, { 0.5 }, 0.9, { sparsity = 0.3, one = 1e-3, round = 5, rounds = 5 })
  local quiet = marks.reach({ 0.5 }, 0.5, { sparsity = 0.3, one = 1e-3, round = 5, rounds = 5 })
  core.system.warn = warn
  t.assertTrue(ok)
  t.assertEquals({ reached, quiet }, { 0.5, 0.5 })
  t.assertEquals(said, { "prune: the last round stops at keep=0.5 on the way to 0.9: more rounds= would get there" })
end

function TestMarks:testForgetAndList()
  local function entry(mark, round) return { mark = mark, round = round } end
  local st = { kept = { entry(0.9, 4), entry(0.5, 2), entry(0.7, 3) } }
  t.assertEquals(marks.list(st, { keep = { 0.5, 0.7, 0.8, 0.9 } }), { entry(0.5, 2), entry(0.7, 3), entry(0.9, 4) })
  marks.forget(st, 2) -- rounds 3 and 4 were taken back
  t.assertEquals(st.kept, { entry(0.5, 2) })
  marks.forget({}, 1)
  t.assertEquals(marks.list({}, {}), {})
end

TestKept = {}

function TestKept:testFiles()
  t.assertEquals({ finished.file(0.5), finished.file(0.975) }, { "sparsity-50.safetensors", "sparsity-97.5.safetensors" })
end

function TestKept:testRows()
  local rows = kept.kept { pruning = { kept = { { mark = 0.5, epoch = 4 }, { mark = 0.975, epoch = 6 } } } }
  t.assertEquals({ rows[1].name, rows[2].name }, { "50 %", "97.5 %" })
  t.assertEquals(rows:ends(3), { 7, 9 })
  local seen = {}
  rows:each(function(row) seen[#seen + 1] = row.mark end)
  t.assertEquals(seen, { 0.5, 0.975 })
  t.assertEquals(#kept.kept { dry = {} }, 0)
  t.assertErrorMsgContains("yl.prune.kept: nothing was pruned in this run", kept.kept, {})
end

os.exit(t.LuaUnit.run())
