-- What a trial is known by, and what its folder tells.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local trial = require "yolua.sweep.trial"

local top = program.tiny()
core.system.write(top .. "/recipe.lua", [[
local yl = require "yolua"
local o = yl.options { epochs = 3, batch = 4 }
local run <close> = yl.run(o)
error "a sweep reads no further"
]])

local number = 0

-- The hash of a trial with these words.
local function hash(words, recipe)
  number = number + 1
  local list = { "config=" .. top .. "/config.yaml", table.unpack(words) }
  local one = { number = 1, recipe = recipe or top .. "/recipe.lua", words = list, where = "trial 1" }
  trial.identify { one }
  return one.hash, one
end

TestHash = {}

function TestHash.testWhatCounts()
  local plain, one = hash {}
  t.assertEquals({ #plain, #one.data_hash, one.options.epochs }, { 16, 16, 20 })
  for _, words in ipairs { { "threads=1" }, { "data.workers=0" }, { "data.cache=10" }, { "epochs=20" }, { "json=true" }, { "jobs=3" } } do
    t.assertEquals(hash(words), plain, words[1])
  end
  local seen = { [plain] = true }
  for _, words in ipairs { { "epochs=19" }, { "seed=2" }, { "optim=adam" }, { "data.limit=3" }, { "data.seed=2" }, { "seeds=2" } } do
    local other = hash(words)
    t.assertNil(seen[other], words[1])
    seen[other] = true
  end
end

-- The bytes behind the names count too: the recipe, the network, the labels.
function TestHash.testFiles()
  local plain = hash {}
  for _, path in ipairs { "/recipe.lua", "/tiny.cfg", "/data/training/label_2/000003.txt" } do
    local text = core.system.read(top .. path)
    core.system.write(top .. path, (path:find "cfg" and "# more\n" or "") .. text .. (path:find "txt" and text:match "[^\n]*\n" or "\n"))
    t.assertNotEquals(hash {}, plain, path)
    core.system.write(top .. path, text)
    t.assertEquals(hash {}, plain, path)
  end
end

-- So do the bytes of a pruning schedule.
function TestHash.testScheduleFile()
  local path = top .. "/schedule.lua"
  core.system.write(path, "return function() return .1 end")
  local words = { "schedule=" .. path, "rounds=2" }
  local plain = hash(words, "prune")
  core.system.write(path, "return function() return .2 end")
  t.assertNotEquals(hash(words, "prune"), plain)
end

-- The recipe is asked for its options alone, and nothing of that stays behind.
function TestHash.testLeavesNoTrace()
  local arguments, path = require "yolua.options.arguments", package.path
  local given, taken = arguments.given, arguments.taken
  hash {}
  t.assertEquals({ arguments.given, arguments.taken, package.path }, { given, taken, path })
  t.assertNil(arguments.on_run)
  t.assertNil(arguments.where)
end

function TestHash.testNoRun()
  core.system.write(top .. "/none.lua", "local yl = require 'yolua'\nyl.options {}\n")
  t.assertErrorMsgContains("none.lua begins no run (yl.run)", hash, {}, top .. "/none.lua")
end

TestFolder = {}

-- A trial that was made with other defaults is not taken for the same.
function TestFolder.testDefaults()
  local _, one = hash { "seed=3" }
  trial.look(one, top .. "/trials")
  t.assertEquals(one.status, "waiting")
  core.files.make_folder(one.dir)
  core.system.write(one.dir .. "/results.json", "{}")
  local function kept(options)
    core.system.write(one.dir .. "/trial.json", core.json.encode { status = "done", options = options })
    trial.look(one, top .. "/trials")
  end
  kept { seed = 3, optim = { lr = one.options.optim.lr }, gone = 1, data = { workers = 17 } }
  t.assertEquals(one.status, "done")
  t.assertErrorMsgContains("was made with optim.warmup=7, whose default is now 0: expected another out=", kept, { optim = { warmup = 7 } })
end

-- The reason of a failure is the last complaint that the process printed, in this attempt.
function TestFolder.testReason()
  local _, one = hash { "seed=4" }
  trial.look(one, top .. "/trials")
  core.files.make_folder(one.dir)
  local before = "yolua: an older complaint\n"
  core.system.write(trial.output(one), before .. "a line\nyolua: warning: no reason\n\27[Kyolua: it broke\n\tmore\n")
  trial.ended(one, 1, #before)
  t.assertEquals({ one.status, one.reason }, { "failed", "it broke" })
  trial.ended(one, -9, #before)
  t.assertEquals(one.reason, "ended by signal 9")
  core.system.write(trial.output(one), before)
  trial.ended(one, 0, #before)
  t.assertEquals(one.reason, "left no results.json")
  trial.ended(one, 3, #before)
  t.assertEquals(one.reason, "ended with status 3")
end

local code = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(code)
