-- The command line as another program sees it: exit status, standard output, standard error.
local t = require "luaunit"

local endless = require("support.program").endless
local sanitizer = require "support.sanitizer"

local program = os.getenv "YOLUA_PROGRAM"
local folder = os.tmpname()
os.remove(folder)
os.execute("mkdir " .. folder)

local function put(name, text)
  local path = folder .. "/" .. name
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
  return path
end

local function slurp(path)
  local f <close> = assert(io.open(path))
  return f:read "a"
end

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- Runs the program; returns the exit status (128 + n after a signal), standard output and standard error.
local function yolua(...)
  local words = { program and quote(program) or "yolua" }
  for i, word in ipairs { ... } do words[i + 1] = quote(word) end
  local out, err = folder .. "/out", folder .. "/err"
  local _, kind, status = os.execute(table.concat(words, " ") .. " >" .. out .. " 2>" .. err .. " </dev/null")
  return kind == "exit" and status or 128 + status, slurp(out), slurp(err)
end

local function lines(text) return select(2, text:gsub("\n", "\n")) end

-- One sentence on standard error that holds the words, nothing on standard output.
local function fails(status, words, ...)
  local code, out, err = yolua(...)
  for _, word in ipairs(words) do t.assertStrContains(err, word) end
  t.assertEquals({ code, out, lines(err) }, { status, "", 1 })
end

TestCalls = {}

function TestCalls:testVersionHelpAndCode()
  local code, out, err = yolua "--version"
  t.assertEquals({ code, err }, { 0, "" })
  t.assertStrMatches(out, "yolua %d+%.%d+%.%d+\n")
  code, out = yolua("-e", "print(yl.version)")
  t.assertEquals(code, 0)
  t.assertStrMatches(out, "%d+%.%d+%.%d+\n")
  code, out, err = yolua "help"
  t.assertEquals({ code, err }, { 0, "" })
  t.assertStrContains(out, "yolua VERB [key=value ...]")
  t.assertStrMatches(out, ".*\n  verbs +anchors .*")
end

function TestCalls:testHelpPages()
  local code, out = yolua("help", "lr")
  t.assertEquals(code, 0)
  t.assertStrMatches(out, "  optim%.lr  learning rate %(number 0%.%.1000; in 1/step; default 0%.001%)\n.*")
  code, out = yolua("help", "version")
  t.assertEquals(code, 0)
  t.assertStrContains(out, "yolua version [key=value ...]")
  local _, same = yolua("version", "--help")
  t.assertEquals(same, out)
  code, out = yolua("help", put("story.lua", "-- A story.\n-- Its second line.\nlocal x = 1\n"))
  t.assertEquals(code, 0)
  t.assertStrContains(out, "A story. Its second line.\n")
  code, out = yolua("help", put("own.lua", "-- Own.\nlocal o = require('yolua').options { batch = 3 }\nprint(o.batch)\n"))
  t.assertEquals(code, 0)
  t.assertStrMatches(out, ".*\nbatch +3 +[^\n]*own.lua:2\n.*")
  code, out = yolua("help", "conv2d")
  t.assertEquals(code, 0)
  t.assertStrMatches(out, "layer conv2d.*\n  filters +output channels .*")
  code, out = yolua("help", "beta1")
  t.assertEquals(code, 0)
  t.assertStrContains(out, "optim.beta1")
  fails(2, { "no help on 'epocs', did you mean 'epochs'?" }, "help", "epocs")
end

function TestCalls:testWrongCalls()
  fails(2, { "unknown verb 'verzion', did you mean 'version'?" }, "verzion")
  fails(2, { "No such file", "none.lua" }, folder .. "/none.lua")
  local recipe = put("experiment.lua", "local x = 1 -- luacheck: ignore\n")
  fails(2, { "expermient.lua: No such file", "did you mean '" .. recipe .. "'?" }, folder .. "/expermient.lua")
  fails(2, { "unknown verb 'coco_tf', did you mean 'recipes/coco_ft.lua'?" }, "coco_tf")
  fails(2, { folder }, folder .. "/")
  fails(2, { "-e needs Lua code" }, "-e")
  fails(2, { "'jsn', did you mean 'json'?" }, "version", "jsn=true")
  fails(2, { "option 'json': expected true or false, got 'maybe'" }, "version", "json=maybe")
  fails(2, { "expected key=value, got 'json'" }, "version", "json")
end

