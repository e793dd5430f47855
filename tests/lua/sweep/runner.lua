-- Trials end with the call that runs them: what an error leaves running is asked to stop, and waited for.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local runner = require "yolua.sweep.runner"
local wait = require "support.wait"
local files, process = core.files, core.process

local top = program.new_folder()
files.make_folder(top)
core.system.write(top .. "/endless.lua", ([[
local core = require "yolua.core"
core.system.write("%s/begun", "")
while not core.system.interrupted() do core.process.rest(0.01) end
]]):format(top))

TestRunner = {}

function TestRunner.testAnErrorWaitsForTheTrials()
  local trial = { number = 1, hash = "0", recipe = top .. "/endless.lua", words = {}, dir = top .. "/0", parent = top, status = "waiting" }
  local function say(format)
    if not format:find " in %%s$" then return end -- it starts
    wait(function() return files.kind(top .. "/begun") end, "the trial")
    error("no space left", 0)
  end
  local ok, reason = pcall(runner.run, { trials = { trial }, jobs = 1, say = say, changed = function() end })
  t.assertEquals({ ok, reason }, { false, "no space left" })
  t.assertErrorMsgContains("its end is known", process.ended, trial.process)
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
