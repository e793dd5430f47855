-- Options in Lua: types, names with their own fields, precedence, suggestions, what remembers whom.
local t = require "luaunit"
local core = require "yolua.core"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"
local arguments = require "yolua.options.arguments"

-- Two names, with fields of their own, for the sample's optim.
local modules = core.options.modules
core.options.modules = function(folder) return folder:find "nothing" and { "adam", "sgd" } or modules(folder) end
package.loaded["yolua.nothing.sgd"] = { fields = { { "momentum", "number", 0.9 }, { "lr", "number", 0.01, min = 0, aliases = { "eta" } } } }
package.loaded["yolua.nothing.adam"] = { fields = { { "beta1", "number", 0.9 }, { "beta2", "number", 0.999 } } }

local sample = {
  { "epochs", "int", 5, "epochs", "how long", min = 1, max = 1000, aliases = { "n_epochs" } },
  { "rate", "number", 0.5, "", "", min = 0, aliases = { "lr0", "learning-rate" } },
  { "on", "bool", false },
  { "label", "string" },
  { "act", "enum", "leaky", choices = { "leaky", "mish" } },
  { "anchors", "numbers" },
  { "imgsz", "size", nil, "px", "", min = 8, max = 1024 },
  { "freeze", "list", "none", empty = "none" },
  { "protocol", "list", choices = { "kitti", "voc" } },
  { "hook", "function" }, { "config", "string" },
  { "score", "enum", "magnitude", choices = { "magnitude", "random" }, lua = true },
  { "optim", "table", variants = "yolua.nothing",
    fields = { { "name", "string", "sgd" }, { "lr", "number", 1e-3, min = 0, aliases = { "eta" } } } },
  { "inner", "table", fields = { { "deep", "int", 1 } } },
}

-- What f throws: a text or a usage object, as text.
local function failure(f, ...)
  local ok, e = pcall(f, ...)
  t.assertFalse(ok)
  return tostring(e), schema.is_usage(e)
end

local function check(values) return options.check("yl.sample", sample, values) end

TestTypes = {}

function TestTypes:testDefaults()
  local o = check {}
  t.assertEquals(o.epochs, 5)
  t.assertEquals(math.type(o.epochs), "integer")
  t.assertEquals(o.rate, 0.5)
  t.assertNil(o.label)
  t.assertEquals(o.freeze, { "none" })
  t.assertEquals(o.optim.lr, 0.01) -- the module's field stands before the table's own
  t.assertEquals(o.optim.momentum, 0.9)
  t.assertEquals(o.inner.deep, 1)
  t.assertFalse(options.explicit(o, "epochs"))
end

function TestTypes:testValues()
  local o = check { epochs = 3.0, rate = "1e-2", on = "yes", label = 12, act = "mish", anchors = { 1, 2.5 }, imgsz = "64x32",
    freeze = "a, b*", protocol = { "voc" }, hook = print, score = math.abs, optim = "adam", inner = { deep = 4 } }
  t.assertEquals(o.epochs, 3)
  t.assertEquals(math.type(o.epochs), "integer")
  t.assertEquals(o.rate, 0.01)
  t.assertIs(o.on, true)
  t.assertEquals(o.label, "12")
  t.assertEquals(o.act, "mish")
  t.assertEquals(o.anchors, { 1.0, 2.5 })
  t.assertEquals(o.imgsz, { 64, 32 })
  t.assertEquals(o.freeze, { "a", "b*" })
  t.assertEquals(o.protocol, { "voc" })
  t.assertEquals(o.hook, print)
  t.assertEquals(o.score, math.abs)
  t.assertEquals(o.optim.name, "adam")
  t.assertEquals(o.inner.deep, 4)
  for _, size in ipairs { "[64,32]", "64,32", { 64, 32 } } do t.assertEquals(check { imgsz = size }.imgsz, { 64, 32 }) end
  t.assertEquals(check { imgsz = 64 }.imgsz, { 64, 64 })
