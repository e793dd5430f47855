-- A replay of a schedule over what a run left.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

TestReplay = {}

function TestReplay.testWhatWasMeasuredIsTold()
  local dir = os.tmpname()
  os.remove(dir)
  core.files.make_folder(dir)
  core.system.write(dir .. "/rounds.json", core.json.encode { target = 0.8, of = 2, ramp = 2, prunable = 1000,
    dense = { sparsity = 0, flops = 100, ap = 0.5, dev_loss = 2 }, rounds = {
      { round = 1, try = 1, sparsity = 0.4, ap = 0.45, dev_loss = 3, flops = 60, ms = 1.5, epochs = 1, epoch = 1, step = 9 },
      { round = 2, try = 1, sparsity = 0.8, ap = 0.2, dev_loss = core.null, flops = 20, epochs = 1, epoch = 2, step = 18 } } })
  local seen = {}
  local r = yl.prune.replay(dir, function(s)
    seen[#seen + 1] = { s.round, s.sparsity, s.ap, s.ap_dense, s.dev_loss, s.flops, #s.history, s.ms or 0 }
    return s.ap < s.ap_dense and s:stop() or 0.3
  end)
  t.assertEquals(seen, { { 1, 0, 0.5, 0.5, 2, 100, 0, 0 }, { 2, 0.4, 0.45, 0.5, 3, 60, 1, 1.5 } })
  t.assertEquals({ r.rounds[1].sparsity, r.rounds[1].was, r.rounds[2].action, r.rounds[2].was }, { 0.3, 0.4, "stop", 0.8 })
  t.assertEquals(yl.prune.replay(dir, "linear").rounds[2].sparsity, 0.8)
  t.assertStrContains(tostring(r), "in the run")
  os.remove(dir .. "/rounds.json")
  t.assertErrorMsgContains("is not the run of a pruning (rounds.json is missing)", yl.prune.replay, dir, "linear")
  os.remove(dir)
end

-- A run directory with these rounds; known: more of rounds.json.
local function run_of(rounds, known)
  local dir = os.tmpname()
  os.remove(dir)
  core.files.make_folder(dir)
  local all = { target = 0.8, of = #rounds, ramp = #rounds, prunable = 1000, dense = { sparsity = 0, flops = 100 }, rounds = rounds }
  for key, value in pairs(known or {}) do all[key] = value end
  core.system.write(dir .. "/rounds.json", core.json.encode(all))
  return dir, function()
    os.remove(dir .. "/rounds.json")
    os.remove(dir)
  end
end

local function round(number, sparsity, more)
  local r = { round = number, try = 1, sparsity = sparsity, flops = 100 * (1 - sparsity), epochs = 1, epoch = number, step = 9 * number }
  for key, value in pairs(more or {}) do r[key] = value end
  return r
end

-- What a run refuses is refused; a schedule that is slower than the run, or starts where it is, goes forwards.
function TestReplay.testWhatARunRefuses()
  local dir, gone = run_of { round(1, 0.4), round(2, 0.6), round(3, 0.8) }
  local here = debug.getinfo(1, "S").short_src
  local function refused(sentence, f)
    local ok, message = pcall(yl.prune.replay, dir, f)
    t.assertEquals({ ok, message }, { false, ("%s:%d: %s"):format(here, debug.getinfo(f, "S").linedefined, sentence) })
  end
  refused("the pruning schedule: expected at least the sparsity of now, 0.4, for round 2, got 0.1", function(s)
    return s.round == 2 and 0.1 or 0.5
  end)
  refused("s.options has no 'stepp', did you mean 'step'?", function(s) return s.sparsity + s.options.stepp end)
  refused("s.options.target cannot be assigned: the run has begun with them", function(s) s.options.target = 0.3 return 0.4 end)
  local slow = yl.prune.replay(dir, function(s) return 0.1 * s.round end)
  t.assertAlmostEquals(slow.rounds[3].sparsity, 0.3, 1e-12)
  local back = yl.prune.replay(dir, function(s) return s.round == 1 and 0.7 or s.sparsity end)
  t.assertEquals({ back.rounds[2].sparsity, back.rounds[3].sparsity }, { 0.4, 0.6 })
  gone()
end

-- A schedule sees the run's options, or those of the call in their place; after a round that was taken back the network before it.
function TestReplay.testOptionsAndRollbacks()
  local dir, gone = run_of({ round(1, 0.4), round(2, 0.6, { rolled_back = true }), round(2, 0.5, { try = 2 }) },
    { settings = { target = { sparsity = 0.8 }, rounds = 3, step = 0.25, every = 2 } })
  local seen = {}
  yl.prune.replay(dir, function(s)
    seen[#seen + 1] = { s.sparsity, s.options.step, s.options.target.sparsity, s.options.rounds }
    return s.sparsity
  end)
  t.assertEquals(seen, { { 0, 0.25, 0.8, 3 }, { 0.4, 0.25, 0.8, 3 }, { 0.4, 0.25, 0.8, 3 } })
  local said, warn = {}, core.system.warn
  core.system.warn = function(text) said[#said + 1] = text end
  yl.prune.replay(dir, function(s) return s.sparsity end, { step = 0.5 }) -- the run's own target is no word of the call's
  core.system.warn = warn
  t.assertEquals(#said, 1)
  t.assertStrContains(said[1], "prune: step=0.5 has no effect in round 1")
  local r = yl.prune.replay(dir, "poster", { step = 0.5 })
  t.assertEquals({ r.rounds[1].sparsity, r.rounds[2].sparsity }, { 0.5, 0.7 })
  gone()
end

-- Of a run to so many FLOPs, shares of these.
function TestReplay.testFlops()
  local dir, gone = run_of({ round(1, 0.9, { flops = 70 }), round(2, 0.95, { flops = 40 }) }, { target = { flops = 0.4 } })
  local r = yl.prune.replay(dir, "linear")
  t.assertAlmostEquals({ r.rounds[1].sparsity, r.rounds[1].was, r.rounds[2].sparsity, r.rounds[2].was }, { 0.3, 0.3, 0.6, 0.6 }, 1e-12)
  t.assertStrContains(tostring(r), "FLOPs gone")
  gone()
end

os.exit(t.LuaUnit.run())
