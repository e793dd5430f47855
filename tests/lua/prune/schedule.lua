-- Schedules and the state that they see: which are taken, what they may return, every sentence that refuses one.
local t = require "luaunit"
local core = require "yolua.core"
local schedule = require "yolua.prune.schedule"
local state = require "yolua.prune.state"

local path = os.tmpname() .. ".lua"

local function view(more)
  local values = { round = 3, rounds = 9, sparsity = 0.5, memory = {} }
  for key, value in pairs(more or {}) do values[key] = value end
  return state.view(values)
end

-- The error without the place before it.
local function refusal(f, ...)
  local ok, message = pcall(f, ...)
  t.assertFalse(ok)
  return (tostring(message):gsub("^[^ ]+:%d+: ", ""))
end

local function value_of(returned, s)
  return schedule.value(function() return returned end, s or view())
end

TestSchedule = {}

function TestSchedule:testNames()
  for _, name in ipairs(core.options.modules "lua/yolua/prune/schedules/") do
    t.assertNotNil(schedule.of(name), name)
    t.assertEquals(schedule.identity(name), name)
  end
  t.assertStrContains(refusal(schedule.of, "cubik"), "prune: unknown schedule 'cubik', did you mean 'cubic'? (")
  t.assertStrContains(refusal(schedule.of, "cubik"), "FILE.lua, or a function of the state)")
  t.assertStrContains(refusal(schedule.of, 7), "prune: unknown schedule 7 (")
end

function TestSchedule:testFiles()
  core.system.write(path, "#!/usr/bin/env yolua\nreturn function(s) return s.round / s.rounds end\n")
  local f = schedule.of(path)
  t.assertAlmostEquals(schedule.value(f, view()), 1 / 3, 1e-12)
  t.assertIs(schedule.of(path), f) -- read once as long as its text stays
  local before = schedule.identity(path)
  core.system.write(path, "return function(s) return 0.25 end\n")
  t.assertNotEquals(schedule.identity(path), before)
  t.assertEquals(schedule.value(schedule.of(path), view()), 0.25)
  core.system.write(path, "return 0.5\n")
  t.assertStrContains(refusal(schedule.of, path), "expected a file that returns a schedule, a function of the state, got 0.5")
  core.system.write(path, "return function(s\n")
  t.assertStrContains(refusal(schedule.of, path), "expected near <eof>")
  os.remove(path)
  t.assertErrorMsgContains(path, schedule.of, path)
end

-- A function's identity follows what it does: its code and the plain values that it closes over.
function TestSchedule:testIdentity()
  local function make(share) return function(s) return share * s.round end end
  t.assertEquals(schedule.identity(make(0.1)), schedule.identity(make(0.1)))
  t.assertNotEquals(schedule.identity(make(0.1)), schedule.identity(make(0.2)))
  t.assertNotEquals(schedule.identity(make(0.1)), schedule.identity(function(s) return s.round end))
end

function TestSchedule:testMade()
  local function over(s) return s.round > 5 end
  local made = schedule.made(function(s) return s.sparsity end, over)
  t.assertEquals(schedule.value(schedule.of(made), view()), 0.5)
  t.assertIs(schedule.over(made), over)
  t.assertNil(schedule.over(function() end))
end

function TestSchedule:testValues()
  for _, good in ipairs { 0, 0.5, 0.999 } do t.assertEquals(value_of(good), good) end
  t.assertEquals(value_of { flops = 1e6 }, { flops = 1e6 })
  t.assertEquals(value_of { ms = 2.5 }, { ms = 2.5 })
  local s = view()
  local again = value_of(s:rollback { epochs = 2, target = 0.25 }, s)
  t.assertEquals({ again.what, again.epochs, again.target }, { "rollback", 2, 0.25 })
  t.assertEquals(value_of(s:stop(), s).what, "stop")
end

function TestSchedule:testWrongValues()
  local function said(value) return refusal(value_of, value) end
  for _, bad in ipairs { 1, -0.1, 90, 0 / 0 } do
    t.assertStrContains(said(bad), "a sparsity from 0 to below 1")
    t.assertStrContains(said(bad), "for round 3")
  end
  t.assertStrContains(said "0.5", "a sparsity from 0 to below 1")
  t.assertStrContains(said(nil), "for round 3")
  t.assertStrContains(said { flops = 1, ms = 2 }, "a sparsity, {flops = n} or {ms = n}")
  t.assertStrContains(said { what = "stop" }, "a sparsity, {flops = n} or {ms = n}") -- only s:stop() makes one
  t.assertStrContains(said { flops = -1 }, "flops")
  t.assertStrContains(said { ms = "fast" }, "ms")
