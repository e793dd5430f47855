-- From words and files to options: parsing key=value, config files, and who wins.
local t = require "luaunit"
local arguments = require "yolua.options.arguments"
local core = require "yolua.core"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local function failure(f, ...)
  local ok, e = pcall(f, ...)
  t.assertFalse(ok)
  return tostring(e), schema.is_usage(e)
end

local function resolve(words, defaults)
  return arguments.resolve {
    who = "a.lua", fields = { "model", "data", "size", "train", "optim", "run" }, defaults = defaults, where = "a.lua:3",
    list = arguments.parse(words),
  }
end

local files = {}

local function config(text)
  local path = os.tmpname()
  files[#files + 1] = path
  core.system.write(path, text)
  return path
end

TestParse = {}

function TestParse:testWords()
  t.assertEquals(arguments.parse {}, {})
  t.assertEquals(arguments.parse { "a=1", "data.root=/x y/z", "b=", "c==", "names=a=b" }, {
    { key = "a", value = "1" }, { key = "data.root", value = "/x y/z" }, { key = "b", value = "" }, { key = "c", value = "=" },
    { key = "names", value = "a=b" },
  })
  for _, word in ipairs { "a", "=1", "", "a b=1", "--batch", "-x" } do
    local text, usage = failure(arguments.parse, { word })
    t.assertStrContains(text, "expected key=value, got '" .. word .. "'")
    t.assertTrue(usage)
  end
end

TestNetwork = {}

-- Runs f with warnings kept instead of shown; returns them.
local function warnings(f)
  local real, said = core.system.warn, {}
  local back <close> = setmetatable({}, { __close = function() core.system.warn = real end })
  core.system.warn = function(sentence) said[#said + 1] = sentence end
  t.assertEquals(type(back), "table")
  f()
  return said
end

function TestNetwork:testTwoNetworksAreAFault()
  for _, other in ipairs { "cfg", "weights", "names" } do
    local text, usage = failure(resolve, { "model=m", other .. "=x" })
    t.assertEquals(text, "command line: '" .. other .. "=x' together with 'model=m': expected either a checkpoint or a Darknet network " ..
      "(cfg, weights, names)")
    t.assertTrue(usage)
  end
  local path = config "cfg: a\nmodel: m\n"
  local text, usage = failure(resolve, { "config=" .. path })
  t.assertStrContains(text, path .. ": 'cfg=a' together with 'model=m'")
  t.assertTrue(usage)
  text, usage = failure(resolve, {}, { cfg = "a", model = "m" })
  t.assertStrContains(text, "a.lua:3: 'cfg=a' together with")
  t.assertFalse(usage)
  t.assertStrContains(failure(resolve, { "weights=w" }, { model = "m" }), "'weights=w' together with 'model=m'")
end

function TestNetwork:testLaterStagesReplace()
  local o
  local path = config "model: m\n"
  local said = warnings(function() o = resolve({ "config=" .. path }, { cfg = "a", names = "n" }) end)
  t.assertEquals({ o.model, tostring(o.cfg), tostring(o.names) }, { "m", "nil", "nil" })
  t.assertEquals(said, { "model=m: dropped cfg, names, which named another network" })
  said = warnings(function() o = resolve({ "config=" .. path, "cfg=b", "weights=w" }) end)
  t.assertEquals({ o.cfg, o.weights, tostring(o.model) }, { "b", "w", "nil" })
  t.assertEquals(said, { "cfg=b: dropped model, which named another network" })
  said = warnings(function() o = resolve({ "weights=w" }, { cfg = "a", names = "n" }) end)
  t.assertEquals({ o.cfg, o.weights, o.names, #said }, { "a", "w", "n", 0 })
end

TestConfig = {}

function TestConfig:testPrecedence()
  local path = config "epochs: 4\nbatch: 6\noptim: {name: adam, lr: 0.25}\ndata:\n  limit: 3\nimgsz: [64, 32]\nfreeze: [a, b]\n"
  local o = resolve({ "batch=9", "config=" .. path }, { epochs = 3, batch = 2, seed = 7 })
  t.assertEquals(o.epochs, 4)
  t.assertEquals(o.batch, 9)
  t.assertEquals(o.seed, 7)
  t.assertEquals(o.optim.name, "adam")
  t.assertEquals(o.optim.lr, 0.25)
  t.assertEquals(o.data.limit, 3)
  t.assertEquals(o.imgsz, { 64, 32 })
  t.assertEquals(o.freeze, { "a", "b" })
  t.assertEquals(options.origin(o, "batch"), "command line")
  t.assertEquals(options.origin(o, "epochs"), path .. ":1")
  t.assertEquals(options.origin(o, "optim.lr"), path .. ":3")
  t.assertEquals(options.origin(o, "seed"), "a.lua:3")
end

-- What a run's config.yaml says gives the same options again.
function TestConfig:testRoundTrip()
  local o = resolve({ "optim=adamw", "optim.lr=3e-4", "imgsz=64x32", "freeze=body", "data.limit=5", "out=x y" }, { batch = 3 })
  local path = config(core.yaml.encode(options.plain(o)))
  local again = options.plain(resolve { "config=" .. path })
  t.assertEquals(again.config, path)
  again.config = nil
  t.assertEquals(again, options.plain(o))
end

function TestConfig:testFaultsNameTheLine()
  local cases = {
    { "epochs: 3\nepocs: 3\n", ":2: a.lua has no option 'epocs', did you mean 'epochs'?" },
    { "seed: 1\nbatch: many\n", ":2: option 'batch': expected an integer in 1..65536" },
    { "optim:\n  lr: fast\n", ":2: option 'optim.lr': expected a number" },
    { "optim:\n  name: adm\n", "unknown optim 'adm', did you mean 'adam'?" },
    { "- 1\n", ": expected key: value lines, got a list" },
    { "just a text\n", ": expected key: value lines, got a string" },
    { "epochs: [1, 2\n", ":" },
    { "epochs: {a: 1}\n", "option 'epochs'" },
  }
  for _, case in ipairs(cases) do
    local path = config(case[1])
    local text, usage = failure(resolve, { "config=" .. path })
    t.assertStrContains(text, path)
    t.assertStrContains(text, case[2])
    t.assertTrue(usage)
  end
  t.assertEquals(resolve({ "config=" .. config "" }).epochs, 5) -- an empty file says nothing
end

-- Each stage goes over the one before; a name that changes in between drops what it lacks, whoever set it, and says so.
function TestConfig:testPrecedenceAcrossNames()
  local warned, warn = {}, core.system.warn
  core.system.warn = function(sentence) warned[#warned + 1] = sentence end
  local defaults = { optim = { name = "sgd", lr = 0.5, momentum = 0.8, nesterov = true } }
  local adam = config "optim:\n  name: adam\n  beta1: 0.7\n  lr: 0.25\n"
  local o = resolve({ "config=" .. adam }, defaults)
  t.assertEquals(options.plain(o.optim).beta1, 0.7)
  t.assertEquals(o.optim.lr, 0.25)
  t.assertEquals(warned, { "optim=adam: dropped momentum, nesterov, which it does not have" })
  warned = {}
  o = resolve({ "config=" .. adam, "optim=sgd", "optim.momentum=0.6" }, defaults)
  t.assertEquals({ o.optim.name, o.optim.momentum, o.optim.lr }, { "sgd", 0.6, 0.25 })
  t.assertFalse(o.optim.nesterov) -- the recipe's was dropped with adam: sgd's default
  t.assertEquals(warned, { "optim=adam: dropped momentum, nesterov, which it does not have",
    "optim=sgd: dropped beta1, which it does not have" })
  warned = {}
  o = resolve({ "optim=adamw", "optim.beta2=0.5", "config=" .. adam }, defaults) -- wherever config= stands
  t.assertEquals({ o.optim.name, o.optim.beta1, o.optim.beta2 }, { "adamw", 0.7, 0.5 })
  core.system.warn = warn
  local null = config "epochs: null\noptim: null\nbatch: 3\n"
  o = resolve({ "config=" .. null }, { epochs = 9, optim = { lr = 0.5 } })
  t.assertEquals({ o.epochs, o.batch, o.optim.lr }, { 5, 3, 0.5 }) -- null: the default again
  t.assertStrContains(failure(resolve, { "config=" .. config "epochs: 3\nepochs: 4\n" }), "epochs")
end

-- nil from Lua is the default again, too.
function TestConfig:testUnset()
  local o = resolve({ "cfg=x.cfg" }, {})
  o.weights = "x.weights"
  o.weights = nil
  t.assertNil(o.weights)
  t.assertStrContains(failure(function() o.wieghts = nil end), "did you mean 'weights'?")
end

TestNames = {}

function TestNames:testOrderOfWordsDoesNotMatter()
  local orders = { { "optim.beta1=0.5", "optim=adam" }, { "optim=adam", "optim.beta1=0.5" }, { "optim.beta1=0.5", "optim.name=adam" } }
  for _, words in ipairs(orders) do
    local o = resolve(words)
    t.assertEquals(o.optim.name, "adam")
    t.assertEquals(o.optim.beta1, 0.5)
  end
  t.assertEquals(resolve({ "optim=adam", "optim=sgd" }).optim.name, "sgd") -- the last one wins
end

function TestNames:testANewNameDropsWhatItLacks()
  local warned, warn = {}, core.system.warn
  core.system.warn = function(sentence) warned[#warned + 1] = sentence end
  local o = resolve({ "optim=adam" }, { optim = { momentum = 0.5, lr = 0.125 } })
  core.system.warn = warn
  t.assertEquals(o.optim.lr, 0.125)
  t.assertEquals(warned, { "optim=adam: dropped momentum, which it does not have" })
  t.assertStrContains(failure(resolve, { "optim=adam", "optim.momentum=0.5" }), "no option 'optim.momentum' with optim=adam")
end

function TestNames:testARecipeIsNotWhatACallRequires()
  local path = config ""
  core.system.write(path, ("local arguments = require 'yolua.options.arguments'\n"
    .. "arguments.resolve { who = 'it', fields = { 'run' }, list = { { key = 'require', value = %q } } }")
    :format(path))
  for _ = 1, 2 do -- a file that failed is no longer running
    local text, usage = failure(resolve, { "require=" .. path })
    t.assertStrContains(text, ("require=%s: the file asks for the options of the call: expected one that makes layers"):format(path))
    t.assertTrue(usage)
  end
end

function TestParse:testASentenceIsOneLine()
  t.assertEquals(failure(arguments.parse, { "a\n\27[2J\255" }), "command line: expected key=value, got 'a??[2J\255'")
  t.assertStrContains(failure(resolve, { "optim=a\nb" }), "a?b")
end

local status = t.LuaUnit.run()
for _, path in ipairs(files) do os.remove(path) end
os.exit(status)
