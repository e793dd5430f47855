-- What a cfg says of training: [net]'s keys are told once with the options that say the same, stopbackward freezes.
local t = require "luaunit"
local core = require "yolua.core"
local yl = require "yolua"
local cfg = require "yolua.train.cfg"

local HEADER = "batch=64\nsubdivisions=16\nmomentum=0.949\ndecay=0.0005\nangle=7\nmosaic=1\nhue=.1\nlearning_rate=0.0000001\nburn_in=4000\n"
  .. "max_batches=500000\npolicy=steps\nsteps=400000,450000\nscales=.1,.1\n"

TestCfg = {}

function TestCfg.testNetLine()
  t.assertEquals(cfg.net_line("a.cfg", HEADER, 1000), "[net] of a.cfg: width, height, channels are used; not used, and how each is said "
    .. "here: batch (batch=64), subdivisions (subdivisions=16), momentum (optim.momentum=0.949), decay (optim.decay=0.0005), "
    .. "mosaic (augment.mosaic=0.5), hue (augment.hue=.1), learning_rate (optim.lr=0.0000001), burn_in (optim.warmup=4000), "
    .. "max_batches (epochs=32000), policy (optim.schedule=steps), steps (optim.steps=0.8,0.9), scales (optim.gamma=0.1); "
    .. "nothing here does angle")
  t.assertNil(cfg.net_line("a.cfg", "", 10))
  t.assertNil(cfg.net_line("a.cfg", "letter_box=1\n", 10))
  t.assertStrContains(cfg.net_line("a.cfg", "letter_box=1\nbatch=2\n", 10), "width, height, channels, letter_box are used; not used")
end

-- Values that make no sense of their own are no stumbling block: they are only shown.
function TestCfg.testOddValues()
  t.assertStrContains(cfg.net_line("a.cfg", "policy=poly\nsteps=a,b\nscales=.1,.2\nmax_batches=x\nbatch=y\n", 0),
    "policy (a schedule in Lua), steps (optim.steps=, as shares of the run), scales (a schedule in Lua), max_batches (epochs=), batch "
    .. "(batch=y)")
  t.assertStrContains(cfg.net_line("a.cfg", "max_batches=1e308\nbatch=1e308\n", 1), "max_batches (epochs=1000000000)")
end

-- Every option that the line names is one.
function TestCfg.testTheOptionsExist()
  local keys = {}
  require("yolua.options.schema").each(require("yolua.options.fields").all(), function(_, path) keys[path] = true end)
  local line = cfg.net_line("a.cfg", HEADER .. "power=4\nsaturation=1.5\nexposure=1.5\nadam=1\nflip=1\nrandom=1\nema_alpha=0.9\n", 10)
  local count = 0
  for path in line:gmatch "%(([%w_.]+)=" do
    t.assertTrue(keys[path] or path:find "^augment%." ~= nil or path == "optim.momentum" or path == "optim.decay", path)
    count = count + 1
  end
  t.assertEquals(count, 19)
  yl.options { augment = { name = "standard", hue = 0.1, saturation = 1.5, exposure = 1.5, flip = true },
    optim = { name = "sgd", momentum = 0.9, decay = 0 } }
end

local NET = "[net]\nwidth=32\nheight=32\nchannels=3\nlearning_rate=0.5\n"
local CONV = "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\nstride=4\npad=1\nactivation=leaky\n"
local function conv(more) return CONV .. (more or "") end

local function load(text)
  local path = os.tmpname()
  core.system.write(path, text .. "[convolutional]\nfilters=6\nactivation=linear\n[region]\nanchors=1,1\nclasses=1\nnum=1\n")
  local model = yl.load { cfg = path }
  os.remove(path)
  return model
end

local function frozen(model)
  local list, seen = {}, {}
  for _, range in ipairs(model.net:ranges()) do
    local name = range.frozen and range.layer
    if name and not seen[name] then seen[name], list[#list + 1] = true, name end
  end
  return table.concat(list, " ")
end

function TestCfg.testStopbackward()
  local model = load(NET .. conv() .. conv "stopbackward=1\n" .. conv())
  t.assertEquals(frozen(model), "conv1 conv1.bn conv2 conv2.bn")
  t.assertEquals(frozen(model:freeze "none"), "conv1 conv1.bn conv2 conv2.bn")
  t.assertEquals(frozen(model:freeze "conv3"), "conv1 conv1.bn conv2 conv2.bn conv3 conv3.bn")
  t.assertEquals(frozen(model:freeze "thaw"), "")
  t.assertEquals(frozen(model:freeze { "conv1", "thaw" }), "conv1 conv1.bn")
  t.assertEquals(cfg.stop_lines(model), { "conv2: stopbackward=1 freezes it and all before it (freeze=thaw trains them)" })
  model = load(NET .. conv "stopbackward=800\n" .. conv())
  t.assertEquals(frozen(model), "")
  t.assertEquals(cfg.stop_lines(model), { "conv1: stopbackward=800, which freezes for so many steps, is not used: "
    .. "yl.freeze{..., until_epoch=} does that" })
  t.assertEquals(frozen(load(NET .. conv()):freeze "thaw"), "")
end

-- A training says both lines once, and moves only what is not frozen; the checkpoint of it freezes too.
function TestCfg.testTraining()
  local top = require("support.program").tiny()
  core.system.write(top .. "/stop.cfg", (core.system.read(top .. "/tiny.cfg"):gsub("pad=1\n", "pad=1\nstopbackward=1\n", 1)))
  local net = yl.load { cfg = top .. "/stop.cfg", names = top .. "/tiny.names" }
  local first, second = net.net:checksum "conv1.weight", net.net:checksum "conv2.weight"
  local run <close> = yl.run { out = top .. "/run" }
  local data = yl.data { name = "kitti", root = top .. "/data", map = "identity" }
  yl.train { net = net, data = data, run = run, options = { epochs = 1, batch = 8 } }
  t.assertEquals(net.net:checksum "conv1.weight", first)
  t.assertNotEquals(net.net:checksum "conv2.weight", second)
  local _, count = core.system.read(top .. "/run/log.txt"):gsub("%[net%] of [^\n]*/stop.cfg: width, height, channels are used; not used, "
    .. "and how each is said here: momentum %(optim.momentum=0.9%), decay %(optim.decay=0.0005%)\nconv1: stopbackward=1 freezes it", "")
  t.assertEquals(count, 1)
  t.assertEquals(frozen(yl.load { model = top .. "/run/last.safetensors" }), "conv1 conv1.bn")
end

os.exit(t.LuaUnit.run())
