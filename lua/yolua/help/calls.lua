-- Which options a call of the library takes, for help pages and completion at the prompt. The fields stand where the call itself checks
-- them; here they are only brought together.
local fields = require "yolua.fields"

local calls = {}

local function pick(...) return fields.get { ... } end

local dtype = { "dtype", "enum", "f32", "", "element type", choices = { "f32", "u8", "i32", "i64", "f64", "bf16" } }

-- What a training takes besides its options.
local training = {
  { "net", "any", nil, "", "the model (yl.load)" },
  { "data", "any", nil, "", "its data (yl.data)" },
  { "run", "any", nil, "", "a run directory to keep it in (yl.run)" },
  { "options", "any", nil, "", "the options of the training (yl.options, or a table)" },
}

local trained = { "size", "train", "optim", "augment", "eval" }

-- The fields of yl.NAME, or of a method ("detect"), by name; each made when it is asked for.
local of = {
  load = function() return pick("model", fields.pick("run", "device"), fields.pick("run", "seed")) end,
  data = function()
    local list = { table.unpack(fields.groups.data[1].fields) }
    return table.move(require("yolua.datasets.synthetic").fields, 1, 100, #list + 1, list)
  end,
  options = function() return fields.all() end,
  run = function() return fields.all() end,
  train = function() return training end,
  trainer = function() return table.move(fields.get(trained), 1, 1000, #training + 1, { table.unpack(training) }) end,
  detect = function() return require("yolua.detect").fields end,
  zeros = function() return { dtype } end,
  ones = function() return { dtype } end,
  full = function() return { dtype, { "value", "number", 0, "", "every element" } } end,
  rand = function() return { dtype, { "low", "number", 0 }, { "high", "number", 1 }, { "seed", "int" } } end,
  randn = function() return { dtype, { "mean", "number", 0 }, { "deviation", "number", 1 }, { "seed", "int" } } end,
  layer = function() return require("yolua.layer").fields end,
}

-- The field list of a call, or nil.
function calls.fields(name) return of[name] and of[name]() end

return calls
