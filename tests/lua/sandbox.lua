-- A recipe in a sandbox does its work, and does not get out of it.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local sanitizer = require "support.sanitizer"

if sanitizer.threads then
  print "SKIP: ThreadSanitizer runs a thread of its own, and a sandbox is for a process with one"
  os.exit(0)
end

TestSandbox = {}

local top -- a folder with a secret, a data folder whose link leads to it, and the recipe

function TestSandbox.setUp()
  top = program.new_folder()
  core.files.make_folder(top .. "/data")
  core.system.write(top .. "/secret.txt", "the secret\n")
  core.system.write(top .. "/data/plain.txt", "plain\n")
  assert(os.execute(("ln -s ../secret.txt '%s/data/link.txt'"):format(top)))
end

function TestSandbox.tearDown() os.execute("rm -rf '" .. top .. "'") end

local HEAD = [[
local yl, core = require "yolua", require "yolua.core"
local o = yl.options({}, { { "place", "string", nil, "", "a folder" } })
local run <close> = yl.run(o)
local top = o.place .. "/.."
]]

-- Runs a recipe with that body; returns the status and all that it said.
local function run(body, ...)
  core.system.write(top .. "/recipe.lua", HEAD .. body)
  local status, out, err = program.run { "recipe.lua", "sandbox=true", "place=" .. top .. "/data", cwd = top,
    environment = sanitizer.no_leaks, ... }
  return status, out .. err
end

-- Each would print ESCAPED, or leave a trace, outside of a sandbox.
local ESCAPES = {
  ["a shell"] = "if os.execute 'true' then print 'ESCAPED' end",
  ["a pipe"] = "if io.popen 'echo' then print 'ESCAPED' end",
  ["a child of the program"] = "core.process.start({ '--version' }, run:path 'output.txt') print 'ESCAPED'",
  ["a file above the folder"] = "print(assert(io.open(top .. '/secret.txt')):read 'a')",
  ["a way up and down again"] = "print(assert(io.open(run:path 'none/../../../secret.txt')):read 'a')",
  ["a link"] = "print(assert(io.open(o.place .. '/link.txt')):read 'a')",
  ["lines of a file"] = "for line in io.lines(top .. '/secret.txt') do print(line) end",
  ["the library's reader"] = "print(core.system.read(top .. '/secret.txt'))",
  ["a sentence about a file"] = "yl.load { cfg = top .. '/secret.txt', weights = 'x', names = 'coco' }",
  ["a list of a folder"] = "print(table.concat(core.files.list(top), ' '):find 'secret' and 'ESCAPED')",
  ["a new file"] = "assert(io.open(top .. '/escaped.txt', 'w')):write 'x'",
  ["a new file in the data"] = "assert(io.open(o.place .. '/escaped.txt', 'w')):write 'x'",
  ["the library's writer"] = "core.system.write(top .. '/escaped.txt', 'x')",
  ["a new folder"] = "core.files.make_folder(top .. '/escaped.txt')",
  ["a new folder, up and down"] = "core.files.make_folder(run:path 'x/../../../escaped.txt')",
  ["a file moved out"] = "io.open(run:path 'a', 'w'):close() assert(os.rename(run:path 'a', top .. '/escaped.txt'))",
  ["a file removed"] = "assert(os.remove(top .. '/secret.txt'))",
  ["the log elsewhere"] = "core.system.warn_file(top .. '/escaped.txt') core.system.warn 'x'",
  ["the environment"] = "print(os.getenv 'HOME' and 'ESCAPED')",
  ["bytecode"] = "print(load '\\27Lua' or 'refused', string.dump and 'ESCAPED')",
  ["bytecode in a file"] = "core.system.write(run:path 'b.lua', '\\27Lua') print(loadfile(run:path 'b.lua', 'b') and 'ESCAPED')",
  ["the registry"] = "print(require 'debug'.getregistry and 'ESCAPED')",
  ["upvalues"] = "print(debug.getupvalue(io.open, 1) and 'ESCAPED')",
  ["functions on the stack"] = "print(debug.getinfo(1, 'fS').func and 'ESCAPED')",
  ["a C library"] = "print((package.loadlib or package.cpath ~= '' or package.searchers[4]) and 'ESCAPED')",
  ["a finalizer"] = "setmetatable({}, { __gc = function() end }) print 'ESCAPED'",
}