end

function TestTypes:testRefusals()
  local cases = {
    { { epochs = 0 }, "option 'epochs': expected an integer in 1..1000 (epochs), got 0" },
    { { epochs = "many" }, "option 'epochs': expected an integer in 1..1000 (epochs), got 'many'" },
    { { epochs = 1.5 }, "got 1.5" },
    { { rate = true }, "option 'rate': expected a number of at least 0, got true" },
    { { on = "maybe" }, "option 'on': expected true or false, got 'maybe'" },
    { { act = "relu" }, "option 'act': expected one of leaky|mish, got 'relu'" },
    { { anchors = { 1, "x" } }, "option 'anchors': expected numbers, got a string as number 2" },
    { { imgsz = { 1, 2, 3 } }, "option 'imgsz': expected a size" },
    { { imgsz = "4x4" }, "each in 8..1024, got '4x4'" },
    { { protocol = "voc,kity" }, "option 'protocol': expected some of kitti|voc, got 'kity', did you mean 'kitti'?" },
    { { freeze = {} }, "option 'freeze': expected strings ('none' for nothing), got an empty list" },
    { { freeze = { {} } }, "option 'freeze': expected strings, got a table as number 1" },
    { { hook = 3 }, "option 'hook': expected a function, got a number" },
    { { label = true }, "option 'label': expected a text, got true" },
    { { label = print }, "option 'label': a function is not a valid option value" },
    { { optim = { lr = -1 } }, "option 'optim.lr': expected a number of at least 0, got -1" },
    { { inner = 3 }, "option 'inner': expected a table of options (inner.KEY=VALUE), got '3'" },
    { { epocs = 3 }, "yl.sample has no option 'epocs', did you mean 'epochs'?" },
    { { optim = { eta = 3 } }, "yl.sample has no option 'optim.eta', did you mean 'optim.lr'?" },
    { { 7 }, "yl.sample has no option '1'" },
    { 7, "yl.sample: expected a table of options, got a number" },
  }
  for _, case in ipairs(cases) do
    local text, usage = failure(check, case[1])
    t.assertStrContains(text, case[2])
    t.assertFalse(usage)
  end
end

function TestTypes:testPosition()
  -- a chunk of the library, as far as its name tells, so that the position is its caller's
  local constructor = load('local options, sample = ... return function(v) return options.check("yl.sample", sample, v) end',
    "@yolua/lua/yolua/sample.lua")(options, sample)
  local line = debug.getinfo(1, "l").currentline + 1
  local text = failure(function() return (constructor { epochs = 0 }) end)
  t.assertStrContains(text, ("options/table.lua:%d: option 'epochs'"):format(line))
end

function TestTypes:testReadingAndWriting()
  local o = check {}
  t.assertStrContains(failure(function() return o.epocs end), "yl.sample has no option 'epocs', did you mean 'epochs'?")
  o.label = "x"
  t.assertEquals(o.label, "x")
  t.assertStrContains(failure(function() o.imgsz = "wide" end), "option 'imgsz': expected a size")
  t.assertStrContains(failure(function() o.lable = "y" end), "did you mean 'label'?")
end

function TestTypes:testPositionalAndArray()
  local fields = { { "what", "list", positional = true }, { "until_epoch", "int" } }
  t.assertEquals(options.check("f", fields, { "body", until_epoch = 3 }).what, { "body" })
  t.assertEquals(options.check("f", fields, { "a", "b" }).what, { "a", "b" })
  local o = options.check("f", { { "x", "int", 1 }, array = true }, { print, math.abs, x = 2 })
  t.assertEquals(o[2], math.abs)
  local list = setmetatable({ "a", "b" }, { __len = function() return 1 << 61 end }) -- counted without asking it
  t.assertEquals(options.check("f", fields, list).what, { "a", "b" })
end

TestPrecedence = {}