-- Help is where one looks for it.
function TestCalls:testWaysToAskForHelp()
  local _, overview = yolua "help"
  for _, word in ipairs { "-h", "--help" } do t.assertEquals({ yolua(word) }, { 0, overview, "" }) end
  local _, page = yolua("help", "version")
  for _, word in ipairs { "-h", "--help", "help" } do t.assertEquals({ yolua("version", word) }, { 0, page, "" }) end
  t.assertEquals({ yolua("version", "json=true", "--help") }, { 0, page, "" })
  local _, other = yolua("help", "doctor")
  t.assertEquals({ yolua("help", "version", "doctor") }, { 0, page .. other, "" })
  local recipe = put("told.lua", "-- What it tells.\nlocal o = require('yolua').options { batch = 3 }\nprint(o.batch)\n")
  local code, out = yolua(recipe, "--help")
  t.assertEquals(code, 0)
  t.assertStrContains(out, "What it tells.")
  local _, version = yolua "--version"
  t.assertEquals({ yolua "-v" }, { 0, version, "" })
end

function TestCalls:testCodeWithOptions()
  t.assertEquals({ yolua("-e", "print(yl.options { epochs = 3 }.epochs)", "epochs=4") }, { 0, "4\n", "" })
  fails(2, { "command line: -e takes no options, but 'json' was given" }, "-e", "local x = 1 -- luacheck: ignore", "json=true")
  fails(2, { "command line: -e has no option 'epocs', did you mean 'epochs'?" }, "-e", "yl.options {}", "epocs=4")
  fails(2, { "expected key=value, got '4'" }, "-e", "yl.options {}", "4")
end

-- What other programs' habits lead to.
function TestCalls:testWordsThatAreNoKeyAndValue()
  local recipe = put("habits.lua", "local o = require('yolua').options { epochs = 3 }\nprint(o.epochs, o.batch)\n")
  fails(2, { "expected key=value, got '--epochs', did you mean 'epochs=5'?" }, recipe, "--epochs", "5")
  fails(2, { "expected key=value, got 'epochs', did you mean 'epochs=5'?" }, recipe, "epochs", "5")
  fails(2, { "expected key=value, got '--batch-size', did you mean 'batch=...'?" }, recipe, "--batch-size")
  fails(2, { "has no option '--batch-size', did you mean 'batch'?" }, recipe, "--batch-size=5")
  fails(2, { "expected key=value, got '--source', did you mean 'source=x.png'?" }, "predict", "--source", "x.png")
  fails(2, { "expected key=value, got 'street.png'\n" }, recipe, "street.png")
  fails(2, { "option 'epochs': expected a value, got nothing" }, recipe, "epochs=")
  fails(2, { "expected key=value, got '=5'" }, recipe, "=5")
  fails(2, { "expected a verb or a recipe before 'epochs=5'" }, "epochs=5")
  fails(2, { "unknown verb '--verson', did you mean 'version'?" }, "--verson")
  t.assertEquals({ yolua(recipe, "epochs=4", "batch=2", "epochs=5") }, { 0, "5\t2\n", "" }) -- the last one counts
end

function TestCalls:testJsonStandsAlone()
  local code, out, err = yolua("version", "json=true")
  t.assertEquals({ code, err, lines(out) }, { 0, "", 1 })
  t.assertEquals(require "yolua.core".json.decode(out).lua, _VERSION)
end

function TestCalls:testStandardInputIsAChunk()
  local p = assert(io.popen("echo 'print(1 + 1)' | " .. quote(program)))
  t.assertEquals(p:read "a", "2\n")
  p:close()
end

function TestCalls:testRecipeThenPrompt()
  local code, out = yolua("-i", put("first.lua", "print 'first'\n"))
  t.assertEquals({ code, out }, { 0, "first\n" })
  fails(1, { "bad.lua:1: assignment to undeclared global 'x'" }, "-i", put("bad.lua", "x = 1\n"))
end

function TestCalls:testFullDisk()
  local f = io.open "/dev/full"
  if not f then return end
  f:close()
  local _, _, status = os.execute(quote(program) .. " --version >/dev/full 2>" .. folder .. "/err")
  t.assertEquals(status, 1)
  t.assertStrContains(slurp(folder .. "/err"), "cannot write standard output")
end

TestStreams = {}

