-- The run object: a folder that is never overwritten, a record that survives a crash, refusals that name the folder.
local t = require "luaunit"
local yl = require "yolua"
local sanitizer = require "support.sanitizer"
local core = yl.core
local files = core.files

TestRun = {}

local real_print = print

function TestRun:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
  rawset(_G, "print", function() end)
end

function TestRun:tearDown()
  rawset(_G, "print", real_print)
  os.execute("rm -rf '" .. self.top .. "'")
end

local function read(run, name) return core.system.read(run:path(name)) end

-- threads= counts in a recipe, which has no verb to look at it, and in a run that continues from its first epoch.
function TestRun:testThreads()
  if sanitizer.threads then return t.skip "a build for ThreadSanitizer has one thread" end
  local before, options = core.system.threads(), require "yolua.options.table"
  local other = before == 1 and 2 or 1
  local o = yl.options {}
  options.set(o, "threads", other, { where = "command line", outside = true })
  options.set(o, "out", self.top .. "/threads", { where = "command line", outside = true })
  do local _ <close> = yl.run(o) end
  local first = core.system.threads()
  core.system.threads(before)
  local later = yl.options {}
  options.set(later, "resume", self.top .. "/threads", { where = "command line", outside = true })
  do local _ <close> = yl.run(later) end
  local second = core.system.threads()
  core.system.threads(before)
  t.assertEquals({ first, second }, { other, other })
end

function TestRun:testNumbersAndNeverOverwrites()
  local out = self.top .. "/deep/run/"
  local a, b, c = yl.run { out = out }, yl.run { out = out }, yl.run { out = out }
  t.assertEquals({ a.dir, b.dir, c.dir }, { self.top .. "/deep/run", self.top .. "/deep/run-2", self.top .. "/deep/run-3" })
  files.make_folder(self.top .. "/empty")
  t.assertEquals(yl.run({ out = self.top .. "/empty" }).dir, self.top .. "/empty")
  files.append(self.top .. "/file", "x")
  t.assertEquals(yl.run({ out = self.top .. "/file" }).dir, self.top .. "/file-2")
end

-- A run that was interrupted has no results yet; its time is at least that of its epochs.
function TestRun:testSecondsOfAnInterruptedRun()
  local run = yl.run { out = self.top .. "/long" }
  run:log_epoch { epoch = 1, seconds = 1000 }
  run:log_epoch { epoch = 2, seconds = 500.5 }
  run:__close()
  local resumed = yl.run { resume = self.top .. "/long" }
  t.assertAlmostEquals(resumed:seconds(), 1500.5, 60)
end

function TestRun.testImpossibleFolder()
  for _, out in ipairs { "/proc/yolua", "/dev/null/run" } do
    local ok, sentence = pcall(yl.run, { out = out })
    t.assertFalse(ok)
    t.assertStrContains(sentence, out:match "^/[^/]+/[^/]+")
    t.assertNil(sentence:find "\n")
  end
end

function TestRun:testConfig()
  local run = yl.run({ out = self.top .. "/a", seed = 7, device = "cpu", optim = { name = "sgd", lr = 0.1 } }, "mine")
  run:use { name = "kitti", hash = "00ff" }
  local config = core.yaml.decode(read(run, "config.yaml"))
  t.assertEquals({ config.seed, config.optim.lr, config.optim.name }, { 7, 0.1, "sgd" })
  local made = config.provenance
  t.assertEquals({ made.name, made.device, made.data_hash, made.yolua }, { "mine", "cpu", "00ff", core.version })
  t.assertTrue(made.threads >= 1)
end

-- What is warned of while a run is open stands in its log, in the inner one's where there are two; afterwards in none.
function TestRun:testWarningsAreLogged()
  local outer = yl.run { out = self.top .. "/a" }
  core.system.warn "one"
  do
    local inner <close> = yl.run { out = self.top .. "/b" }
    core.system.warn "two"
    t.assertStrContains(read(inner, "log.txt"), "warning: two\n")
  end
  core.system.warn "three"
  outer:__close()
  core.system.warn "four"
  t.assertEquals(read(outer, "log.txt"):match "\n(warning.*)", "warning: one\nwarning: three\n")