function TestSandbox.testEscapes()
  for name, body in pairs(ESCAPES) do
    local _, said = run(body)
    t.assertNil(said:find("ESCAPED", 1, true), name .. ": " .. said)
    t.assertNil(said:find("the secret", 1, true), name .. ": " .. said)
    t.assertNil(core.files.kind(top .. "/escaped.txt"), name)
    t.assertNil(core.files.kind(top .. "/data/escaped.txt"), name)
    t.assertEquals(core.system.read(top .. "/secret.txt"), "the secret\n", name)
  end
end

-- Where nothing escapes because nothing runs, the test above says nothing.
function TestSandbox.testWorks()
  core.system.write(top .. "/beside.lua", "return 'beside'")
  local status, said = run [[
    print(require "beside", io.open(o.place .. "/plain.txt"):read "l", core.system.read(o.place .. "/plain.txt"))
    local f <close> = assert(io.open(run:path "mine.txt", "w"))
    f:write "mine"
    core.files.make_folder(run:path "more/below")
    assert(os.rename(run:path "mine.txt", run:path "more/mine.txt"))
  ]]
  t.assertEquals(status, 0, said)
  t.assertStrContains(said, "beside\tplain\tplain")
  t.assertEquals(core.files.kind(top .. "/runs/recipe/more/mine.txt"), "file")
end

-- A config file is the user's as well: its paths may be read, and its `out` is the run's folder.
function TestSandbox.testConfig()
  core.system.write(top .. "/c.yaml", "out: elsewhere/run\nplace: " .. top .. "/data\n")
  core.system.write(top .. "/recipe.lua", HEAD .. "print(run:path 'x', io.open(o.place .. '/plain.txt'):read 'l')")
  local status, out, err = program.run { "recipe.lua", "sandbox=true", "config=c.yaml", cwd = top, environment = sanitizer.no_leaks }
  t.assertEquals(status, 0, err)
  t.assertStrContains(out, "elsewhere/run/x\tplain")
end

function TestSandbox.testSentence()
  local _, said = run "assert(io.open '/etc/hostname')"
  t.assertStrContains(said, "sandbox: /etc/hostname may not be read: expected a file or folder that the command line names")
end

-- Loops that a pcall, a message handler or a coroutine would hide from the count.
function TestSandbox.testInstructions()
  for name, body in pairs {
    ["a loop"] = "while true do end",
    ["under pcall"] = "while true do pcall(function() while true do end end) end",
    ["in a message handler"] = "xpcall(function() while true do end end, function() while true do end end) while true do end",
    ["in a coroutine"] = "coroutine.wrap(function() while true do end end)()",
    ["in many coroutines"] = "while true do pcall(coroutine.wrap(function() for _ = 1, 900 do end end)) end",
  } do
    local status, said = run(body, "sandbox.instructions=5")
    t.assertEquals(status, 1, name)
    t.assertStrContains(said, "sandbox: the recipe ran more Lua instructions than sandbox.instructions allows")
  end
end

function TestSandbox.testMemory()
  sanitizer.skip(t, "maps memory of its own")
  for _, body in ipairs { "local list = {} while true do list[#list + 1] = ('x'):rep(1 << 20) end", "yl.zeros { 1 << 30 }" } do
    local status, said = run(body, "sandbox.memory=256")
    t.assertEquals(status, 1, said)
    t.assertStrContains(said, "memory")
  end
end

function TestSandbox.testRefuses()
  for word, sentence in pairs {
    ["folds=fold1"] = "folds=fold1 together with sandbox=true: expected one run, it would start others",
    ["device=cuda"] = "device=cuda together with sandbox=true: expected the CPU",
    ["sandbox.memory=1"] = "sandbox.memory",
  } do
    local status, said = run("", word)
    t.assertEquals(status, 2, word .. ": " .. said)
    t.assertStrContains(said, sentence)
  end
  core.system.write(top .. "/recipe.lua", HEAD)
  local status, _, err = program.run { "recipe.lua", "sandbox.memory=100", "place=" .. top, cwd = top }
  t.assertEquals(status, 2)
  t.assertStrContains(err, "'sandbox.memory' without sandbox=true has no effect")
end

-- A recipe cannot say of itself that it is contained, nor can code that runs already.
function TestSandbox.testOnlyTheCommandLine()
  core.system.write(top .. "/recipe.lua", "require 'yolua'.options { sandbox = true }")
  for _, words in ipairs { { "recipe.lua" }, { "-e", "yl.options {}", "sandbox=true" } } do
    words.cwd = top
    local status, _, err = program.run(words)
    t.assertEquals(status, 2, err)
    t.assertStrContains(err, "expected sandbox=true on the command line of `yolua RECIPE.lua`")
  end
end

os.exit(t.LuaUnit.run())
