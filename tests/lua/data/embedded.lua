-- yl.embedded: fills in what nobody named, and touches nothing that somebody did.
local t = require "luaunit"
local yl = require "yolua"
local fields = require "yolua.options.fields"
local options = require "yolua.options.table"

TestEmbedded = {}

local function completed(values)
  return yl.embedded(options.check("test", fields.get { "model", "data", "train" }, values))
end

function TestEmbedded.testNothingNamed()
  local o = completed {}
  t.assertEquals({ o.data.name, o.data.style, o.data.frames }, { "synthetic", "target", 240 })
  t.assertEquals({ o.model, o.cfg, o.weights, o.names }, { "street" })
end

function TestEmbedded.testSyntheticOptionsStay()
  local o = completed { data = { name = "synthetic", style = "source", frames = 7 } }
  t.assertEquals({ o.data.style, o.data.frames, o.model }, { "source", 7, "street" })
end

function TestEmbedded.testNamedThingsStay()
  t.assertNil(completed({ data = { name = "kitti" } }).model)
  t.assertNil(completed({ model = "a.safetensors" }).data.name)
  t.assertEquals(completed({ cfg = "b.cfg", data = "synthetic" }).cfg, "b.cfg")
end

-- What a recipe wants smaller for these scenes, unless the user named it; the recipe's own defaults give way.
function TestEmbedded.testSmall()
  local list = fields.get { "model", "data", "train" }
  local function made(values, where)
    local o = options.check("test", list, { batch = 3, epochs = 50 })
    return yl.embedded(options.merge(o, values, { where = where }), { epochs = 7, ema = 0.5 })
  end
  t.assertEquals({ made({}).epochs, made({}).ema, made({}).batch }, { 7, 0.5, 3 })
  t.assertEquals(made({ epochs = 2 }, "command line").epochs, 2)
  t.assertEquals(made({ cfg = "b.cfg" }, "command line").epochs, 50)
end

os.exit(t.LuaUnit.run())