end

-- One that is drawn in part says so there.
function TestRun:testPartialIsLogged()
  local run <close> = yl.run { out = self.top .. "/a" }
  files.make_folder(self.top)
  core.system.write(self.top .. "/a.cfg", "[net]\nwidth=8\nheight=8\nchannels=1\n[convolutional]\n[convolutional]\n")
  core.system.write(self.top .. "/a.conv.1", string.pack("<i4i4i4i8ff", 0, 2, 0, 0, 1, 2))
  yl.load { cfg = self.top .. "/a.cfg", weights = self.top .. "/a.conv.1", partial = true }
  t.assertStrContains(read(run, "log.txt"), "a.conv.1: kept: conv1, 2 numbers; initialized: conv2, 2 numbers\n")
end

function TestRun:testMetricsAndResume()
  local run = yl.run { out = self.top .. "/a", seed = 3 }
  run:use { hash = "aa" }
  for epoch = 1, 3 do run:log_epoch { epoch = epoch, train_loss = 1 / epoch, dev_loss = 0 / 0 } end
  files.append(run:path "metrics.jsonl", '{"epoch":4,"trai') -- a crash in the middle of a line
  local again = yl.run { resume = self.top .. "/a/" }
  t.assertTrue(again.resumed)
  t.assertEquals({ again.dir, #again.epochs, again.epochs[3].train_loss }, { run.dir, 3, 1 / 3 })
  again:rewind(2)
  again:log_epoch { epoch = 3, train_loss = 0.5 }
  t.assertEquals(#yl.run({ resume = self.top .. "/a" }).epochs, 3)
  t.assertStrContains(read(run, "metrics.jsonl"), '{"dev_loss":null,"epoch":2,"train_loss":0.5}\n')
  t.assertErrorMsgContains("hash was aa and is now bb", again.use, again, { hash = "bb" })
end

function TestRun:testResumeTakesOptions()
  local options, fields = require "yolua.options.table", require "yolua.options.fields"
  local list = fields.get { "data", "train", "optim", "run" }
  local o = options.new(list, "yolua train")
  options.set(o, "data", "kitti", { where = "command line", outside = true })
  options.set(o, "epochs", "7", { where = "command line", outside = true })
  options.set(o, "optim.lr", "0.25", { where = "command line", outside = true })
  o.out = self.top .. "/a"
  yl.run(o)
  local later = options.new(list, "yolua train")
  options.set(later, "resume", self.top .. "/a", { where = "command line", outside = true })
  options.set(later, "epochs", "9", { where = "command line", outside = true })
  yl.run(later)
  t.assertEquals({ later.data.name, later.epochs, later.optim.lr, later.optim.name }, { "kitti", 9, 0.25, "sgd" })
end

function TestRun:testResumeRefusals()
  t.assertErrorMsgContains("norun", yl.run, { resume = self.top .. "/norun" })
  files.make_folder(self.top .. "/other")
  t.assertErrorMsgContains("config.yaml", yl.run, { resume = self.top .. "/other" })
  core.system.write(self.top .. "/other/config.yaml", "epochs: 3\n")
  t.assertErrorMsgContains("other/config.yaml", yl.run, { resume = self.top .. "/other" })
end

function TestRun:testFailureAtOnceLeavesNoLitter()
  local dir
  t.assertErrorMsgContains("no such network", function()
    local run <close> = yl.run { out = self.top .. "/a" }
    dir = run.dir
    error "no such network"
  end)
  t.assertNil(files.kind(dir))
  t.assertErrorMsgContains("diverged", function()
    local run <close> = yl.run { out = self.top .. "/b" }
    run:log_epoch { epoch = 1 }
    error "diverged"
  end)
  t.assertStrContains(core.system.read(self.top .. "/b/log.txt"), "failed: ")
end

function TestRun:testBestNeedsACheckpoint()
  local run = yl.run { out = self.top .. "/a" }
  t.assertErrorMsgContains("has no checkpoint", run.best, run)
end

os.exit(t.LuaUnit.run())
