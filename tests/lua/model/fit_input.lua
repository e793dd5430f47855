-- The input size that suits a data set's frames.
local t = require "luaunit"
local yl = require "yolua"
local fit = require "yolua.model.fit_input"

local training = require "support.training"

local function frames(w, h)
  return { frames = { { width = w, height = h }, { width = 2 * w, height = 2 * h }, { width = w, height = w } } }
end

TestFitInput = {}

function TestFitInput.testSizes()
  t.assertEquals(fit.size(frames(1242, 375), 416 * 416, 32), { 768, 224 })
  t.assertEquals(fit.size(frames(1242, 375), 1e5, 32), { 576, 160 })
  t.assertEquals(fit.size(frames(500, 500), 320 * 320, 32), { 320, 320 })
  t.assertEquals(fit.size(frames(4000, 100), 1e4, 32), { 640, 64 }) -- two cells at least
end

-- The tiny frames have 160x96 pixels, and so has the tiny cfg; a square cfg takes their shape.
function TestFitInput.testRecipes()
  local core, data = yl.core, training.data()
  local cfg = training.top .. "/square.cfg"
  core.system.write(cfg, (core.system.read(training.top .. "/tiny.cfg"):gsub("width=160\nheight=96", "width=128\nheight=128")))
  local function sized(o)
    o.names = training.top .. "/tiny.names"
    local made = yl.options(o)
    return yl.fit_input(made, yl.load(made), data).imgsz
  end
  t.assertNil(sized { cfg = training.top .. "/tiny.cfg" })
  t.assertEquals(sized { cfg = cfg }, { 160, 96 })
  t.assertEquals(sized { cfg = cfg, imgsz = { 64, 64 } }, { 64, 64 })
  local trained = yl.load { cfg = cfg, names = training.top .. "/tiny.names" }
  trained:save(training.top .. "/square.safetensors")
  local made = yl.options { model = training.top .. "/square.safetensors" }
  t.assertNil(yl.fit_input(made, yl.load(made), data).imgsz)
end

training.run(t)
