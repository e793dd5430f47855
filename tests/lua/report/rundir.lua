-- Run directories: numbered and never overwritten, refused with a sentence where they cannot be made, and their record read back.
local t = require "luaunit"
local core = require "yolua.core"
local rundir = require "yolua.report.rundir"
local files = core.files

local top

TestRundir = {}

function TestRundir.setUp()
  top = os.tmpname()
  os.remove(top)
  files.make_folder(top)
end

function TestRundir.tearDown() os.execute("chmod -R u+w '" .. top .. "'; rm -rf '" .. top .. "'") end

function TestRundir.testNumbers()
  local made = {}
  for i = 1, 4 do made[i] = rundir.make("x", top .. "/a/b") end
  t.assertEquals(made, { top .. "/a/b", top .. "/a/b-2", top .. "/a/b-3", top .. "/a/b-4" })
  os.remove(top .. "/a/b-3/log.txt")
  os.remove(top .. "/a/b-3")
  t.assertEquals(rundir.make("x", top .. "/a/b"), top .. "/a/b-3") -- the first number that is free
  t.assertEquals(files.kind(top .. "/a/b-3/log.txt"), "file")
end

-- What stands there is left as it is, be it a folder with something in it or a file.
function TestRundir.testNothingIsOverwritten()
  files.make_folder(top .. "/run")
  core.system.write(top .. "/run/last.safetensors", "precious")
  core.system.write(top .. "/run-2", "a file")
  t.assertEquals({ rundir.make("x", top .. "/run") }, { top .. "/run-3", {} })
  t.assertEquals(core.system.read(top .. "/run/last.safetensors"), "precious")
  t.assertEquals(core.system.read(top .. "/run-2"), "a file")
  t.assertEquals(files.list(top .. "/run"), { "last.safetensors" })
end

-- An empty folder is taken as it is, and the second value says that it was there before.
function TestRundir.testEmptyFoldersAreTaken()
  files.make_folder(top .. "/mine")
  t.assertEquals({ rundir.make("x", top .. "/mine/") }, { top .. "/mine" })
  t.assertEquals({ rundir.make("x", top .. "/fresh///") }, { top .. "/fresh", {} })
end

function TestRundir.testDefaultName()
  local program = require "support.program"
  local script = top .. "/story.lua"
  core.system.write(script, "local yl = require 'yolua'\nlocal run = yl.run(yl.options {})\nprint(run.dir)\n")
  t.assertStrContains(program.ok { script, cwd = top }, "\nruns/story\n")
  t.assertStrContains(program.ok { script, cwd = top }, "\nruns/story-2\n")
  t.assertEquals(files.kind(top .. "/runs/story-2/config.yaml"), "file")
end

function TestRundir.testImpossible()
  core.system.write(top .. "/file", "x")
  for _, out in ipairs { top .. "/file/run", "/proc/1/run", "/dev/null/a/b", "/dev/full", "/dev/null/" } do
    local ok, sentence = pcall(rundir.make, "x", out)
    t.assertFalse(ok)
    t.assertStrContains(sentence, out:match "^/[^/]+/[^/]+")
    t.assertNil(sentence:find "\n")
  end
end

local function config(text)
  files.make_folder(top .. "/r")
  core.system.write(top .. "/r/config.yaml", text)
  return rundir.config(top .. "/r")
end

function TestRundir.testConfig()
  local values, made = config "epochs: 3\nprovenance: {yolua: 1.0, name: mine}\n"
  t.assertEquals({ values, made.name }, { { epochs = 3 }, "mine" })
  t.assertErrorMsgContains("no such run directory " .. top .. "/none", rundir.config, top .. "/none")
  t.assertErrorMsgContains("is not a run directory (config.yaml is missing)", rundir.config, top)
  for _, text in ipairs { "- 1\n", "epochs: 3\n", "provenance: 4\n", "just words\n" } do
    t.assertErrorMsgContains("r/config.yaml: expected the options of a run and their provenance", config, text)
  end
  t.assertErrorMsgContains("r/config.yaml", config, "epochs: [1, 2\n")
end

local function metrics(text, last)
  core.system.write(top .. "/metrics.jsonl", text)
  return rundir.metrics(top, last)
end

function TestRundir.testMetrics()
  t.assertEquals(rundir.metrics(top), {})
  local three = '{"epoch":1,"x":5}\n{"epoch":2}\n{"epoch":3}\n'
  t.assertEquals(metrics(three), { { epoch = 1, x = 5 }, { epoch = 2 }, { epoch = 3 } })
  t.assertEquals(#metrics(three, 2), 2)
  t.assertEquals(#metrics(three, 0), 0)
  t.assertEquals(#metrics(three .. '{"epoch":4'), 3) -- cut short: without its end of line
  t.assertEquals(#metrics(three .. '{"epoch":4}'), 3) -- so is a line that lacks nothing but its end
  t.assertEquals(#metrics(three .. '{"epoch":4\n{"epoch":5}\n'), 3)
  t.assertEquals(#metrics(three .. "7\n"), 3)
  t.assertEquals(#metrics(three .. '{"epoch":"four"}\n', 9), 3)
  t.assertEquals(#metrics(three .. '{"loss":1}\n', 9), 3)
  t.assertEquals(metrics "", {})
end

function TestRundir.testWriteMetrics()
  rundir.write_metrics(top, { { epoch = 1, train_loss = 0.1 + 0.2 }, { epoch = 2, train_loss = 0 / 0 } })
  local text = core.system.read(top .. "/metrics.jsonl")
  t.assertEquals(text, '{"epoch":1,"train_loss":0.30000000000000004}\n{"epoch":2,"train_loss":null}\n')
  t.assertEquals(rundir.metrics(top)[1].train_loss, 0.1 + 0.2)
  rundir.write_metrics(top, {})
  t.assertEquals(core.system.read(top .. "/metrics.jsonl"), "")
end

-- Only a folder that holds nothing but a run's first two files goes away.
function TestRundir.testDiscard()
  local a, b = rundir.make("x", top .. "/a"), rundir.make("x", top .. "/b")
  core.system.write(a .. "/config.yaml", "x: 1\n")
  core.system.write(b .. "/mine.txt", "x")
  rundir.discard(a)
  rundir.discard(b)
  t.assertNil(files.kind(a))
  t.assertEquals(files.list(b), { "log.txt", "mine.txt" })
end

-- With it go the folders that were made for it; one that holds something else stays.
function TestRundir.testDiscardAbove()
  files.make_folder(top .. "/old")
  local a, above = rundir.make("x", top .. "/old/p/q/run")
  t.assertEquals(above, { top .. "/old/p/q", top .. "/old/p" })
  core.system.write(top .. "/old/p/mine.txt", "x")
  rundir.discard(a, above)
  t.assertEquals({ files.list(top .. "/old"), files.list(top .. "/old/p") }, { { "p" }, { "mine.txt" } })
end

-- One process at a time works in a run's folder; this one may take it as often as it likes.
function TestRundir.testOneProcess()
  local dir = rundir.make("x", top .. "/locked")
  local lock = rundir.lock(dir)
  t.assertNotNil(lock)
  t.assertNil(rundir.lock(dir))
  t.assertFalse(rundir.busy(dir))
  rundir.unlock(dir, lock)
  local other <close> = assert(core.files.lock(dir .. "/log.txt")) -- as another process has it
  t.assertTrue(rundir.busy(dir))
  t.assertErrorMsgEquals("another process is at work in " .. dir, rundir.lock, dir)
  t.assertNotNil(other)
end

os.exit(t.LuaUnit.run())
