-- Options that Lua's plain assignment has set are checked before they are used.
local t = require "luaunit"
local yl = require "yolua"
local recheck = require "yolua.options.recheck"

TestRecheck = {}

function TestRecheck.testAssignments()
  local o = yl.options {}
  o.epochs = "7"
  o.optim = { lr = 0.5 }
  o.optim.momentum = "0.25"
  recheck(o)
  t.assertEquals({ o.epochs, o.optim.lr, o.optim.name, o.optim.momentum, o.optim.schedule }, { 7, 0.5, "sgd", 0.25, "constant" })
  o.optim = "adam"
  recheck(o)
  t.assertEquals({ o.optim.name, o.optim.beta1 }, { "adam", 0.9 })
  local function rate() end
  o.optim.schedule = rate
  t.assertEquals(recheck(o).optim.schedule, rate)
end

function TestRecheck.testFaults()
  local function refused(sentence, change)
    local o = yl.options {}
    change(o)
    t.assertErrorMsgContains(sentence, recheck, o)
  end
  refused("option 'epochs': expected an integer in 0..1000000 (epochs), got -3", function(o) o.epochs = -3 end)
  refused("option 'optim.lr': expected a number", function(o) o.optim.lr = "fast" end)
  refused("option 'optim.lr'", function(o) o.optim.lr = 0 / 0 end)
  refused("option 'optim.schedule'", function(o) o.optim.schedule = "cosin" end)
  refused("unknown optim 'adm', did you mean 'adam'?", function(o) o.optim = "adm" end)
  refused("no option 'optim.lrr', did you mean 'optim.lr'?", function(o) o.optim = { lrr = 1 } end)
end

os.exit(t.LuaUnit.run())
