-- Quantisation-aware training: f32 that computes as bytes would, and what int8 then makes of the trained network.
local t = require "luaunit"
local core = require "yolua.core"
local small = require "support.small_int8"
local training = require "support.training"
local yl = require "yolua"

local quiet, data = training.quietly, training.data { limit = 12 }

local function train(net, o, ...)
  local all = training.options({ epochs = 2, augment = { name = "none" }, optim = { name = "sgd", lr = 1e-3 } }, o)
  return (quiet(yl.train, { net = net, data = data, options = all, ... }))
end

local function calibrated(freeze)
  local net = training.model(freeze)
  quiet(yl.calibrate, net, data.train, { frames = 8 })
  return net
end

TestQuantize = {}

-- Each layer's output, as the bytes of int8 stand for it and as f32 computes it in the same numbers: within a step of the scale.
function TestQuantize.test_forward_is_that_of_int8()
  local net, images, input = small.network(), 3, {}
  net:calibrate(core.json.encode(small.ranges), "test")
  for i = 1, images * 8 * 8 * 3 do input[i] = 0.5 + 0.5 * math.sin(0.37 * i) end
  local outputs = "conv1.act,conv2.act,conv3.act,shortcut1"
  local fake <close> = net:plan { mode = "infer", batch = images, quantise = true, outputs = outputs }
  local int8 <close> = net:plan { mode = "infer", batch = images, precision = "int8", outputs = outputs }
  local plain <close> = net:plan { mode = "infer", batch = images, outputs = outputs }
  local found = {}
  for name, plan in pairs { fake = fake, int8 = int8, plain = plain } do
    plan:input(input)
    plan:forward()
    found[name] = {}
    for layer in outputs:gmatch "[^,]+" do found[name][layer] = plan:output(layer) end
  end
  for layer in outputs:gmatch "[^,]+" do
    local range, apart, same = small.ranges.layers[layer], 0, 0
    local step = (math.max(range[2], 0) - math.min(range[1], 0)) / 255
    for i, x in ipairs(found.fake[layer]) do
      t.assertTrue(math.abs(x - found.int8[layer][i]) <= 1.001 * step, ("%s: %g, %g in steps of %g"):format(layer, x,
        found.int8[layer][i], step))
      same = same + (math.abs(x - found.int8[layer][i]) < 0.01 * step and 1 or 0)
      apart = math.max(apart, math.abs(x - found.plain[layer][i]))
    end
    t.assertTrue(same > 0.9 * #found.fake[layer], layer .. ": steps that differ")
    t.assertTrue(apart > 0.1 * step, layer .. ": it quantises")
  end
end

-- The weights that learn are the ones in f32, with averages beside them; without the policy the calibration ends with the first step.
function TestQuantize.test_it_trains_and_int8_runs_what_it_trained()
  local net = calibrated()
  local before = net:checksum()
  local made = train(net, { ema = 0.9 }, yl.quantize())
  t.assertNotEquals(net:checksum(), before)
  t.assertTrue(made.record.dev_loss > 0)
  local plan <close> = net.net:plan { mode = "infer", batch = 1, precision = "int8" } -- its calibration holds for the trained weights
  t.assertStrContains(plan:algorithm("conv2", "forward"), "int8")
  local other = calibrated()
  train(other, { ema = 0.9 })
  t.assertNotEquals(net:checksum(), other:checksum()) -- it is another training
  t.assertErrorMsgContains("calibrate it again", other.net.plan, other.net, { mode = "infer", precision = "int8" })
end

function TestQuantize.test_masks_and_recompute()
  local sums = {}
  for _, recompute in ipairs { "off", "auto" } do
    local net = calibrated()
    local mask = core.tensor.zeros({ 16, 3, 3, 8 }, "u8"):fill_(1)
    for i = 1, 16, 2 do mask[i] = 0 end
    net:set("conv2.weight", mask, "mask")
    quiet(yl.calibrate, net, data.train, { frames = 8 })
    train(net, { recompute = recompute }, yl.quantize())
    local weight = net.net:tensor "conv2.weight"
    for i = 1, 16 do t.assertEquals(weight[i]:abs():max() == 0, i % 2 == 1) end
    sums[#sums + 1] = net:checksum()
  end
  t.assertEquals(sums[2], sums[1])
end

function TestQuantize.test_refused_without_a_calibration()
  t.assertErrorMsgContains("yl.quantize: the network is not calibrated", train, training.model(), {}, yl.quantize())
  local net = training.model()
  t.assertErrorMsgContains("needs a calibrated network", net.net.plan, net.net, { mode = "train", quantise = true })
end

training.run(t)
