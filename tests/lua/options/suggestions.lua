-- A misspelt key of any table suggests the right one, whichever way it came: command line, config=FILE.yaml, Lua table. So do misspelt
-- names and other tools' spellings; a value of the wrong type or out of range is one sentence.
local t = require "luaunit"
local arguments = require "yolua.options.arguments"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local config = os.tmpname()

-- Every table of options that a user can fill: { who, list of groups and fields, names chosen in it }; `fresh`: what it shares with
-- those before it needs no second look.
local tables = { { "recipe", fields.recipe } }
for _, verb in ipairs(core.options.modules "lua/yolua/verbs/") do
  tables[#tables + 1] = { verb, require("yolua.verbs." .. verb).fields or {} }
end
for _, recipe in ipairs { "coco_ft", "coco_full", "kitti_ft", "pretrain_synthetic" } do
  local path = os.getenv "YOLUA_SOURCE" .. "/recipes/" .. recipe .. ".lua"
  tables[#tables + 1] = { path, options.fields(require("yolua.cli.recipe").options(path)), fresh = true }
end
for _, field in ipairs(fields.all()) do
  for _, name in ipairs(field.variants and schema.variant_names(field) or {}) do
    tables[#tables + 1] = { field[1] .. "=" .. name, fields.recipe, { [field[1]] = name }, fresh = true }
  end
end

-- The three ways in. Each gives the sentence that the key and its value end in; nil where they are taken.
local ways = {}

local function caught(f, ...)
  local ok, e = pcall(f, ...)
  return not ok and tostring(e) or nil
end

local function resolve(entry, words)
  local list = {}
  for key, name in pairs(entry[3] or {}) do list[#list + 1] = key .. "=" .. name end
  table.move(words, 1, #words, #list + 1, list)
  return arguments.resolve { who = entry[1], fields = entry[2], list = arguments.parse(list) }
end

ways["command line"] = function(entry, path, value) return caught(resolve, entry, { path .. "=" .. value }) end

local function nested(path, value)
  local head, rest = path:match "^([^.]+)%.(.+)$"
  return head and { [head] = nested(rest, value) } or { [path] = value }
end

ways["config file"] = function(entry, path, value)
  core.system.write(config, core.yaml.encode(nested(path, value)))
  return caught(function()
    local o = resolve(entry, {})
    options.merge(o, select(1, core.yaml.decode(core.system.read(config))), { where = config .. ":1", outside = true })
  end)
end

ways["Lua table"] = function(entry, path, value)
  return caught(function() options.merge(resolve(entry, {}), nested(path, value), { where = "a.lua:1" }) end)
end

local function each_field(visit, once)
  local seen = {}
  for _, entry in ipairs(tables) do
    local o = resolve(entry, {})
    local function walk(inner, prefix)
      for _, field in ipairs(options.fields(inner)) do
        if not ((once or entry.fresh) and seen[field]) then visit(entry, field, prefix .. field[1], inner, prefix, o) end
        seen[field] = true
        if field[2] == "table" then walk(inner[field[1]], prefix .. field[1] .. ".") end
      end
    end
    walk(o, "")
  end
end

-- One-edit misspellings of a key: a letter twice, left out, another one, two that changed places.
local function misspelt(key)
  local list = {}
  for i = 1, #key do
    local before, c, after = key:sub(1, i - 1), key:sub(i, i), key:sub(i + 1)
    list[#list + 1] = before .. c .. c .. after
    list[#list + 1] = before .. (c == "q" and "x" or "q") .. after
    if #key > 2 then list[#list + 1] = before .. after end
    if after ~= "" then list[#list + 1] = before .. after:sub(1, 1) .. c .. after:sub(2) end
  end
  return list
end

-- Whether the word is as near to something else that may stand there: then either answer is right.
local function ambiguous(word, key, list)
  local distance, found = core.options.distance, #word < 2 or core.options.distance(word, key) == 0
  schema.each(list, function(field, path)
    found = found or field[1] ~= key and distance(field[1], word) <= (path == field[1] and 1 or 0)
    for _, alias in ipairs(field[1] ~= key and field.aliases or {}) do found = found or distance(alias, word) == 0 end
  end)
  return found
end

local function suggests(sentence, path)
  return sentence and sentence:find(("did you mean '%s'?"):format(path), 1, true) ~= nil
end

-- The first faults alone: there may be thousands.
local function no_faults(faults) t.assertEquals(table.concat(faults, "\n", 1, math.min(#faults, 10)), "") end

TestKeys = {}

function TestKeys:testOneEdit()
  local counts, faults = { asked = 0, ambiguous = 0 }, {}
  each_field(function(entry, field, path, inner, prefix, whole)
    local answered, list = false, options.fields(inner)
    for _, word in ipairs(misspelt(field[1])) do
      if ambiguous(word, field[1], list) then counts.ambiguous = counts.ambiguous + 1
      else
        local sentence = caught(options.set, whole, prefix .. word, "1", { where = "command line", outside = true })
        counts.asked, answered = counts.asked + 1, true
        if not suggests(sentence, path) then faults[#faults + 1] = ("%s: %s: %s"):format(entry[1], word, tostring(sentence)) end
      end
    end
    if not answered then faults[#faults + 1] = ("%s: %s could not be asked for"):format(entry[1], path) end
  end)
  no_faults(faults)
  t.assertTrue(counts.asked > 5000 and counts.ambiguous < counts.asked / 20)
end

-- The first unambiguous slip of each key, in all three ways.
function TestKeys:testEveryWay()
  local faults = {}
  each_field(function(entry, field, path, inner, prefix)
    for _, word in ipairs(misspelt(field[1])) do
      if not ambiguous(word, field[1], options.fields(inner)) then
        for way, ask in pairs(ways) do
          local sentence = ask(entry, prefix .. word, "1")
          if not suggests(sentence, path) then
            faults[#faults + 1] = ("%s, %s: %s: %s"):format(entry[1], way, word, tostring(sentence))
          end
        end
        return
      end
    end
  end)
  no_faults(faults)
end

-- Fields of other names of a table are suggested, or said to belong there.
function TestKeys:testFieldsOfOtherNames()
  local recipe = tables[1]
  t.assertEquals(ways["command line"](recipe, "data.frames", "3"),
    "command line: recipe has no option 'data.frames' without data=synthetic")
  t.assertStrContains(ways["command line"]({ "r", fields.recipe, { data = "kitti" } }, "data.frames", "3"),
    "r has no option 'data.frames' with data=kitti, only with data=synthetic")
  t.assertStrContains(ways["command line"]({ "r", fields.recipe, { optim = "sgd" } }, "optim.beta1", ".9"),
    "with optim=sgd, only with optim=adam or adamw")
  t.assertTrue(suggests(ways["command line"](recipe, "data.framse", "3"), "data.frames"))
  t.assertTrue(suggests(ways["command line"](recipe, "beta1", ".9"), "optim.beta1"))
  t.assertTrue(suggests(ways["command line"](recipe, "jitter", ".9"), "augment.jitter"))
end

-- What people are used to from other tools (Ultralytics, Darknet, PyTorch's examples, torchvision, Detectron).
local foreign = {
  lr0 = "optim.lr", ["--lr"] = "optim.lr", learning_rate = "optim.lr", ["learning-rate"] = "optim.lr", lrf = "optim.final",
  ["--batch-size"] = "batch", batch_size = "batch", ["batch-size"] = "batch", bs = "batch", batchsize = "batch", epoch = "epochs",
  num_epochs = "epochs", max_epochs = "epochs", ["--epochs"] = "epochs", ["img-size"] = "imgsz", img_size = "imgsz", ["--img"] = "imgsz",
  image_size = "imgsz", imgsize = "imgsz", weight_decay = "optim.decay", wd = "optim.decay", ["weight-decay"] = "optim.decay",
  conf_thres = "conf", ["--conf-thres"] = "conf", iou_thres = "iou", ["--iou-thres"] = "iou", thresh = "conf", nms_thresh = "iou",
  num_workers = "data.workers", optimizer = "optim.name", project = "out", save_dir = "out", output = "out", outdir = "out",
  dataset = "data.name", gpu = "device", accumulate = "subdivisions", ["grad-clip"] = "clip", clip_grad = "clip",
  checkpoint = "model", ckpt = "model", ["--cfg"] = "cfg", multi_scale = "multiscale", burn_in = "optim.warmup",
  warmup_epochs = "optim.warmup", cos_lr = "optim.schedule", scheduler = "optim.schedule", fliplr = "augment.flip",
  hsv_h = "augment.hue", hsv_s = "augment.saturation", hsv_v = "augment.exposure", amp = "precision", half = "precision",
  early_stop = "patience", metric = "protocol", random_seed = "seed",
}

function TestKeys:testOtherToolsSpellings()
  local faults = {}
  for word, path in pairs(foreign) do
    for way, ask in pairs(ways) do
      local sentence = ask(tables[1], word, "1")
      if not suggests(sentence, path) then faults[#faults + 1] = ("%s: %s: %s"):format(way, word, tostring(sentence)) end
    end
  end
  no_faults(faults)
  for word, path in pairs { image = "source", ["--weights"] = "weights", ["conf-thres"] = "conf", ["--source"] = "source" } do
    t.assertTrue(suggests(ways["command line"]({ "predict", require("yolua.verbs.predict").fields }, word, "1"), path), word)
  end
end

-- C's tables: every key of every layer, and their aliases.
function TestKeys:testLayers()
  local faults, asked = {}, 0
  for _, kind in ipairs(core.layers.kinds()) do
    local list = core.layers.fields(kind)
    for _, field in ipairs(list) do
      local words = misspelt(field[1])
      table.move(field.aliases or {}, 1, #(field.aliases or {}), #words + 1, words)
      for _, word in ipairs(words) do
        if not ambiguous(word, field[1], list) then
          local sentence = caught(core.net, { h = 8, w = 8, c = 4, layers = { { kind, [word] = 1 } } })
          asked = asked + 1
          if not suggests(sentence, field[1]) then faults[#faults + 1] = ("%s: %s: %s"):format(kind, word, tostring(sentence)) end
        end
      end
    end
  end
  no_faults(faults)
  t.assertTrue(asked > 500)
end

-- The tables of options that the library's calls take.
function TestKeys:testCalls()
  local yl, calls = require "yolua", 0
  for _, name in ipairs(require("yolua.library").names()) do t.assertNotNil(yl[name], name) end
  for who, list in pairs(options.declared) do
    calls = calls + 1
    for _, field in ipairs(list) do
      for _, word in ipairs(misspelt(field[1])) do
        if not ambiguous(word, field[1], list) then
          t.assertTrue(suggests(caught(options.check, who, list, { [word] = 1 }), field[1]), who .. ": " .. word)
        end
      end
    end
  end
  t.assertTrue(calls >= 14)
  for _, who in ipairs { "yl.load", "yl.train", "yl.freeze", "yl.stop", "yl.evaluate", "yl.zeros", "net:detect" } do
    t.assertNotNil(options.declared[who], who)
  end
  t.assertStrContains(caught(yl.train, { net = {} }), "yl.train: option 'data' is missing")
  t.assertStrContains(caught(yl.load, { wieghts = "x" }), "yl.load has no option 'wieghts', did you mean 'weights'?")
end

TestForeign = {}

-- Every word of the table of foreign names is answered for what it is, where a user can write it.
local asks = {}

function asks.verb(word) return caught(require("yolua.cli").unknown_verb, word) end
function asks.key(word) return ways["command line"](tables[1], word, "1") end
function asks.layer(word) return caught(core.net, { h = 8, w = 8, c = 4, layers = { { word } } }) end
function asks.section(word) return caught(core.darknet.parse_cfg, "[net]\nwidth=8\nheight=8\nchannels=3\n[" .. word .. "]\n", "a.cfg") end
function asks.activation(word)
  return caught(core.net, { h = 8, w = 8, c = 4, layers = { { "activation", activation = word } } })
end
local objects = {}

-- A tensor and a model, made once.
local function object(kind)
  objects[kind] = objects[kind] or kind == "tensor" and core.tensor.zeros { 2, 2 } or require "yolua".load { model = "street" }
  return objects[kind]
end

function asks.tensor(word) return caught(function() return object "tensor"[word] end) end
function asks.model(word) return caught(function() return object "model"[word] end) end
for kind, path in pairs { optim = "optim.name", data = "data.name", schedule = "optim.schedule", precision = "precision",
  protocol = "protocol" } do
  asks[kind] = function(word) return ways["command line"](tables[1], path, word) end
end

function TestForeign.testEveryName()
  local faults, asked = {}, 0
  for _, entry in ipairs(core.options.foreign_names()) do
    local kind, word, ours = table.unpack(entry)
    local sentence = tostring(asks[kind](word))
    local good = ours and suggests(sentence, ours)
      or not ours and not sentence:find "did you mean" and (sentence:find "not supported" or sentence:find "not in this version")
    asked = asked + 1
    if not good then faults[#faults + 1] = ("%s %s: %s"):format(kind, word, sentence) end
  end
  no_faults(faults)
  t.assertTrue(asked > 150)
end

-- What the table says of other programs' spellings exists here; and no key of it is one of ours, or an alias of one.
function TestForeign.testNoneIsOurs()
  local keys = {}
  for _, entry in ipairs(tables) do
    schema.each(fields.get(entry[2]), function(field)
      keys[field[1]] = true
      for _, alias in ipairs(field.aliases or {}) do keys[alias] = true end
    end)
  end
  for _, entry in ipairs(core.options.foreign_names()) do
    local kind, word, ours = table.unpack(entry)
    if kind == "key" then t.assertNil(keys[word], word) end
    if kind == "verb" then
      t.assertNil(require("yolua.cli").verb(word), word)
      t.assertTrue(not ours or require("yolua.cli").verb(ours) ~= nil, ours)
    end
    if (kind == "tensor" or kind == "model") and ours then
      local known = ours:match "^yl%.(.*)" or ours == "run:eval" or ours:match "^[%w_]+"
      t.assertNotNil(known == true or (ours:find "^yl" and require "yolua" or object(kind))[known], ours)
    end
    if kind == "layer" or kind == "section" then
      t.assertNil(core.layers.fields(word), word)
      t.assertTrue(not ours or core.layers.fields(ours) ~= nil, ours)
    end
  end
end

-- How many edits a slip has at most: one for every three letters that were begun.
function TestForeign.testHowNear()
  for word, names in pairs { sam = { "max", "map" }, map = { "val" }, recall = { "eval" }, tune = { "train" }, ab = { "xy" } } do
    t.assertEquals(schema.did_you_mean(word, names), "", word)
  end
  for word, name in pairs { mx = "max", kity = "kitti", evla = "eval", lrr = "lr", tain = "train", expermient = "experiment" } do
    t.assertEquals(schema.did_you_mean(word, { name }), (", did you mean '%s'?"):format(name), word)
  end
  t.assertNotStrContains(asks.verb "dtct", "recipes/") -- a recipe's path is no longer word than its name
  t.assertStrContains(asks.verb "coco_tf", "did you mean 'recipes/coco_ft.lua'?")
end

TestValues = {}

-- For each field the values that it cannot take, and what the sentence holds.
local function wrong_values(field)
  local kind, list = field[2], {}
  local function add(value, words) list[#list + 1] = { value, words } end
  if kind == "int" or kind == "number" or kind == "size" or kind == "numbers" then
    local words = { int = "expected an integer", number = "expected a number", size = "expected a size", numbers = "expected numbers" }
    for _, text in ipairs { "many", "1_000", "0x10", "nan", "inf", "1;5", "--3", "1e", "3 px" } do add(text, words[kind]) end
    if kind == "int" or kind == "number" then add("1,5", words[kind]) end
    if kind == "int" then add("1.5", words[kind]) add("1e-3", words[kind]) add("9223372036854775808", words[kind]) end
    if field.min and field.min > -math.huge then add(tostring(field.min - 1), words[kind]) end
    if field.max then add(tostring(field.max + 1), words[kind]) end
  elseif kind == "bool" then add("maybe", "expected true or false") add("2", "expected true or false")
  elseif kind == "enum" then add("nothing at all", "expected one of " .. table.concat(field.choices, "|"))
  elseif kind == "list" and field.choices then add("nothing at all", "expected some of " .. table.concat(field.choices, "|")) end
  if kind ~= "table" then add("", "expected a value, got nothing") end
  return list
end

function TestValues:testEveryField()
  local faults, asked = {}, 0
  each_field(function(entry, field, path)
    for _, case in ipairs(wrong_values(field)) do
      for way, ask in pairs(ways) do
        local sentence, option = ask(entry, path, case[1]), ("option '%s': "):format(path)
        local good = sentence and sentence:find(option, 1, true) and sentence:find(case[2], 1, true) and not sentence:find("\n", 1, true)
        if case[1] == "" and way == "Lua table" then good = true end -- there a text may be empty
        asked = asked + 1
        if not good then faults[#faults + 1] = ("%s, %s: %s=%s: %s"):format(entry[1], way, path, case[1], tostring(sentence)) end
      end
    end
  end, true)
  no_faults(faults)
  t.assertTrue(asked > 2000)
end

-- Wrong Lua types: a table, a function, a boolean where a number stands, and so on.
function TestValues:testLuaTypes()
  local faults = {}
  each_field(function(entry, field, path)
    local kind = field[2]
    if kind == "table" or kind == "any" or kind == "function" then return end
    local values = { print, { {} } }
    if kind == "int" or kind == "number" or kind == "string" then values[#values + 1] = true end
    for _, value in ipairs(values) do
      local taken = field.lua and (type(value) == "function" or type(value) == "table")
      local sentence = ways["Lua table"](entry, path, value)
      if not taken and not (sentence and sentence:find(("a.lua:1: option '%s': "):format(path), 1, true) == 1) then
        faults[#faults + 1] = ("%s: %s=%s: %s"):format(entry[1], path, type(value), tostring(sentence))
      end
    end
  end, true)
  no_faults(faults)
end

function TestValues:testMisspeltNames()
  local recipe = tables[1]
  for word, name in pairs { ["optim=admaw"] = "adamw", ["optim.name=sdg"] = "sgd", ["data=kiti"] = "kitti", ["data=KITTI"] = "kitti",
    ["augment=standrad"] = "standard", ["protocol=cocoo"] = "coco", ["protocol=voc,kity"] = "kitti", ["resize=strech"] = "stretch",
    ["optim.schedule=cosin"] = "cosine", ["precision=bf61"] = "bf16", ["voc.compare=gr"] = "ge", ["poster.variant=claen"] = "clean" } do
    local key, value = word:match "^([^=]+)=(.*)$"
    for way, ask in pairs(ways) do
      local sentence = ask(recipe, key, value)
      t.assertTrue(suggests(sentence, name), ("%s: %s: %s"):format(way, word, tostring(sentence)))
    end
  end
  -- choices and names, one edit each
  each_field(function(entry, field, path)
    for _, choice in ipairs(field.choices or field.variants and schema.variant_names(field) or {}) do
      local word = choice .. choice:sub(-1)
      t.assertTrue(suggests(ways["command line"](entry, path, word), choice), path .. "=" .. word)
    end
  end, true)
end

-- What numbers may look like.
function TestValues:testSpellingsOfNumbers()
  local words = { "optim.lr=1e-3", "epochs=1e2", "seed=007", "batch= 4 ", "optim.decay=.5", "iou=5.e-1", "imgsz=[416, 128]" }
  local o = resolve(tables[1], words)
  t.assertEquals({ o.optim.lr, o.epochs, o.seed, o.batch, o.optim.decay, o.iou, o.imgsz }, { 1e-3, 100, 7, 4, 0.5, 0.5, { 416, 128 } })
  for _, size in ipairs { "416x", "x128", "416xx128", "416,", "[416,128", "416x128x3", "416.5x128" } do
    t.assertStrContains(ways["command line"](tables[1], "imgsz", size), "expected a size in pixels")
  end
end

local result = t.LuaUnit.run()
os.remove(config)
os.exit(result)
