-- Schedules without training: a dry run, and a replay over what a run left.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"

local function network()
  local net = core.net { h = 8, w = 8, c = 3, seed = 2, layers = { { "conv2d", filters = 10, size = 1 },
    { "conv2d", filters = 7, size = 1 }, { "region", classes = 2, num = 1, anchors = { 1, 1 } } } }
  return require("yolua.model").new { net = net, names = { "car", "person" }, path = "here.cfg" }
end

TestDryRun = {}

function TestDryRun.testRounds()
  local net = network()
  local before = net:checksum()
  local r = yl.prune.dry_run(net, { target = { sparsity = 0.5 }, schedule = "linear", rounds = 2 })
  t.assertEquals({ r.prunable, r.rounds[1].zeros, r.rounds[2].zeros, r.rounds[2].sparsity }, { 30, 8, 15, 0.5 })
  t.assertEquals(net:checksum(), before)
  t.assertStrContains(tostring(r), "50.00 %  15")
  r = yl.prune.dry_run(net, { schedule = function(s) return s.round == 2 and s:rollback { epochs = 3 } or 0.3 end, rounds = 3 })
  t.assertEquals({ r.rounds[2].action, r.rounds[3].zeros }, { "roll back, 3 epochs", 9 })
  t.assertErrorMsgContains("expected at least the sparsity of now, 0.3", yl.prune.dry_run, net,
    { schedule = function(s) return s.round == 2 and 0.1 or 0.3 end, rounds = 2 })
  t.assertErrorMsgContains("yl.prune.dry_run: expected a model (of yl.load), got nothing", yl.prune.dry_run)
end

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

os.exit(t.LuaUnit.run())
