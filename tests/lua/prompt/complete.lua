-- Completion: names behind dots and colons, options inside braces, words and files inside quotes, and where the cursor stands.
local t = require "luaunit"
local complete = require "yolua.prompt.complete"
local context = require "yolua.prompt.context"
local core = require "yolua.core"
local Model = require "yolua.model"
local yl = require "yolua"

local function is(line, expected) t.assertEquals((complete.candidates(line)), expected) end

local function has(line, ...)
  local known = {}
  for _, word in ipairs((complete.candidates(line))) do known[word] = true end
  for _, word in ipairs { ... } do t.assertTrue(known[word], ("%s offers no %s"):format(line, word)) end
  return known
end

TestNames = {}

function TestNames:setUp()
  rawset(_G, "sample", { alpha = 1, alpine = { deep = {} }, beta = yl.zeros { 1 }, call = print })
  rawset(_G, "yl", yl)
  rawset(_G, "model", Model.new { names = { "car" }, path = "here.cfg", net = core.net { h = 8, w = 8, layers = {
    { "conv2d", filters = 6 }, { "region", classes = 1, num = 1, anchors = { 1, 1 } } } } })
end

function TestNames:tearDown()
  for _, name in ipairs { "sample", "yl", "model" } do rawset(_G, name, nil) end
  complete.before = ""
end

function TestNames:testNames()
  is("sample.al", { "alpha", "alpine" })
  is("x = 1 + sample.alpine.", { "deep" })
  is("sample.beta:resh", { "reshape" })
  is("sample:", { "call" }) -- a colon calls
  is("print(yl.zer", { "zeros" })
  is("string.rep", { "rep" })
  is("pri", { "print" })
  is("whi", { "while" })
  is("nothing.at.all", {})
  is("sample.alpha.b", {})
end

function TestNames:testObjects()
  is("model.layers.conv", { "conv1" })
  is("model.layers.conv1.we", { "weight" })
  has("model.layers.conv1.", "weight", "bias", "shape", "flops")
  has("model:", "detect", "freeze", "save")
  is("yl.prune.un", { "undo", "until_" })
  t.assertNil(has("yl.", "load", "train", "trainer", "image", "keep", "zeros").arguments)
end

function TestNames:testTab()
  t.assertEquals(complete.tab "sample.a", "lp")
  t.assertEquals(complete.tab "sample.b", "eta")
  t.assertNil(complete.tab "sample.q")
end

TestOptions = {}

function TestOptions:tearDown() complete.before = "" end

function TestOptions:testKeysOfCalls()
  is("net = yl.load { c", { "cfg" })
  has("yl.load { ", "cfg", "weights", "names", "model")
  is("yl.load({ cfg = 'x', na", { "names" })
  is("net:detect(x, { co", { "conf" })
  has("yl.trainer { net = net, ", "batch", "epochs", "optim", "data")
  has("yl.data { name = 'synthetic', fr", "frames")
  is("yl.zeros { 2, 3, d", { "dtype" })
  t.assertEquals(complete.tab "yl.load { we", "ights = ")
end

function TestOptions:testKeysOfInnerTables()
  is("yl.options { optim = { mom", { "momentum" })
  has("yl.options { epochs = 3, optim = { ", "name", "lr", "beta1", "nesterov")
  has("yl.options { optim = { lr = 1 }, ", "epochs", "batch")
  is("core.net { layers = { { 'conv2d', fil", { "filters" })
  is('{ "maxpool", si', { "size" })
end

-- A value is no key; unknown calls offer names.
function TestOptions:testValuesAreNames()
  rawset(_G, "weights_of_mine", 1)
  is("yl.load { weights = weights_of", { "weights_of_mine" })
  is("unknown { weights_of", { "weights_of_mine" })
  rawset(_G, "weights_of_mine", nil)
end

function TestOptions:testOverSeveralLines()
  complete.before = "net = yl.load {\n  cfg = 'x',\n"
  is("  weig", { "weights" })
end

TestQuotes = {}

function TestQuotes:testTopicsOfHelp()
  has('help "con', "conv2d", "conf", "config")
  is('help "conv', { "conv2d" })
  is("help('yl.trainer", { "yl.trainer" })
end

function TestQuotes:testChoices()
  is('yl.trainer { optim = "ad', { "adam", "adamw" })
  is("net:detect(x, { resize = 'st", { "stretch" })
  is("yl.zeros { 2, dtype = 'u", { "u8" })
end

function TestQuotes:testFiles()
  local folder = os.tmpname()
  os.remove(folder)
  core.files.make_folder(folder .. "/inner")
  core.system.write(folder .. "/one.png", "")
  core.system.write(folder .. "/.hidden", "")
  is(('yl.image "%s/'):format(folder), { folder .. "/inner/", folder .. "/one.png" })
  is(('yl.image "%s/o'):format(folder), { folder .. "/one.png" })
  is(('yl.image "%s/.'):format(folder), { folder .. "/.hidden" })
  is(('yl.image "%s/none/x'):format(folder), {})
  t.assertEquals(complete.tab(('yl.image "%s/inn'):format(folder)), "er/")
  os.execute(("rm -r '%s'"):format(folder))
end

TestContext = {}

local function place(text)
  local at = context.read(text)
  local list = {}
  for i, entry in ipairs(at.stack) do list[i] = entry.bracket .. (entry.call or entry.key or "") end
  return table.concat(list, " "), at
end

function TestContext:testBrackets()
  t.assertEquals(place "a(b[1], { c = {", "(a {a {c")
  t.assertEquals(place "f { x } g(", "(g")
  t.assertEquals(place "f('}', \"]\\\"\", [[ } ]], { ", "(f {f") -- the last brace is an argument of f
  t.assertEquals(place "f { -- } a comment\n", "{f")
  t.assertEquals(place ")}]", "")
end

function TestContext:testQuotes()
  local _, at = place "f { name = 'ab"
  t.assertEquals({ at.quoted, at.owner.key }, { "ab", "name" })
  _, at = place 'help "x'
  t.assertEquals({ at.quoted, at.owner.call }, { "x", "help" })
  _, at = place "f 'done' wo"
  t.assertEquals({ at.quoted, at.word, at.start }, { nil, "wo", false })
end

os.exit(t.LuaUnit.run())