end

-- An error in a schedule is one sentence with its file and line: the failing one, or the function's first where it ends in that call.
function TestSchedule:testErrors()
  local function said(body, round)
    core.system.write(path, "return function(s)\n" .. body .. "\nend\n")
    local ok, message = pcall(schedule.value, schedule.of(path), view { round = round or 1, history = {}, options = { target = 0.5 } })
    t.assertFalse(ok, body)
    return (message:gsub("^" .. path:gsub("%p", "%%%0"), "FILE"))
  end
  t.assertStrMatches(said "  return s.history[1].ap", "FILE:2: attempt to index a nil value %(field '[^']*'%)")
  t.assertEquals(said "  local again = s:rollback { epoch = 2 }\n  return again",
    "FILE:2: s:rollback has no option 'epoch' (epochs, target)")
  t.assertEquals(said "\n  return s:rollback { epoch = 2 }", "FILE:1: s:rollback has no option 'epoch' (epochs, target)")
  t.assertEquals(said "\n  return s:rollback(2)", "FILE:1: s:rollback: expected { epochs =, target = }, got 2")
  t.assertEquals(said "  local again = s.rollback { epochs = 2 }\n  return again",
    "FILE:2: s.rollback: expected s:rollback { ... }, with a colon, got a table")
  t.assertEquals(said "  local stopped = s.stop()\n  return stopped", "FILE:2: s.stop: expected s:stop(), with a colon, got nothing")
  t.assertEquals(said "\n  return 0 / 0",
    "FILE:1: the pruning schedule: expected a sparsity from 0 to below 1 for round 1, but this function returned nan")
  t.assertEquals(said "  s.memory.f = print\n  return 0.5", "FILE:1: the pruning schedule, for round 1: s.memory.f is a function; a "
    .. "checkpoint can hold numbers, strings, booleans and tables of them")
  t.assertEquals(said "  s.options.target = 0.3\n  return 0.5", "FILE:2: s.options.target cannot be assigned: the run has begun with them")
  os.remove(path)
end

TestState = {}

function TestState:testReading()
  local s = view()
  t.assertEquals({ s.round, s.sparsity }, { 3, 0.5 })
  t.assertNil(s.ap) -- known, and not measured
  t.assertStrContains(refusal(function() return s.sparisty end),
    "the state of a pruning schedule has no 'sparisty', did you mean 'sparsity'? (yolua help prune.state)")
  local seen = {}
  for key in pairs(s) do seen[key] = true end
  t.assertEquals(seen, { round = true, rounds = true, sparsity = true, memory = true })
end

function TestState:testWriting()
  local s = view()
  t.assertStrContains(refusal(function() s.sparsity = 0.9 end),
    "s.sparsity cannot be assigned: return a sparsity, and keep what you remember in s.memory")
  s.memory.best = 0.3
  t.assertEquals(s.memory, { best = 0.3 })
end

function TestState:testRollback()
  local s = view()
  t.assertStrContains(refusal(s.rollback, s, { epoch = 3 }), "s:rollback has no option 'epoch' (epochs, target)")
  for _, bad in ipairs { 0, -1, 1, "0.5" } do
    t.assertStrContains(refusal(s.rollback, s, { target = bad }), "s:rollback: target")
  end
  t.assertStrContains(refusal(s.rollback, s, { epochs = 0 }), "a number above 0")
  t.assertEquals(s:rollback().what, "rollback")
end

function TestState:testCopy()
  local memory = { list = { 1, 2 }, name = "x" }
  local copy = state.copy(memory)
  copy.list[1] = 9
  t.assertEquals(memory, { list = { 1, 2 }, name = "x" })
  t.assertEquals(copy, { list = { 9, 2 }, name = "x" })
end

function TestState:testFieldsAreDescribed()
  for _, field in ipairs(state.fields) do
    t.assertEquals(#field, 5, field[1])
    t.assertTrue(field[5] ~= "", field[1])
  end
end

os.exit(t.LuaUnit.run())
