-- Help pages: there is one for every word that help knows, each says what the field tables and the files say, and each fits the terminal.
local t = require "luaunit"
local comments = require "yolua.help.comments"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local help = require "yolua.help.pages"
local terminal = require "yolua.terminal"
local topics = require "yolua.help.topics"

local real_width = terminal.width

TestHelp = {}

function TestHelp:setUp() terminal.width = function() return 80 end end

function TestHelp:tearDown() terminal.width = real_width end

-- The page as one line, so that a break does not matter.
local function flat(topic) return (help.page(topic):gsub("%s+", " ")) end

function TestHelp:testOverviewNamesEverything()
  local page = flat()
  t.assertEquals(flat "help", page)
  for _, folder in ipairs { "lua/yolua/verbs/", "lua/yolua/optim/", "lua/yolua/policies/", "lua/yolua/augment/", "recipes/",
    "datasets/" } do
    t.assertTrue(#core.options.modules(folder) > 1)
    for _, name in ipairs(core.options.modules(folder)) do t.assertStrContains(page, " " .. name) end
  end
  for _, kind in ipairs(core.layers.kinds()) do t.assertStrContains(page, " " .. kind) end
end

-- Every word that the overview prints as a topic has a page; the program's own overview, as a user reads it.
function TestHelp:testEveryWordOfTheOverview()
  local page, asked = require("support.program").ok { "help" }, 0
  for line in page:match "\n\n([^\n]+verbs.*)$":gmatch "[^\n]+" do
    for word in line:gmatch "%S+" do
      asked = asked + 1
      t.assertTrue(#help.page(word) > 0, word)
    end
  end
  for word in page:gmatch "yolua help (%l+)" do
    asked = asked + 1
    t.assertTrue(#help.page(word) > 0, word)
  end
  t.assertTrue(asked > 60)
  t.assertEquals(help.page "load", help.page "yl.load")
  t.assertStrContains(help.page "train", "yolua train") -- the verb; the library's is yl.train
end

function TestHelp:testTopics()
  for _, topic in ipairs(topics.list) do
    local page = flat(topic.name)
    t.assertStrContains(page, topic.title)
    for _, name in ipairs(topic.names()) do
      t.assertStrContains(page, (topic.prefix or "") .. name)
      t.assertNotEquals(topic.line(name), "", topic.name .. ": " .. name)
    end
  end
end

-- What a verb alone has stands before what every recipe has.
function TestHelp:testOwnOptionsFirst()
  local page = help.page "prune"
  local function at(words) return page:find(words, 1, true) or error(words) end
  t.assertTrue(at "Its own options:\n" < at "\n  score " and at "\n  max_drop " < at "\nOptions that recipes have as well:\n")
  t.assertTrue(at "Options that recipes have as well:\n" < at "\n  data.root " and at "\n  distill.teacher" < at "\n  data.root ")
  t.assertNil(help.page("version"):find("Its own options", 1, true))
end

function TestHelp:testVerbsAndLayers()
  for _, name in ipairs(core.options.modules "lua/yolua/verbs/") do
    local page = help.page(name)
    local words, said = require("yolua.verbs." .. name).positional, ""
    for _, word in ipairs(type(words) == "table" and words or { words }) do said = ("%s [%s]"):format(said, word:upper()) end
    t.assertStrContains(page, ("yolua %s%s [key=value ...]"):format(name, said))
    for _, field in ipairs(fields.get(require("yolua.verbs." .. name).fields or {})) do t.assertStrContains(page, "\n  " .. field[1]) end
  end
  for _, kind in ipairs(core.layers.kinds()) do
    t.assertStrContains(help.page(kind), "layer " .. kind .. "\n")
    for _, field in ipairs(core.layers.fields(kind)) do t.assertStrContains(help.page(kind), "\n  " .. field[1]) end
  end
  t.assertStrContains(help.page "conv2d", "side of the square kernel (int 1..255; in px; default 1)")
end

function TestHelp:testEveryKey()
  local all = help.page "keys"
  for _, field in ipairs(fields.all()) do
    t.assertStrContains(help.page(field[1]), field[1])
    t.assertStrContains(all, "\n  " .. field[1])
  end
  t.assertStrContains(help.page "optim.lr", "learning rate")
  t.assertStrContains(help.page "lr", "optim.lr")
  t.assertStrContains(all, "optim.beta1")
end

function TestHelp:testOptimizersAndDataSets()
  t.assertStrContains(help.page "sgd", "optim.momentum")
  t.assertNil(help.page "sgd":find "optim.beta1")
  t.assertStrContains(flat "synthetic", "data.frames")
  t.assertStrContains(flat "cosine", "half a cosine")
  t.assertStrContains(flat "stop", "patience")
  t.assertStrContains(flat "kitti", "data=kitti")
  t.assertStrContains(flat "kitti", "protocol=kitti") -- all that bears the name
end

function TestHelp:testLibrary()
  t.assertStrContains(flat "yl.trainer", "one optimizer step")
  t.assertStrContains(flat "yl.load", "weights its weights: a Darknet file, a PyTorch state dict")
  local yl = require "yolua"
  t.assertEquals(help.page(yl.trainer), help.page "yl.trainer")
  t.assertStrContains(flat(yl.zeros { 1 }), "reshape")
  t.assertErrorMsgContains("help takes a word in quotes", help.page, {})
end

-- The functions beside yl.prune: by their whole names, without yl., as things, and by the last word where nothing else is called that.
function TestHelp:testPartsOfAPolicy()
  local yl = require "yolua"
  local parts = require "yolua.help.parts".list()
  t.assertTrue(#parts > 8, #parts)
  for _, name in ipairs { "cut", "undo", "kept", "dry_run", "replay", "ablation", "until_", "then_", "repeat_", "when_stalled" } do
    local page = help.page("yl.prune." .. name)
    t.assertStrContains(page, "yl.prune." .. name .. "(")
    t.assertEquals(help.page("prune." .. name), page)
    t.assertEquals(help.page(yl.prune[name]), page)
    if name ~= "dry_run" then t.assertEquals(help.page(name), page) end
  end
  t.assertStrContains(flat "cut", "Returns the layers' zeros, which print as bars. Errors: less than is zero already")
  t.assertStrContains(flat "cut", "target share of zeros among the prunable numbers")
  t.assertStrContains(flat(yl.prune), "iterative pruning")
  t.assertEquals(flat(yl.freeze):sub(1, 9), "yl.freeze")
end

-- A word that names a verb and a recipe: which page is whose.
function TestHelp:testVerbAndRecipe()
  local page = help.page "sensitivity"
  t.assertStrContains(page, "yolua sensitivity [key=value ...]\nmeasure how much each layer can be pruned\n\nOne layer at a time is cut")
  t.assertStrContains(page, "\n\nrecipes/sensitivity.lua\nHow sensitive each layer is")
end

function TestHelp:testRecipes()
  t.assertStrContains(flat "coco_ft", "keep the detector's COCO head")
  local page = help.page((os.getenv "YOLUA_SOURCE" or ".") .. "/recipes/coco_ft.lua")
  t.assertStrMatches(page, ".*\nepochs +5 +[^\n]*.*")
end

-- No line of any page is longer than the terminal is wide.
function TestHelp:testFits()
  for _, width in ipairs { 40, 80, 120 } do
    terminal.width = function() return width end
    local words = help.words()
    t.assertTrue(#words > 100)
    words[#words + 1] = (os.getenv "YOLUA_SOURCE" or ".") .. "/recipes/coco_ft.lua"
    for i = 0, #words do
      for line in help.page(words[i]):gmatch "[^\n]+" do
        if terminal.length(line) > math.min(width, 100) then t.fail(("help %s at %d: %s"):format(words[i], width, line)) end
      end
    end
  end
end

function TestHelp:testTable()
  local list = {
    { "count", "int", 3, "images", "how many", min = 1, max = 10 }, { "rate", "number", nil, "", "how fast", min = 0 },
    { "kind", "enum", "a", "", "which", choices = { "a", "b" } }, { "names", "list", nil, "", "who", choices = { "x", "y" } },
    { "steps", "numbers", { 0.5, 0.75 }, "", "when" },
    { "inner", "table", help = "more", fields = { { "deep", "bool", true, "", "deeper" } } },
  }
  t.assertEquals(help.table(list), table.concat({
    "  count       how many (int 1..10; in images; default 3)",
    "  rate        how fast (number >= 0)",
    "  kind        which (a|b; default a)",
    "  names       who (x,y)",
    "  steps       when (numbers; default 0.5,0.75)",
    "  inner       more",
    "  inner.deep  deeper (bool; default true)",
  }, "\n"))
  t.assertEquals(help.table({ list[1] }, 30), "  count\n      how many (int 1..10; in\n      images; default 3)")
  t.assertEquals(help.table({ list[1] }, 40), "  count  how many (int 1..10; in images;\n         default 3)")
end

-- What people look for leads to what imports and exports.
function TestHelp:testFormats()
  for word, sentence in pairs { import = "cfg=, weights= and model= of every verb", formats = "onnx", onnx = "yolua export format=onnx",
    ncnn = "yolua export format=ncnn out=FILE.param", safetensors = "weights=FILE.safetensors", darknet = "tensor_train",
    keras = "model=FILE.h5 anchors=FILE", h5 = "weights=FILE.h5", npz = "weights=FILE.npz", pytorch = "state dict" } do
    t.assertStrContains((help.page(word):gsub("%s+", " ")), sentence)
  end
  for name in pairs(require("yolua.help.formats").meant) do t.assertStrContains(table.concat(help.words(), " "), name) end
  local formats, known = require "yolua.help.formats", {}
  for _, name in ipairs(formats.names()) do known[name] = true end
  for _, name in ipairs(core.options.modules "lua/yolua/model/export/") do t.assertTrue(known[name] or name == "check", name) end
end

function TestHelp:testUnknownTopics()
  local ok, e = pcall(help.page, "trian")
  t.assertFalse(ok)
  t.assertEquals(tostring(e), "no help on 'trian', did you mean 'train'?")
  local function said(topic) return tostring(select(2, pcall(help.page, topic))) end
  t.assertEquals(said "sparsify", "no help on 'sparsify': it is not in this version")
  t.assertEquals(said "lstm", "no help on 'lstm': known from Darknet, and not supported")
  t.assertEquals(said "benchmark", "no help on 'benchmark', did you mean 'bench'?")
  ok, e = pcall(help.page, "/nowhere/none.lua")
  t.assertFalse(ok)
  t.assertStrContains(tostring(e), "none.lua")
end

TestComments = {}

local text = "-- The first line (Smith et al. 2013).\n-- The second.\n--\n--   an = example\nlocal x = 1\n\n"
  .. "-- Adds.\n-- Two lines.\nfunction X.add(a, b) return a + b end\n\nfunction X.bare() end\n-- Of a local.\nlocal function y() end\n"

function TestComments.testOpening()
  t.assertEquals(comments.opening(text), "The first line (Smith et al. 2013).\nThe second.\n\n  an = example")
  t.assertEquals(comments.opening "x = 1", "")
  t.assertEquals(comments.sentence(comments.opening(text)), "The first line (Smith et al. 2013).")
end

function TestComments.testFunctions()
  t.assertEquals(comments.functions(text), { { name = "add", call = "add(a, b)", text = "Adds. Two lines." } })
end

function TestComments.testFit()
  t.assertEquals(comments.fit("one two\nthree\n\n  a    b", 40), "one two three\n\n  a    b")
  t.assertEquals(comments.fit("one two\nthree", 8), "one two\nthree")
end

os.exit(t.LuaUnit.run())
