-- Zeros at a glance: shares, filters that died and inputs that nothing reads.
local t = require "luaunit"
local yl = require "yolua"
local look = require "yolua.model.look"

local training = require "support.training"

TestLook = {}

function TestLook.testLayers()
  local model = training.model()
  local weight = model.layers.conv2.weight -- {16, 3, 3, 8}
  weight[{ { 1, 3 } }] = 0 -- three filters
  weight[{ {}, {}, {}, 8 }] = 0 -- one input channel
  model.layers.conv3.weight:fill_(0)
  local list = look.layers(model)
  t.assertEquals({ list[1].name, list[1].zeros, list[1].dead, list[1].deaf }, { "conv1", 0, 0, 0 })
  t.assertEquals(list[2], { name = "conv2", parameter = "conv2.weight", count = 1152, zeros = 3 * 72 + 13 * 9,
    filters = 16, dead = 3, inputs = 8, deaf = 1 })
  t.assertEquals({ list[3].dead, list[3].zeros }, { 32, list[3].count })
  t.assertEquals(#list, 5)
end

-- A row per filter, a column per input: 3 dead filters are dark rows, a half of a kernel is half as bright.
function TestLook.testPicture()
  local model = training.model()
  model.layers.conv2.weight:fill_(1)
  model.layers.conv2.weight[{ { 1, 3 } }] = 0
  model.layers.conv2.weight[{ 4, { 1, 3 }, { 1, 2 }, 1 }] = 0
  local image = look.picture(model, "conv2.weight")
  t.assertEquals({ image:w(), image:h() }, { 8, 16 })
  local bytes = image:bytes()
  local function at(row, column) return bytes:byte(3 * ((row - 1) * 8 + column - 1) + 1) end
  t.assertEquals({ at(1, 1), at(3, 8), at(4, 2), at(16, 8), at(4, 1) }, { 0, 0, 255, 255, 85 })
end

-- Two networks on one picture: what each finds, and as pictures where the terminal shows them.
function TestLook.testPair()
  local model, other = training.model(), training.model()
  for i = 1, 4 do other.layers["conv" .. i].weight:mul_(1.5) end
  local path = training.top .. "/data/training/image_2/000001.png"
  local pair = yl.look(model, other, path, { conf = 0.3 })
  t.assertEquals(pair.found[1], model:detect(path, { conf = 0.3 }))
  local text = tostring(pair)
  t.assertStrContains(text, ("%d objects, and %d"):format(#pair.found[1], #pair.found[2]))
  local picture = require "yolua.terminal.picture"
  local real = picture.possible
  picture.possible = function() return true end
  local ok, shown = pcall(tostring, pair)
  picture.possible = real
  t.assertTrue(ok, shown)
  t.assertTrue(select(2, shown:gsub("▀", "")) > 100)
  t.assertStrContains(shown, text)
  t.assertErrorMsgContains("yl.look: expected a picture", yl.look, model, other, 3)
  t.assertErrorMsgContains("yl.look: expected a model (of yl.load), got 3", yl.look, model, 3, path)
end

-- One line for what both find, however their scores are ordered; then what one alone finds.
function TestLook.testPaired()
  local function found(list)
    for i, d in ipairs(list) do list[i] = { class = d[1], score = d[2], box = { d[3], d[4], d[3] + d[5], d[4] + d[6] } } end
    return list
  end
  local lists = { found { { "car", 0.9, 0, 0, 40, 20 }, { "car", 0.8, 100, 50, 40, 20 }, { "van", 0.3, 200, 0, 10, 10 } },
    found { { "car", 0.7, 100, 50, 40, 16 }, { "car", 0.6, 2, 0, 40, 20 }, { "bus", 0.5, 200, 0, 10, 10 } } }
  local function model() return setmetatable({ detect = function() return table.remove(lists, 1) end }, getmetatable(training.model())) end
  local lines = {}
  for line in tostring(yl.look(model(), model(), yl.zeros({ 60, 240, 3, dtype = "u8" }))):gmatch "[^\n]+" do lines[#lines + 1] = line end
  for i, words in ipairs { "3 objects, and 3; 2 of them are the same", "class  first  second          IoU  box, x,y wxh",
    "car     0.90    0.60         0.90  0,0 40x20", "car     0.80    0.70         0.80  100,50 40x20",
    "van     0.30           only first  200,0 10x10", "bus             0.50  only second  200,0 10x10" } do
    t.assertEquals(lines[i], words)
  end
  t.assertEquals(#lines, 6)
end

function TestLook.testText()
  local model = training.model()
  model.layers.conv2.weight[{ { 1, 8 } }] = 0
  local text = tostring(yl.look(model))
  t.assertStrMatches(text, ".*\nconv2 +1152  ############%.%.%.%.%.%.%.%.%.%.%.%.  50%.0 %%  8 of 16 filters are zero\n.*")
  t.assertStrContains(text, "\nall ")
  t.assertErrorMsgContains("yl.look: expected a model (of yl.load), got 3", yl.look, 3)
end

training.run(t)