local function resolve(defaults, ...)
  return arguments.resolve { who = "a.lua", fields = sample, defaults = defaults, where = "a.lua:3", list = arguments.parse { ... } }
end

function TestPrecedence:testCommandLineWins()
  local o = resolve({ epochs = 7, rate = 0.25 }, "epochs=9", "optim.lr=1e-4", "inner.deep=5")
  t.assertEquals(o.epochs, 9)
  t.assertEquals(o.rate, 0.25)
  t.assertEquals(o.optim.lr, 1e-4)
  t.assertEquals(o.inner.deep, 5)
  t.assertEquals(options.origin(o, "epochs"), "command line")
  t.assertEquals(options.origin(o, "rate"), "a.lua:3")
  t.assertEquals(options.origin(o, "optim.lr"), "command line")
  t.assertNil(options.origin(o, "on"))
end

-- A call that is given a verb's or a recipe's options takes those that it has, and refuses them where they were set.
function TestPrecedence:testOptionsOfACaller()
  local o = resolve({ rate = 0.25 }, "epochs=9", "inner.deep=5")
  local own = { { "epochs", "int" }, { "rate", "number", 0.5 }, { "label", "string", "x" }, { "on", "bool", true },
    { "inner", "table", fields = { { "deep", "int", 1 }, { "wide", "int", 2 } } } }
  local taken = options.check("yl.other", own, o)
  t.assertEquals({ taken.epochs, taken.rate, taken.label, taken.on, taken.inner.deep, taken.inner.wide }, { 9, 0.25, "x", false, 5, 2 })
  t.assertEquals({ options.explicit(taken, "epochs"), options.explicit(taken, "on"), options.explicit(taken, "inner.deep"),
    options.explicit(taken, "inner.wide"), options.explicit(taken, "rate") }, { true, false, true, false, false })
  for _, path in ipairs { "epochs", "inner.deep" } do
    t.assertEquals({ failure(options.refuse, taken, path, "no %d", 9) }, { "command line: no 9", true })
  end
  local part = options.check("yl.other", own, { epochs = 7, inner = o.inner })
  t.assertEquals({ part.inner.deep, options.origin(part, "inner.deep") }, { 5, "command line" })
  t.assertStrMatches(options.origin(part, "epochs"), ".*table%.lua:%d+")
  for _, path in ipairs { "on", "rate", false } do
    local sentence, is_usage = failure(function() options.refuse(taken, path or nil, "no %d", 9) end)
    t.assertStrMatches(sentence, ".*table%.lua:%d+: no 9")
    t.assertFalse(is_usage)
  end
  local sentence = failure(options.check, "yl.other", { { "rate", "int" } }, o)
  t.assertStrContains(sentence, "a.lua:3: option 'rate': expected an integer")
end

-- What a verb calls has no caller outside the library: its faults are the command line's.
function TestPrecedence:testPlaceOfAVerb()
  local place = require "yolua.options.place"
  local caller = place.caller
  function place.caller() end
  local from = place.from()
  local sentence, is_usage = failure(check, { epochs = 0 })
  local hooked = check { hook = print }
  place.caller = caller
  t.assertEquals(from, { where = "command line", verb = true })
  t.assertStrMatches(sentence, "command line: option 'epochs': .*")
  t.assertEquals({ is_usage, hooked.hook }, { true, print })
end

