-- core.files and core.machine: folders made once, lists in order, appended lines, fingerprints.
local t = require "luaunit"
local core = require "yolua.core"
local files = core.files

TestFiles = {}

function TestFiles:setUp()
  self.top = os.tmpname()
  os.remove(self.top)
end

function TestFiles:tearDown() os.execute("rm -rf '" .. self.top .. "'") end

function TestFiles:testNewFolder()
  t.assertNil(files.kind(self.top))
  t.assertTrue(files.new_folder(self.top .. "/a/b"))
  t.assertFalse(files.new_folder(self.top .. "/a/b"))
  t.assertTrue(files.new_folder(self.top .. "/a/c///"))
  t.assertEquals(files.kind(self.top .. "/a/b"), "folder")
  files.make_folder(self.top .. "/a/b")
  t.assertEquals(files.list(self.top .. "/a"), { "b", "c" })
end

local function refused(word, f, ...)
  local ok, message = pcall(f, ...)
  t.assertFalse(ok)
  t.assertStrContains(message, word)
  t.assertNil(message:find "\n")
end

-- What a function writes is there when it has returned, and nothing of it where it fails.
function TestFiles:testTogether()
  files.make_folder(self.top)
  local function write(fails)
    core.system.write(self.top .. "/a", "a")
    t.assertNil(files.kind(self.top .. "/a"))
    if fails then error("no b", 0) end
    core.system.write(self.top .. "/b", "b")
    return 1, nil, 3
  end
  refused("no b", files.together, write, true)
  t.assertEquals(files.list(self.top), {})
  t.assertEquals(table.pack(files.together(write)), { 1, nil, 3, n = 3 })
  t.assertEquals(files.list(self.top), { "a", "b" })
  refused("function", files.together, "no function")
end

function TestFiles:testRefusals()
  refused("/proc/yolua", files.new_folder, "/proc/yolua/run")
  refused("absent", files.list, self.top .. "/absent")
  refused("absent", files.append, self.top .. "/absent/x", "line\n")
  files.make_folder(self.top)
  files.append(self.top .. "/file", "x")
  t.assertFalse(files.new_folder(self.top .. "/file"))
  refused("file", files.make_folder, self.top .. "/file")
  refused("file", files.make_folder, self.top .. "/file/below")
  refused("empty", files.make_folder, "")
  refused("/dev/full", files.append, "/dev/full", "line\n")
end

function TestFiles:testAppendAndHash()
  files.make_folder(self.top)
  local path = self.top .. "/lines"
  files.append(path, "one\n")
  files.append(path, "two\n")
  t.assertEquals(core.system.read(path), "one\ntwo\n")
  t.assertEquals(files.kind(path), "file")
  t.assertEquals(files.hash(path), files.hash_text "one\ntwo\n")
  t.assertEquals(files.hash_text "", "2d06800538d394c2") -- the published XXH3 of nothing, seed 0
  t.assertNotEquals(files.hash_text "one\ntwo\n", files.hash_text "one\ntwo ")
end

-- attempt is pcall, but for what says nothing about the question: a file that cannot be read, no memory, an interruption.
function TestFiles:testAttempt()
  local system = core.system
  t.assertEquals({ system.attempt(function(...) return ... end, 1, nil, 3) }, { true, 1, nil, 3 })
  local ok, sentence = system.attempt(core.json.decode, "{", "x.json")
  t.assertFalse(ok)
  t.assertStrContains(sentence, "x.json")
  t.assertEquals({ system.attempt(error, { 7 }) }, { false, { 7 } })
  local missing = self.top .. "/missing"
  t.assertErrorMsgContains("cannot open " .. missing, system.attempt, system.read, missing)
  t.assertEquals({ system.attempt(pcall, system.read, missing) }, { true, false, select(2, pcall(system.read, missing)) })
  t.assertErrorMsgContains("not enough memory", system.attempt, error, "not enough memory", 0)
  t.assertTrue(system.is_trouble "not enough memory")
  t.assertFalse(system.is_trouble(sentence))
  local co = coroutine.wrap(function() return system.attempt(coroutine.yield, 5) end)
  t.assertEquals({ co(), co(6) }, { 5, true, 6 })
end

function TestFiles.testMachine()
  local m = core.machine()
  t.assertTrue(m.processors >= 1 and m.threads >= 1)
  t.assertStrContains(m.blas, "OpenBLAS")
  t.assertEquals(m.blas_parallel, "openmp")
  t.assertTrue(m.peak_bytes > 1e6 and m.memory_bytes > m.peak_bytes)
end

os.exit(t.LuaUnit.run())