-- A stream that the caller closed does not lend its number to a file, which would get what is printed.
function TestStreams:testClosedOutput()
  local path = folder .. "/data"
  local code = ("local f = io.open(%q, 'w') print 'hello' io.stdout:flush() f:write 'data' f:close()"):format(path)
  local _, _, status = os.execute(("%s -e %s >&- 2>%s/err"):format(quote(program), quote(code), folder))
  t.assertEquals({ status, slurp(path), slurp(folder .. "/err") }, { 1, "data", "yolua: cannot write standard output\n" })
  _, _, status = os.execute(("%s version json=true >&- 2>%s/err"):format(quote(program), folder))
  t.assertEquals({ status, slurp(folder .. "/err") }, { 1, "yolua: cannot write standard output: it is closed\n" })
  _, _, status = os.execute(("%s -e %s >&- 2>&- <&-"):format(quote(program), quote(code)))
  t.assertEquals({ status, slurp(path) }, { 1, "data" })
end

function TestStreams:testFullOutput()
  local _, _, status = os.execute(("%s version json=true >/dev/full 2>%s/err"):format(quote(program), folder))
  t.assertEquals(status, 1)
  t.assertEquals(slurp(folder .. "/err"), "yolua: cannot write standard output: No space left on device\n")
end

-- Limits of the shell end a job with a sentence: a file that may not grow,
function TestStreams:testLimitOnFiles()
  local path = folder .. "/big"
  local code = ("yl.core.system.write(%q, ('x'):rep(100000))"):format(path)
  local script = ("bash -c 'ulimit -f 8; exec \"$0\" -e \"$1\"' %s %s 2>%s/err"):format(quote(program), quote(code), folder)
  local _, _, status = os.execute(script)
  t.assertEquals(status, 1)
  t.assertStrContains(slurp(folder .. "/err"), path .. ": File too large")
end

-- and too few addresses for OpenBLAS to start.
function TestStreams:testLimitOnAddresses()
  sanitizer.skip(t, "takes most of the addresses itself")
  local _, _, status = os.execute(("bash -c 'ulimit -v 180000; exec \"$0\" version' %s 2>%s/err"):format(quote(program), folder))
  t.assertEquals(status, 1)
  t.assertStrContains(slurp(folder .. "/err"), "the limit on memory (ulimit -v)")
end

TestRecipes = {}

function TestRecipes:testOptions()
  local path = put("r.lua", [[
    local yl = require "yolua"
    local o = yl.options({ epochs = 3, optim = { lr = 0.5 } }, { { "rounds", "int", 2, "", "rounds of pruning" } })
    print(o.epochs, o.batch, o.optim.lr, o.rounds, o.data.name)
  ]])
  local code, out, err = yolua(path, "batch=4", "rounds=5", "data=kitti")
  t.assertEquals({ code, out, err }, { 0, "3\t4\t0.5\t5\tkitti\n", "" })
  fails(2, { "command line: " .. path .. " has no option 'bach', did you mean 'batch'?" }, path, "bach=4")
  fails(2, { "command line: option 'batch': expected an integer in 1..65536", "got 0" }, path, "batch=0")
  fails(2, { "did you mean 'optim.lr'?" }, path, "lr0=4")
  fails(2, { "did you mean 'batch=4'?" }, path, "--batch-size", "4")
end

function TestRecipes:testConfigFile()
  if not require "yolua.core".yaml then return end
  local path = put("c.lua", 'local o = require("yolua").options { epochs = 3, batch = 2 }\nprint(o.epochs, o.batch, o.seed, o.optim.lr)\n')
  local code, out, err = yolua(path, "config=" .. put("c.yaml", "epochs: 4\nbatch: 6\noptim: {lr: 0.25}\n"), "batch=9")
  t.assertEquals({ code, out, err }, { 0, "4\t9\t1\t0.25\n", "" })
  fails(2, { "k.yaml", "'epocs', did you mean 'epochs'?" }, path, "config=" .. put("k.yaml", "epocs: 3"))
  fails(2, { "b.yaml" }, path, "config=" .. put("b.yaml", "epochs: [1, 2"))
  fails(2, { "t.yaml:2: option 'batch'", "'many'" }, path, "config=" .. put("t.yaml", "seed: 2\nbatch: many"))
  fails(2, { "l.yaml", "got a list" }, path, "config=" .. put("l.yaml", "- 1\n- 2\n"))
end

