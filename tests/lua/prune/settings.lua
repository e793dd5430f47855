-- Options of pruning that have no effect beside the others are refused, each by its name.
local t = require "luaunit"
local settings = require "yolua.prune.settings"
local options = require "yolua.options.table"
local yl = require "yolua"

TestSettings = {}

local function refused(sentence, o)
  local ok, message = pcall(yl.prune, o)
  t.assertEquals({ ok, tostring(message):match ": (.*)" }, { false, sentence })
end

function TestSettings.testWhatNobodyReads()
  refused("prune: block has no effect with pattern=none: expected pattern=block", { block = { 4, 1 } })
  refused("prune: entries has no effect with pattern=block: expected pattern=kernel", { pattern = "block", entries = 2 })
  refused("prune: round_to has no effect with pattern=2:4: expected pattern=channel", { pattern = "2:4", round_to = 4 })
  refused("prune: min_channels has no effect with pattern=none: expected pattern=channel", { min_channels = 4 })
  refused("prune: step has no effect with schedule=cubic: expected schedule=poster, FILE.lua", { step = 0.1 })
  refused("prune: gate has no effect without max_drop=", { gate = "halve" })
  refused("prune: probe has no effect with score=magnitude: expected score=taylor, snip, taylor_channel", { probe = 3 })
  refused("prune: rewind_epoch has no effect with rewind=none: expected rewind=weights", { rewind_epoch = 1, dense = 2 })
  t.assertErrorMsgContains("prune: block has no effect with pattern=none", yl.prune.cut, yl.load { model = "lenet300" },
    { target = 0.5, block = { 4, 1 } })
end

function TestSettings.testWhatIsRead()
  yl.prune { pattern = "block", block = { 4, 1 } }
  yl.prune { pattern = "kernel", entries = 2 }
  yl.prune { pattern = "channel", round_to = 4, min_channels = 2 }
  yl.prune { schedule = "poster", step = 0.1 }
  yl.prune { schedule = function(s) return s.options.step end, step = 0.1 }
  yl.prune { max_drop = 0.1, gate = "halve" }
  yl.prune { score = "snip", probe = 3 }
  yl.prune { score = { score = function() end, gather = function() end, probe = true }, probe = 3 }
  yl.prune { rewind = "weights", rewind_epoch = 1, dense = 2 }
end

-- A file that repeats the defaults, as config.yaml does, asks for nothing; the command line does.
function TestSettings.testDefaults()
  local function check(from)
    local o = options.new(settings.fields, "yolua prune")
    options.merge(o, { block = { 8, 1 }, step = 0.02, gate = "stop", probe = 8 }, from)
    settings.check_used(o, settings.fields)
  end
  check { where = "config.yaml:1", outside = true }
  t.assertErrorMsgContains("command line: prune: block has no effect", function()
    local ok, message = pcall(check, { where = "command line", outside = true })
    error(tostring(message), 0)
    return ok
  end)
end

os.exit(t.LuaUnit.run())
