-- A training on a GPU is the CPU's: the same losses, and a run that was stopped continues bit for bit.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local top = program.tiny()

local function train(words)
  local out = os.tmpname()
  os.remove(out)
  local call = { "train", "config=" .. top .. "/config.yaml", "freeze=none", "data.limit=8", "batch=4", "tf32=false", "out=" .. out,
    table.unpack(words) }
  program.ok(call)
  local epochs = {}
  for line in io.lines(out .. "/metrics.jsonl") do epochs[#epochs + 1] = core.json.decode(line) end
  return epochs, out
end

local known = {}

-- The training of two epochs with these words, made once.
local function two_epochs(...)
  local key = table.concat({ ... }, " ")
  known[key] = known[key] or table.pack(train { "epochs=2", ... })
  return table.unpack(known[key])
end

local function near(got, want, what) t.assertAlmostEquals(got, want, 1e-3 * math.max(1, math.abs(want)), what) end

TestTrain = {}

function TestTrain.testCurve()
  local want, got = two_epochs "device=cpu", two_epochs "device=cuda"
  t.assertEquals(#got, 2)
  for i, epoch in ipairs(want) do
    for _, key in ipairs { "train_loss", "dev_loss", "gradient_norm" } do near(got[i][key], epoch[key], key .. " of epoch " .. i) end
  end
end

-- The values of every range as the run left them.
local function values(dir)
  local net, list = require("yolua").load { model = dir .. "/last.safetensors" }.net, {}
  for i, range in ipairs(net:ranges()) do list[i] = net:get(range.name) end
  return list
end

local function resumes(...)
  local _, whole = two_epochs("device=cuda", ...)
  local _, parted = train { "epochs=1", "device=cuda", ... }
  program.ok { "train", "resume=" .. parted, "epochs=2" }
  t.assertEquals(values(parted), values(whole))
end

function TestTrain.testResume() resumes() end

-- Frames that stay on the device, those that are copied for each step, and some of both in a run that was stopped give the same bits,
-- augmented as they are; and the CPU's losses.
function TestTrain.testFrames()
  local words = { "device=cuda", "data.limit=4", "batch=2", "augment=standard", "augment.mosaic=0.5" }
  local kept, dir = train { "epochs=2", table.unpack(words) }
  local copied, other = train { "epochs=2", "data.device_cache=0", table.unpack(words) }
  local _, parted = train { "epochs=1", "data.device_cache=0.1", table.unpack(words) }
  program.ok { "train", "resume=" .. parted, "epochs=2" }
  for e = 1, 2 do
    for _, key in ipairs { "train_loss", "dev_loss", "gradient_norm" } do t.assertEquals(copied[e][key], kept[e][key]) end
  end
  for _, made in ipairs { other, parted } do t.assertEquals(values(made), values(dir)) end
  local function log(of) return core.system.read(of .. "/log.txt") end
  t.assertStrContains(log(dir), ("up to %.1f MiB of frames stay on cuda:0"):format(8 * 160 * 96 * 3 / 2 ^ 20)) -- train and dev
  t.assertNil(log(other):find "MiB of frames")
  t.assertStrContains(log(parted), "MiB of decoded frames and has no room for the others (data.device_cache)")
  words[1] = "device=cpu"
  local want = train { "epochs=1", table.unpack(words) }
  for _, key in ipairs { "train_loss", "dev_loss", "gradient_norm" } do near(kept[1][key], want[1][key], key) end
end

-- With activations of bf16 the losses come near those of f32, and are others.
function TestTrain.testBf16()
  local want, got = two_epochs "device=cpu", two_epochs("device=cuda", "precision=bf16")
  for i, epoch in ipairs(want) do
    local loss = got[i].train_loss
    t.assertAlmostEquals(loss, epoch.train_loss, (i == 1 and 0.002 or 0.04) * epoch.train_loss) -- which predictions count changes by jumps
    t.assertTrue(math.abs(loss - epoch.train_loss) > 1e-6 * loss)
  end
  t.assertTrue(got[2].train_loss < got[1].train_loss)
  resumes "precision=bf16"
end

-- With those of f16 too, whose losses are scaled: two good steps in a row double the scale, of which a run that continues knows.
function TestTrain.testF16()
  local words = { "precision=f16", "loss_scale=64", "loss_scale_steps=2" }
  local want, got = two_epochs "device=cpu", two_epochs("device=cuda", table.unpack(words))
  for i, epoch in ipairs(want) do
    t.assertAlmostEquals(got[i].train_loss, epoch.train_loss, 0.005 * epoch.train_loss)
  end
  t.assertAlmostEquals(got[1].gradient_norm, want[1].gradient_norm, 0.005 * want[1].gradient_norm) -- it is not scaled
  t.assertEquals({ got[1].loss_scale, got[2].loss_scale }, { 128.0, 256.0 })
  resumes(table.unpack(words))
end

-- A scale at which the gradient overflows is halved in each step, and these steps change nothing.
function TestTrain.testOverflow()
  local epochs, dir = train { "epochs=1", "data.limit=4", "batch=2", "device=cuda", "precision=f16", "loss_scale=16777216" }
  t.assertEquals(epochs[1].loss_scale, 4194304.0)
  t.assertNil(epochs[1].gradient_norm)
  local net = require("yolua").load { model = dir .. "/last.safetensors" }.net
  for _, value in ipairs(net:get "conv5.bias") do t.assertEquals(value, 0.0) end -- as they began
end

-- A teacher sees the same pixels in the same type.
function TestTrain.testBf16Distill()
  local _, taught = two_epochs "device=cpu"
  local words = { "epochs=1", "data.limit=4", "distill.teacher=" .. taught .. "/last.safetensors", "distill.weight=1",
    "distill.features=conv2" }
  local want, got = train { "device=cpu", table.unpack(words) }, train { "device=cuda", "precision=bf16", table.unpack(words) }
  t.assertTrue(want[1].distill_loss > 0)
  t.assertAlmostEquals(got[1].distill_loss, want[1].distill_loss, 0.05 * want[1].distill_loss)
end

os.exit(t.LuaUnit.run())
