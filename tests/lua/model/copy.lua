-- Copies of a network: the same answers and masks, and memory of their own.
local t = require "luaunit"
local yl = require "yolua"
local copy = require "yolua.model.copy"

local training = require "support.training"

local function half(model, name)
  local weight = model.layers[name].weight
  return weight:abs():gt(weight:abs():mean())
end

TestCopy = {}

function TestCopy.testTheSameAndApart()
  local model = training.model "body"
  model:set("conv2.weight", half(model, "conv2"), "mask")
  local made = yl.copy(model)
  t.assertEquals(made:checksum(), model:checksum())
  t.assertEquals({ made.names, made.w, made.h, made.resize, made.path }, { model.names, model.w, model.h, model.resize, model.path })
  t.assertEquals(made.net:get("conv2.weight", "mask"), model.net:get("conv2.weight", "mask"))
  local before = model:checksum()
  made.layers.conv1.weight:fill_(3)
  made.layers.conv2.weight:fill_(3) -- what is masked stays zero in the copy too
  t.assertEquals(model:checksum(), before)
  t.assertEquals(made:counts().nonzero, model:counts().nonzero)
  made:close()
  t.assertEquals(model:checksum(), before)
end

-- What a training remembers stays behind; of an average the copy has the average.
function TestCopy.testAveraged()
  local o = training.options { epochs = 1, ema = 0.9 }
  local model = training.quietly(yl.train, { net = training.model(), data = training.data { limit = 8 }, options = o }).model
  local made = yl.copy(model)
  t.assertEquals(made.net:get "conv1.weight", model.net:get("conv1.weight", "ema"))
  t.assertNotEquals(made.net:get "conv1.weight", model.net:get "conv1.weight")
  t.assertNil(made.averaged)
end

-- A range is brought back whatever was masked meanwhile.
function TestCopy.testRange()
  local model = training.model()
  model:set("conv3.weight", half(model, "conv3"), "mask")
  local made = yl.copy(model)
  made:set("conv3.weight", model.layers.conv3.weight:abs():lt(0), "mask") -- all of it
  t.assertEquals(made.net:get("conv3.weight")[1], 0)
  for _, r in ipairs(model.net:ranges()) do copy.range(model, made, r) end
  t.assertEquals(made:checksum(), model:checksum())
  t.assertEquals(made.net:get("conv3.weight", "mask"), model.net:get("conv3.weight", "mask"))
end

function TestCopy.testRefusals()
  t.assertErrorMsgContains("yl.copy: expected a model (of yl.load), got 3", yl.copy, 3)
end

training.run(t)
