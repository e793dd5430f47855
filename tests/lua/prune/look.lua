-- Zeros at a glance: shares, filters that died and inputs that nothing reads.
local t = require "luaunit"
local yl = require "yolua"
local look = require "yolua.prune.look"

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
  t.assertEquals(list[2], { name = "conv2", count = 1152, zeros = 3 * 72 + 13 * 9, filters = 16, dead = 3, inputs = 8, deaf = 1 })
  t.assertEquals({ list[3].dead, list[3].zeros }, { 32, list[3].count })
  t.assertEquals(#list, 5)
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
