-- A training on a GPU is the CPU's: the same losses, and a run that was stopped continues bit for bit.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local top = program.tiny()

local function train(words)
  local out = os.tmpname()
  os.remove(out)
  local call = { "train", "config=" .. top .. "/config.yaml", "freeze=none", "data.limit=8", "batch=4", "out=" .. out, table.unpack(words) }
  program.ok(call)
  local epochs = {}
  for line in io.lines(out .. "/metrics.jsonl") do epochs[#epochs + 1] = core.json.decode(line) end
  return epochs, out
end

local function near(got, want, what) t.assertAlmostEquals(got, want, 1e-3 * math.max(1, math.abs(want)), what) end

TestTrain = {}

function TestTrain.testCurve()
  local want, got = train { "epochs=2", "device=cpu" }, train { "epochs=2", "device=cuda" }
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

function TestTrain.testResume()
  local _, whole = train { "epochs=2", "device=cuda" }
  local _, parted = train { "epochs=1", "device=cuda" }
  program.ok { "train", "resume=" .. parted, "epochs=2" }
  t.assertEquals(values(parted), values(whole))
end

os.exit(t.LuaUnit.run())