function TestPrecedence:testFaultsOfTheCallAreUsage()
  local cases = {
    { "epocs=1", "command line: a.lua has no option 'epocs', did you mean 'epochs'?" },
    { "lr0=1", "did you mean 'rate'?" },
    { "--n-epochs=1", "did you mean 'epochs'?" },
    { "optim.eta=1", "did you mean 'optim.lr'?" },
    { "optm.lr=1", "a.lua has no option 'optm.lr', did you mean 'optim.lr'?" },
    { "epochs=many", "command line: option 'epochs': expected an integer in 1..1000 (epochs), got 'many'" },
    { "hook=print", "command line: option 'hook' can only be set from Lua" },
    { "inner=3", "command line: option 'inner': expected a table of options" },
    { "epochs.x=3", "has no option 'epochs.x'" },
    { "nonsense", "command line: expected key=value, got 'nonsense'" },
    { "--epochs", "command line: expected key=value, got '--epochs', did you mean 'epochs=...'?" },
    { "config=/nowhere/at/all.yaml", "/nowhere/at/all.yaml" },
  }
  for _, case in ipairs(cases) do
    local text, usage = failure(resolve, {}, case[1])
    t.assertStrContains(text, case[2])
    t.assertTrue(usage)
  end
end

function TestPrecedence:testValuesMayHoldEqualsSigns()
  t.assertEquals(resolve({}, "label=a=b").label, "a=b")
end

-- Names whose modules list fields of their own.
TestVariants = {}

local function warnings_of(f)
  local warned, warn = {}, core.system.warn
  core.system.warn = function(sentence) warned[#warned + 1] = sentence end
  local ok, e = pcall(f, warned)
  core.system.warn = warn
  if not ok then error(e, 0) end
end

function TestVariants:testFieldsFollowTheName()
  warnings_of(function(warned)
    local o = resolve { optim = { momentum = 0.5 } }
    t.assertEquals(o.optim.momentum, 0.5)
    t.assertEquals(o.optim.lr, 0.01)
    o = resolve({ optim = { momentum = 0.5, lr = 0.2 } }, "optim.beta1=.8", "optim=adam")
    t.assertEquals(o.optim.name, "adam")
    t.assertEquals(o.optim.beta1, 0.8)
    t.assertEquals(o.optim.beta2, 0.999)
    t.assertEquals(o.optim.lr, 0.2)
    t.assertStrContains(failure(function() return o.optim.momentum end), "no option 'optim.momentum'")
    t.assertEquals(warned, { "optim=adam: dropped momentum, which it does not have" })
    t.assertStrContains(failure(resolve, {}, "optim=adm"), "unknown optim 'adm', did you mean 'adam'? (adam, sgd)")
    t.assertStrContains(failure(resolve, {}, "optim=adam", "optim.momentum=1"),
      "no option 'optim.momentum' with optim=adam, only with optim=sgd")
  end)
end

TestShown = {}

function TestShown:testPlainAndText()
  local o = resolve({ imgsz = 64, hook = print, label = "x" }, "optim.lr=0.5")
  local plain = options.plain(o)
  t.assertEquals(plain.imgsz, { 64, 64 })
  t.assertEquals(plain.optim, { name = "sgd", lr = 0.5, momentum = 0.9 })
  t.assertNil(plain.hook)
  t.assertNil(getmetatable(plain.optim))
  local text = tostring(o)
  t.assertStrMatches(text, ".*imgsz +64,64 +a.lua:3\n.*")
  t.assertStrMatches(text, ".*optim.lr +0.5 +command line\n.*")
  t.assertStrMatches(text, ".*epochs +5\n.*")
end

function TestShown:testStandardFields()
  local fields = require "yolua.options.fields"
  local o = options.new(fields.all(), "recipe")
  t.assertEquals(o.data.map, "auto")
  t.assertEquals(o.batch, 8)
  local seen = {}
  for _, field in ipairs(fields.all()) do
    t.assertNil(seen[field[1]])
    seen[field[1]] = true
    t.assertIsString(field[5] or field.help)
  end
  for word, key in pairs { lr0 = "optim.lr", ["--batch-size"] = "batch", batch_size = "batch", img_size = "imgsz",
    weights_decay = "optim.decay", konf = "conf", max_epochs = "epochs", root = "data.root" } do
    t.assertEquals(schema.suggest(fields.all(), word), key)
  end
end

os.exit(t.LuaUnit.run())