function TestRecipes:testOwnFaults()
  fails(1, { "s.lua:1:" }, put("s.lua", "local x = = 1\n"))
  fails(1, { "o.lua:1: option 'epochs': expected an integer" }, put("o.lua", 'require("yolua").options { epochs = "many" }\n'))
  local shape = put("z.lua", "local yl = require 'yolua'\n\nlocal x = yl.zeros { -1 }\nprint(x)\n")
  fails(1, { "z.lua:3: tensor: expected sizes of at least 0, got -1" }, shape)
  local index = put("i.lua", "local yl = require 'yolua'\nlocal x = yl.zeros { 2 }\nprint(x[3])\n")
  fails(1, { "i.lua:3: tensor: index 3 is outside axis 1 of size 2" }, index)
  fails(1, { "yl has no 'trian'" }, put("n.lua", "local yl = require 'yolua'\nprint(yl.trian)\n"))
  fails(1, { "p.lua:2: attempt to index a nil value" }, put("p.lua", "local o = {}\nfor i in ipairs(o.list) do print(i) end\n"))
  fails(2, { "takes no options, but 'a' was given" }, put("q.lua", "local x = 1 -- luacheck: ignore\n"), "a=1")
end

function TestRecipes:testTracebacks()
  local code, out, err = yolua(put("e.lua", "local function f() error('boom') end\nf()\n"))
  t.assertEquals({ code, out }, { 1, "" })
  t.assertStrMatches(err, "yolua: [^\n]*e%.lua:1: boom\n.*e%.lua:2: in [^\n]*\n")
  code, out, err = yolua(put("d.lua", "local function f(n) local x = n > 0 and f(n - 1) or nil + 1 return x end\nf(100)\n"))
  t.assertEquals({ code, out }, { 1, "" })
  t.assertTrue(lines(err) <= 12)
  code, out, err = yolua(put("x.lua", "error({})\n"))
  t.assertEquals({ code, out }, { 1, "" })
  t.assertStrContains(err, "error object")
end

function TestRecipes:testStrictGlobals()
  local _, _, err = yolua(put("g.lua", "pritn('x')\n"))
  t.assertStrContains(err, "g.lua:1: undeclared global 'pritn', did you mean 'print'?")
  _, _, err = yolua(put("w.lua", "answer = 42\n"))
  t.assertStrContains(err, "w.lua:1: assignment to undeclared global 'answer'")
  local code, out = yolua("-e", "answer = 42 print(answer)")
  t.assertEquals({ code, out }, { 0, "42\n" })
end

function TestRecipes:testModulesBesideTheRecipe()
  put("beside.lua", "return 'found'\n")
  local code, out = yolua(put("m.lua", "print((require 'beside'))\n"))
  t.assertEquals({ code, out }, { 0, "found\n" })
end

TestSignals = {}

-- The shell has `sleep` send the signals; the recipe is plain Lua, which only the second one stops.
function TestSignals:testSecondInterruptRaises()
  local path = put("loop.lua", "io.stdout:write('up\\n') io.stdout:flush()\n" .. endless .. "\n")
  local script = ([[
    %s %s >%s/out 2>%s/err & p=$!
    for i in $(seq 100); do [ -s %s/out ] && break; sleep 0.02; done
    kill -INT $p; sleep 0.1; kill -0 $p || exit 9; kill -INT $p; wait $p
  ]]):format(quote(program), path, folder, folder, folder)
  os.remove(folder .. "/out")
  local _, kind, status = os.execute("bash -c " .. quote(script))
  t.assertEquals({ kind, status }, { "exit", 1 })
  local err = slurp(folder .. "/err")
  t.assertStrContains(err, "stopping after this step")
  t.assertStrContains(err, "interrupted")
end

-- A signal while standard output is full: everything that was printed arrives all the same.
function TestSignals:testInterruptedWriting()
  local code = "io.stdout:write(('x'):rep(65536)):flush() io.stderr:write 'up' io.stdout:write 'y'" -- a pipe holds 64 KiB
  local script = ([[
    %s -e %s 2>%s/err > >(sleep 0.6; cat >%s/out; touch %s/end) & p=$!
    for i in $(seq 100); do [ -s %s/err ] && break; sleep 0.02; done
    sleep 0.1; kill -INT $p; wait $p; s=$?
    for i in $(seq 100); do [ -e %s/end ] && break; sleep 0.02; done
    exit $s
  ]]):format(quote(program), quote(code), folder, folder, folder, folder, folder)
  os.remove(folder .. "/err")
  local _, kind, status = os.execute("bash -c " .. quote(script))
  t.assertEquals({ kind, status, #slurp(folder .. "/out") }, { "exit", 0, 65537 })
end

local status = t.LuaUnit.run()
os.execute("rm -r " .. folder)
os.exit(status)
