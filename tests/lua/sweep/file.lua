-- The file of a sweep: which trials it makes, in which words, and every sentence that refuses one.
local t = require "luaunit"
local core = require "yolua.core"
local file = require "yolua.sweep.file"

local path = os.tmpname() .. ".lua"

local function read(text)
  core.system.write(path, text)
  return file.read(path)
end

local function words(text)
  local list = {}
  for i, trial in ipairs(read(text)) do list[i] = table.concat(trial.words, " ") end
  return list
end

TestTrials = {}

function TestTrials:testOne()
  local trials = read 'return { recipe = "train", epochs = 3, name = "short" }'
  t.assertEquals(#trials, 1)
  local one = trials[1]
  t.assertEquals({ one.number, one.name, one.recipe, one.words, one.from }, { 1, "short", "train", { "epochs=3" }, {} })
end

-- Keys beside the list hold for every trial, whose own go before them.
function TestTrials:testShared()
  local trials = read [[#!/usr/bin/env yolua
    return { recipe = "a.lua", epochs = 3, optim = "adam", { name = "x" }, { recipe = "b.lua", epochs = 5, ["optim.name"] = "sgd" } }]]
  t.assertEquals({ trials[1].recipe, trials[2].recipe }, { "a.lua", "b.lua" })
  t.assertEquals(trials[1].words, { "epochs=3", "optim=adam" })
  t.assertEquals(trials[2].words, { "epochs=5", "optim.name=sgd" }) -- optim and optim.name are one key
  t.assertEquals(words 'return { recipe = "train", ["optim.name"] = "adam", { optim = "sgd" } }', { "optim=sgd" })
end

function TestTrials:testValues()
  t.assertEquals(words [[return { recipe = "train", optim = { lr = 1e-3, name = "sgd" }, clip = true, size = { 416, 128 },
    names = { "a", "b" }, one = { 7 } }]],
    { "clip=true names=a,b one=7 optim.lr=0.001 optim.name=sgd size=[416,128]" })
  t.assertEquals(words('return { recipe = "train", lr = 1 / 3 }'), { ("lr=%.17g"):format(1 / 3) }) -- reads back as the same number
end

function TestTrials:testGrid()
  t.assertEquals(words 'return { recipe = "train", grid = { seed = { 1, 2 }, lr = { 0.1, 0.2 } } }',
    { "lr=0.1 seed=1", "lr=0.1 seed=2", "lr=0.2 seed=1", "lr=0.2 seed=2" })
  t.assertEquals(words 'return { recipe = "train", grid = { seed = { 1, 2 } }, { grid = { seed = { 7 } } }, { a = 1 } }',
    { "seed=7", "a=1 seed=1", "a=1 seed=2" }) -- a trial's own list replaces that for all
  t.assertEquals(words 'return { recipe = "train", epochs = 3, grid = { epochs = { 1, 2 } } }', { "epochs=1", "epochs=2" })
end

function TestTrials:testFrom()
  local trials = read [[return { recipe = "train", { name = "dense" }, { name = "b", from = { model = "dense" } },
    { from = { teacher = "dense:last.safetensors", model = "b" } } }]]
  local second, third = trials[2].from, trials[3].from
  t.assertEquals({ #second, second[1].key, second[1].file, second[1].trial.number }, { 1, "model", "best.safetensors", 1 })
  t.assertEquals({ third[1].key, third[1].trial.number, third[2].key, third[2].file, third[2].trial.number },
    { "model", 2, "teacher", "last.safetensors", 1 })
end

TestRefusals = {}

local function refused(sentence, text)
  local ok, message = pcall(read, text)
  t.assertFalse(ok, text)
  t.assertStrContains(tostring(message), sentence)
end

function TestRefusals:testFiles()
  refused(path .. ' returns nothing: expected a list of trials, as in return { { recipe = "FILE.lua", epochs = 5 }, ... }', "")
  refused(path .. " returns an empty table: expected a list of trials", "return {}")
  refused(path .. " returns a string: expected a list of trials", 'return "train"')
  refused("<eof>", "return {")
  refused("nothing", "return { recipe = nothing }") -- a name that does not exist is a slip
  t.assertStrContains(tostring(select(2, pcall(file.read, path .. ".none"))), path .. ".none")
end

function TestRefusals:testTrials()
  refused(': trial 1: recipe is missing: expected recipe = "FILE.lua" or recipe = "train"', "return { { epochs = 3 } }")
  refused(": trial 2 (x): recipe is missing", 'return { { recipe = "train" }, { name = "x" } }')
  refused(": trial 1: expected a table of options, got a number", "return { 7 }")
  refused(": trial 1: 'recipe': expected a text, got a number", "return { { recipe = 7 } }")
  refused(": trial 1: 'grid': expected lists of values by option, got a string", 'return { { recipe = "train", grid = "seed" } }')
  refused(": trial 1: grid 'seed': expected a list of values, got 3", 'return { { recipe = "train", grid = { seed = 3 } } }')
  refused(": trial 1: grid 'seed': expected a list of values, got an empty one", 'return { { recipe = "train", grid = { seed = {} } } }')
  refused(": trial 1: expected the name of an option, got 'a b'", 'return { { recipe = "train", ["a b"] = 1 } }')
end

function TestRefusals:testValues()
  refused(": 'lr': expected a text, a number, true, false or a list, got a function", 'return { recipe = "train", lr = print }')
  refused(": 'lr': expected texts or numbers in the list, got a table", 'return { recipe = "train", lr = { 1, {} } }')
  for _, key in ipairs { "out", "resume", "json" } do
    refused((": '%s' cannot be set: the sweep"):format(key), ('return { recipe = "train", %s = "x" }'):format(key))
  end
end

function TestRefusals:testFrom()
  refused(": trial 2: from model: there is no earlier trial 'dens', did you mean 'dense'?",
    'return { recipe = "train", { name = "dense" }, { from = { model = "dens" } } }')
  refused(": trial 1 (a): from model: there is no earlier trial 'b'", -- later ones are not there yet
    'return { recipe = "train", { name = "a", from = { model = "b" } }, { name = "b" } }')
  refused(": trial 3: from model: 2 trials have the name of 'x': expected one",
    'return { recipe = "train", { name = "x", seed = 1 }, { name = "x", seed = 2 }, { from = { model = "x" } } }')
  refused(": trial 1: 'from': expected trials' names by option, got a string", 'return { { recipe = "train", from = "x" } }')
  refused(": trial 1: from 'model': expected the name of an earlier trial, as in from = { model = \"dense\" }, got 7",
    'return { { recipe = "train", from = { model = 7 } } }')
end

local status = t.LuaUnit.run()
os.remove(path)
os.exit(status)
